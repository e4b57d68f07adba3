"""What is on the screen, explained in two sentences each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from plastic_maze.rendering import import_pygame
from plastic_maze.window import Size
from viewer.inspection import CHANGE_STEPS
from viewer.layout import MARGIN, unit_of
from viewer.moment import Moment
from viewer.style import CARD, FAINT, INK, LINE, width_of, write

_LETTERS = 16
"""In units."""
_READABLE = 14
"""Pixels; letters are as large in a small window too, if there is room."""
_COLUMN = 500
"""There are as many columns as have room for lines this long, in units."""


@dataclass(frozen=True)
class Entry:
    """Something on the screen."""

    name: str
    text: str


MAZE = Entry(
    "the maze",
    "The agent looks for a goal that it cannot see: it sees only the nine squares around it. Whenever it "
    "reaches the goal it is rewarded and put on a random square, so it pays to remember the place.",
)
HUMAN = Entry(
    "your game",
    "Find the hidden goal with the arrow keys and come back to it as often as you can before the time (the "
    "blue bar) is over. You see what an agent sees; each time you reach the goal the frame flashes and you "
    "are put on a random square.",
)
HIT = Entry(
    "orange frame",
    "It flashes when the agent reaches the goal. The dots lead from the goal to the random square on which "
    "the agent goes on.",
)
REVERSAL = Entry(
    "the goal moves",
    "Once in each episode the goal moves to another square, and nobody tells the agent. It has to notice "
    "that the old place no longer pays, and search again.",
)
CUE = Entry(
    "cue",
    "There are several goals, and only one of them pays at a time. The cue, a pattern of +1 and -1 that the "
    "agent sees, says which; after each hit another cue may be shown.",
)
HITS = Entry(
    "steps to each hit",
    "Each bar shows how many steps an arrival at the goal took; a pale bar is still growing. The first one "
    "is the search: if the later ones are shorter, the agent remembers the place.",
)
VALUE = Entry(
    "value estimate",
    "The reward that the agent expects from here on, discounted and scaled as in training. Orange lines are "
    "hits: once the goal is known, more is expected.",
)
ACTION = Entry(
    "next action",
    "How likely the agent is to take each step next. Sampled play draws an action with these probabilities, "
    "greedy play takes the likeliest.",
)
ACTIVITY = Entry(
    "activity",
    "Each square is a neuron of the recurrent network. Blue is negative, white is zero, orange is positive.",
)
HEBB = Entry(
    "hebb",
    "The memory of each connection, zero at the start of every episode, which changes while the agent acts: "
    "it grows where two neurons are active together. Nothing else about the connections changes after "
    "training.",
)
WEIGHED = Entry(
    "α · hebb",
    "Training gives each connection a fixed weight w and a number α, which says how plastic it is. Its "
    "weight in use is w + α · hebb, so this is what the memory adds.",
)
CHANGE = Entry(
    "change",
    f"By how much hebb has changed over the last {CHANGE_STEPS} steps. Where it is white, nothing was "
    "learned or forgotten in that time.",
)
DIRECTION = Entry(
    "from row to column",
    "Each square of a matrix is a connection, from the neuron of its row to the neuron of its column. Where "
    "there is too little room for all, only every second neuron (or third ...) is shown.",
)
SCALES = Entry(
    "scales",
    "The numbers at the ends of a scale have the strongest colours, which values beyond them share. Both "
    "players are drawn on the same scales, so their colours and bars can be compared.",
)
TAMPERING = Entry(
    "freeze, wipe",
    "F stops hebb from changing and W sets it back to the start of the episode. If the agent then loses its "
    "way, its memory of the goal was in hebb.",
)
BELIEF = Entry(
    "where it may be",
    "The planner is not told where it is or where the goal is, and works out how likely each square is from "
    "what it has seen. The stronger the colour, the likelier the square.",
)
STATE = Entry(
    "no plastic weights",
    "The connections of this network stay as training left them. It can remember the goal only in the "
    "activity of its neurons and, if it has one, in its cell state.",
)


def entries_for(moments: Sequence[Moment], person: bool, goal_moves: bool) -> tuple[Entry, ...]:
    """What there is to be explained.

    Args:
        moments: One or two players.
        person: Whether one of them is a person.
        goal_moves: Whether the goal moves during an episode.
    """
    inspections = [moment.inspection for moment in moments if moment.inspection is not None]
    plastic = [inspection.plastic for inspection in inspections if inspection.plastic is not None]
    found = [HUMAN if person else MAZE, HIT]
    found += [REVERSAL] if goal_moves else []
    found += [CUE] if any(moment.cue for moment in moments) else []
    found.append(HITS)
    found += [BELIEF] if not person and any(moment.belief is not None for moment in moments) else []
    found += [VALUE, ACTION, ACTIVITY, SCALES] if inspections else []
    found += [HEBB] if plastic else []
    found += [WEIGHED] if any(weights.weighed is not None for weights in plastic) else []
    found += [CHANGE, DIRECTION, TAMPERING] if plastic else []
    found += [STATE] if len(plastic) < len(inspections) else []
    return tuple(found)


def draw_help(surface: Any, entries: Sequence[Entry], size: Size) -> None:
    """Fill a surface of this size with explanations."""
    pygame = import_pygame()
    unit = unit_of(size)
    margin, gap = round(1.5 * MARGIN * unit), round(3 * MARGIN * unit)
    count = max(1, int(size[0] / (_COLUMN * unit)))
    width = (size[0] - 2 * margin - gap * (count - 1)) // count
    header = pygame.Rect(margin, margin // 2, size[0] - 2 * margin, round(34 * unit))
    top = header.bottom + margin
    columns = _largest(entries, count, width, size[1] - top - margin, unit)
    surface.fill(CARD)
    write(surface, "What you see", header, 18 * unit, INK)
    write(surface, "any key closes this", header, 14 * unit, FAINT, align=1)
    pygame.draw.line(surface, LINE, header.bottomleft, header.bottomright)
    for place, column in enumerate(columns):
        y = top
        for paragraph in column:
            paragraph.draw(surface, margin + place * (width + gap), y)
            y += paragraph.height


def _largest(
    entries: Sequence[Entry], count: int, width: int, height: int, unit: float
) -> list[list[_Paragraph]]:
    """Columns of letters that are as large as fits, up to the usual size."""
    for letters in range(max(_READABLE, round(_LETTERS * unit)), 0, -1):
        columns = _columns([_Paragraph(entry, width, letters) for entry in entries], count)
        if max(sum(paragraph.height for paragraph in column) for column in columns) <= height:
            break
    return columns


class _Paragraph:
    """An entry in lines of a given width."""

    def __init__(self, entry: Entry, width: int, letters: int) -> None:
        self._name, self._letters, self._width = entry.name, letters, width
        self._lines: list[str] = [""]
        for word in entry.text.split():
            longer = f"{self._lines[-1]} {word}".strip()
            if width_of(longer, self._letters) > width:
                self._lines.append(word)
            else:
                self._lines[-1] = longer
        self._line = round(1.3 * self._letters)

    @property
    def height(self) -> int:
        """Pixels, with the space below it."""
        return self._line * (len(self._lines) + 1) + round(0.7 * self._letters)

    def draw(self, surface: Any, left: int, top: int) -> None:
        pygame = import_pygame()
        for number, text in enumerate((self._name, *self._lines)):
            box = pygame.Rect(left, top + number * self._line, self._width, self._line)
            write(surface, text, box, self._letters, FAINT if number else INK)


def _columns(paragraphs: Sequence[_Paragraph], count: int) -> list[list[_Paragraph]]:
    """Paragraphs in their order in `count` columns of about the same height."""
    total = sum(paragraph.height for paragraph in paragraphs)
    columns: list[list[_Paragraph]] = [[] for _ in range(count)]
    before = 0
    for paragraph in paragraphs:
        columns[min(count - 1, int((before + paragraph.height / 2) * count / total))].append(paragraph)
        before += paragraph.height
    return columns

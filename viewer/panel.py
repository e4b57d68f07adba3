"""What goes on inside one player, beside or beneath its maze."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from agents.plural import counted
from plastic_maze.rendering import SEEN, import_pygame
from viewer import charts
from viewer.inspection import CHANGE_STEPS, Floats, Inspection
from viewer.match import Score
from viewer.moment import Moment
from viewer.scales import Scales, round_up
from viewer.style import BLUE, FAINT, INK, LINE, ORANGE, PAPER, write

_ACTIONS = ("up", "down", "left", "right")
_GAP = 14
_YOU = "you"
_ABOUT = {
    _YOU: ("Find the hidden goal and", "come back to it often.", "You see what agents see."),
    "random": ("Takes every action", "equally often."),
    "planner": ("Sees what an agent sees,", "remembers everything", "and plans."),
    "oracle": ("Is told where it is", "and where the goal is."),
}
"""What players are that are not networks, in lines."""

_Block = Callable[[Any, Any, Moment, Scales, float], None]


def draw_panel(
    surface: Any,
    box: Any,
    moment: Moment,
    scales: Scales,
    unit: float,
    goal_shown: bool = True,
    ranking: Sequence[Score] = (),
) -> None:
    """Draw the panel of one player.

    Args:
        surface: Where.
        box: A pygame.Rect; nothing is drawn outside.
        moment: The player.
        scales: Of all players of the picture.
        unit: See :mod:`viewer.charts`.
        goal_shown: Whether it may be told where the planner thinks the goal is.
        ranking: Scores of a finished episode, for a person's panel.
    """
    inspection = moment.inspection
    if inspection is None:
        _outside(surface, box, moment, scales, unit, goal_shown, ranking)
        return
    memory = _state if inspection.plastic is None else _weights
    if box.height > 0.75 * box.width:
        first, second, third = _rows(box, (0.24, 0.22, 0.54), unit)
        _side_by_side(surface, first, ((_hits, 1), (_value, 1)), moment, scales, unit)
        _side_by_side(surface, second, ((_chances, 1), (_hidden, 1)), moment, scales, unit)
        memory(surface, third, moment, scales, unit)
    else:
        first, second = _rows(box, (0.37, 0.63), unit)
        _side_by_side(surface, first, ((_hits, 1), (_value, 1), (_chances, 1)), moment, scales, unit)
        _side_by_side(surface, second, ((_hidden, 1), (memory, 3.2)), moment, scales, unit)


def _outside(
    surface: Any,
    box: Any,
    moment: Moment,
    scales: Scales,
    unit: float,
    goal_shown: bool,
    ranking: Sequence[Score],
) -> None:
    """What there is to say of a player that is not a network."""
    pygame = import_pygame()
    if box.height > 0.75 * box.width:
        left, rest = _rows(box, (0.36, 0.64), unit)
    else:
        left, rest = _columns(box, (1, 2), round(1.6 * _GAP * unit))
    lines = _ABOUT.get(moment.label, ())
    line = round(17 * unit)
    # As high as beside a network, so that bars of two players compare.
    hits = pygame.Rect(left.topleft, (left.width, min(0.37 * box.height, left.height - len(lines) * line)))
    _hits(surface, hits, moment, scales, unit)
    for number, text in enumerate(lines):
        under = pygame.Rect(left.left, hits.bottom + number * line, left.width, line)
        write(surface, text, under, 13 * unit, FAINT)
    if ranking and moment.label == _YOU:
        _ranking(surface, rest, ranking, unit)
    elif moment.belief is not None and goal_shown:
        _belief(surface, rest, moment, unit)


def _belief(surface: Any, box: Any, moment: Moment, unit: float) -> None:
    """The squares on which the planner thinks that it, and the goal, may be."""
    belief = moment.belief
    assert belief is not None
    places = _columns(box, (1, 1), round(2 * _GAP * unit))
    shown = (
        ("where it may be", belief.agent, BLUE),
        ("where the goal may be", belief.goal, ORANGE),
    )
    for (title, chances, color), place in zip(shown, places, strict=True):
        note = counted(int(np.count_nonzero(chances)), "square")
        rest = charts.titled(surface, place, title, unit, note)
        charts.places(surface, rest, moment.layout.walls, chances, color)


def _ranking(surface: Any, box: Any, ranking: Sequence[Score], unit: float) -> None:
    """A table of scores; the person's own stands out."""
    pygame = import_pygame()
    line = min(round(30 * unit), box.height // (len(ranking) + 1))
    rows = [("on this episode", "return", "hits", "first hit")]
    rows += [
        (s.label, f"{s.score:z.1f}", str(s.hits), "-" if s.first is None else f"after {s.first}")
        for s in ranking
    ]
    for place, row in enumerate(rows):
        across = pygame.Rect(box.left, box.top + place * line, min(box.width, round(520 * unit)), line)
        if row[0] == _YOU:
            pygame.draw.rect(surface, SEEN, across, border_radius=round(4 * unit))
        inner = across.inflate(-round(16 * unit), 0)
        columns = _columns(inner, (0.46, 0.17, 0.13, 0.24), round(4 * unit))
        for text, column, align in zip(row, columns, (0.0, 1.0, 1.0, 1.0), strict=True):
            write(surface, text, column, min(14 * unit, 0.8 * line), INK if place else FAINT, align)
        pygame.draw.line(
            surface, LINE, (across.left, across.bottom - 1), (across.right - 1, across.bottom - 1)
        )


def _rows(box: Any, shares: Sequence[float], unit: float) -> list[Any]:
    """Split a box into rows."""
    pygame = import_pygame()
    gap = round(_GAP * unit)
    room = box.height - gap * (len(shares) - 1)
    rows, top = [], box.top
    for share in shares:
        rows.append(pygame.Rect(box.left, top, box.width, max(1, round(room * share))))
        top = rows[-1].bottom + gap
    return rows


def _columns(box: Any, shares: Sequence[float], gap: int) -> list[Any]:
    """Split a box into columns."""
    pygame = import_pygame()
    room, total = box.width - gap * (len(shares) - 1), sum(shares)
    columns, left = [], box.left
    for share in shares:
        columns.append(pygame.Rect(left, box.top, max(1, round(room * share / total)), box.height))
        left = columns[-1].right + gap
    return columns


def _side_by_side(
    surface: Any,
    box: Any,
    blocks: Sequence[tuple[_Block, float]],
    moment: Moment,
    scales: Scales,
    unit: float,
) -> None:
    places = _columns(box, [share for _, share in blocks], round(1.6 * _GAP * unit))
    for (block, _), place in zip(blocks, places, strict=True):
        block(surface, place, moment, scales, unit)


def _hits(surface: Any, box: Any, moment: Moment, scales: Scales, unit: float) -> None:
    first, *later = moment.legs_to_hits or (0,)
    note = f"{first} first" if moment.hit_steps else "none so far"
    if later:
        note += f", then {np.mean(later):.1f}"
    rest = charts.titled(surface, box, "steps to each hit", unit, note)
    tallest, count = round_up(scales.leg), round(scales.hits)
    charts.bars(surface, rest, moment.legs_to_hits, moment.searching, tallest, count, unit)


def _value(surface: Any, box: Any, moment: Moment, scales: Scales, unit: float) -> None:
    assert moment.inspection is not None
    rest = charts.titled(surface, box, "value estimate", unit, f"{moment.inspection.value:z.2f}")
    charts.curve(surface, rest, moment.values, scales.values, moment.max_steps, moment.hit_steps, unit)


def _chances(surface: Any, box: Any, moment: Moment, scales: Scales, unit: float) -> None:
    assert moment.inspection is not None
    rest = charts.titled(surface, box, "next action", unit, "probability")
    charts.chances(surface, rest, _ACTIONS, moment.inspection.probabilities.tolist(), unit)


def _hidden(surface: Any, box: Any, moment: Moment, scales: Scales, unit: float) -> None:
    assert moment.inspection is not None
    hidden = moment.inspection.hidden
    note = counted(len(hidden), "neuron")
    _vector(surface, box, "activity", note, hidden, round_up(scales.hidden), unit)


def _vector(surface: Any, box: Any, title: str, note: str, values: Floats, bound: float, unit: float) -> None:
    rest = charts.titled(surface, box, title, unit, note)
    rest.height = max(1, rest.height - round(17 * unit))
    charts.heat_scale(surface, charts.cells(surface, rest, values, bound), bound, unit)


def _weights(surface: Any, box: Any, moment: Moment, scales: Scales, unit: float) -> None:
    """The matrices of plastic weights, each with its scale."""
    assert moment.inspection is not None
    shown = _matrices(moment.inspection, moment.elapsed, scales)
    gap, above, below = round(_GAP * unit), round(22 * unit), round(16 * unit)
    places = _columns(box.inflate(0, -above), [1] * len(shown), gap)
    room = places[0].inflate(0, -above - below)
    every = charts.stride(len(shown[0][1]), room, unit)
    note = "from row to column" + (f", 1 neuron of {every}" if every > 1 else "")
    rest = charts.titled(surface, box, "plastic weights", unit, note)
    for (title, values, bound), place in zip(shown, places, strict=True):
        place.top = rest.top
        inside = charts.titled(surface, place, title, 0.92 * unit)
        inside.height = max(1, inside.height - below)
        taken = charts.heat_map(surface, inside, values[::every, ::every], bound)
        charts.heat_scale(surface, taken, bound, unit)


def _matrices(inspection: Inspection, elapsed: int, scales: Scales) -> list[tuple[str, Floats, float]]:
    """Titles, matrices, and the numbers that have the strongest colours."""
    plastic = inspection.plastic
    assert plastic is not None
    shown = [("hebb", plastic.hebb, scales.hebb)]
    if plastic.weighed is not None:
        shown.append(("α · hebb", plastic.weighed, scales.weighed))
    shown.append((f"change, {counted(min(CHANGE_STEPS, elapsed), 'step')}", plastic.change, scales.change))
    shown += [("trace", leaf, scales.trace) for leaf in inspection.traces]
    return [(title, values, round_up(reach)) for title, values, reach in shown]


def _state(surface: Any, box: Any, moment: Moment, scales: Scales, unit: float) -> None:
    """What a core without plastic weights carries from step to step."""
    assert moment.inspection is not None
    leaves = moment.inspection.carried
    if not leaves:
        rest = charts.titled(surface, box, "no plastic weights", unit)
        rest.height = round(24 * unit)
        write(surface, "All it remembers is the activity of its neurons.", rest, 13 * unit, FAINT)
        return
    bound = round_up(scales.state)
    for place, leaf in zip(_rows(box, [1 / len(leaves)] * len(leaves), unit), leaves, strict=True):
        _vector(surface, place, "no plastic weights; its state beside the activity", "", leaf, bound, unit)


def draw_numbers(surface: Any, box: Any, moment: Moment, unit: float) -> None:
    """Name, return, hits and time left, in one line."""
    name, *numbers = _columns(box, (2.4, 1.5, 1, 1.7), round(8 * unit))
    write(surface, moment.label, name, 17 * unit, INK)
    texts = (
        f"return {moment.score:z.1f}",
        f"hits {len(moment.hit_steps)}",
        f"{counted(moment.max_steps - moment.elapsed, 'step')} left",
    )
    for text, place, align in zip(texts, numbers, (0.5, 0.5, 1.0), strict=True):
        write(surface, text, place, 17 * unit, INK, align=align)


def draw_cue(surface: Any, box: Any, cue: Sequence[float], unit: float) -> None:
    """The cue: a square for each entry."""
    pygame = import_pygame()
    used = write(surface, "cue", box, 13 * unit, INK)
    area = pygame.Rect(box.left + used + round(8 * unit), box.top, box.width, round(0.8 * box.height))
    area.width = min(box.right - area.left, len(cue) * area.height)
    area.centery = box.centery
    area = charts.heat_map(surface, area, np.array([cue], dtype=np.float32), 1.0)
    for place in range(1, len(cue)):
        x = area.left + round(place * area.width / len(cue))
        pygame.draw.line(surface, PAPER, (x, area.top), (x, area.bottom - 1), max(1, round(2 * unit)))

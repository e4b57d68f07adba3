"""The whole picture: (what there is to see, size) -> surface. It depends on nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plastic_maze.rendering import SMALLEST_SQUARE, draw_maze, draw_view, import_pygame
from viewer.footer import draw_footer, footer_height
from viewer.keys import Key
from viewer.match import Score
from viewer.moment import Moment
from viewer.panel import draw_cue, draw_numbers, draw_panel
from viewer.style import CARD, FAINT, INK, LINE, PAPER, VERMILLION, write

DESIGNED = (1120, 700)
"""Width and height at which a unit is a pixel."""
SMALLEST = (480, 300)
"""No picture is smaller."""
_MARGIN = 14
_HEADER = 30
_NUMBERS = 26
_CUE = 26


@dataclass(frozen=True)
class Screen:
    """All that is on the screen."""

    moments: tuple[Moment, ...]
    """One or two players."""
    heading: str
    status: str
    goal_shown: bool = True
    whole_maze: bool = True
    """False: of each maze only the nine squares that its agent sees."""
    keys: tuple[Key, ...] = ()
    """To be explained."""
    message: str = ""
    """The last thing that was done, or could not be."""
    ranking: tuple[Score, ...] = ()
    """Scores of a finished episode."""


@dataclass(frozen=True)
class Column:
    """Where one player's things are; all but `square` are pygame.Rects."""

    numbers: Any
    maze: Any
    cue: Any
    panel: Any
    square: int
    """Side of a square, pixels."""


def unit_of(size: tuple[int, int]) -> float:
    """The length of a unit in pixels, for a picture of this width and height."""
    return min(size[0] / DESIGNED[0], size[1] / DESIGNED[1])


def columns_of(screen: Screen, size: tuple[int, int]) -> list[Column]:
    """Where each player's things are, in a picture of this width and height."""
    pygame = import_pygame()
    unit = unit_of(size)
    margin, numbers = round(_MARGIN * unit), round(_NUMBERS * unit)
    top = round(_HEADER * unit) + margin
    bottom = size[1] - footer_height(screen.keys, size[0], unit) - margin
    count = len(screen.moments)
    between = 3 * margin
    width = (size[0] - 2 * margin - between * (count - 1)) // count
    columns = []
    for place, moment in enumerate(screen.moments):
        left = margin + place * (width + between)
        line = pygame.Rect(left, top, width, numbers)
        rest = pygame.Rect(left, line.bottom + margin, width, bottom - line.bottom - margin)
        cue = round(_CUE * unit) if moment.cue else 0
        side = moment.layout.side
        tall, wide = (rest.height, 0.52 * width) if count == 1 else (0.53 * rest.height, width)
        square = max(SMALLEST_SQUARE, int(min(wide / side, (tall - cue) / (side + 0.25))) // 2 * 2)
        maze = pygame.Rect(rest.left, rest.top, side * square, side * square + 2 * (square // 8))
        if count == 1:
            beside = maze.right + 2 * margin
            panel = pygame.Rect(beside, rest.top, max(1, rest.right - beside), rest.height)
        else:
            maze.centerx = rest.centerx
            beneath = maze.bottom + cue + margin
            panel = pygame.Rect(rest.left, beneath, width, max(1, rest.bottom - beneath))
        cue_box = pygame.Rect(maze.left, maze.bottom + margin // 4, maze.width, cue)
        columns.append(Column(line, maze, cue_box, panel, square))
    return columns


def cell_at(screen: Screen, size: tuple[int, int], position: tuple[int, int]) -> int | None:
    """The cell of the maze that is drawn at a position (x, y), if there is one."""
    if not screen.whole_maze:
        return None
    for moment, column in zip(screen.moments, columns_of(screen, size), strict=True):
        side = moment.layout.side
        row = (position[1] - column.maze.top) // column.square
        col = (position[0] - column.maze.left) // column.square
        if 0 <= row < side and 0 <= col < side:
            return row * side + col
    return None


def draw_screen(screen: Screen, size: tuple[int, int]) -> Any:
    """Draw everything.

    Args:
        screen: What there is to see.
        size: Width and height, pixels; at least :data:`SMALLEST`.

    Returns:
        A pygame.Surface of that size.

    Raises:
        DependencyNotInstalled: If pygame is missing.
    """
    pygame = import_pygame()
    unit = unit_of(size)
    surface = pygame.Surface(size, depth=32)
    surface.fill(PAPER)
    margin = round(_MARGIN * unit)
    header = pygame.Rect(margin, margin // 2, size[0] - 2 * margin, round(_HEADER * unit))
    left, right = header.copy(), header.copy()
    left.width = round(0.55 * header.width)
    right.left, right.width = left.right + margin, header.right - left.right - margin
    write(surface, screen.heading, left, 15 * unit, FAINT)
    write(surface, screen.message or screen.status, right, 15 * unit, _color_of(screen), align=1)
    columns = columns_of(screen, size)
    for moment, column in zip(screen.moments, columns, strict=True):
        draw_numbers(surface, column.numbers, moment, unit)
        surface.blit(_maze(screen, moment, column.square), column.maze)
        if moment.cue:
            draw_cue(surface, column.cue, moment.cue, unit)
        draw_panel(surface, column.panel, moment, unit)
    for one, other in pairwise(columns):
        x = (one.panel.right + other.panel.left) // 2
        pygame.draw.line(surface, LINE, (x, one.numbers.top), (x, one.panel.bottom))
    if screen.ranking:
        _draw_ranking(surface, columns[0].maze, screen.ranking, unit)
    height = footer_height(screen.keys, size[0], unit)
    footer = pygame.Rect(margin, size[1] - height, size[0] - 2 * margin, height)
    draw_footer(surface, footer, screen.keys, screen.whole_maze, screen.goal_shown, unit)
    return surface


def as_array(surface: Any) -> NDArray[np.uint8]:
    """A surface as uint8 [height, width, 3]; the caller owns it."""
    width, height = surface.get_size()
    flat = np.frombuffer(import_pygame().image.tobytes(surface, "RGB"), dtype=np.uint8)
    return flat.reshape(height, width, 3).copy()


def _color_of(screen: Screen) -> tuple[int, int, int]:
    return VERMILLION if screen.message else FAINT


def _maze(screen: Screen, moment: Moment, square: int) -> Any:
    elapsed = moment.elapsed / moment.max_steps
    if screen.whole_maze:
        traces = moment.traces(screen.goal_shown)
        frame = draw_maze(moment.layout, moment.agent, moment.goal, elapsed, square, moment.others, traces)
    else:
        teleport = moment.teleport
        flash = 0.0 if teleport is None else teleport.freshness
        frame = draw_view(moment.layout, moment.agent, elapsed, square, flash)
    return import_pygame().image.frombuffer(frame, frame.shape[1::-1], "RGB")


def _draw_ranking(surface: Any, maze: Any, ranking: Sequence[Score], unit: float) -> None:
    """A table of scores in front of the maze."""
    pygame = import_pygame()
    line = round(30 * unit)
    card = pygame.Rect(0, 0, round(480 * unit), line * (len(ranking) + 2))
    card.center = maze.center
    pygame.draw.rect(surface, CARD, card)
    pygame.draw.rect(surface, LINE, card, max(1, round(2 * unit)))
    inner = card.inflate(-line, -line // 2)
    rows = [("on this episode", "return", "hits", "first hit")]
    rows += [
        (s.label, f"{s.score:.1f}", str(s.hits), "-" if s.first is None else str(s.first)) for s in ranking
    ]
    for place, row in enumerate(rows):
        left = inner.left
        for text, share, align in zip(row, (0.48, 0.18, 0.12, 0.22), (0.0, 1.0, 1.0, 1.0), strict=True):
            width = round(share * inner.width)
            box = pygame.Rect(left, inner.top + place * line + line // 4, width - round(4 * unit), line)
            write(surface, text, box, 14 * unit, INK if place else FAINT, align)
            left += width

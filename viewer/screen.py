"""The whole picture: (what there is to see, size) -> surface. It depends on nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.core_colors import core_color
from plastic_maze.rendering import draw_maze, draw_view, import_pygame
from plastic_maze.window import Size
from viewer import layout
from viewer.footer import footer, legend_of
from viewer.help import Entry, draw_help
from viewer.keys import Key
from viewer.layout import HEADER, MARGIN, Column
from viewer.match import Score
from viewer.moment import Moment
from viewer.panel import draw_cue, draw_numbers, draw_panel
from viewer.scales import Scales
from viewer.style import FAINT, LINE, PAPER, VERMILLION, write


@dataclass(frozen=True)
class Screen:
    """All that is on the screen."""

    moments: tuple[Moment, ...]
    """One or two players."""
    heading: str
    status: str
    scales: Scales
    goal_shown: bool = True
    whole_maze: bool = True
    """False: of each maze only the nine squares that its agent sees."""
    keys: tuple[Key, ...] = ()
    """To be explained."""
    working: tuple[Key, ...] = ()
    """Those that do something now; the others are pale."""
    message: str = ""
    """The last thing that was done, or could not be."""
    ranking: tuple[Score, ...] = ()
    """Scores of a finished episode."""
    help: tuple[Entry, ...] = ()
    """Explanations in place of everything else; none: not asked for."""


def columns_of(screen: Screen, size: Size) -> list[Column]:
    """Where each player's things are, in a picture of this size."""
    return layout.columns_of(screen.moments, size, _footer(screen, size).get_height())


def cell_at(screen: Screen, size: Size, position: tuple[int, int]) -> int | None:
    """The cell of the maze that is drawn at a position (x, y), if there is one."""
    if not screen.whole_maze:
        return None
    return layout.cell_at(screen.moments, columns_of(screen, size), position)


def draw_screen(screen: Screen, size: Size, onto: Any = None) -> Any:
    """Draw everything.

    Args:
        screen: What there is to see.
        size: Width and height, pixels; at least :data:`viewer.layout.SMALLEST`.
        onto: A pygame.Surface of that size, all of which is drawn over; None: a new one.

    Returns:
        The surface.

    Raises:
        DependencyNotInstalled: If pygame is missing.
    """
    pygame = import_pygame()
    unit = layout.unit_of(size)
    surface = pygame.Surface(size, depth=32) if onto is None else onto
    if screen.help:
        draw_help(surface, screen.help, size)
        return surface
    surface.fill(PAPER)
    margin = round(MARGIN * unit)
    header = pygame.Rect(margin, margin // 2, size[0] - 2 * margin, round(HEADER * unit))
    left, right = header.copy(), header.copy()
    left.width = round(0.55 * header.width)
    right.left = left.left + write(surface, screen.heading, left, 15 * unit, FAINT) + margin
    right.width = header.right - right.left
    new = screen.message or news(screen)
    write(surface, new or screen.status, right, 15 * unit, VERMILLION if new else FAINT, align=1)
    columns = columns_of(screen, size)
    for moment, column in zip(screen.moments, columns, strict=True):
        draw_numbers(surface, _after_color(surface, column.numbers, moment, unit), moment, unit)
        surface.blit(_maze(screen, moment, column), column.maze)
        if moment.cue:
            draw_cue(surface, column.cue, moment.cue, unit)
        draw_panel(surface, column.panel, moment, screen.scales, unit, screen.goal_shown, screen.ranking)
    for one, other in pairwise(columns):
        _draw_separator(surface, one, other)
    below = _footer(screen, size)
    surface.blit(below, (0, size[1] - below.get_height()))
    return surface


def as_array(surface: Any) -> NDArray[np.uint8]:
    """A surface as uint8 [height, width, 3]; the caller owns it."""
    width, height = surface.get_size()
    flat = np.frombuffer(import_pygame().image.tobytes(surface, "RGB"), dtype=np.uint8)
    return flat.reshape(height, width, 3).copy()


def news(screen: Screen) -> str:
    """What has just happened in the maze; players who do not see goals are not told of them."""
    return (
        "the goal has moved" if screen.goal_shown and any(m.goal_just_moved for m in screen.moments) else ""
    )


def _footer(screen: Screen, size: Size) -> Any:
    legend = legend_of(screen.moments, screen.whole_maze, screen.goal_shown)
    return footer(legend, screen.keys, screen.working, size[0], layout.unit_of(size))


def _maze(screen: Screen, moment: Moment, column: Column) -> Any:
    pygame = import_pygame()
    elapsed, square = moment.elapsed / moment.max_steps, column.square
    if screen.whole_maze:
        traces = moment.traces(screen.goal_shown)
        frame = draw_maze(moment.layout, moment.agent, moment.goal, elapsed, square, moment.unpaying, traces)
    else:
        teleport = moment.teleport
        flash = 0.0 if teleport is None else teleport.freshness
        frame = draw_view(moment.layout, moment.agent, elapsed, square, flash)
    picture = pygame.image.frombuffer(frame, frame.shape[1::-1], "RGB")
    fits = picture.get_size() == column.maze.size
    return picture if fits else pygame.transform.smoothscale(picture, column.maze.size)


def _after_color(surface: Any, numbers: Any, moment: Moment, unit: float) -> Any:
    """Draw the colour of a core at the left side of a box; returns the rest of the box."""
    if moment.inspection is None:
        return numbers
    pygame = import_pygame()
    mark = pygame.Rect(numbers.left, 0, round(6 * unit), round(0.8 * numbers.height))
    mark.centery = numbers.centery
    pygame.draw.rect(surface, core_color(moment.inspection.core), mark)
    rest = numbers.copy()
    rest.left, rest.width = mark.right + round(8 * unit), numbers.right - mark.right - round(8 * unit)
    return rest


def _draw_separator(surface: Any, one: Column, other: Column) -> None:
    """A line between two players, upright or level."""
    if one.numbers.top == other.numbers.top:
        x = (one.panel.right + other.panel.left) // 2
        ends = (x, one.numbers.top), (x, one.panel.bottom)
    else:
        y = (one.panel.bottom + other.numbers.top) // 2
        ends = (one.numbers.left, y), (one.numbers.right, y)
    import_pygame().draw.line(surface, LINE, *ends)

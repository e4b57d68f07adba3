"""Pictures of the maze: (layout, agent, goals, time, traces) -> uint8 [height, width, 3], or text.

Pygame draws a few kinds of tile once, on surfaces in memory that need no display. A frame is put together
from these with NumPy, which is fast enough to film every step. The colours are told apart by colour-blind
people (Okabe & Ito, 2008).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from gymnasium.error import DependencyNotInstalled
from numpy.typing import NDArray

from plastic_maze.dynamics import MazeState
from plastic_maze.layouts import MazeLayout
from plastic_maze.random_layouts import layout_of
from plastic_maze.rules import MazeRules
from plastic_maze.traces import Color, Frame, Traces, paint_teleport, paint_trail
from plastic_maze.validation import whole_number

WALL: Color = (45, 49, 58)
FLOOR: Color = (244, 243, 238)
GRID: Color = (226, 224, 216)
SEEN: Color = (205, 228, 244)
VISITED: Color = (228, 222, 200)
SEEN_AND_VISITED: Color = (180, 212, 235)
UNKNOWN: Color = (120, 124, 133)
AGENT: Color = (0, 114, 178)
GOAL: Color = (230, 159, 0)
OTHER_GOAL: Color = (222, 184, 106)
BAR: Color = (86, 180, 233)

_Draw = Callable[[ModuleType, Any, int], None]
_FLOORS = {
    (False, False): FLOOR,
    (False, True): VISITED,
    (True, False): SEEN,
    (True, True): SEEN_AND_VISITED,
}
"""Colour of a free square, by whether the agent sees it and whether it was visited."""

DEFAULT_SQUARE = 32
"""Side of a square, pixels."""

SMALLEST_SQUARE = 8
"""No square is drawn smaller, pixels."""

_NO_TRACES = Traces()
_SMOOTHING = (
    4  # Tiles are drawn this many times larger and then shrunk, which rounds the steps off the edges.
)


def import_pygame() -> ModuleType:
    """Import pygame when it is first needed: the maze can be played without it.

    Raises:
        DependencyNotInstalled: If it is missing.
    """
    try:
        import pygame
    except ImportError as error:
        raise DependencyNotInstalled("pygame is not installed, run `pip install pygame-ce`") from error
    return pygame


def picture(rules: MazeRules, state: MazeState, row: int) -> Frame:
    """Draw one environment of a state; `draw_maze` says how."""
    layout, agent, goal, others = _scene(rules, state, row)
    return draw_maze(layout, agent, goal, state.elapsed[row].item() / rules.max_steps, others=others)


def text(rules: MazeRules, state: MazeState, row: int) -> str:
    """Write one environment of a state as text; `ascii_maze` says how."""
    return ascii_maze(*_scene(rules, state, row))


def _scene(rules: MazeRules, state: MazeState, row: int) -> tuple[MazeLayout, int, int, list[int]]:
    """Layout, agent's cell, goal's cell, cells of the goals that do not pay now."""
    layout = layout_of(state.walls[row]) if rules.random_walls else rules.layout
    others = np.delete(state.goals[row], state.pair[row])
    return layout, state.agent[row].item(), state.goal[row].item(), others.tolist()


def draw_maze(
    layout: MazeLayout,
    agent: int,
    goal: int,
    elapsed: float,
    square: int = DEFAULT_SQUARE,
    others: Sequence[int] = (),
    traces: Traces = _NO_TRACES,
) -> Frame:
    """Draw a maze.

    The agent is a blue disc, the squares it sees are tinted, and the goal, which it does not see, is a star
    in a broken ring. Goals that do not pay now are pale.

    Args:
        layout: The walls.
        agent: Agent's cell.
        goal: Goal's cell.
        elapsed: Part of the episode that is over, 0 to 1, shown by a bar below.
        square: Side of a square, pixels; even (films want even frames) and at least 8.
        others: Cells of the goals that do not pay now.
        traces: What has been, drawn too.

    Returns:
        uint8 [side * square + 2 * (square // 8), side * square, 3], fresh.

    Raises:
        ValueError: If `square` is odd or too small.
        DependencyNotInstalled: If pygame is missing.
    """
    if whole_number("square", square, SMALLEST_SQUARE) % 2:
        raise ValueError(f"square must be even, got {square!r}")
    frame = _background(layout, square).copy()
    place = layout.coordinates[agent]

    def put(draw: _Draw, cell: int) -> None:
        in_sight = np.abs(place - layout.coordinates[cell]).max() <= 1
        visited = cell in traces.visited
        _paste(frame, _tile(draw, _FLOORS[in_sight, visited], square), *layout.coordinates[cell])

    for cell in traces.visited:
        put(_draw_nothing, cell)
    around = agent + np.add.outer((-layout.side, 0, layout.side), (-1, 0, 1))
    for cell in around.ravel().tolist():
        if layout.free_rank[cell] >= 0:
            put(_draw_nothing, cell)
    if traces.goal_shown:
        for other in others:
            put(_draw_other_goal, other)
        put(_draw_goal, goal)
    if traces.teleport is not None:
        paint_teleport(frame, layout, traces.teleport, GOAL, square)
    paint_trail(frame, layout, traces.trail, AGENT, square)
    _put_disc(frame, square, *place.tolist())
    bar = frame[layout.side * square :]
    bar[2:, : round(elapsed * bar.shape[1])] = BAR
    return frame


def draw_view(
    layout: MazeLayout, agent: int, elapsed: float, square: int = DEFAULT_SQUARE, flash: float = 0.0
) -> Frame:
    """Draw what an agent sees: the nine squares around it, and nothing of where in the maze that is.

    Args:
        layout: The walls.
        agent: Agent's cell.
        elapsed: Part of the episode that is over, 0 to 1, shown by a bar below.
        square: Side of a square of the whole maze, pixels, of which the picture has the size; even.
        flash: How thick a frame tells of a hit, 0 to 1.

    Returns:
        A picture as large as that of :func:`draw_maze`, in which the nine squares are larger.

    Raises:
        ValueError: If `square` is odd or too small.
        DependencyNotInstalled: If pygame is missing.
    """
    frame = draw_maze(layout, agent, agent, elapsed, square, traces=Traces(goal_shown=False))
    length, large = layout.side * square, 2 * square if layout.side >= 7 else square
    frame[:length] = UNKNOWN
    start = (length - 3 * large) // 2
    width = min(round(flash * square), start)
    if width:
        frame[start - width : length - start + width, start - width : length - start + width] = GOAL
    near = frame[start:, start:]
    for place, wall in enumerate(layout.views[agent].tolist()):
        row, col = divmod(place, 3)
        if wall:
            near[row * large : (row + 1) * large, col * large : (col + 1) * large] = WALL
        else:
            _paste(near, _tile(_draw_nothing, SEEN, large), row, col)
    _put_disc(near, large, 1, 1)
    return frame


def ascii_maze(layout: MazeLayout, agent: int, goal: int, others: Sequence[int] = ()) -> str:
    """Write a maze as text: `#` wall, `.` free, `A` agent, `G` goal, `g` a goal that does not pay now.

    Args:
        layout: The walls.
        agent: Agent's cell.
        goal: Goal's cell.
        others: Cells of the goals that do not pay now.

    Returns:
        `side` lines of `side` characters.
    """
    letters = np.where(layout.walls.ravel(), "#", ".")
    letters[list(others)] = "g"
    letters[goal] = "G"
    letters[agent] = "A"
    return "\n".join("".join(line) for line in letters.reshape(layout.walls.shape))


def _put_disc(frame: Frame, square: int, row: int, col: int) -> None:
    """The agent, on whatever the square holds."""
    disc = _tile(_draw_agent, SEEN, square)
    there = frame[row * square : (row + 1) * square, col * square : (col + 1) * square]
    np.copyto(there, disc, where=_disc_mask(square))


@lru_cache(maxsize=64)
def _disc_mask(square: int) -> NDArray[np.bool_]:
    """Where a square with the agent differs from one without, bool [square, square, 1]."""
    return (_tile(_draw_agent, SEEN, square) != _tile(_draw_nothing, SEEN, square)).any(axis=2, keepdims=True)


def _paste(frame: Frame, tile: Frame, row: int, col: int) -> None:
    square = len(tile)
    frame[row * square : (row + 1) * square, col * square : (col + 1) * square] = tile


@lru_cache(maxsize=16)
def _background(layout: MazeLayout, square: int) -> Frame:
    """Walls, floor and the empty bar."""
    bar_height = 2 * (square // 8)
    length = layout.side * square
    frame = np.full((length + bar_height, length, 3), WALL, dtype=np.uint8)
    for cell in layout.free:
        _paste(frame, _tile(_draw_nothing, FLOOR, square), *layout.coordinates[cell])
    return frame


@lru_cache(maxsize=256)  # a window that is being resized asks for many sizes
def _tile(draw: _Draw, floor: Color, square: int) -> Frame:
    """One square with something on it, uint8 [square, square, 3]."""
    pygame = import_pygame()
    length = square * _SMOOTHING
    surface = pygame.Surface((length, length), depth=32)
    surface.fill(floor)
    pygame.draw.rect(surface, GRID, surface.get_rect(), width=_SMOOTHING // 2)
    draw(pygame, surface, length)
    small = pygame.transform.smoothscale(surface, (square, square))
    return np.frombuffer(pygame.image.tobytes(small, "RGB"), dtype=np.uint8).reshape(square, square, 3)


def _draw_nothing(pygame: ModuleType, surface: Any, length: int) -> None:
    """Leave the floor bare."""


def _draw_agent(pygame: ModuleType, surface: Any, length: int) -> None:
    centre = (length / 2, length / 2)
    pygame.draw.circle(surface, AGENT, centre, 0.36 * length)


def _draw_goal(pygame: ModuleType, surface: Any, length: int) -> None:
    _draw_star(pygame, surface, length, GOAL)


def _draw_other_goal(pygame: ModuleType, surface: Any, length: int) -> None:
    _draw_star(pygame, surface, length, OTHER_GOAL)


def _draw_star(pygame: ModuleType, surface: Any, length: int, color: Color) -> None:
    """A star within a broken ring: there, but not for the agent's eyes."""
    centre = np.array([length / 2, length / 2])
    angles = np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2, 0.13, 0.30) * length
    star = centre + radii[:, None] * np.stack([np.sin(angles), -np.cos(angles)], axis=1)
    pygame.draw.polygon(surface, color, star.tolist())
    ring = surface.get_rect().inflate(-0.14 * length, -0.14 * length)
    for start in np.arange(12) * np.pi / 6:
        pygame.draw.arc(surface, color, ring, start, start + np.pi / 10, width=round(0.05 * length))

"""Pictures of the maze: (layout, agent, goal, time) -> uint8 [height, width, 3], or text.

Pygame draws three kinds of tile once, on surfaces in memory that need no display. A frame is put together
from these with NumPy, which is fast enough to film every step. The colours are told apart by colour-blind
people (Okabe & Ito, 2008).
"""

from collections.abc import Callable
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from gymnasium.error import DependencyNotInstalled
from numpy.typing import NDArray

from plastic_maze.layouts import MazeLayout
from plastic_maze.validation import whole_number

Color = tuple[int, int, int]
Frame = NDArray[np.uint8]

WALL: Color = (45, 49, 58)
FLOOR: Color = (244, 243, 238)
GRID: Color = (226, 224, 216)
SEEN: Color = (205, 228, 244)
AGENT: Color = (0, 114, 178)
GOAL: Color = (230, 159, 0)
BAR: Color = (86, 180, 233)

DEFAULT_SQUARE = 32
"""Side of a square, pixels."""

_SMALLEST_SQUARE = 8
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


def draw_maze(
    layout: MazeLayout, agent: int, goal: int, elapsed: float, square: int = DEFAULT_SQUARE
) -> Frame:
    """Draw a maze.

    The agent is a blue disc, the squares it sees are tinted, and the goal, which it does not see, is a star
    in a broken ring.

    Args:
        layout: The walls.
        agent: Agent's cell.
        goal: Goal's cell.
        elapsed: Part of the episode that is over, 0 to 1, shown by a bar below.
        square: Side of a square, pixels; even (films want even frames) and at least 8.

    Returns:
        uint8 [side * square + 2 * (square // 8), side * square, 3], fresh.

    Raises:
        ValueError: If `square` is odd or too small.
        DependencyNotInstalled: If pygame is missing.
    """
    if whole_number("square", square, _SMALLEST_SQUARE) % 2:
        raise ValueError(f"square must be even, got {square!r}")
    frame = _background(layout, square).copy()
    rows, cols = layout.coordinates[:, 0], layout.coordinates[:, 1]
    for row in range(rows[agent] - 1, rows[agent] + 2):
        for col in range(cols[agent] - 1, cols[agent] + 2):
            if not layout.walls[row, col]:
                _paste(frame, _tile(_draw_nothing, SEEN, square), row, col)
    in_sight = np.abs(layout.coordinates[agent] - layout.coordinates[goal]).max() <= 1
    _paste(frame, _tile(_draw_goal, SEEN if in_sight else FLOOR, square), rows[goal], cols[goal])
    _paste(frame, _tile(_draw_agent, SEEN, square), rows[agent], cols[agent])
    bar = frame[layout.side * square :]
    bar[2:, : round(elapsed * bar.shape[1])] = BAR
    return frame


def ascii_maze(layout: MazeLayout, agent: int, goal: int) -> str:
    """Write a maze as text: `#` wall, `.` free, `A` agent, `G` goal.

    Args:
        layout: The walls.
        agent: Agent's cell.
        goal: Goal's cell.

    Returns:
        `side` lines of `side` characters.
    """
    letters = np.where(layout.walls.ravel(), "#", ".")
    letters[goal] = "G"
    letters[agent] = "A"
    return "\n".join("".join(line) for line in letters.reshape(layout.walls.shape))


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


@cache
def _tile(draw: Callable[[ModuleType, Any, int], None], floor: Color, square: int) -> Frame:
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
    """A star within a broken ring: there, but not for the agent's eyes."""
    centre = np.array([length / 2, length / 2])
    angles = np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2, 0.13, 0.30) * length
    star = centre + radii[:, None] * np.stack([np.sin(angles), -np.cos(angles)], axis=1)
    pygame.draw.polygon(surface, GOAL, star.tolist())
    ring = surface.get_rect().inflate(-0.14 * length, -0.14 * length)
    for start in np.arange(12) * np.pi / 6:
        pygame.draw.arc(surface, GOAL, ring, start, start + np.pi / 10, width=round(0.05 * length))

"""What a viewer adds to the picture of a maze: where the agent has been, and what just happened."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from plastic_maze.layouts import MazeLayout

Color = tuple[int, int, int]
Frame = NDArray[np.uint8]

TRAIL_STEPS = 24
"""How many of the last steps the trail shows."""

_FAINTEST = 0.12
_BOLDEST = 0.75


@dataclass(frozen=True)
class Teleport:
    """A hit, and where it threw the agent."""

    goal: int
    """The cell that paid."""
    landing: int
    """The cell it was thrown to."""
    freshness: float
    """1 at once, falling to 0 as the flash fades."""


@dataclass(frozen=True)
class Traces:
    """By default nothing: the state of the maze alone."""

    visited: frozenset[int] = field(default_factory=frozenset)
    """Cells that are tinted."""
    trail: Sequence[int] = ()
    """Cells the agent stood on, oldest first; of these the last :data:`TRAIL_STEPS` steps are drawn."""
    teleport: Teleport | None = None
    """The last hit, while it flashes."""
    goal_shown: bool = True
    """Whether goals are drawn."""


def paint_trail(frame: Frame, layout: MazeLayout, trail: Sequence[int], color: Color, square: int) -> None:
    """Draw a line that fades with age between the centres of the squares of `trail`; teleports leave gaps.

    Args:
        frame: uint8 [height, width, 3], changed in place.
        layout: The walls.
        trail: Cells, oldest first.
        color: Of the line.
        square: Side of a square, pixels.
    """
    legs = list(pairwise(trail[-TRAIL_STEPS - 1 :]))
    half = max(1, square // 14)
    painted = []
    for i, (start, end) in enumerate(legs):
        (top, left), (bottom, right) = (
            np.sort(layout.coordinates[[start, end]], axis=0) * square + square // 2
        )
        if bottom - top + right - left != square:
            continue  # the agent bumped, or was thrown
        strength = _FAINTEST + (_BOLDEST - _FAINTEST) * (i + 1) / len(legs)
        strip = np.s_[top - half : bottom + half, left - half : right + half]
        painted.append((strip, _mixed(frame[strip], color, strength)))
    for strip, colors in painted:  # all were mixed with the bare floor: where strips meet, the newest counts
        frame[strip] = colors


def paint_teleport(frame: Frame, layout: MazeLayout, teleport: Teleport, color: Color, square: int) -> None:
    """Let the goal and a frame around the floor flash, and draw a dotted line to where the agent was thrown.

    Args:
        frame: uint8 [height, width, 3], changed in place.
        layout: The walls.
        teleport: What happened.
        color: Of the flash.
        square: Side of a square, pixels.
    """
    length, fresh = layout.side * square, teleport.freshness
    # A frame around the floor that gets thinner.
    width, inner = max(1, round(0.8 * fresh * square)), slice(square, length - square)
    outer = slice(square - width, length - square + width)
    near, far = slice(square - width, square), slice(length - square, length - square + width)
    for rows, cols in ((near, outer), (far, outer), (inner, near), (inner, far)):
        frame[rows, cols] = color
    start, end = (
        layout.coordinates[cell] * square + square // 2 for cell in (teleport.goal, teleport.landing)
    )
    top, left = start - square // 2
    paid = np.s_[top : top + square, left : left + square]
    frame[paid] = _mixed(frame[paid], color, 0.7 * fresh)
    half = max(1, square // 12)
    dots = max(2, round(float(np.hypot(*(end - start))) / (0.3 * square)))
    for row, col in np.linspace(start, end, dots).round().astype(int).tolist():
        dot = np.s_[row - half : row + half, col - half : col + half]
        frame[dot] = _mixed(frame[dot], color, 0.3 + 0.7 * fresh)


def _mixed(region: Frame, color: Color, strength: float) -> Frame:
    mixed: Frame = (
        (region + (np.array(color) - region.astype(np.float32)) * strength).round().astype(np.uint8)
    )
    return mixed

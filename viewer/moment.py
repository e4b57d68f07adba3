"""One player between two steps, as data: all that its picture is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np

from plastic_maze import Belief
from plastic_maze.layouts import MazeLayout
from plastic_maze.traces import Teleport, Traces
from viewer.inspection import Inspection

FLASH_STEPS = 4
"""Steps after a hit during which it flashes."""
NEWS_STEPS = 24
"""Steps for which it is told that a goal has moved."""


@dataclass(frozen=True, eq=False)
class Moment:
    """What there is to know of one player at one time. Cells are those of the layout.

    A moment equals itself alone, so it is quickly known whether there is something new to draw.
    """

    label: str
    layout: MazeLayout
    agent: int
    goal: int
    others: tuple[int, ...]
    """Goals that do not pay now."""
    goals: tuple[int, ...]
    """Cells that have paid so far, or do now, in the order in which they first did."""
    cue: tuple[float, ...]
    """The cue that is shown, entries +1 or -1."""
    elapsed: int
    """Steps taken."""
    max_steps: int
    score: float
    """Return so far."""
    hit_steps: tuple[int, ...]
    """After how many steps each hit came."""
    legs: tuple[tuple[int, ...], ...]
    """Cells walked, oldest first: from the start to the first hit, from each landing to the next hit, and the
    leg that is not at its end yet. Bumps count: the same cell stands there twice."""
    goal_moved: int | None
    """Steps taken when a goal last moved; None: none has since the first step."""
    action: int | None
    """The last action."""
    values: tuple[float, ...]
    """The value estimates so far; empty for players that have none."""
    inspection: Inspection | None
    """None for players that cannot be looked into."""
    belief: Belief | None
    """None for players that do not keep track of places."""

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""
        return self.elapsed == self.max_steps

    @property
    def goal_just_moved(self) -> bool:
        """Whether it is so short a time ago that a goal was moved that it should be told."""
        return self.goal_moved is not None and self.elapsed - self.goal_moved < NEWS_STEPS

    @property
    def legs_to_hits(self) -> tuple[int, ...]:
        """Steps that each hit took."""
        return tuple(np.diff((0, *self.hit_steps)).tolist())

    @property
    def unpaying(self) -> tuple[int, ...]:
        """Cells that do not pay now but belong to other pairs, or paid before the goal moved."""
        paid = {leg[-1] for leg in self.legs[:-1]}
        return tuple(sorted({*self.others, *paid} - {self.goal}))

    @property
    def searching(self) -> int:
        """Steps since the last hit, or since the start."""
        return self.elapsed - self.hit_steps[-1] if self.hit_steps else self.elapsed

    @property
    def teleport(self) -> Teleport | None:
        """The last hit, while it flashes."""
        if not self.hit_steps:
            return None
        freshness = 1 - (self.elapsed - self.hit_steps[-1]) / FLASH_STEPS
        return Teleport(self.legs[-2][-1], self.legs[-1][0], freshness) if freshness > 0 else None

    def traces(self, goal_shown: bool) -> Traces:
        """What is drawn in the maze beside its state."""
        trail = tuple(chain.from_iterable(self.legs[-2:]))
        return Traces(frozenset(chain.from_iterable(self.legs)), trail, self.teleport, goal_shown)

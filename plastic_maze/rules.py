"""What does not change from one episode to the next, checked once, and looked up at every step."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from plastic_maze.layouts import MazeLayout, pillar_layout
from plastic_maze.random_layouts import room_lattice
from plastic_maze.validation import LONGEST_EPISODE, finite_number, truth, whole_number

LAYOUTS = ("pillars", "random")
"""The names that `PlasticMazeEnv` accepts as its `layout`."""

_LARGEST_CUE = 31  # A cue is drawn as one number below 2**32.


@dataclass(frozen=True)
class MazeRules:
    """What does not change from one episode to the next.

    Attributes:
        layout: The walls; with `random_walls`, those of the pillar room in which more walls are put up.
        max_steps: Steps in an episode.
        goal_reward: Paid on entering the goal; above 0.
        wall_penalty: Penalty for a move into a wall; 0 or more.
        n_cues: Pairs of a cue and a goal in an episode.
        cue_size: Entries of a cue.
        random_walls: Whether each episode draws walls of its own.
        goal_switch: Whether the goal moves once in each episode.

    Raises:
        ValueError: If a value is not accepted, or does not go with the others.
    """

    layout: MazeLayout
    max_steps: int
    goal_reward: float
    wall_penalty: float
    n_cues: int = 1
    cue_size: int = 0
    random_walls: bool = False
    goal_switch: bool = False

    def __post_init__(self) -> None:
        for name, minimum, maximum in (
            ("max_steps", 1, LONGEST_EPISODE),
            ("n_cues", 1, None),
            ("cue_size", 0, _LARGEST_CUE),
        ):
            object.__setattr__(self, name, whole_number(name, getattr(self, name), minimum, maximum))
        for name in ("goal_reward", "wall_penalty"):
            object.__setattr__(self, name, finite_number(name, getattr(self, name)))
        # A positive reward is how a hit is told, by agents and in evaluations.
        if not np.float32(self.goal_reward) > 0:
            raise ValueError(f"goal_reward must be above 0, got {self.goal_reward}")
        if self.wall_penalty < 0:
            raise ValueError(f"wall_penalty is a price and must be 0 or more, got {self.wall_penalty}")
        for name in ("random_walls", "goal_switch"):
            object.__setattr__(self, name, truth(name, getattr(self, name)))
        if self.n_cues > 2**self.cue_size:
            raise ValueError(
                f"n_cues must be at most 2**cue_size = {2**self.cue_size}, so that no two cues look alike, "
                f"got {self.n_cues}"
            )
        # A moving goal avoids all goals and the agent, a teleport the goal; something must be left.
        most = self.fewest_free - (2 if self.goal_switch else 1)
        if self.n_cues > most:
            raise ValueError(f"n_cues must be at most {most} in this maze, got {self.n_cues}")
        if self.goal_switch and self.max_steps < 2:
            raise ValueError(f"goal_switch needs max_steps of at least 2, got {self.max_steps}")
        if self.random_walls and not np.array_equal(self.layout.walls, pillar_layout(self.layout.size).walls):
            raise ValueError("random_walls go with the layout of pillar_layout, got another one")

    @property
    def fewest_free(self) -> int:
        """No episode has fewer free cells."""
        return room_lattice(self.layout.size).fewest_free if self.random_walls else len(self.layout.free)

    @property
    def switch_steps(self) -> tuple[int, int]:
        """With `goal_switch`, the first and the last step after which the goal may move."""
        return -(-self.max_steps // 3), 2 * self.max_steps // 3

    @cached_property
    def always_free(self) -> NDArray[np.bool_]:
        """Cells that are free in every episode, bool [num_cells]."""
        return room_lattice(self.layout.size).always_free if self.random_walls else ~self.layout.walls.ravel()

    @cached_property
    def horizon(self) -> NDArray[np.intp]:
        """`max_steps` as an array [], for arithmetic with arrays."""
        return np.array(self.max_steps)

    @cached_property
    def ahead(self) -> NDArray[np.intp]:
        """What each action adds to the cell, [4]."""
        return np.array([-self.layout.side, self.layout.side, -1, 1])

    @cached_property
    def next_cell(self) -> NDArray[np.intp]:
        """`layout.next_cell`, flat: indexed by cell * 4 + action."""
        return self.layout.next_cell.ravel()

    @cached_property
    def move_reward(self) -> NDArray[np.float64]:
        """Reward of a move that does not end on the goal, indexed by cell * 4 + action."""
        bumps = self.layout.next_cell == np.arange(self.layout.num_cells)[:, None]
        return self.reward_of_bump.take(bumps.ravel())

    @cached_property
    def reward_of_bump(self) -> NDArray[np.float64]:
        """Reward of a move that does not end on the goal, indexed by whether there is a wall, [2]."""
        return np.array([0.0, 0.0 - self.wall_penalty])  # not -0.0 where there is no penalty

    @cached_property
    def rewards(self) -> NDArray[np.float64]:
        """All different rewards, ascending. Without a penalty, a bump is like any other step."""
        return np.unique([*self.reward_of_bump, self.goal_reward])


def make_rules(
    size: int,
    max_steps: int,
    goal_reward: float,
    wall_penalty: float,
    n_cues: int,
    cue_size: int,
    layout: str,
    goal_switch: bool,
) -> MazeRules:
    """The rules that `PlasticMazeEnv` has with these arguments, which it describes.

    Raises:
        ValueError: If an argument is not accepted, or does not go with the others.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {list(LAYOUTS)}, got {layout!r}")
    return MazeRules(
        pillar_layout(size),
        max_steps,
        goal_reward,
        wall_penalty,
        n_cues=n_cues,
        cue_size=cue_size,
        random_walls=layout == "random",
        goal_switch=goal_switch,
    )

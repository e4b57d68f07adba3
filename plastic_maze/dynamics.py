"""The rules of the maze, once, over arrays of N environments.

A single environment is N = 1. Source: Miconi, Clune & Stanley (2018), Differentiable plasticity, ICML.
"""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from plastic_maze.layouts import NUM_ACTIONS, MazeLayout
from plastic_maze.randomness import Stream, draw, episode_key
from plastic_maze.validation import finite_number, whole_number

Ints = NDArray[np.intp]

NO_ACTION = -1
"""The previous action before the first step of an episode."""

_FIRST_PAIR = 0

# NumPy takes a 0-d array faster than a Python number, which shows when there is but one environment.
_ONE = np.array(1)
_NUM_ACTIONS = np.array(NUM_ACTIONS)


@dataclass(frozen=True)
class MazeRules:
    """What does not change from one episode to the next.

    Attributes:
        layout: The walls.
        max_steps: Steps in an episode.
        goal_reward: Paid on entering the goal.
        wall_penalty: Taken off for a move into a wall.

    Raises:
        ValueError: If `max_steps` is not a positive integer, or a reward not a finite number.
    """

    layout: MazeLayout
    max_steps: int
    goal_reward: float
    wall_penalty: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_steps", whole_number("max_steps", self.max_steps, minimum=1))
        for name in ("goal_reward", "wall_penalty"):
            object.__setattr__(self, name, finite_number(name, getattr(self, name)))

    @cached_property
    def horizon(self) -> Ints:
        """`max_steps` as an array [], for arithmetic with arrays."""
        return np.array(self.max_steps)

    @cached_property
    def next_cell(self) -> Ints:
        """`layout.next_cell`, flat: indexed by cell * 4 + action."""
        return self.layout.next_cell.ravel()

    @cached_property
    def move_reward(self) -> NDArray[np.float64]:
        """Reward of a move that does not end on the goal, indexed by cell * 4 + action."""
        bumps = self.layout.next_cell == np.arange(self.layout.num_cells)[:, None]
        return np.where(bumps, 0.0 - self.wall_penalty, 0.0).ravel()


@dataclass
class MazeState:
    """N environments in mid-episode. Everything that happens next follows from this and the actions.

    An episode holds K goals, of which the current pair's pays. The task of 2018 has K = 1.

    Attributes:
        seed: uint64 [N].
        episode: Episodes begun since the seed was set, from 0, uint64 [N].
        key: Where the episode's random draws are found; follows from `seed` and `episode`, uint64 [N].
        goals: Goal cells, int [N, K].
        pair: Which of the K goals pays, int [N].
        goal: The cell that pays, `goals[n, pair[n]]`, int [N].
        agent: Agent's cell, int [N].
        previous_action: -1 before the first step, int [N].
        previous_reward: 0 before the first step, float64 [N].
        elapsed: Steps taken in this episode, int [N].
        hits: Times the goal was entered in this episode, int [N].
    """

    seed: NDArray[np.uint64]
    episode: NDArray[np.uint64]
    key: NDArray[np.uint64]
    goals: Ints
    pair: Ints
    goal: Ints
    agent: Ints
    previous_action: Ints
    previous_reward: NDArray[np.float64]
    elapsed: Ints
    hits: Ints

    def __len__(self) -> int:
        return len(self.agent)

    def select(self, rows: Ints) -> "MazeState":
        """A copy of some of the environments, in the order of `rows`."""
        return MazeState(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def assign(self, rows: Ints, other: "MazeState") -> None:
        """Put the environments of `other` in the places `rows`."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(other, field.name)


def begin_episodes(
    rules: MazeRules,
    seed: NDArray[np.uint64],
    episode: NDArray[np.uint64],
    goal: Ints | None = None,
) -> MazeState:
    """Stand at the start of the given episodes.

    Args:
        rules: The rules.
        seed: uint64 [N].
        episode: Which episode of that seed, uint64 [N].
        goal: Goal cells to use instead of random ones, int [N]. The teleports stay those of the episode.

    Returns:
        The state, with arrays of its own.
    """
    n = len(seed)
    key = episode_key(seed, episode)
    zeros = np.zeros(n, dtype=np.intp)
    start = np.full(n, rules.layout.centre)
    if goal is None:
        goal = _random_cell(rules.layout, key, Stream.GOAL, zeros, other_than=start)
    return MazeState(
        seed=seed.copy(),
        episode=episode.copy(),
        key=key,
        goals=goal[:, None].copy(),
        pair=np.full(n, _FIRST_PAIR),
        goal=goal.copy(),
        agent=start,
        previous_action=np.full(n, NO_ACTION),
        previous_reward=np.zeros(n),
        elapsed=zeros,
        hits=zeros.copy(),
    )


def step(rules: MazeRules, state: MazeState, actions: Ints) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Move every agent once, changing `state` in place. A finished episode is left at its end.

    Args:
        rules: The rules.
        state: N environments, none of them finished.
        actions: Each 0 to 3, int [N].

    Returns:
        Rewards, float64 [N], and whether the episode ended, bool [N]. The caller owns both.
    """
    move = state.agent * _NUM_ACTIONS
    move += actions
    state.agent = rules.next_cell.take(move)
    reward = rules.move_reward.take(move)

    # A goal is never where the agent already stands, so being there means having just entered it.
    rows = (state.agent == state.goal).nonzero()[0]
    if rows.size:
        reward[rows] = rules.goal_reward
        _teleport(rules, state, rows)

    state.elapsed += _ONE
    state.previous_action = actions.copy()
    state.previous_reward = reward
    return reward.copy(), state.elapsed == rules.horizon


def _teleport(rules: MazeRules, state: MazeState, rows: Ints) -> None:
    """Send the agents in `rows`, which are on their goals, somewhere else."""
    hits = state.hits[rows]
    state.agent[rows] = _random_cell(
        rules.layout, state.key[rows], Stream.TELEPORT, hits, other_than=state.goal[rows]
    )
    state.hits[rows] = hits + 1


def _random_cell(
    layout: MazeLayout, key: NDArray[np.uint64], stream: Stream, index: Ints, other_than: Ints
) -> Ints:
    """Draw free cells, uniformly over all but `other_than`, int [N]."""
    rank = draw(key, stream, index, bound=len(layout.free) - 1)
    rank += rank >= layout.free_rank.take(other_than)
    return layout.free.take(rank)

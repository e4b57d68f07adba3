"""The rules of the maze, once, over arrays of N environments.

A single environment is N = 1. Source: Miconi, Clune & Stanley (2018), Differentiable plasticity, ICML.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from plastic_maze.layouts import NUM_ACTIONS
from plastic_maze.random_layouts import draw_walls
from plastic_maze.randomness import Stream, draw, draw_distinct, episode_key
from plastic_maze.rules import MazeRules

Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
Words = NDArray[np.uint64]

NO_ACTION = -1
"""The previous action before the first step of an episode."""

NEVER = 0
"""The step after which the goal moves, where it does not: no step has that number."""

# NumPy takes a 0-d array faster than a Python number, which shows when there is but one environment.
_ONE = np.array(1)
_NUM_ACTIONS = np.array(NUM_ACTIONS)


@dataclass
class MazeState:
    """N environments in mid-episode. Everything that happens next follows from this and the actions.

    An episode holds K goals, of which the current pair's pays. The task of 2018 has K = 1.

    Attributes:
        seed: uint64 [N].
        episode: Episodes begun since the seed was set, from 0, uint64 [N].
        key: Where the episode's random draws are found; follows from `seed` and `episode`, uint64 [N].
        walls: Each environment's own walls, follow from `key`, bool [N, num_cells]; [N, 0] where all share
            those of the layout.
        cues: Entries +1 or -1, follow from `key`, float32 [N, K, cue_size].
        switch_at: The step after which the goal moves, or NEVER, follows from `key`, int [N].
        goals: Goal cells, int [N, K].
        pair: Which of the K goals pays, int [N].
        goal: The cell that pays, `goals[n, pair[n]]`, int [N].
        agent: Agent's cell, int [N].
        previous_action: -1 before the first step, int [N].
        previous_reward: 0 before the first step, float64 [N].
        elapsed: Steps taken in this episode, int [N].
        hits: Times the goal was entered in this episode, int [N].
    """

    seed: Words
    episode: Words
    key: Words
    walls: Bools
    cues: NDArray[np.float32]
    switch_at: Ints
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


def begin_episodes(rules: MazeRules, seed: Words, episode: Words, goal: Ints | None = None) -> MazeState:
    """Stand at the start of the given episodes.

    Args:
        rules: The rules.
        seed: uint64 [N].
        episode: Which episode of that seed, uint64 [N].
        goal: Goal cells to use instead of random ones, for the first pair, int [N]. The teleports stay those
            of the episode.

    Returns:
        The state, with arrays of its own.
    """
    n = len(seed)
    key = episode_key(seed, episode)
    zeros = np.zeros(n, dtype=np.intp)
    walls = episode_walls(rules, key)
    goals = _first_goals(rules, key, walls)
    if goal is not None:
        goals[:, 0] = goal
    pair = zeros.copy() if rules.n_cues == 1 else draw(key, Stream.PAIR, zeros, rules.n_cues)
    return MazeState(
        seed=seed.copy(),
        episode=episode.copy(),
        key=key,
        walls=walls,
        cues=episode_cues(rules, key),
        switch_at=episode_switch(rules, key),
        goals=goals,
        pair=pair,
        goal=goals[np.arange(n), pair],
        agent=np.full(n, rules.layout.centre),
        previous_action=np.full(n, NO_ACTION),
        previous_reward=np.zeros(n),
        elapsed=zeros,
        hits=zeros.copy(),
    )


def step(rules: MazeRules, state: MazeState, actions: Ints) -> tuple[NDArray[np.float64], Bools]:
    """Move every agent once, changing `state` in place. A finished episode is left at its end.

    Args:
        rules: The rules.
        state: N environments. What is returned for finished ones, and becomes of them, means nothing.
        actions: Each 0 to 3, int [N].

    Returns:
        Rewards, float64 [N], and whether the episode ended, bool [N]. The caller owns both.
    """
    if rules.random_walls:
        there = state.agent + rules.ahead.take(actions)
        into_wall = state.walls.take(own_cells(state, there))
        state.agent = np.where(into_wall, state.agent, there)
        reward = rules.reward_of_bump.take(into_wall)
    else:
        move = state.agent * _NUM_ACTIONS
        move += actions
        state.agent = rules.next_cell.take(move)
        reward = rules.move_reward.take(move)

    # A goal is never where the agent already stands, so being there means having just entered it.
    rows = (state.agent == state.goal).nonzero()[0]
    if rows.size:
        reward[rows] = rules.goal_reward
        _hit(rules, state, rows)

    state.elapsed += _ONE
    if rules.goal_switch:
        rows = (state.elapsed == state.switch_at).nonzero()[0]
        if rows.size:
            move_goals(rules, state, rows)
    state.previous_action = actions.copy()
    state.previous_reward = reward
    return reward.copy(), state.elapsed == rules.horizon


def move_goals(rules: MazeRules, state: MazeState, rows: Ints, cells: Ints | None = None) -> None:
    """Put the paying goals of the environments in `rows` elsewhere, changing `state` in place.

    Args:
        rules: The rules.
        state: N environments.
        rows: Some of them, int [M].
        cells: Where to, free and neither under the agent nor another pair's goal, int [M]. None draws from
            all free cells that are neither a goal nor under the agent, uniformly.
    """
    if cells is None:
        allowed = free_cells(rules, state.walls[rows])
        every = np.arange(len(rows))
        allowed[every, state.agent[rows]] = False
        allowed[every[:, None], state.goals[rows]] = False
        rank = draw(state.key[rows], Stream.SWITCH_GOAL, state.elapsed[rows], allowed.sum(axis=1))
        cells = _nth_cells(allowed, rank[:, None])[:, 0]
    state.goals[rows, state.pair[rows]] = cells
    state.goal[rows] = cells


def episode_walls(rules: MazeRules, key: Words) -> Bools:
    """The walls that episodes have of their own, bool [N, num_cells] or [N, 0]."""
    return draw_walls(rules.layout.size, key) if rules.random_walls else np.empty((len(key), 0), np.bool_)


def episode_cues(rules: MazeRules, key: Words) -> NDArray[np.float32]:
    """The cues of episodes, no two of one episode alike, float32 [N, K, cue_size]."""
    if rules.cue_size == 0:
        return np.empty((len(key), rules.n_cues, 0), dtype=np.float32)
    number = draw_distinct(key, Stream.CUE, rules.n_cues, 2**rules.cue_size)
    bits = number[:, :, None] >> np.arange(rules.cue_size) & 1
    return (2 * bits - 1).astype(np.float32)


def episode_switch(rules: MazeRules, key: Words) -> Ints:
    """The step after which the goal moves, or NEVER, int [N]."""
    if not rules.goal_switch:
        return np.full(len(key), NEVER)
    first, last = rules.switch_steps
    return first + draw(key, Stream.SWITCH_TIME, np.zeros(len(key), dtype=np.intp), last - first + 1)


def free_cells(rules: MazeRules, walls: Bools) -> Bools:
    """Where an agent can stand, bool [N, num_cells], fresh; `walls` as in `MazeState`."""
    return ~walls if rules.random_walls else np.repeat(rules.always_free[None], len(walls), axis=0)


def own_cells(state: MazeState, cells: Ints) -> Ints:
    """Where to find cells in the flat `state.walls`, int of the shape of `cells`, [N] or [N, ...]."""
    first = np.arange(0, state.walls.size, state.walls.shape[1])
    return cells + first.reshape(-1, *[1] * (cells.ndim - 1))


def _hit(rules: MazeRules, state: MazeState, rows: Ints) -> None:
    """Draw the next pair for the agents in `rows`, which are on their goals, and send them elsewhere."""
    key, hits = state.key[rows], state.hits[rows]
    if rules.n_cues > 1:
        pair = draw(key, Stream.PAIR, hits + _ONE, rules.n_cues)
        state.pair[rows] = pair
        state.goal[rows] = state.goals[rows, pair]
    goal = state.goal[rows]
    if rules.random_walls:
        allowed = ~state.walls[rows]
        allowed[np.arange(len(rows)), goal] = False
        rank = draw(key, Stream.TELEPORT, hits, allowed.sum(axis=1))
        state.agent[rows] = _nth_cells(allowed, rank[:, None])[:, 0]
    else:
        # The same, by tables.
        layout = rules.layout
        rank = draw(key, Stream.TELEPORT, hits, bound=len(layout.free) - 1)
        rank += rank >= layout.free_rank.take(goal)
        state.agent[rows] = layout.free.take(rank)
    state.hits[rows] = hits + 1


def _first_goals(rules: MazeRules, key: Words, walls: Bools) -> Ints:
    """Draw different free cells other than the start, int [N, K]."""
    if not rules.random_walls:
        others = rules.layout.free_but_centre
        return others.take(draw_distinct(key, Stream.GOAL, rules.n_cues, len(others)))
    allowed = ~walls
    allowed[:, rules.layout.centre] = False
    return _nth_cells(allowed, draw_distinct(key, Stream.GOAL, rules.n_cues, allowed.sum(axis=1)))


def _nth_cells(allowed: Bools, rank: Ints) -> Ints:
    """The cells that come at place `rank` [N, M], from 0, among those `allowed` [N, num_cells]."""
    count = allowed.cumsum(axis=1, dtype=np.int32)
    return (count[:, None] > rank[:, :, None]).argmax(axis=2)

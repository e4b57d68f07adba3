"""The task's text, written down a second time as plain loops, against the environment over a million steps.

This file shares nothing with `plastic_maze.dynamics`. It takes what is random (goals, cues, walls, the
teleports' targets, when and where a goal moves) from what the environment under test says, after checking
that it is allowed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from plastic_maze import ENVIRONMENTS, PlasticMazeVectorEnv


class PlainMaze:
    """One maze, a square at a time."""

    def __init__(
        self,
        size: int,
        max_steps: int,
        goal_reward: float,
        wall_penalty: float,
        n_cues: int,
        cue_size: int,
        layout: str,
        goal_switch: bool,
    ) -> None:
        self.size, self.max_steps = size, max_steps
        self.goal_reward, self.wall_penalty = goal_reward, wall_penalty
        self.n_cues, self.cue_size, self.goal_switch = n_cues, cue_size, goal_switch
        last, self.middle = size + 1, (size + 1) // 2
        self.pillar_room = [
            [
                row in (0, last)
                or col in (0, last)
                or (row % 2 == 0 and col % 2 == 0 and not row == col == self.middle)
                for col in range(size + 2)
            ]
            for row in range(size + 2)
        ]
        self.random_walls = layout == "random"
        self.start = (self.middle, self.middle)

    def reset(self, told: "Told") -> None:
        self.wall = told.walls.tolist() if self.random_walls else self.pillar_room
        if self.random_walls:
            self.check_walls()
        self.known: dict[int, tuple[tuple[int, int], tuple[float, ...]]] = {}
        self.agent = self.start
        self.time, self.hits, self.action, self.reward = 0, 0, None, 0.0
        self.moved = False
        assert told.goal != self.start
        self.take_pair(told)

    def check_walls(self) -> None:
        """More walls than the pillar room, in the right places, and every free square within reach."""
        free = set()
        for row in range(self.size + 2):
            for col in range(self.size + 2):
                beside_centre = abs(row - self.middle) + abs(col - self.middle) == 1 and self.middle % 2 == 0
                if self.pillar_room[row][col]:
                    assert self.wall[row][col]
                elif (row % 2 and col % 2) or (row, col) == self.start or beside_centre:
                    assert not self.wall[row][col]
                if not self.wall[row][col]:
                    free.add((row, col))
        reached, queue = {self.start}, [self.start]
        for row, col in queue:
            for square in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
                if square in free and square not in reached:
                    reached.add(square)
                    queue.append(square)
        assert reached == free

    def take_pair(self, told: "Told") -> None:
        """A pair is drawn: as far as it is known from before, it must be the same."""
        assert 0 <= told.pair < self.n_cues
        assert len(told.cue) == self.cue_size
        assert set(told.cue) <= {-1.0, 1.0}
        assert not self.wall[told.goal[0]][told.goal[1]]
        assert self.known.setdefault(told.pair, (told.goal, told.cue)) == (told.goal, told.cue)
        for part in zip(*self.known.values(), strict=True):
            assert self.n_cues == 1 or len(set(part)) == len(self.known)
        self.pair = told.pair

    @property
    def goal(self) -> tuple[int, int]:
        return self.known[self.pair][0]

    @property
    def cue(self) -> tuple[float, ...]:
        return self.known[self.pair][1]

    def step(self, action: int, told: "Told") -> bool:
        """Move; `told` is what the environment under test says of the end of this step."""
        row, col = self.agent
        if action == 0:
            row -= 1
        elif action == 1:
            row += 1
        elif action == 2:
            col -= 1
        else:
            col += 1
        self.time += 1
        may_move = (
            self.goal_switch
            and not self.moved
            and 3 * self.time >= self.max_steps
            and 3 * self.time <= 2 * self.max_steps
        )
        self.reward = 0.0
        hit = False
        if self.wall[row][col]:
            if self.wall_penalty != 0:
                self.reward = -self.wall_penalty
        else:
            self.agent = (row, col)
            if self.agent == self.goal:
                hit = True
                self.reward = self.goal_reward
                self.hits += 1
                assert not self.wall[told.agent[0]][told.agent[1]]
                self.agent = told.agent
        self.action = action
        if hit and not (may_move and told.pair in self.known and told.goal != self.known[told.pair][0]):
            self.take_pair(told)
            assert self.agent != self.goal
        elif hit:  # and the goal moved in the same step
            self.pair = told.pair
        if told.goal != self.goal:
            assert may_move
            assert told.pair == self.pair
            assert told.goal != self.agent
            assert told.goal not in [goal for goal, _ in self.known.values()]
            assert not self.wall[told.goal[0]][told.goal[1]]
            self.known[self.pair] = (told.goal, self.cue)
            self.moved = True
        over = self.time == self.max_steps
        # A pair that was drawn for the first time may have moved at once, which cannot be told from outside.
        assert not over or self.moved == self.goal_switch or self.n_cues > 1
        return over

    def observation(self) -> list[float]:
        row, col = self.agent
        seen = [float(self.wall[r][c]) for r in (row - 1, row, row + 1) for c in (col - 1, col, col + 1)]
        acted = [float(self.action == action) for action in range(4)]
        return [*seen, *acted, self.reward, self.time / self.max_steps, *self.cue]


@dataclass
class Told:
    """What the environment under test says of one maze."""

    agent: tuple[int, int]
    goal: tuple[int, int]
    pair: int
    cue: tuple[float, ...]
    walls: np.ndarray


def told_by(env: PlasticMazeVectorEnv, observations: np.ndarray, info: dict[str, Any]) -> list[Told]:
    """At the end of a step; at the end of an episode, before the next one began."""
    final = info.get("final_info", info)
    over = info.get("_final_info", np.zeros(env.num_envs, dtype=bool))

    def last(key: str) -> np.ndarray:
        values = info.get(key, np.zeros(env.num_envs, dtype=int))
        return np.where(over.reshape(-1, *[1] * (values.ndim - 1)), final.get(key, values), values)

    seen = np.where(over[:, None], info.get("final_obs", observations), observations)
    return [
        Told(tuple(agent), tuple(goal), pair, tuple(cue), own)
        for agent, goal, pair, cue, own in zip(
            last("agent").tolist(),
            last("goal").tolist(),
            last("pair").tolist(),
            seen[:, 15:].tolist(),
            env.walls(),
            strict=True,
        )
    ]


CASES = [
    *((kwargs, 1024, 250) for kwargs in ENVIRONMENTS.values()),
    ({"size": 3, "max_steps": 1, "wall_penalty": 0.25}, 500, 60),
    ({"size": 3, "max_steps": 7, "wall_penalty": 1e-3, "goal_reward": 1.0}, 1000, 100),
    ({"size": 7, "max_steps": 33, "wall_penalty": 3.0, "goal_reward": 0.7}, 1000, 100),
    ({"size": 15, "max_steps": 40, "wall_penalty": 0.5, "goal_reward": 1e-3}, 500, 100),
    ({"size": 3, "max_steps": 20, "n_cues": 7, "cue_size": 3, "goal_switch": True}, 300, 90),
    ({"size": 5, "max_steps": 30, "n_cues": 2, "cue_size": 1, "layout": "random"}, 300, 90),
    ({"size": 7, "max_steps": 31, "layout": "random", "goal_switch": True, "cue_size": 2}, 300, 90),
]


def test_a_million_transitions_are_checked() -> None:
    assert sum(n * steps for _, n, steps in CASES) >= 1_000_000


@pytest.mark.parametrize(("kwargs", "n", "steps"), CASES)
def test_every_transition_follows_the_text(kwargs: dict[str, Any], n: int, steps: int) -> None:
    settings = {
        "size": 9,
        "max_steps": 250,
        "goal_reward": 10.0,
        "wall_penalty": 0.1,
        "n_cues": 1,
        "cue_size": 0,
        "layout": "pillars",
        "goal_switch": False,
    } | kwargs
    env = PlasticMazeVectorEnv(n, **settings)
    mazes = [PlainMaze(**settings) for _ in range(n)]
    random = np.random.default_rng(0)

    observations, info = env.reset(seed=11)
    begin(mazes, told_by(env, observations, info))
    check(mazes, observations, info)
    half = np.arange(n) < n // 2
    for t in range(steps):
        if t == steps // 3:  # from here on, the episodes do not all end together
            observations, info = env.reset(options={"reset_mask": half})
            first = mazes[: n // 2]
            begin(first, told_by(env, observations, info)[: n // 2])
            check(first, observations[: n // 2], {key: value[: n // 2] for key, value in info.items()})
        actions = random.integers(4, size=n)
        observations, rewards, terminated, truncated, info = env.step(actions)
        told = told_by(env, observations, info)
        ended = [maze.step(*move) for maze, *move in zip(mazes, actions.tolist(), told, strict=True)]
        np.testing.assert_array_equal(rewards, [maze.reward for maze in mazes])
        np.testing.assert_array_equal(terminated, ended)
        assert not truncated.any()
        assert ("final_obs" in info) == ("final_info" in info) == any(ended)
        if any(ended):
            rows = np.flatnonzero(ended)
            np.testing.assert_array_equal(info["_final_obs"], ended)
            np.testing.assert_array_equal(info["_final_info"], ended)
            over = [mazes[row] for row in rows]
            check(
                over, info["final_obs"][rows], {key: value[rows] for key, value in info["final_info"].items()}
            )
            now = {key: value for key, value in info.items() if "final" not in key}
            told = told_by(env, observations, now)
            begin(over, [told[row] for row in rows])
        check(mazes, observations, info)


def begin(mazes: list[PlainMaze], told: list[Told]) -> None:
    for maze, one in zip(mazes, told, strict=True):
        maze.reset(one)


def check(mazes: list[PlainMaze], observations: np.ndarray, info: dict[str, Any]) -> None:
    expected = np.array([maze.observation() for maze in mazes]).astype(np.float32)
    np.testing.assert_array_equal(observations, expected)
    np.testing.assert_array_equal(info["agent"], [maze.agent for maze in mazes])
    np.testing.assert_array_equal(info["goal"], [maze.goal for maze in mazes])
    np.testing.assert_array_equal(info["hits"], [maze.hits for maze in mazes])
    assert ("pair" in info) == (mazes[0].n_cues > 1)
    if "pair" in info:
        np.testing.assert_array_equal(info["pair"], [maze.pair for maze in mazes])

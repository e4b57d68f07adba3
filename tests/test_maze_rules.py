"""The task's text, written down a second time as plain loops, against the environment over a million steps.

This file shares nothing with `plastic_maze.dynamics`. It takes the goals and the teleports' targets, which
are random, from the information of the environment under test, after checking that they are allowed.
"""

from typing import Any

import numpy as np
import pytest

from plastic_maze import ENVIRONMENTS, PlasticMazeVectorEnv


class PlainMaze:
    """One maze, a square at a time."""

    def __init__(self, size: int, max_steps: int, goal_reward: float, wall_penalty: float) -> None:
        self.max_steps, self.goal_reward, self.wall_penalty = max_steps, goal_reward, wall_penalty
        last, middle = size + 1, (size + 1) // 2
        self.wall = [
            [
                row in (0, last)
                or col in (0, last)
                or (row % 2 == 0 and col % 2 == 0 and not row == col == middle)
                for col in range(size + 2)
            ]
            for row in range(size + 2)
        ]
        self.start = (middle, middle)

    def reset(self, goal: tuple[int, int]) -> None:
        assert not self.wall[goal[0]][goal[1]]
        assert goal != self.start
        self.goal, self.agent = goal, self.start
        self.time, self.hits, self.action, self.reward = 0, 0, None, 0.0

    def step(self, action: int, landed: tuple[int, int]) -> bool:
        """Move; `landed` is where the environment under test has its agent now."""
        row, col = self.agent
        if action == 0:
            row -= 1
        elif action == 1:
            row += 1
        elif action == 2:
            col -= 1
        else:
            col += 1
        self.reward = 0.0
        if self.wall[row][col]:
            if self.wall_penalty != 0:
                self.reward = -self.wall_penalty
        else:
            self.agent = (row, col)
            if self.agent == self.goal:
                self.reward = self.goal_reward
                self.hits += 1
                assert landed != self.goal
                assert not self.wall[landed[0]][landed[1]]
                self.agent = landed
        self.action = action
        self.time += 1
        return self.time == self.max_steps

    def observation(self) -> list[float]:
        row, col = self.agent
        seen = [float(self.wall[r][c]) for r in (row - 1, row, row + 1) for c in (col - 1, col, col + 1)]
        acted = [float(self.action == action) for action in range(4)]
        return [*seen, *acted, self.reward, self.time / self.max_steps]


CASES = [
    *((kwargs, 1024, 250) for kwargs in ENVIRONMENTS.values()),
    ({"size": 3, "max_steps": 1, "wall_penalty": 0.25}, 500, 60),
    ({"size": 3, "max_steps": 7, "wall_penalty": 1e-3, "goal_reward": 1.0}, 1000, 100),
    ({"size": 7, "max_steps": 33, "wall_penalty": 3.0, "goal_reward": -0.7}, 1000, 100),
    ({"size": 15, "max_steps": 40, "wall_penalty": -0.5, "goal_reward": 0.0}, 500, 100),
]


def test_a_million_transitions_are_checked() -> None:
    assert sum(n * steps for _, n, steps in CASES) >= 1_000_000


@pytest.mark.parametrize(("kwargs", "n", "steps"), CASES)
def test_every_transition_follows_the_text(kwargs: dict[str, Any], n: int, steps: int) -> None:
    settings = {"size": 9, "max_steps": 250, "goal_reward": 10.0, "wall_penalty": 0.1} | kwargs
    env = PlasticMazeVectorEnv(n, **settings)
    mazes = [PlainMaze(**settings) for _ in range(n)]
    random = np.random.default_rng(0)

    observations, info = env.reset(seed=11)
    for maze, goal in zip(mazes, info["goal"].tolist(), strict=True):
        maze.reset(tuple(goal))
    check(mazes, observations, info)
    half = np.arange(n) < n // 2
    for t in range(steps):
        if t == steps // 3:  # from here on, the episodes do not all end together
            observations, info = env.reset(options={"reset_mask": half})
            for maze, goal in zip(mazes[: n // 2], info["goal"].tolist(), strict=False):
                maze.reset(tuple(goal))
            check(mazes, observations, info)
        actions = random.integers(4, size=n)
        observations, rewards, terminated, truncated, info = env.step(actions)
        final = info.get("final_info", info)["agent"].tolist()
        landed = [
            tuple(last if over else now)
            for now, last, over in zip(info["agent"].tolist(), final, terminated.tolist(), strict=True)
        ]
        ended = [
            maze.step(*move)
            for maze, move in zip(mazes, zip(actions.tolist(), landed, strict=True), strict=True)
        ]
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
            for row in rows:
                mazes[row].reset(tuple(info["goal"][row].tolist()))
        check(mazes, observations, info)


def check(mazes: list[PlainMaze], observations: np.ndarray, info: dict[str, Any]) -> None:
    expected = np.array([maze.observation() for maze in mazes]).astype(np.float32)
    np.testing.assert_array_equal(observations, expected)
    np.testing.assert_array_equal(info["agent"], [maze.agent for maze in mazes])
    np.testing.assert_array_equal(info["goal"], [maze.goal for maze in mazes])
    np.testing.assert_array_equal(info["hits"], [maze.hits for maze in mazes])

"""Environment steps per second, from Python, observation and info included."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from benchmarks.timing import median_seconds

ENV_ID = "plastic_maze:PlasticMaze-v0"


def single_steps_per_second() -> float:
    """One `PlasticMazeEnv` without wrappers, whole episodes with their resets."""
    env = gym.make(ENV_ID).unwrapped
    actions = np.random.default_rng(0).integers(0, 4, 250).tolist()

    def episode() -> None:
        env.reset(seed=0)
        for action in actions:
            env.step(action)

    return len(actions) / median_seconds(episode)


def vector_steps_per_second(n: int) -> float:
    """`PlasticMazeVectorEnv` with `n` rows, whole episodes with their resets."""
    envs = gym.make_vec(ENV_ID, num_envs=n)
    envs.reset(seed=0)
    actions = np.random.default_rng(0).integers(0, 4, (250, n))

    def episode() -> None:
        for row in actions:
            envs.step(row)

    return actions.size / median_seconds(episode, at_least=1.0)


def measure() -> list[dict[str, object]]:
    """One row for each number of environments."""
    rows: list[dict[str, object]] = [{"environment": "single", "N": 1, "steps/s": single_steps_per_second()}]
    rows += [
        {"environment": "vector", "N": n, "steps/s": vector_steps_per_second(n)} for n in (1, 128, 1024, 8192)
    ]
    return rows

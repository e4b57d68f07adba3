"""One episode as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from stable_baselines3.common.utils import set_random_seed

from agents.ablations import Ablations
from agents.evaluation import INTACT, Task, make_player
from agents.vec_env import episode_length

FPS = 12
"""Frames a second: slow enough to follow by eye."""


def frames(
    name: str, task: Task, seed: int, deterministic: bool, ablations: Ablations = INTACT
) -> Iterator[np.ndarray]:
    """Play one episode and draw it before each step.

    Args:
        name: The player, see :func:`agents.evaluation.make_player`.
        task: Where it plays.
        seed: Of the episode and of the player's choices.
        deterministic: Passed to the player.
        ablations: What is taken away from an agent.

    Yields:
        Pictures, uint8 [height, width, 3].

    Raises:
        ValueError: If the task, the player or an ablation is not accepted.
    """
    env = task.make(1, ablations.move_goal, render_mode="rgb_array")
    try:
        ablations.check(episode_length(env))
        player = make_player(name, env, seed, ablations)
        set_random_seed(seed)
        env.seed(seed)
        if task.goal is not None:
            env.set_options({"goal": task.goal})
        obs, state, starts = env.reset(), None, np.ones(1, dtype=bool)
        while True:
            yield from (image for image in env.get_images() if image is not None)
            actions, state = player.predict(obs, state, starts, deterministic)
            obs, _, starts, _ = env.step(actions)
            if starts[0]:
                return
    finally:
        env.close()


def save_gif(path: Path, images: Iterator[np.ndarray], fps: int = FPS) -> int:
    """Write an animation that repeats for ever; returns its number of frames."""
    # One palette for all frames keeps the file small and the colours steady.
    first, *rest = [Image.fromarray(image) for image in images]
    palette = first.quantize(64)
    pictures = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in (first, *rest)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=1000 // fps, loop=0)
    return len(pictures)

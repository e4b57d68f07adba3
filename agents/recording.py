"""One episode as pictures, and pictures as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import chain
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image
from stable_baselines3.common.utils import set_random_seed

from agents.ablations import Ablations
from agents.episode_length import episode_length
from agents.evaluation import INTACT, Task, make_player

FPS = 12
"""Frames a second: slow enough to follow by eye."""
LAST_FRAME_SECONDS = 2.0
"""How long an animation stays at its end before it begins again."""


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
        ValueError: If the task, the player or an ablation is not accepted, or the environment draws nothing.
    """
    env = task.make(1, ablations.move_goal, render_mode="rgb_array")
    try:
        ablations.check(episode_length(env))
        player = make_player(name, env, seed, ablations)
        set_random_seed(seed)
        env.seed(seed)
        obs, state, starts = env.reset(), None, np.ones(1, dtype=bool)
        while True:
            (image,) = env.get_images()
            if image is None:
                raise ValueError(f"{task.env_id} draws no pictures")
            yield image
            actions, state = player.predict(obs, state, starts, deterministic)
            obs, _, starts, _ = env.step(actions)
            if starts[0]:
                return
    finally:
        env.close()


def gif_job(
    path: Path, images: Iterable[np.ndarray], sample: Sequence[np.ndarray], fps: int
) -> Iterator[int]:
    """Write an animation that repeats for ever, one frame at a time; it rests at its end.

    Args:
        path: The file; it is there once the last number was yielded.
        images: The frames, uint8 [height, width, 3], of one size.
        sample: Frames in which all colours occur.
        fps: Frames a second.

    Yields:
        How many frames are done.

    Raises:
        OSError: If the file cannot be written.
    """
    # One palette for all frames keeps the file small and the colours steady. An octree also keeps the colours
    # of small signs.
    palette = Image.fromarray(np.concatenate(sample)).quantize(64, method=Image.Quantize.FASTOCTREE)
    pictures = []
    for image in images:
        pictures.append(Image.fromarray(image).quantize(palette=palette, dither=Image.Dither.NONE))
        if len(pictures) > 1:
            yield len(pictures) - 1
    first, *rest = pictures
    durations = [1000 // fps] * len(rest) + [round(1000 * LAST_FRAME_SECONDS)]
    with ThreadPoolExecutor(1) as pool:  # so that a window stays alive meanwhile
        writing = pool.submit(first.save, path, save_all=True, append_images=rest, duration=durations, loop=0)
        while not writing.done():
            wait([writing], timeout=0.01)
            yield len(pictures) - 1
        writing.result()
    yield len(pictures)


def save_gif(path: Path, images: Iterable[np.ndarray], fps: int = FPS) -> int:
    """Write an animation that repeats for ever and rests at its end; returns its number of frames."""
    frames = list(images)
    return max(gif_job(path, frames, [frames[0], frames[len(frames) // 2], frames[-1]], fps))


def save_mp4(path: Path, images: Iterable[np.ndarray], fps: int = FPS) -> int:
    """Write a film; returns its number of frames.

    Args:
        path: The file.
        images: The frames, uint8 [height, width, 3], of one size with even sides.
        fps: Frames a second.

    Raises:
        ValueError: If the package that writes films is not installed.
    """
    ffmpeg = check_mp4()
    frames = iter(images)
    first = next(frames)
    size = first.shape[1], first.shape[0]
    writer = ffmpeg.write_frames(str(path), size, fps=fps, macro_block_size=2, ffmpeg_log_level="error")
    writer.send(None)
    count = 0
    try:
        for image in chain((first,), frames):
            writer.send(np.ascontiguousarray(image))
            count += 1
    finally:
        writer.close()
    return count


def check_mp4() -> ModuleType:
    """The package that writes films, which is optional.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise ValueError("mp4 needs imageio-ffmpeg: pip install imageio-ffmpeg") from error
    return imageio_ffmpeg


def save_frames(folder: Path, images: Iterable[np.ndarray]) -> int:
    """Write 00000.png, 00001.png and so on into `folder`; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for image in images:
        save_picture(folder / f"{count:05d}.png", image)
        count += 1
    return count


def save_picture(path: Path, image: np.ndarray) -> None:
    """Write a picture, uint8 [height, width, 3]."""
    Image.fromarray(image).save(path)

"""Pictures per second: the environment's own, and those of the viewer's window with all it shows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import gymnasium as gym

from agents import RecurrentA2C, make_vec_env
from agents.evaluation import Task
from benchmarks.timing import median_seconds
from plastic_maze.rendering import import_pygame
from plastic_maze.window import Size
from viewer.director import Director
from viewer.keys import Command
from viewer.show import make_match
from viewer.window import ViewerWindow

ENV_ID = "PlasticMaze-v0"
NEURONS = 100
SIZES = ((1280, 800), (3840, 2160))
"""Of the window, pixels: an ordinary screen's, and a large one's."""


def pictures_per_second() -> float:
    """A step and `render()` of one maze in the mode "rgb_array"."""
    env = gym.make(f"plastic_maze:{ENV_ID}", render_mode="rgb_array", max_steps=10**9).unwrapped
    env.reset(seed=0)
    env.action_space.seed(0)

    def step_and_render() -> None:
        env.step(int(env.action_space.sample()))
        env.render()

    return 1 / median_seconds(step_and_render)


def frames_per_second(players: Sequence[str], size: Size) -> float:
    """Frames of a window of this size, each after a step of all `players`, on SDL's dummy display."""
    before = os.environ.get("SDL_VIDEODRIVER")
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    director = Director(make_match(players, Task(ENV_ID, {}), seed=0), ENV_ID)
    window = ViewerWindow(director, "benchmark", Path())
    import_pygame().display.set_mode(size)

    def step_and_draw() -> None:
        # A frame in which nothing has changed would not be drawn.
        director.do(Command.NEW if director.match.over else Command.STEP)
        window.frame(0)

    try:
        return 1 / median_seconds(step_and_draw, at_least=2.0)
    finally:
        window.close()
        if before is None:
            del os.environ["SDL_VIDEODRIVER"]
        else:
            os.environ["SDL_VIDEODRIVER"] = before


def measure() -> list[dict[str, object]]:
    """One row for each kind of picture."""
    with tempfile.TemporaryDirectory() as folder:
        model = RecurrentA2C(
            "RecurrentPolicy",
            make_vec_env(ENV_ID, 1),
            policy_kwargs={"core": "plastic", "hidden_size": NEURONS, "core_settings": {"init_scale": 0.3}},
            seed=0,
        )
        model.save(Path(folder, "agent"))
        agent = str(Path(folder, "agent.safetensors"))
        return [
            {"picture": "rgb_array of one maze", "frames/s": pictures_per_second()},
            *(
                {
                    "picture": f"window of {width} x {height}, {who}",
                    "frames/s": frames_per_second(players, (width, height)),
                }
                for width, height in SIZES
                for who, players in (("plastic agent", [agent]), ("two plastic agents", [agent, agent]))
            ),
        ]

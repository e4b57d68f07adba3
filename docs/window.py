"""Draw docs/window.png, the README's picture of the window: `python docs/window.py`."""

from __future__ import annotations

from pathlib import Path

from agents.evaluation import Task
from agents.recording import save_picture
from viewer.director import Director
from viewer.keys import Command
from viewer.screen import as_array, draw_screen
from viewer.show import make_match

ENV_ID, AGENT, SEED, STEPS = "PlasticMaze-v0", "plastic", 3, 109
SIZE = (1280, 800)


def main() -> None:
    """Let a shipped agent play for a while, and save what the window would show."""
    director = Director(make_match([AGENT], Task(ENV_ID, {}), SEED), ENV_ID)
    for _ in range(STEPS):
        director.do(Command.STEP)
    director.do(Command.PAUSE)  # after single steps: it goes on
    save_picture(Path(__file__).with_suffix(".png"), as_array(draw_screen(director.screen, SIZE)))


if __name__ == "__main__":
    main()

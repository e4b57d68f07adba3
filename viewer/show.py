"""Showing episodes in every way that was asked for: a window, animations, pictures, a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from numpy import uint8
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from agents.ablations import Ablations
from agents.evaluation import INTACT, Task
from agents.find_agent import short_names
from agents.plural import counted
from agents.recording import FPS, frames, save_frames, save_gif, save_mp4
from plastic_maze.window import Window
from viewer.director import Director
from viewer.match import Match, Score, Yardsticks
from viewer.recording import FILM_SIZE, GIF_SIZE, record
from viewer.session import Session
from viewer.still import draw_still, play_to_the_end
from viewer.window import ViewerWindow


@dataclass(frozen=True)
class Outputs:
    """How episodes are to be shown: in a window, and in files. None: not in that way."""

    render: bool = False
    episodes: int | None = None
    """After so many the window closes; None: it stays open until its user closes it."""
    gif: Path | None = None
    mp4: Path | None = None
    frames: Path | None = None
    figure: Path | None = None

    @property
    def recorded(self) -> list[str]:
        """Names of those that need no window."""
        files = {"gif": self.gif, "mp4": self.mp4, "frames": self.frames, "figure": self.figure}
        return [name for name, path in files.items() if path is not None]


def make_match(names: Sequence[str], task: Task, seed: int, ablations: Ablations = INTACT) -> Match:
    """Players side by side; what is taken away is taken from the first, but all goals move.

    Raises:
        ValueError: If the task, a player or an ablation is not accepted.
    """
    others = Ablations(move_goal=ablations.move_goal)
    labels = short_names(names)
    return Match(
        [
            Session(name, task, others if i else ablations, label)
            for i, (name, label) in enumerate(zip(names, labels, strict=True))
        ],
        seed,
    )


def show(
    outputs: Outputs,
    names: Sequence[str],
    task: Task,
    seed: int,
    greedy: bool,
    ablations: Ablations,
    console: Console,
) -> None:
    """Show episodes as `outputs` say.

    Args:
        outputs: How.
        names: One or two players, see :func:`viewer.minds.make_mind`; no person.
        task: Where they play.
        seed: Episode j is drawn from `seed` + j; recordings are of episode 0.
        greedy: Take the likeliest actions rather than sampled ones.
        ablations: What is taken away from the first player.
        console: Told what was written.

    Raises:
        ValueError: If the task, a player or an ablation is not accepted.
        RuntimeError: If there is no display for a window.
        OSError: If a file cannot be written.
    """
    if not (outputs.render or outputs.recorded):
        return
    if not task.is_maze:
        _show_plainly(outputs, names, task, seed, greedy, ablations, console)
        return
    match = make_match(names, task, seed, ablations)
    if outputs.render:
        _watch(Director(match, task.env_id, greedy, episodes=outputs.episodes), names)
    _write(outputs, lambda size: record(match, task.env_id, greedy, size), console)
    if outputs.figure is not None:
        draw_still(play_to_the_end(match, greedy), outputs.figure)
        console.print(f"{outputs.figure}: the paths of episode {seed}", highlight=False)


def play_yourself(
    outputs: Outputs,
    names: Sequence[str],
    task: Task,
    seed: int,
    greedy: bool,
    ablations: Ablations,
    console: Console,
) -> None:
    """Let a person play, among `names`, and print the scores of the episodes played to their end.

    Args:
        outputs: After how many episodes the window closes; a person is not recorded.
        names: One or two players, one of them the person.
        task: Where they play.
        seed: Episode j is drawn from `seed` + j.
        greedy: Agents take the likeliest actions rather than sampled ones.
        ablations: What is taken away from the first player.
        console: Told the scores.

    Raises:
        ValueError: If the task, a player or an ablation is not accepted.
        RuntimeError: If there is no display.
    """
    match = make_match(names, task, seed, ablations)
    director = Director(match, task.env_id, greedy, Yardsticks(task, ablations.move_goal), outputs.episodes)
    _watch(director, names)
    for episode_seed, ranking in director.finished:
        console.print(_as_table(f"{task.env_id}, episode of seed {episode_seed}", ranking))


def _watch(director: Director, names: Sequence[str]) -> None:
    ViewerWindow(director, f"Plastic Maze: {' and '.join(names)}", Path.cwd()).run()


def _write(
    outputs: Outputs, draw: Callable[[tuple[int, int]], Iterator[NDArray[uint8]]], console: Console
) -> None:
    """Write those outputs that are made of frames, which `draw` gives in any size."""

    def say(path: Path, count: int) -> None:
        console.print(f"{path}: {counted(count, 'frame')}", highlight=False)

    if outputs.gif is not None:
        say(outputs.gif, save_gif(outputs.gif, draw(GIF_SIZE)))
    if outputs.mp4 is not None:
        say(outputs.mp4, save_mp4(outputs.mp4, draw(FILM_SIZE)))
    if outputs.frames is not None:
        say(outputs.frames, save_frames(outputs.frames, draw(FILM_SIZE)))


def _show_plainly(
    outputs: Outputs,
    names: Sequence[str],
    task: Task,
    seed: int,
    greedy: bool,
    ablations: Ablations,
    console: Console,
) -> None:
    """Environments of others draw themselves, one player at a time."""
    if len(names) > 1 or outputs.figure is not None:
        raise ValueError(
            f"--figure, and --versus with pictures, are for this project's mazes only, not for {task.env_id}"
        )
    if outputs.render:
        window = Window(f"{names[0]} in {task.env_id}", FPS)
        played = count() if outputs.episodes is None else range(outputs.episodes)
        for image in chain.from_iterable(frames(names[0], task, seed + j, greedy, ablations) for j in played):
            window.show(image)
            if window.dismissed:
                break
        window.close()
    _write(outputs, lambda size: frames(names[0], task, seed, greedy, ablations), console)


def _as_table(title: str, ranking: Sequence[Score]) -> Table:
    table = Table("", "return", "hits", "steps to the first hit", title=title)
    for score in ranking:
        first = "-" if score.first is None else str(score.first)
        table.add_row(score.label, f"{score.score:z.1f}", str(score.hits), first)
    return table

"""Evaluate or watch an agent from the command line: `python evaluate.py --help`."""

from __future__ import annotations

if __name__ == "__main__":
    from commands.start import begin

    begin("PyTorch and the environments")  # first: what is imported below takes seconds

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from agents.ablations import Ablations
from agents.checkpoint import open_agent
from agents.cores.kernels import set_num_threads
from agents.evaluation import INTACT, REFERENCES, Scores, Task, evaluate, references, report
from agents.find_agent import find_agent, short_names
from agents.limits import EPISODES as MOST_EPISODES
from agents.limits import check_whole, one_line
from agents.plural import counted
from agents.recording import check_mp4
from agents.settings import DEFAULT_ENV, MazeSettings, check_seed, import_packages
from agents.vec_env import find_spec
from agents.whole_file import write_whole
from commands.count import OptionalCount
from commands.flags import say_error
from viewer.minds import PERSON
from viewer.show import Outputs, play_yourself, show
from viewer.still import ENDINGS

EPISODES = 200
"""That are scored unless another number is asked for."""


@dataclass(frozen=True)
class EvaluateSettings:
    """Let a trained agent play episodes, next to reference players on the same episodes."""

    agent: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="AGENT")]
    """Run folder, agent file, core name (the bundled pretrained agent), random, planner, oracle, or human."""
    versus: str | None = None
    """A second player, named in the same way, on the same episodes."""
    episodes: OptionalCount = None
    """Episodes to play and score (default: 200), or to show in the window, which otherwise stays open."""
    seed: int = 0
    """Episode j is generated from this seed + j."""
    env: str | None = None
    """Gymnasium id; by default the environment the agent was trained in."""
    goal: tuple[int, int] | None = None
    """Row and column of the goal in every episode (the first free row is 1); by default random."""
    deterministic: bool = False
    """Take the most probable action instead of sampling."""
    packages: tuple[str, ...] = ()
    """Python modules to import first, which register cores or environments of your own."""
    render: bool = False
    """Watch episodes in a window, which explains its keys."""
    gif: Path | None = None
    """Save the first episode as an animated GIF."""
    mp4: Path | None = None
    """Save the first episode as a video; needs the extra "video"."""
    frames: Path | None = None
    """Save the frames of the first episode as pictures in this folder."""
    figure: Path | None = None
    """Save the paths taken in the first episode as a figure for papers (.png or .svg)."""
    json: Path | None = None
    """Save all measurements to this file."""
    ablations: Annotated[Ablations, tyro.conf.arg(name="")] = field(default_factory=Ablations)
    maze: Annotated[MazeSettings, tyro.conf.arg(name="")] = field(default_factory=MazeSettings)

    def check(self) -> None:
        """Check what can be known at once.

        Raises:
            ValueError: Naming the setting and what is accepted.
        """
        if self.episodes is not None:
            check_whole("episodes", self.episodes, 1, MOST_EPISODES)
        check_seed("seed", self.seed)
        files = (
            ("gif", self.gif, (".gif",)),
            ("mp4", self.mp4, (".mp4",)),
            ("figure", self.figure, ENDINGS),
            ("json", self.json, ()),
        )
        for name, path, endings in files:
            if path is not None:
                _check_file(name, path, endings)
        if self.frames is not None and self.frames.exists() and not self.frames.is_dir():
            raise ValueError(f"frames must name a folder, but {self.frames} is a file")
        if self.frames is not None and any(self.frames.glob("*.png")):
            raise ValueError(f"frames must name a new folder, or one without pictures, got {self.frames}")
        if self.mp4 is not None:
            check_mp4()
        if PERSON in self.players and self.outputs.recorded:
            raise ValueError(f"{self.outputs.recorded[0]} cannot record a person; press A in the window")
        if PERSON in self.players and self.json is not None:
            raise ValueError("json is not for a person, who plays as many episodes as they like")
        if self.players == [PERSON, PERSON]:
            raise ValueError("versus human needs another player to play against: only one person can play")

    @property
    def players(self) -> list[str]:
        """One or two names."""
        return [self.agent] if self.versus is None else [self.agent, self.versus]

    @property
    def scored(self) -> bool:
        """Whether scores are wanted. Who closes a window wants to be done, unless they asked for scores."""
        watched = self.render and self.episodes is None and self.json is None
        return not (watched or PERSON in self.players)

    @property
    def outputs(self) -> Outputs:
        """How episodes are to be shown."""
        return Outputs(self.render, self.episodes, self.gif, self.mp4, self.frames, self.figure)

    def task(self) -> Task:
        """The environment to play in.

        Raises:
            ValueError: If the agent cannot be read, or says nothing of its environment and none was given.
        """
        env_id, env_kwargs = self.env, {}
        if env_id is not None:
            find_spec(env_id)
        trained = [name for name in self.players if name not in (*REFERENCES, PERSON)]
        if trained:
            file, settings = open_agent(find_agent(trained[0], env_id))
            if env_id is None:
                if settings.env_id is None:
                    raise ValueError(f"{file.path} does not say where it was trained; give --env")
                env_id, env_kwargs = settings.env_id, settings.env_kwargs
                try:
                    Task(env_id, env_kwargs).make(1).close()
                except ValueError as error:
                    why = one_line(f"{file.path} is of an environment that cannot be used: {error}")
                    raise ValueError(why) from error
        return Task(env_id or DEFAULT_ENV, {**env_kwargs, **self.maze.kwargs()}, self.goal)


def main(arguments: list[str] | None = None) -> int:
    """Read settings, evaluate, report; returns the exit code."""
    settings = tyro.cli(
        EvaluateSettings, prog="evaluate.py", description=EvaluateSettings.__doc__, args=arguments
    )
    console = Console(soft_wrap=True)
    try:
        run(settings, console)
    except KeyboardInterrupt:
        return 130
    except (ValueError, OSError, RuntimeError) as error:
        say_error(error, settings)
        return 2
    return 0


def run(settings: EvaluateSettings, console: Console) -> None:
    """Evaluate and write what was asked for."""
    settings.check()
    import_packages(settings.packages)
    set_num_threads(1)  # single steps: too little work to share
    task, ablations = settings.task(), settings.ablations
    watch = play_yourself if PERSON in settings.players else show
    watch(settings.outputs, settings.players, task, settings.seed, settings.deterministic, ablations, console)
    if not settings.scored:
        return
    episodes = settings.episodes or EPISODES

    def scores_of(name: str, ablations: Ablations) -> Scores:
        with console.status(f"playing {counted(episodes, 'episode')}: {name} {ablations.flags}".rstrip()):
            return evaluate(name, task, episodes, settings.seed, settings.deterministic, ablations)

    scores = scores_of(settings.agent, ablations)
    intact = scores_of(settings.agent, INTACT) if ablations.given else None
    names = dict.fromkeys([*settings.players[1:], *references(task)])  # each once, in this order
    others = [
        scores_of(name, Ablations(move_goal=ablations.move_goal)) for name in names if name != settings.agent
    ]
    if settings.json is not None:
        measured = report(scores, others, task, episodes, settings.seed, ablations, intact)
        write_whole(settings.json, json.dumps(measured, indent=2) + "\n")
    console.print(table(scores, intact, others, task, episodes, settings))


def table(
    scores: Scores,
    intact: Scores | None,
    others: list[Scores],
    task: Task,
    episodes: int,
    settings: EvaluateSettings,
) -> Table:
    """The scores, a column for each player; where something is ablated, the intact agent's come second."""
    title = f"{task.env_id}, {counted(episodes, 'episode')} from seed {settings.seed}"
    names = [s.agent for s in (scores, *others)]
    short = short_names(names)
    columns = list(zip(short if len(set(short)) == len(names) else names, (scores, *others), strict=True))
    if intact is not None:
        title += f"\n{columns[0][0]} with {settings.ablations.flags}"
        columns.insert(1, ("intact", intact))
    grid = Table("", title=title)
    for header, _ in columns:
        grid.add_column(header, justify="right")
    all_scores = [s for _, s in columns]

    def row(label: str, *cells: str) -> None:
        grid.add_row(label, *cells)

    row("mean return", *(f"{s.mean_return:z.2f}" for s in all_scores))
    row(
        "95 % interval",
        *("-" if s.ci95 is None else f"± {s.ci95[1] - s.mean_return:.2f}" for s in all_scores),
    )
    if task.is_maze:
        means = {s.agent: s.mean_return for s in (scores, *others)}
        # If goals were moved, the intact agent's was not: its task was not that of the reference players.
        apart = intact if settings.ablations.move_goal is not None else None
        for name in ("planner", "oracle"):
            if name in means:
                whole = means[name]  # where that is nothing, there are no shares of it
                shares = (
                    "-" if s is apart or whole <= 0 else f"{s.mean_return / whole:z.0%}" for s in all_scores
                )
                row(f"share of the {name}", *shares)
        row("steps to the first hit", *(_number(s.steps_to_first_hit) for s in all_scores))
        row("steps per later hit", *(_number(s.steps_per_later_hit) for s in all_scores))
        for q in range(4):
            row(f"hits in quarter {q + 1}", *(_number((s.hits_per_quarter or [])[q]) for s in all_scores))
        row("episodes without hit", *(str(s.episodes_without_hit) for s in all_scores))
    return grid


def _check_file(name: str, path: Path, endings: Sequence[str]) -> None:
    """Raise ValueError if nothing can be written to `path`, which `--name` gave. No endings: any will do."""
    if path.is_dir():
        raise ValueError(f"{name} must name a file, but {path} is a folder")
    if endings and path.suffix not in endings:
        raise ValueError(f"{name} must end in {' or '.join(endings)}, got {path}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{name}: there can be no folder {path.parent} ({error.strerror})") from error
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"{name}: nothing can be written to {path.parent}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:z.2f}"


if __name__ == "__main__":
    sys.exit(main())

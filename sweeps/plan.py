"""What a sweep is to do: its TOML file, read and checked before any work."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from agents.evaluation import Task
from agents.limits import RUNS, one_line, shown
from agents.metrics import read_metrics
from agents.run_folder import RunFolder
from agents.settings import MazeSettings, TrainSettings, import_packages
from agents.text_file import read_toml
from agents.training import new_model
from agents.typed_values import checked, from_table, hints_of
from sweeps.job import Progress, recent_speed
from sweeps.run_evaluation import EvaluationSettings, RunEvaluation

LOGGED_LINES = 200
"""About so many lines of metrics.csv a run is to have, unless the file sets log_interval."""

_ELSEWHERE = {
    "seed": "seeds, at the top of the file, says which seeds each entry has",
    "threads": "each run of a sweep has one thread; --jobs says how many run at the same time",
    "out": "a run's folder is ENTRY/seed-SEED beside the file",
    "resume": "unfinished runs are resumed by themselves",
    "maze": "size, max_steps and the like are given by their own names",
}
"""Fields of TrainSettings that a sweep sets itself, and why."""

_NO_MATTER = ("out", "resume", "packages", "checkpoint_every", "log_interval")
"""Fields of TrainSettings that a finished run may have otherwise: nothing in its result comes from them."""


@dataclass(frozen=True)
class Run:
    """One run of a sweep; see :class:`sweeps.job.Job`."""

    unit: ClassVar[str] = "step"
    measure: ClassVar[str] = "return"
    worker: ClassVar[str] = "sweeps.worker"

    entry: str
    """The entry it belongs to."""
    settings: TrainSettings
    """Its folder, `out`, is relative to the sweep's, so that a run's files name no machine."""
    evaluation: EvaluationSettings
    keep: bool = False
    """Whether checkpoints and TensorBoard events stay when the run is finished."""

    @property
    def name(self) -> str:
        """ENTRY/seed-SEED."""
        return self.settings.folder().as_posix()

    @property
    def total(self) -> int:
        """Environment steps."""
        return self.settings.total_steps

    @property
    def task(self) -> Task:
        """What it is trained and evaluated on."""
        return Task(self.settings.env, self.settings.maze.kwargs())

    def folder(self, sweep: Path) -> RunFolder:
        """The run's folder in the folder of the sweep."""
        return RunFolder(sweep / self.settings.folder())

    def log(self, sweep: Path) -> Path:
        """What the run's worker prints."""
        return sweep / f"{self.name}.log"

    def evaluation_file(self, sweep: Path) -> Path:
        """The scores; a run is finished once this is there."""
        return self.folder(sweep).path / "evaluation.json"

    def is_finished(self, sweep: Path) -> bool:
        """Whether nothing is left to do."""
        file = self.evaluation_file(sweep)
        return file.is_file() and RunEvaluation.read(file).settings == self.evaluation

    def progress(self, sweep: Path) -> Progress:
        """How far it has come, by its files."""
        folder = self.folder(sweep)
        try:
            rows = [row for row in read_metrics(folder.metrics_file) if "time/seconds" in row]
        except ValueError:  # not there yet
            rows = []
        if not rows:
            return Progress()
        steps = [row["time/total_timesteps"] for row in rows]
        mean_return = rows[-1].get("rollout/ep_rew_mean")
        return Progress(
            int(steps[-1]),
            "" if mean_return is None else f"{mean_return:.1f}",
            recent_speed(steps, [row["time/seconds"] for row in rows]),
            folder.agent.is_file(),
        )

    def check_folder(self, sweep: Path) -> None:
        """Check that what is in the run's folder is such a run, made with the run's settings.

        Raises:
            ValueError: If it was not, or cannot be read.
        """
        folder = self.folder(sweep)
        if not folder.settings_file.is_file():
            if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
                raise ValueError(f"{folder.path} is in the way: it is not the folder of a run; move it away")
            return
        found = folder.settings()
        for field in dataclasses.fields(TrainSettings):
            if field.name in _NO_MATTER:
                continue
            was, now = getattr(found, field.name), getattr(self.settings, field.name)
            if was != now:
                raise ValueError(
                    f"{folder.path} was trained with {field.name} = {was!r}, the sweep now says {now!r}; "
                    "rename the entry, or move the folder away"
                )
        file = self.evaluation_file(sweep)
        if file.is_file() and not self.is_finished(sweep) and not folder.agent.is_file():
            was_evaluated = RunEvaluation.read(file).settings
            raise ValueError(
                f"{folder.path} was evaluated with {was_evaluated}, the sweep now says {self.evaluation}, "
                "and its agent, which could play again, is no longer there"
            )

    def to_json(self) -> str:
        """In one line of text, for the run's worker."""
        return json.dumps({**dataclasses.asdict(self), "settings": self.settings.values()})

    @classmethod
    def from_json(cls, text: str) -> Run:
        """Read what :meth:`to_json` wrote."""
        values = json.loads(text)
        packages = tuple(values["settings"]["packages"])  # TrainSettings.from_values forgets them
        settings = TrainSettings.from_values(values["settings"], "the run")
        return cls(
            values["entry"],
            dataclasses.replace(settings, packages=packages),
            EvaluationSettings(**values["evaluation"]),
            values["keep"],
        )


@dataclass(frozen=True)
class Sweep:
    """Entries x seeds, all on one task."""

    file: Path
    entries: dict[str, TrainSettings]
    """The settings of each entry, its seed being the first."""
    seeds: tuple[int, ...]
    counts: dict[str, int]
    """How many of the seeds, from the first on, each entry is trained from."""
    evaluation: EvaluationSettings

    @property
    def folder(self) -> Path:
        """Where everything is written: the folder of the file."""
        return self.file.parent

    @property
    def report(self) -> Path:
        """Folder of figures and tables."""
        return self.folder / "report"

    @property
    def task(self) -> Task:
        """What all entries are trained and evaluated on."""
        return self.runs()[0].task

    def runs(self, keep: bool = False) -> list[Run]:
        """All runs, seed by seed, so that an unfinished sweep has about as many of each entry."""
        return [
            Run(
                name,
                dataclasses.replace(settings, seed=seed, out=Path(name) / f"seed-{seed}"),
                self.evaluation,
                keep,
            )
            for number, seed in enumerate(self.seeds)
            for name, settings in self.entries.items()
            if number < self.counts[name]
        ]


def read_sweep(file: Path, to_train: bool = True) -> Sweep:
    """Read and check a sweep's file, and what is in its folder already.

    Args:
        file: The file.
        to_train: Whether its runs are to be trained, or to play: its packages are imported then, and each
            entry is tried.

    Raises:
        ValueError: Naming what is wrong, where, and what is accepted.
    """
    content = read_toml(file)
    for name in content:
        if name not in ("seeds", "settings", "evaluation", "entries"):
            raise ValueError(
                f"{file} accepts no {shown(name)}; accepted: seeds, [settings], [evaluation], [entries.NAME]"
            )
    for name in ("settings", "evaluation", "entries"):
        if not isinstance(content.get(name, {}), dict):
            raise ValueError(f"{file}: {name} must be a table, got {shown(content[name])}")
    common = content.get("settings", {})
    evaluation = from_table(EvaluationSettings, content.get("evaluation", {}), f"{file}: [evaluation]")
    try:
        evaluation.check()
    except ValueError as error:
        raise ValueError(f"{file}: [evaluation] {error}") from error
    seeds = _seeds(content.get("seeds"), file)
    entries, counts = {}, {}
    for name, table in content.get("entries", {}).items():
        if not isinstance(table, dict):
            raise ValueError(
                f"{file}: entries.{name} must be a table, got {shown(table)}; write [entries.{name}]"
            )
        counts[name] = _count(table.pop("seeds", len(seeds)), len(seeds), f"{file}: [entries.{name}]")
        entries[name] = _entry(name, common, table, seeds[0], file, to_train)
    if not entries:
        raise ValueError(f"{file} has no entries; give at least one table [entries.NAME]")
    sweep = Sweep(file, entries, seeds, counts, evaluation)
    for run in sweep.runs():
        run.check_folder(sweep.folder)
    return sweep


def _seeds(given: object, file: Path) -> tuple[int, ...]:
    if type(given) is int and 1 <= given <= RUNS:
        return tuple(range(given))
    seeds = given if isinstance(given, list) else []
    if (
        1 <= len(seeds) <= RUNS
        and all(type(seed) is int and 0 <= seed < 2**32 for seed in seeds)
        and len(set(seeds)) == len(seeds)
    ):
        return tuple(seeds)
    raise ValueError(
        f"{file}: seeds must be how many (from 1 to {RUNS}: 0, 1, 2 ...) or a list of different whole "
        f"numbers from 0 to 4294967295, got {shown(given)}"
    )


def _count(given: object, most: int, where: str) -> int:
    if type(given) is int and 1 <= given <= most:
        return given
    raise ValueError(
        f"{where}: seeds must be how many of the sweep's seeds it has, from 1 to {most}, got {shown(given)}"
    )


def _entry(
    name: str, common: dict[str, Any], own: dict[str, Any], seed: int, file: Path, to_train: bool
) -> TrainSettings:
    """The checked settings of one entry."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or name == "report":
        raise ValueError(
            f"{file}: the entry {shown(name)} cannot name a folder; "
            "accepted are letters, digits, dots, dashes and underscores (and not 'report')"
        )
    common_values = _checked_settings(common, f"{file}: [settings]")
    where = f"{file}: [entries.{name}]"
    own_values = _checked_settings(own, where)
    maze_names = hints_of(MazeSettings)
    for key in own_values:
        if key in ("env", "packages") or key in maze_names:
            raise ValueError(
                f"{where}: {key} belongs to [settings]: a sweep compares its entries on one task; "
                "for another task, write another file"
            )
    values = {**common_values, **own_values}
    maze = MazeSettings(**{key: values.pop(key) for key in list(values) if key in maze_names})
    settings = TrainSettings(**values, maze=maze, seed=seed, threads=1)
    if not to_train:
        return settings
    try:
        import_packages(settings.packages)
        settings.check()
        model = new_model(settings, Task(settings.env, maze.kwargs()))
        assert model.env is not None
        model.env.close()
    except ValueError as error:
        raise ValueError(one_line(f"{where}: {error}")) from error
    if "log_interval" in values:
        return settings
    updates = math.ceil(settings.total_steps / (settings.n_envs * model.n_steps))
    return dataclasses.replace(settings, log_interval=max(1, round(updates / LOGGED_LINES)))


def _checked_settings(table: dict[str, Any], where: str) -> dict[str, Any]:
    for name in table:
        if name in _ELSEWHERE:
            raise ValueError(f"{where} accepts no {name!r}: {_ELSEWHERE[name]}")
    hints = {name: hint for name, hint in hints_of(TrainSettings).items() if name not in _ELSEWHERE}
    return checked(table, {**hints, **hints_of(MazeSettings)}, where)

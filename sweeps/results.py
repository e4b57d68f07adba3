"""The finished runs of a sweep, read from their files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.evaluation import REFERENCES, references
from agents.metrics import read_metrics
from agents.yardstick import PLAYERS, Yardstick
from sweeps.plan import Run, Sweep
from sweeps.run_evaluation import RunEvaluation, evaluate_player

SMOOTHED = 10
"""Lines of metrics.csv over which returns are averaged, where it is asked when a return was reached."""


@dataclass(frozen=True)
class FinishedRun:
    """A run that has been trained and evaluated."""

    seed: int
    steps: np.ndarray
    """[K], environment steps at each line of metrics.csv."""
    seconds: np.ndarray
    """[K], training time there."""
    returns: np.ndarray
    """[K], mean return of the latest training episodes there."""
    evaluation: RunEvaluation

    def steps_to(self, level: float) -> float | None:
        """Steps until the mean of the latest `SMOOTHED` lines of returns was `level`; infinite if never.

        A single line is a mean over few episodes: the highest of many is well above what the agent can do.
        None where there are fewer lines than that.
        """
        if len(self.returns) < SMOOTHED:
            return None
        there = np.convolve(self.returns, np.full(SMOOTHED, 1 / SMOOTHED), "valid") >= level
        return float(self.steps[SMOOTHED - 1 :][there.argmax()]) if there.any() else math.inf

    @property
    def last_return(self) -> float:
        """Mean return over the last tenth of training, with no episode of the final evaluation among it."""
        return float(self.returns[-math.ceil(len(self.returns) / 10) :].mean())

    @classmethod
    def read(cls, run: Run, sweep: Path) -> FinishedRun:
        """Read the files of `run`.

        Raises:
            ValueError: If one is missing or damaged.
        """
        metrics = run.folder(sweep).metrics_file
        rows = [row for row in read_metrics(metrics) if "rollout/ep_rew_mean" in row]
        if not rows:
            raise ValueError(f"{metrics} has no lines with a return; a smaller log_interval gives more")
        steps, seconds, returns = (
            np.array([row[name] for row in rows])
            for name in ("time/total_timesteps", "time/seconds", "rollout/ep_rew_mean")
        )
        evaluation = RunEvaluation.read(run.evaluation_file(sweep))
        return cls(run.settings.seed, steps, seconds, returns, evaluation)


@dataclass(frozen=True)
class Entry:
    """The finished runs of one entry, at least one."""

    name: str
    core: str
    runs: tuple[FinishedRun, ...]
    wanted: int
    """How many runs the entry has, finished or not."""
    agent: Path
    """Where the agent of the first seed is, if it was kept."""

    @property
    def scores(self) -> np.ndarray:
        """[S], each run's mean return in the final evaluation."""
        return np.array([run.evaluation.scores.mean_return for run in self.runs])


@dataclass(frozen=True)
class Results:
    """All that figures and tables are made from."""

    title: str
    entries: tuple[Entry, ...]
    references: dict[str, RunEvaluation]
    """Scores of the reference players on the same episodes, by name."""

    @property
    def yardstick(self) -> Yardstick | None:
        """What scores are compared with: the first of :data:`agents.yardstick.PLAYERS` that can play here."""
        for name in PLAYERS:
            if name in self.references:
                return Yardstick(name, self.references[name].scores.mean_return)
        return None


def read_results(sweep: Sweep) -> Results:
    """Read the finished runs of `sweep`; reference players play if they have not yet.

    Raises:
        ValueError: If no run is finished, or a file is damaged.
    """
    entries = []
    for name in sweep.entries:
        runs = [run for run in sweep.runs() if run.entry == name]
        finished = tuple(FinishedRun.read(run, sweep.folder) for run in runs if run.is_finished(sweep.folder))
        if finished:
            agent = runs[0].folder(sweep.folder).agent
            entries.append(Entry(name, sweep.entries[name].core, finished, len(runs), agent))
    if not entries:
        raise ValueError(f"no run of {sweep.file} is finished yet: there is nothing to report")
    return Results(sweep.task.env_id, tuple(entries), _references(sweep))


def _references(sweep: Sweep) -> dict[str, RunEvaluation]:
    """Evaluations of the reference players, kept in the report's folder."""
    kept = {name: _kept(sweep, name) for name in REFERENCES}
    try:
        players = references(sweep.task)
    except ValueError:  # an environment from a package, which is imported only where something is trained
        players = [name for name in kept if kept[name] is not None]
    for name in players:
        if kept[name] is None:
            file = _reference_file(sweep, name)
            evaluate_player(name, sweep.task, sweep.evaluation).write(file)
            kept[name] = RunEvaluation.read(file)  # as rounded there: every report has the same numbers
    return {name: known for name in players if (known := kept[name]) is not None}


def _kept(sweep: Sweep, name: str) -> RunEvaluation | None:
    """A reference player's evaluation in an earlier report, if it was on the same episodes."""
    file = _reference_file(sweep, name)
    known = RunEvaluation.read(file) if file.is_file() else None
    same = known is not None and (known.task, known.settings) == (sweep.task, sweep.evaluation)
    return known if same else None


def _reference_file(sweep: Sweep, name: str) -> Path:
    return sweep.report / f"{name}.json"

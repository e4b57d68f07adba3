"""The finished trials of an experiment, read from their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.metrics import read_metrics
from memory_tasks.evaluation import Evaluation
from memory_tasks.experiment import Experiment
from memory_tasks.folder import read_settings, trials_in
from memory_tasks.trial import COLUMNS, Trial

WINDOW = 5
"""Lines of metrics.csv over which errors are smoothed."""


@dataclass(frozen=True)
class Curve:
    """How a trial has learnt: arrays [K], one number for each line of its metrics.csv."""

    episodes: np.ndarray
    seconds: np.ndarray
    error: np.ndarray
    """Mean over the episodes since the line before."""
    lowest: np.ndarray
    highest: np.ndarray
    """Of an episode since then."""

    @classmethod
    def read(cls, trial: Trial, out: Path) -> Curve:
        """Read a trial's metrics.

        Raises:
            ValueError: If there are none.
        """
        rows = read_metrics(trial.metrics_file(out), COLUMNS)
        if not rows:
            raise ValueError(f"{trial.metrics_file(out)} has no lines")
        columns = ("episodes", "seconds", "error", "min_error", "max_error")
        return cls(*(np.array([row[name] for row in rows]) for name in columns))

    @property
    def smoothed(self) -> np.ndarray:
        """[K], mean of :attr:`error` over the latest :data:`WINDOW` lines (fewer at the beginning)."""
        sums = np.cumsum(np.pad(self.error, (WINDOW, 0)))
        counts = np.minimum(np.arange(len(self.error)) + 1, WINDOW)
        return (sums[WINDOW:] - sums[:-WINDOW]) / counts

    def reached(self, milestone: float) -> tuple[int, float] | None:
        """Episodes and seconds until the smoothed error, of a whole window, was `milestone` or less."""
        there = np.flatnonzero(self.smoothed[WINDOW - 1 :] <= milestone)
        if not len(there):
            return None
        line = there[0] + WINDOW - 1
        return int(self.episodes[line]), float(self.seconds[line])

    def error_at(self, seconds: float) -> float | None:
        """The smoothed error after so much training time; None before the first line."""
        lines = int(np.searchsorted(self.seconds, seconds, side="right"))
        return float(self.smoothed[lines - 1]) if lines else None


@dataclass(frozen=True)
class Finished:
    """A trial that has been trained and tested."""

    trial: Trial
    curve: Curve
    evaluation: Evaluation


@dataclass(frozen=True)
class Results:
    """All that figures and tables are made from."""

    experiment: Experiment
    networks: dict[str, list[Finished]]
    """By network, at least one for each."""
    unfinished: list[Trial]

    @property
    def error_name(self) -> str:
        """What errors are, see :class:`memory_tasks.task.Task`."""
        return next(iter(self.networks.values()))[0].evaluation.error_name

    @property
    def window_episodes(self) -> int:
        """Episodes in :data:`WINDOW` lines."""
        curve = next(iter(self.networks.values()))[0].curve
        return int(curve.episodes[min(WINDOW, len(curve.episodes)) - 1])

    @property
    def common_seconds(self) -> float:
        """The training time that all networks had: the median over runs, of the fastest network."""
        return min(
            float(np.median([run.curve.seconds[-1] for run in runs])) for runs in self.networks.values()
        )


def read_results(out: Path) -> Results:
    """Read the finished trials in `out`.

    Raises:
        ValueError: If none is finished, or a file is damaged.
    """
    experiment = read_settings(out)
    networks: dict[str, list[Finished]] = {}
    unfinished = []
    for trial in trials_in(out, experiment):
        if not trial.is_finished(out):
            unfinished.append(trial)
            continue
        evaluation = Evaluation.read(trial.evaluation_file(out))
        networks.setdefault(trial.network, []).append(Finished(trial, Curve.read(trial, out), evaluation))
    if not networks:
        raise ValueError(f"no run in {out} is finished yet: there is nothing to report")
    return Results(experiment, networks, unfinished)

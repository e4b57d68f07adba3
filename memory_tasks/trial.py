"""One network of an experiment, trained from one seed, and its files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from agents.checkpoint_file import SUFFIX
from agents.metrics import read_metrics
from memory_tasks.experiment import Experiment
from memory_tasks.experiments import from_settings, settings_of
from sweeps.job import Progress, recent_speed

COLUMNS = ("episodes", "seconds", "loss", "error", "min_error", "max_error")
"""Of a trial's metrics.csv: episodes and training time so far; means over the episodes since the line before,
and the lowest and the highest error of one of them."""


@dataclass(frozen=True)
class Trial:
    """A network to train and to test; see :class:`sweeps.job.Job`.

    `out` is always the folder of the experiment.
    """

    experiment: Experiment
    network: str
    seed: int

    unit: ClassVar[str] = "episode"
    measure: ClassVar[str] = "error"
    worker: ClassVar[str] = "memory_tasks.worker"

    @property
    def name(self) -> str:
        """NETWORK/seed-SEED, the trial's folder."""
        return f"{self.network}/seed-{self.seed}"

    @property
    def total(self) -> int:
        """Episodes to train for."""
        return self.experiment.episodes

    def log(self, out: Path) -> Path:
        """What the trial's worker prints."""
        return out / f"{self.name}.log"

    def metrics_file(self, out: Path) -> Path:
        """A line now and then while it trains, see :data:`COLUMNS`."""
        return out / self.name / "metrics.csv"

    def checkpoint_file(self, out: Path) -> Path:
        """From where an unfinished training goes on; gone when it is finished."""
        return out / self.name / f"checkpoint{SUFFIX}"

    def network_file(self, out: Path) -> Path:
        """The trained network, see :mod:`memory_tasks.network_file`."""
        return out / self.name / f"network{SUFFIX}"

    def evaluation_file(self, out: Path) -> Path:
        """The result of the test; once it is there, nothing is left to do."""
        return out / self.name / "evaluation.json"

    def is_finished(self, out: Path) -> bool:
        """Whether nothing is left to do."""
        return self.evaluation_file(out).is_file()

    def progress(self, out: Path) -> Progress:
        """How far it has come, by its files."""
        try:
            rows = read_metrics(self.metrics_file(out), COLUMNS)
        except ValueError:  # not there yet
            rows = []
        if not rows:
            return Progress()
        done = [row["episodes"] for row in rows]
        return Progress(
            int(done[-1]),
            f"{rows[-1]['error']:.4f}",
            recent_speed(done, [row["seconds"] for row in rows]),
            self.network_file(out).is_file(),
        )

    def to_json(self) -> str:
        """In one line of text, for the trial's worker on this machine."""
        settings = settings_of(self.experiment, paths=True)
        return json.dumps({"settings": settings, "network": self.network, "seed": self.seed})

    @classmethod
    def from_json(cls, text: str) -> Trial:
        """Read what :meth:`to_json` wrote."""
        values = json.loads(text)
        return cls(from_settings(values["settings"], "the trial"), values["network"], values["seed"])


def trials(experiment: Experiment) -> list[Trial]:
    """All trials, seed by seed, so that an unfinished experiment has about as many of each network."""
    return [
        Trial(experiment, network, seed)
        for seed in range(experiment.seed, experiment.seed + experiment.runs)
        for network in experiment.networks
    ]

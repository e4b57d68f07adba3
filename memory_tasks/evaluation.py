"""evaluation.json: the error of a trained network on fresh episodes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import nn

from agents.metrics import read_metrics
from agents.progress import LiveLine
from agents.text_file import read_json
from agents.typed_values import from_table
from memory_tasks.experiments import settings_of
from memory_tasks.task import Task
from memory_tasks.trial import COLUMNS, Trial
from sweeps.aggregate import interval_or_none
from sweeps.json_file import write_json

TEST_SEED = 1_000_000
"""Of the episodes of every test, so that all networks have the same."""
ROWS = 20
"""Episodes at a time."""


@dataclass(frozen=True)
class Evaluation:
    """The result of a test."""

    network: str
    seed: int
    error_name: str
    """What the error is, see :class:`memory_tasks.task.Task`."""
    error: float
    """Mean over episodes."""
    ci95: tuple[float, float] | None
    """Its 95 % percentile bootstrap interval over the episodes; there is none of too few."""
    test_episodes: int
    parameters: int
    """Trained numbers of the network."""
    seconds: float
    """Training time."""
    settings: dict[str, Any]
    """Of the experiment, as :func:`memory_tasks.experiments.settings_of` gives them."""

    def write(self, file: Path) -> None:
        """Write `file`, whole or not at all."""
        write_json(file, asdict(self))

    @classmethod
    def read(cls, file: Path) -> Evaluation:
        """Read what :meth:`write` wrote.

        Raises:
            ValueError: If it is not that.
        """
        try:
            return from_table(cls, read_json(file), "it")
        except ValueError as error:
            raise ValueError(f"{file} is not the evaluation of a network ({error})") from error


def evaluate(network: nn.Module, trial: Trial, task: Task, out: Path, console: Console) -> Evaluation:
    """Test the network of `trial` on held-out episodes, without gradients."""
    errors = held_out_errors(network, task, trial.experiment.test_episodes, console)
    low, high = interval_or_none(errors, lambda draw: draw.mean(axis=0))
    return Evaluation(
        network=trial.network,
        seed=trial.seed,
        error_name=task.error_name,
        error=float(f"{errors.mean():.6g}"),
        ci95=None if low is None or high is None else (float(f"{low:.6g}"), float(f"{high:.6g}")),
        test_episodes=len(errors),
        parameters=sum(p.numel() for p in network.parameters()),
        seconds=read_metrics(trial.metrics_file(out), COLUMNS)[-1]["seconds"],
        settings=settings_of(trial.experiment),
    )


def held_out_errors(network: nn.Module, task: Task, count: int, console: Console) -> np.ndarray:
    """The errors [count] of `network` in held-out episodes."""
    generator = torch.Generator().manual_seed(TEST_SEED)
    network.eval()
    errors: list[float] = []
    with torch.no_grad(), closing(LiveLine(console, "testing", "test episode", count)) as line:
        while len(errors) < count:
            episodes = task.sample(min(ROWS, count - len(errors)), generator, held_out=True)
            errors += task.errors(network(episodes.inputs), episodes.targets).tolist()
            if line.is_due():
                line.show(len(errors), f"error {np.mean(errors):.4f}")
        line.finish(len(errors), "")
    return np.array(errors)

"""A network trained on episodes of a task, from its seed to its file."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from agents.a2c import TrainingDivergedError
from agents.checkpoint_file import CheckpointError, open_file, tensor_group, write_file
from agents.cores import Core
from agents.limits import check_whole
from agents.metrics import MetricsTable
from agents.optimizer_state import optimizer_tensors, restore_optimizer
from agents.progress import LiveLine
from agents.tensor_checks import check_forms, check_tensors, forms_of
from agents.training import TrainingStopped, stopping_by_signal
from agents.typed_values import from_table
from memory_tasks.network_file import write_network
from memory_tasks.task import Task
from memory_tasks.trial import COLUMNS, Trial

LOGGED_LINES = 200
"""About so many lines of metrics.csv a trial has."""
CHECKPOINT_SECONDS = 60.0
"""Between two checkpoints."""


@dataclass(frozen=True)
class _State:
    """How far a training has come, as JSON."""

    episodes: int
    seconds: float

    def check(self, total: int) -> None:
        """Raise ValueError unless these can be of a training of `total` episodes."""
        check_whole("episodes", self.episodes, 0, total)
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise ValueError(f"seconds must be a finite number, 0 or more, got {self.seconds}")


class Training:
    """A network while it is trained: all that a checkpoint holds.

    What it does depends on the trial and on how many episodes it has seen, not on whether it was interrupted.

    Args:
        trial: What is trained, and from which seed.
        task: Its task.
    """

    def __init__(self, trial: Trial, task: Task) -> None:
        self.trial = trial
        self.task = task
        torch.manual_seed(trial.seed)
        self.network = trial.experiment.network(trial.network)
        self.optimizer = torch.optim.Adam(self.network.parameters(), fused=True)
        # Not the seed itself: weights and episodes would be made of the same random numbers.
        episodes_seed = int(np.random.SeedSequence((trial.seed, 1)).generate_state(1)[0])
        self.generator = torch.Generator().manual_seed(episodes_seed)
        self.done = 0
        """Episodes seen."""
        self.seconds = 0.0
        """Training time."""
        self.losses: list[float] = []
        self.errors: list[float] = []
        """Of the episodes since the latest line of metrics.csv."""
        self.stop_asked = False

    def update(self) -> None:
        """One step of Adam.

        Raises:
            TrainingDivergedError: If loss or gradient is not finite; the weights stay unchanged.
        """
        experiment = self.trial.experiment
        count = min(experiment.batch, self.trial.total - self.done)
        rate = experiment.learning_rate(self.trial.network)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * experiment.rate_factor(self.done / self.trial.total)
        episodes = self.task.sample(count, self.generator)
        answers = self.network(episodes.inputs)
        loss = self.task.loss(answers, episodes.targets)
        self.optimizer.zero_grad()
        loss.backward()
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        norm = float(nn.utils.get_total_norm(gradients))
        if not (math.isfinite(loss.item()) and math.isfinite(norm)):
            raise TrainingDivergedError(
                f"training diverged at episode {self.done}: loss {loss.item()}, gradient norm {norm}; "
                "a lower --lr may help"
            )
        self.optimizer.step()
        self.done += count
        self.losses += [loss.item()] * count
        self.errors += self.task.errors(answers.detach(), episodes.targets).tolist()

    def line(self) -> dict[str, float]:
        """A line of metrics.csv over the episodes since the one before, which are forgotten by this."""
        errors, losses = self.errors, self.losses
        self.errors, self.losses = [], []
        values = (float(np.mean(losses)), float(np.mean(errors)), min(errors), max(errors))
        return {
            "episodes": self.done,
            "seconds": round(self.seconds, 3),
            **{name: float(f"{value:.6g}") for name, value in zip(COLUMNS[2:], values, strict=True)},
        }

    def save(self, file: Path) -> None:
        """Write all that a later process needs to go on as if it had never stopped."""
        tensors: dict[str, Tensor] = {
            **{f"network.{name}": value for name, value in self.network.state_dict().items()},
            **{f"optimizer.{name}": value for name, value in optimizer_tensors(self.optimizer).items()},
            "random.torch": torch.get_rng_state(),
            "random.episodes": self.generator.get_state(),
            "since.losses": torch.tensor(self.losses, dtype=torch.float64),
            "since.errors": torch.tensor(self.errors, dtype=torch.float64),
        }
        write_file(file, tensors, {"training": asdict(_State(self.done, self.seconds))})

    def restore(self, file: Path) -> None:
        """Go back to where :meth:`save` was called.

        Raises:
            CheckpointError: If the file cannot be used.
        """
        stored = open_file(file)
        try:
            check_forms(tensor_group(stored.forms, "network."), forms_of(self.network.state_dict()))
            tensors = stored.tensors()
            weights = tensor_group(tensors, "network.")
            check_tensors(weights, self.network.state_dict())
            state = from_table(_State, stored.settings.get("training"), "training")
            state.check(self.trial.total)
            restore_optimizer(self.optimizer, tensor_group(tensors, "optimizer."))
            if state.episodes and not self.optimizer.state:
                raise ValueError(f"the optimizer's state is missing after {state.episodes} episodes")
            since = tensors["since.losses"], tensors["since.errors"]
            for numbers in since:
                check_tensors({"since": numbers}, {"since": torch.zeros(len(since[0]), dtype=torch.float64)})
            self.network.load_state_dict(weights)
            torch.set_rng_state(tensors["random.torch"])
            self.generator.set_state(tensors["random.episodes"])
            self.losses, self.errors = (numbers.tolist() for numbers in since)
            self.done, self.seconds = state.episodes, state.seconds
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"{file} is damaged: training cannot go on from it ({error})") from error


def train(trial: Trial, task: Task, out: Path, console: Console) -> None:
    """Train what is left of a trial and write its network; at the end its checkpoint is removed.

    Args:
        trial: What to train.
        task: Its task.
        out: The experiment's folder.
        console: Where to say how it goes.

    Raises:
        ValueError: If a file of the trial cannot be used.
        TrainingStopped: If the user stopped it; there is a checkpoint.
        TrainingDivergedError: If the loss is no longer a number; the last checkpoint is a good one.
    """
    training, checkpoint = Training(trial, task), trial.checkpoint_file(out)
    if checkpoint.is_file():
        training.restore(checkpoint)
    trial.metrics_file(out).parent.mkdir(parents=True, exist_ok=True)

    def say(message: str) -> None:
        console.print(message, highlight=False)

    _say_what_runs(training, console)
    for module in training.network.modules():
        if isinstance(module, Core):
            module.warm_up(say)
    began = time.monotonic() - training.seconds
    saved = time.monotonic()
    with (
        closing(MetricsTable(trial.metrics_file(out), COLUMNS, training.done, say)) as table,
        closing(LiveLine(console, "training", "episode", trial.total, training.done)) as line,
        stopping_by_signal(training, console),
    ):
        while training.done < trial.total:
            training.update()
            training.seconds = time.monotonic() - began
            if line.is_due():
                line.show(training.done, f"error {np.mean(training.errors):.4f}")
            if len(training.errors) >= trial.total / LOGGED_LINES or training.done == trial.total:
                table.write(training.line())
            if training.stop_asked or time.monotonic() - saved >= CHECKPOINT_SECONDS:
                training.save(checkpoint)
                saved = time.monotonic()
            if training.stop_asked:
                raise TrainingStopped
        line.finish(training.done, "")
    write_network(training.network, trial, trial.network_file(out))
    checkpoint.unlink(missing_ok=True)


def _say_what_runs(training: Training, console: Console) -> None:
    count = sum(p.numel() for p in training.network.parameters())
    doing = f"resuming at episode {training.done:,}" if training.done else "training"
    trial = training.trial
    console.print(
        f"{trial.experiment.name}: {doing}, {trial.network}, {count:,} parameters, seed {trial.seed}",
        highlight=False,
    )

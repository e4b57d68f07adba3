"""The settings that all tasks share; each task adds its own and is a subcommand of the command line."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import nn

from agents.limits import COUNT, EPISODES, ROWS, RUNS, WORKERS, check_memory, check_whole
from agents.settings import check_seed
from commands.count import Count
from commands.spelling import did_you_mean
from memory_tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Experiment(ABC):
    """Train networks on a task, each from several seeds, and draw how they learn.

    Finished runs are never repeated; unfinished ones continue from their last checkpoint.
    """

    name: ClassVar[str]
    """The task's name on the command line."""
    known_networks: ClassVar[dict[str, float]]
    """The networks that can be trained on it, and the learning rate of each."""
    milestone: ClassVar[float | None] = None
    """An error worth reaching: the report says when each run did."""
    logarithmic: ClassVar[bool] = False
    """Whether the report draws episodes and time on logarithmic axes."""

    networks: tuple[str, ...] = ("plastic",)
    """Networks to train."""
    episodes: Count
    """Episodes to train for."""
    batch: int = 1
    """Episodes per update."""
    lr: float | None = None
    """Adam's learning rate; by default each network's own."""
    runs: int = 1
    """Runs of each network, with seeds SEED, SEED + 1 ..."""
    seed: int = 0
    """Seed of the first run."""
    test_episodes: Count = 1000
    """Episodes in the test after training."""
    out: Path | None = None
    """Folder for the runs; by default runs/TASK."""
    jobs: int | None = None
    """Runs at the same time, one thread each; by default one per CPU core."""

    def check(self) -> None:
        """Check everything that can be known without data, before any work; subclasses check their own too.

        Raises:
            ValueError: Naming the setting, its value and what is accepted.
        """
        for network in self.networks:
            if network not in self.known_networks:
                meant = did_you_mean(network, self.known_networks)
                raise ValueError(
                    f"unknown network {network!r} for {self.name}{meant}; "
                    f"accepted: {', '.join(self.known_networks)}"
                )
        if not self.networks or len(set(self.networks)) < len(self.networks):
            raise ValueError(f"networks must be different networks, at least one, got {self.networks!r}")
        self.check_sizes(
            episodes=(1, COUNT),
            batch=(1, ROWS),
            runs=(1, RUNS),
            test_episodes=(1, EPISODES),
            jobs=(1, WORKERS),
        )
        if self.lr is not None and not (math.isfinite(self.lr) and self.lr > 0):
            raise ValueError(f"lr must be a finite number above 0, got {self.lr}")
        check_seed("seed", self.seed, self.runs)

    def check_sizes(self, **bounds: tuple[int, int]) -> None:
        """Check settings that are whole numbers, unless they are left out.

        Args:
            bounds: The least and the largest value of each, by its name.

        Raises:
            ValueError: Naming the setting, its value and what is accepted.
        """
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if value is not None:
                check_whole(name, value, least, most)

    def check_memory(self, steps: int, neurons: int) -> None:
        """Check that episodes of so many steps, with networks of so many neurons, can be held.

        Raises:
            ValueError: If not, naming the settings.
        """
        numbers = 4 * neurons**2 + self.batch * (neurons**2 + steps * 2 * neurons)
        what = f"{self.batch:,} episodes of {steps:,} steps with {neurons:,} neurons"
        check_memory(4 * numbers, what, "the batch, the size of what is shown, or the number of steps")

    def learning_rate(self, network: str) -> float:
        """Adam's learning rate for a network."""
        return self.known_networks[network] if self.lr is None else self.lr

    @abstractmethod
    def task(self) -> Task:
        """The task; reads data from disk if it needs any.

        Raises:
            ValueError: If data cannot be used.
        """

    @abstractmethod
    def network(self, name: str) -> nn.Module:
        """A network before training, from inputs [T, B, F] to answers [B, ...]; PyTorch is seeded already."""

    def rate_factor(self, progress: float) -> float:
        """What the learning rate is multiplied with when this part of the training, 0 to 1, is over."""
        return 1.0

    def pictures(self, folder: Path, report: Path) -> list[Path]:
        """Draw what only this task has, from the runs in `folder` into `report`; returns the files."""
        return []

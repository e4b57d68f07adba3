"""The Omniglot task of Miconi, Clune & Stanley (ICML 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import nn

from agents.limits import STEPS, check_memory, check_whole
from commands.count import Count
from memory_tasks.experiment import Experiment
from memory_tasks.omniglot import OmniglotTask
from memory_tasks.omniglot_data import SIDE, read_characters
from memory_tasks.omniglot_network import FEATURES, OmniglotNetwork


@dataclass(frozen=True, kw_only=True)
class OmniglotExperiment(Experiment):
    """Tell handwritten characters apart after seeing each of them once (Omniglot)."""

    name: ClassVar[str] = "omniglot"
    known_networks: ClassVar[dict[str, float]] = {"plastic": 1e-3}
    milestone: ClassVar[float | None] = 0.05

    episodes: Count = 1_000_000
    batch: int = 32
    test_episodes: Count = 2000
    ways: int = 5
    """Characters in an episode, and labels for them."""
    shots: int = 1
    """Drawings of each character that are shown with their label."""
    queries: int | None = None
    """Drawings to be labelled, each by itself; by default one of each character (in the paper: one)."""
    shared_alpha: bool = False
    """One plasticity coefficient for all connections instead of one for each."""
    data: Path = Path("data/omniglot")
    """Folder with Omniglot's images_background.zip and images_evaluation.zip."""

    def check(self) -> None:
        """See :meth:`Experiment.check`."""
        super().check()
        self.check_sizes(ways=(2, STEPS), shots=(1, STEPS), queries=(1, STEPS))
        steps = self.ways * self.shots + (self.ways if self.queries is None else self.queries)
        check_whole("the number of steps of an episode", steps, 1, STEPS)
        numbers = self.batch * (steps * (SIDE**2 + self.ways) + FEATURES * self.ways * self.shots * self.ways)
        what = f"{self.batch:,} episodes of {steps:,} drawings"
        check_memory(4 * numbers, what, "batch, ways, shots or queries")

    def task(self) -> OmniglotTask:
        """See :meth:`Experiment.task`."""
        queries = self.ways if self.queries is None else self.queries
        return OmniglotTask(read_characters(self.data), self.ways, self.shots, queries)

    def network(self, name: str) -> nn.Module:
        """See :meth:`Experiment.network`."""
        return OmniglotNetwork(self.ways, self.ways * self.shots, self.shared_alpha)

    def rate_factor(self, progress: float) -> float:
        """See :meth:`Experiment.rate_factor`: the rate falls linearly to zero."""
        return 1 - progress

    def pictures(self, folder: Path, report: Path) -> list[Path]:
        """See :meth:`Experiment.pictures`."""
        # Here, because pictures need the experiments by name, of which this is one.
        from memory_tasks.omniglot_pictures import write_pictures

        return write_pictures(self, folder, report)

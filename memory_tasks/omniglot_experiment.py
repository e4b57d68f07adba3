"""The Omniglot task of Miconi, Clune & Stanley (ICML 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import nn

from commands.count import Count
from memory_tasks.experiment import Experiment
from memory_tasks.omniglot import OmniglotTask
from memory_tasks.omniglot_data import find_archives, read_characters
from memory_tasks.omniglot_network import OmniglotNetwork


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
        for setting, least in {"ways": 2, "shots": 1, "queries": 1}.items():
            value = getattr(self, setting)
            if value is not None and value < least:
                raise ValueError(f"{setting} must be a whole number from {least} on, got {value}")
        find_archives(self.data)

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

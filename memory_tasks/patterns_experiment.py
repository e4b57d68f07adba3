"""Figure 2 of Miconi, Clune & Stanley (ICML 2018): five patterns of 1000 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from commands.count import Count
from memory_tasks.experiment import Experiment
from memory_tasks.pattern_networks import plastic_network
from memory_tasks.patterns import PatternTask


@dataclass(frozen=True, kw_only=True)
class PatternsExperiment(Experiment):
    """Remember five random patterns of 1000 bits, then complete one of them from half its bits (figure 2)."""

    name: ClassVar[str] = "patterns"
    known_networks: ClassVar[dict[str, float]] = {"plastic": 3e-4}
    milestone: ClassVar[float | None] = 0.01

    episodes: Count = 800
    test_episodes: Count = 100
    size: int = 1000
    """Bits in a pattern."""
    patterns: int = 5
    """Patterns in an episode."""
    show: int = 6
    """Steps for which a pattern is shown."""
    blank: int = 4
    """Blank steps after each pattern."""
    cycles: int = 2
    """How often all patterns are shown."""
    recall: int = 6
    """Steps for which the half pattern is shown."""
    neurons_free: int = 0
    """Neurons of the plastic network without input, besides one per bit and one for the bias."""

    def check(self) -> None:
        """See :meth:`Experiment.check`."""
        super().check()
        if self.size < 2 or self.size % 2:
            raise ValueError(f"size must be an even number above 0, got {self.size}")
        lowest = {"patterns": 1, "show": 1, "blank": 0, "cycles": 1, "recall": 1, "neurons_free": 0}
        for setting, least in lowest.items():
            value = getattr(self, setting)
            if value < least:
                raise ValueError(f"{setting} must be a whole number from {least} on, got {value}")

    def task(self) -> PatternTask:
        """See :meth:`Experiment.task`."""
        return PatternTask(self.size, self.patterns, self.show, self.blank, self.cycles, self.recall)

    def network(self, name: str) -> nn.Module:
        """See :meth:`Experiment.network`."""
        return plastic_network(self.size, self.neurons_free)

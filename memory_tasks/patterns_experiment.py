"""Figure 2 of Miconi, Clune & Stanley (ICML 2018): five patterns of 1000 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from agents.limits import NEURONS, STEPS, check_whole
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
        self.check_sizes(
            size=(2, NEURONS),
            patterns=(1, STEPS),
            show=(1, STEPS),
            blank=(0, STEPS),
            cycles=(1, STEPS),
            recall=(1, STEPS),
            neurons_free=(0, NEURONS),
        )
        steps = self.patterns * (self.show + self.blank) * self.cycles + self.recall
        check_whole("the number of steps of an episode", steps, 1, STEPS)
        self.check_memory(steps, max(self.neurons(network) for network in self.networks))

    def neurons(self, network: str) -> int:
        """Neurons of a network."""
        return self.size + 1 + self.neurons_free

    def task(self) -> PatternTask:
        """See :meth:`Experiment.task`."""
        return PatternTask(self.size, self.patterns, self.show, self.blank, self.cycles, self.recall)

    def network(self, name: str) -> nn.Module:
        """See :meth:`Experiment.network`."""
        return plastic_network(self.size, self.neurons_free)

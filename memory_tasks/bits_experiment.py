"""Figure 3 of Miconi, Clune & Stanley (ICML 2018): two patterns of 50 bits, with and without plasticity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from agents.limits import NEURONS
from commands.count import Count
from memory_tasks.clamped_lstm import ClampedLSTM
from memory_tasks.pattern_networks import plain_network
from memory_tasks.patterns_experiment import PatternsExperiment


@dataclass(frozen=True, kw_only=True)
class BitsExperiment(PatternsExperiment):
    """Remember two random patterns of 50 bits: a plastic network against far larger ones (figure 3)."""

    name: ClassVar[str] = "bits"
    known_networks: ClassVar[dict[str, float]] = {"plastic": 3e-4, "rnn": 3e-5, "lstm": 3e-5}
    milestone: ClassVar[float | None] = 0.05
    logarithmic: ClassVar[bool] = True

    networks: tuple[str, ...] = ("plastic", "rnn", "lstm")
    episodes: Count = 60_000
    test_episodes: Count = 1000
    size: int = 50
    patterns: int = 2
    show: int = 3
    blank: int = 1
    cycles: int = 1
    recall: int = 3
    rnn_free: int = 2000
    """Neurons of the rnn without input."""
    lstm_cells: int = 2000
    """Cells of the lstm."""

    def check(self) -> None:
        """See :meth:`Experiment.check`."""
        self.check_sizes(rnn_free=(0, NEURONS), lstm_cells=(1, NEURONS))
        super().check()
        if self.lstm_cells < self.size:
            raise ValueError(f"lstm_cells must be at least the size, {self.size}, got {self.lstm_cells}")

    def neurons(self, network: str) -> int:
        """See :meth:`PatternsExperiment.neurons`."""
        others = {"rnn": self.size + 1 + self.rnn_free, "lstm": self.lstm_cells}
        return others.get(network, super().neurons(network))

    def network(self, name: str) -> nn.Module:
        """See :meth:`Experiment.network`."""
        if name == "rnn":
            return plain_network(self.size, self.rnn_free)
        if name == "lstm":
            return ClampedLSTM(self.size, self.lstm_cells)
        return super().network(name)

"""Patterns to complete: Miconi, Clune & Stanley (ICML 2018), figures 2 and 3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from memory_tasks.task import Episodes


@dataclass(frozen=True)
class PatternTask:
    """Remember a few random patterns, then complete one of which half is gone.

    A pattern is `size` numbers +1 or -1, half of each. An episode shows every pattern for some steps, each
    followed by steps of nothing (zeros), `cycles` times over, each time in a new random order. Then one of
    them is shown with half of its bits, drawn at random, set to zero: the answer is the whole pattern.

    Inputs are [T, B, size]. Targets are the patterns asked for [B, size].
    """

    size: int
    patterns: int
    show: int
    """Steps for which a pattern is shown."""
    blank: int
    """Steps of nothing after each."""
    cycles: int
    recall: int
    """Steps for which the half pattern is shown."""

    error_name: ClassVar[str] = "share of wrong bits"

    @property
    def steps(self) -> int:
        """T, the length of an episode."""
        return self.cycles * self.patterns * (self.show + self.blank) + self.recall

    def sample(self, count: int, generator: torch.Generator, held_out: bool = False) -> Episodes:
        """Draw episodes; patterns are random, so there are none that must be held out."""
        signs = torch.ones(self.size).index_fill_(0, torch.arange(self.size // 2), -1)
        patterns = signs[_orders(count, self.patterns, self.size, generator=generator)]
        rows = torch.arange(count)
        inputs = torch.zeros(self.steps, count, self.size)
        begin = 0
        for _ in range(self.cycles):
            for shown in _orders(count, self.patterns, generator=generator).t():
                inputs[begin : begin + self.show] = patterns[rows, shown]
                begin += self.show + self.blank
        asked = patterns[rows, torch.randint(self.patterns, (count,), generator=generator)]
        erased = _orders(count, self.size, generator=generator)[:, : self.size // 2]
        inputs[begin:] = asked.scatter(1, erased, 0.0)
        return Episodes(inputs, asked)

    def loss(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Squared error of the answers [B, size], summed over the bits."""
        return (answers - targets).square().sum(dim=1).mean()

    def errors(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Share of wrong bits, by their sign, among all bits [B], as in the paper: 0.25 is chance.

        The half that is on view while the network answers is practically always right: among the erased bits
        alone the share is twice this one.
        """
        return (answers.detach() * targets <= 0).float().mean(dim=1)


def _orders(*shape: int, generator: torch.Generator) -> Tensor:
    """Random permutations along the last dimension."""
    return torch.rand(shape, generator=generator).argsort(dim=-1)

"""What every task is made of: episodes, a loss, and an error that people can read."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Episodes(NamedTuple):
    """B episodes of T steps."""

    inputs: Tensor
    """[T, B, F], what is shown at each step; what the numbers mean is between task and network."""
    targets: Tensor
    """[B, ...], what shall be answered after the last step."""


class Task(Protocol):
    """A kind of episode."""

    @property
    def error_name(self) -> str:
        """What :meth:`errors` measures, for axes and tables: "share of wrong bits"."""
        ...

    def sample(self, count: int, generator: torch.Generator, held_out: bool = False) -> Episodes:
        """Draw `count` episodes; held_out: of material that is never trained on, if there is any."""
        ...

    def loss(self, answers: Tensor, targets: Tensor) -> Tensor:
        """What training makes smaller, the mean over episodes: a single number."""
        ...

    def errors(self, answers: Tensor, targets: Tensor) -> Tensor:
        """The error of each episode [B], from 0 on; without gradients."""
        ...

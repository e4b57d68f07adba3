"""The interface of every recurrent core."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""What a core carries from step to step: tensors whose first dimension is the batch."""


def check_number(name: str, number: float) -> float:
    """Return `number` if it is finite.

    Raises:
        ValueError: If it is not.
    """
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {number!r}")
    return number


class Core(nn.Module, ABC):
    """A recurrent network from features to hidden activity.

    A new core needs :meth:`initial_state` and :meth:`step`; the rest follows from them. A core that is
    faster on whole sequences overrides :meth:`run`, which never sees an episode start. Sizes below:
    T steps, B sequences (environments), F input features, N hidden units.

    Args:
        input_size: F, features in.
        hidden_size: N, activities out.

    Raises:
        ValueError: If a size is not a positive whole number.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} must be a positive whole number, got {size!r}")
        self.input_size = input_size
        self.hidden_size = hidden_size

    @abstractmethod
    def initial_state(self, batch_size: int) -> State:
        """The state at the start of an episode, for `batch_size` sequences."""

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x [B, F] and the state before it -> activity [B, N] and the state after it."""

    def warm_up(self, say: Callable[[str], None]) -> None:
        """Do now what would make the first step slow, after saying so with `say`."""

    def advance(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """As :meth:`step`, for rollouts: no gradient, and free to overwrite `state`."""
        return self.step(x, state)

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """A sequence x [T, B, F] with no episode start inside -> activity [T, B, N] and the last state."""
        outputs = []
        for x_t in x:
            output, state = self.step(x_t, state)
            outputs.append(output)
        return torch.stack(outputs), state

    def unroll(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State]:
        """A sequence in which episodes may start at any step.

        Equal to a loop of :meth:`reset` and :meth:`step`; time is cut only where some episode starts, so
        that :meth:`run` sees stretches as long as possible.

        Args:
            x: Features [T, B, F].
            state: The state before the first step, B rows on every leaf.
            starts: Bool [T, B]; where true, an episode begins with this step and its row starts afresh.

        Returns:
            Activity [T, B, N] and the state after the last step.
        """
        cuts = starts.any(dim=1).nonzero().flatten().tolist()
        edges = sorted({0, *cuts, len(x)})
        outputs = []
        for begin, end in pairwise(edges):
            output, state = self.run(x[begin:end], self.reset(state, starts[begin]))
            outputs.append(output)
        return (outputs[0] if len(outputs) == 1 else torch.cat(outputs)), state

    def replay(self, x: Tensor, state: State, starts: Tensor, known: Tensor) -> Tensor:
        """The activity of :meth:`unroll`, with its gradient, where a rollout has computed it already.

        Args:
            x: Features [T, B, F].
            state: The state before the first step.
            starts: Bool [T, B], true where an episode begins.
            known: What :meth:`advance` gave, step by step, with the present weights [T, B, N].

        Returns:
            Activity [T, B, N].
        """
        return self.unroll(x, state, starts)[0]

    def reset(self, state: State, starts: Tensor) -> State:
        """`state` with the rows where `starts` [B] is true back at the initial state."""
        if not starts.any():
            return state
        initial = self.initial_state(len(starts))
        if starts.all():
            return initial
        return tuple(
            torch.where(starts.view(-1, *(1,) * (old.dim() - 1)), new, old)
            for new, old in zip(initial, state, strict=True)
        )

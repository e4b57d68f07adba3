"""Rollouts of networks without plastic weights: one matrix product a step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from agents.cores.base import State, Stepper
from agents.cores.kernels import FIXED, FixedStepper, compile_aloud, runs_fixed

Activate = Callable[[Tensor], None]
Cell = Callable[[Tensor, State], Activate]
"""Given where the sums [B, M] and the state are found at each step: what makes the activity [B, N] of them.

It may overwrite the sums, and changes the state in place, but for the activity, its first leaf.
"""


class ProductStepper:
    """The :class:`Stepper` of a core whose step is a matrix product and what its neurons make of the sums.

    Everything stays in place from step to step, which takes about half the time of the core's `step`.

    Args:
        weights: From input, a constant 1 and activity, side by side, to the sums [F + 1 + N, M]; see
            :func:`side_by_side`.
        cell: What the neurons make of the sums.
        state: The state before the first step, activity first; copied. It is zero where an episode starts.
    """

    def __init__(self, weights: Tensor, cell: Cell, state: State) -> None:
        h, *others = state
        B, N = h.shape
        self._weights = weights.detach()
        self._inputs = weights.new_ones(B, len(weights))
        self._x, self._h = self._inputs[:, : -N - 1], self._inputs[:, -N:]
        self._h.copy_(h.detach())
        self._state = (self._h, *(leaf.detach().clone() for leaf in others))
        self._sums = weights.new_empty(B, weights.shape[1])
        self._activate = cell(self._sums, self._state)

    def step(self, x: Tensor, starts: Tensor | None, out: Tensor) -> None:
        """See :meth:`Stepper.step`."""
        if starts is not None:
            for leaf in self._state:
                leaf.masked_fill_(starts.unsqueeze(1), 0.0)
        self._x.copy_(x)
        torch.mm(self._inputs, self._weights, out=self._sums)
        self._activate(out)
        self._h.copy_(out)

    def state(self) -> State:
        """See :meth:`Stepper.state`."""
        return tuple(leaf.clone() for leaf in self._state)


def side_by_side(w_in: Tensor, b: Tensor, w: Tensor) -> Tensor:
    """Weights of the input [F, M], biases [M] and recurrent weights [N, M] -> [F + 1 + N, M]."""
    return torch.cat([w_in, b.unsqueeze(0), w]).detach()


def tanh_cell(sums: Tensor, state: State) -> Activate:
    """A tanh RNN; sums [B, N]."""

    def activate(out: Tensor) -> None:
        torch.tanh(sums, out=out)

    return activate


def gru_cell(sums: Tensor, state: State) -> Activate:
    """A GRU as PyTorch defines it; sums [B, 4 N] of n from input, the gates z and r, and n from activity."""
    (h,) = state
    n, z, r, recurrent = sums.chunk(4, dim=1)
    gates = sums[:, h.shape[1] : 3 * h.shape[1]]

    def activate(out: Tensor) -> None:
        gates.sigmoid_()
        n.addcmul_(r, recurrent).tanh_()
        torch.lerp(n, h, z, out=out)

    return activate


def lstm_cell(sums: Tensor, state: State) -> Activate:
    """An LSTM; sums [B, 4 N] of the gates i, f and o, and of the cells' input g."""
    _, c = state
    i, f, o, g = sums.chunk(4, dim=1)
    gates = sums[:, : 3 * c.shape[1]]

    def activate(out: Tensor) -> None:
        gates.sigmoid_()
        c.mul_(f).addcmul_(i, g.tanh_())
        torch.mul(o, torch.tanh(c), out=out)

    return activate


CELLS: dict[str, Cell] = {"tanh": tanh_cell, "gru": gru_cell, "lstm": lstm_cell}
"""What the neurons make of the sums, by name."""


def fastest_stepper(cell: str, weights: Tensor, state: State) -> Stepper:
    """The kernel where it can run, else :class:`ProductStepper`, to which it gives the same numbers.

    Args:
        cell: One of :data:`CELLS`.
        weights: See :class:`ProductStepper`.
        state: The state before the first step, activity first.
    """
    if runs_fixed(weights):
        return FixedStepper(cell, weights, state)
    return ProductStepper(weights, CELLS[cell], state)


def warm_up(cell: str, weights: Tensor, say: Callable[[str], None]) -> None:
    """Compile now what a network of this cell with such weights needs; see :meth:`Core.warm_up`."""
    if runs_fixed(weights):
        compile_aloud(FIXED, cell, say)

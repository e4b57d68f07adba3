"""The plain recurrent core, without plasticity."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from agents.cores.base import Core, State, Stepper, check_number
from agents.cores.inputs import InputLayer
from agents.cores.product_stepper import fastest_stepper, side_by_side, warm_up
from agents.cores.registry import register_core
from agents.cores.unrolled import tanh_unroll


@register_core("rnn", color="#CC79A7")
class RNNCore(Core):
    """A plain tanh RNN: the plastic core with alpha = 0. The state is (h [B, N],).

    Args:
        input_size: F, features in.
        hidden_size: N, neurons.
        init_scale: w starts uniform in [0, init_scale), as in the plastic core. None: PyTorch's default for
            recurrent layers, uniform within 1 / sqrt(N) of 0, which serves this core better.

    Raises:
        ValueError: If a size or a number is not accepted.
    """

    def __init__(self, input_size: int, hidden_size: int, init_scale: float | None = None) -> None:
        super().__init__(input_size, hidden_size)
        low, high = -(hidden_size**-0.5), hidden_size**-0.5
        if init_scale is not None:
            low, high = 0.0, check_number("init_scale", init_scale)
        # One bias is enough (as in the plastic core); nn.RNN would add a second, redundant one.
        self.input = InputLayer(input_size, hidden_size)
        self.w = nn.Parameter(low + (high - low) * torch.rand(hidden_size, hidden_size))

    def recurrent_weights(self) -> list[nn.Parameter]:
        """See :meth:`Core.recurrent_weights`."""
        return [self.w]

    def initial_state(self, batch_size: int) -> State:
        """Zero activity [B, N]."""
        return (self.w.new_zeros(batch_size, self.hidden_size),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.step`."""
        h = torch.tanh(torch.addmm(self.input(x), state[0], self.w))
        return h, (h,)

    def stepper(self, state: State) -> Stepper:
        """See :meth:`Core.stepper`."""
        weights = side_by_side(self.input.weight.t(), self.input.bias, self.w)
        return fastest_stepper("tanh", weights, state)

    def warm_up(self, say: Callable[[str], None]) -> None:
        """See :meth:`Core.warm_up`."""
        warm_up("tanh", self.w, say)

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.run`; the input reaches all steps in one matrix product."""
        return self._unroll(x, state, None)

    def rerun(self, x: Tensor, state: State, known: Tensor) -> tuple[Tensor, State]:
        """See :meth:`Core.rerun`; the forward pass is not computed again."""
        return self._unroll(x, state, known)

    def _unroll(self, x: Tensor, state: State, known: Tensor | None) -> tuple[Tensor, State]:
        outputs = tanh_unroll(self.input(x), state[0], self.w, known)
        return outputs, (outputs[-1],)

"""The plain recurrent core, without plasticity."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.cores.base import Core, State
from agents.cores.registry import register_core
from agents.cores.unrolled import tanh_unroll


@register_core("rnn")
class RNNCore(Core):
    """A plain tanh RNN: the plastic core with alpha = 0, from PyTorch's default initialisation.

    That initialisation serves it far better than the small positive weights the plastic core starts from.
    The state is (h [B, N],).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        # One bias is enough (as in the plastic core); nn.RNN would add a second, redundant one.
        self.input = nn.Linear(input_size, hidden_size)
        bound = hidden_size**-0.5
        self.w = nn.Parameter(torch.empty(hidden_size, hidden_size).uniform_(-bound, bound))

    def initial_state(self, batch_size: int) -> State:
        """Zero activity [B, N]."""
        return (self.w.new_zeros(batch_size, self.hidden_size),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.step`."""
        h = torch.tanh(torch.addmm(self.input(x), state[0], self.w))
        return h, (h,)

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.run`; the input reaches all steps in one matrix product."""
        outputs = tanh_unroll(self.input(x), state[0], self.w)
        return outputs, (outputs[-1],)

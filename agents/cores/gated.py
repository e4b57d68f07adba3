"""LSTM and GRU cores, on PyTorch's own layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.cores.base import Core, State
from agents.cores.inputs import input_drive
from agents.cores.registry import register_core
from agents.cores.unrolled import gru_unroll


@register_core("lstm")
class LSTMCore(Core):
    """`torch.nn.LSTM` with one layer; the state is (h [B, N], c [B, N])."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.layer = nn.LSTM(input_size, hidden_size)

    def initial_state(self, batch_size: int) -> State:
        """Zero activity and zero cells, [B, N] each."""
        zeros = next(self.parameters()).new_zeros(batch_size, self.hidden_size)
        return zeros, zeros.clone()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.step`."""
        h, c = state
        h, c = torch.lstm_cell(x, (h, c), *weights(self.layer))
        return h, (h, c)

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.run`."""
        h, c = state
        output, (h_n, c_n) = self.layer(x, (h.unsqueeze(0), c.unsqueeze(0)))
        return output, (h_n[0], c_n[0])


@register_core("gru")
class GRUCore(Core):
    """`torch.nn.GRU` with one layer; the state is (h [B, N],)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.layer = nn.GRU(input_size, hidden_size)

    def initial_state(self, batch_size: int) -> State:
        """Zero activity [B, N]."""
        return (next(self.parameters()).new_zeros(batch_size, self.hidden_size),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.step`."""
        h = torch.gru_cell(x, state[0], *weights(self.layer))
        return h, (h,)

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.run`; the input reaches all steps in one matrix product."""
        w_in, w, b_in, b = weights(self.layer)
        outputs = gru_unroll(input_drive(x, w_in, b_in), state[0], w, b)
        return outputs, (outputs[-1],)


def weights(layer: nn.RNNBase) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """W_ih, W_hh, b_ih, b_hh of a recurrent layer of PyTorch."""
    w_in, w, b_in, b = layer.parameters()
    return w_in, w, b_in, b

"""LSTM and GRU cores, on PyTorch's own layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.cores.base import Core, State, Stepper
from agents.cores.inputs import input_drive
from agents.cores.product_stepper import ProductStepper, gru_cell, lstm_cell, side_by_side
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

    def stepper(self, state: State) -> Stepper:
        """See :meth:`Core.stepper`."""
        w_in, w, b_in, b = weights(self.layer)
        i, f, g, o = side_by_side(w_in.t(), b_in + b, w.t()).chunk(4, dim=1)
        return ProductStepper(torch.cat([i, f, o, g], dim=1), lstm_cell, state)

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

    def stepper(self, state: State) -> Stepper:
        """See :meth:`Core.stepper`."""
        w_in, w, b_in, b = weights(self.layer)
        N = self.hidden_size
        gates = side_by_side(w_in[: 2 * N].t(), (b_in + b)[: 2 * N], w[: 2 * N].t())
        from_input = side_by_side(w_in[2 * N :].t(), b_in[2 * N :], torch.zeros_like(w[2 * N :]))
        recurrent = side_by_side(torch.zeros_like(w_in[2 * N :].t()), b[2 * N :], w[2 * N :].t())
        return ProductStepper(torch.cat([gates, from_input, recurrent], dim=1), gru_cell, state)

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.run`; the input reaches all steps in one matrix product."""
        return self._unroll(x, state, None)

    def rerun(self, x: Tensor, state: State, known: Tensor) -> tuple[Tensor, State]:
        """See :meth:`Core.rerun`; only the gates are computed again, for all steps at once."""
        return self._unroll(x, state, known)

    def _unroll(self, x: Tensor, state: State, known: Tensor | None) -> tuple[Tensor, State]:
        w_in, w, b_in, b = weights(self.layer)
        outputs = gru_unroll(input_drive(x, w_in, b_in), state[0], w, b, known)
        return outputs, (outputs[-1],)


def weights(layer: nn.RNNBase) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """W_ih, W_hh, b_ih, b_hh of a recurrent layer of PyTorch."""
    w_in, w, b_in, b = layer.parameters()
    return w_in, w, b_in, b

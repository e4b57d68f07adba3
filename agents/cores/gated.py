"""LSTM and GRU cores, on PyTorch's own layers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from agents.cores.base import Core, State, Stepper
from agents.cores.inputs import input_drive
from agents.cores.kernels import runs_fixed
from agents.cores.product_stepper import fastest_stepper, side_by_side, warm_up
from agents.cores.registry import register_core
from agents.cores.unrolled import gru_unroll, lstm_replay


@register_core("lstm", color="#E69F00")
class LSTMCore(Core):
    """`torch.nn.LSTM` with one layer; the state is (h [B, N], c [B, N])."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.layer = nn.LSTM(input_size, hidden_size)

    def recurrent_weights(self) -> list[nn.Parameter]:
        """See :meth:`Core.recurrent_weights`."""
        return [self.layer.get_parameter("weight_hh_l0")]

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
        return fastest_stepper("lstm", torch.cat([i, f, o, g], dim=1), state)

    def warm_up(self, say: Callable[[str], None]) -> None:
        """See :meth:`Core.warm_up`."""
        warm_up("lstm", next(self.parameters()), say)

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.run`."""
        h, c = state
        output, (h_n, c_n) = self.layer(x, (h.unsqueeze(0), c.unsqueeze(0)))
        return output, (h_n[0], c_n[0])

    def rerun(self, x: Tensor, state: State, known: Tensor) -> tuple[Tensor, State]:
        """See :meth:`Core.rerun`; gates are computed again, for all steps at once, and cells."""
        w_in, w, b_in, b = weights(self.layer)
        if not runs_fixed(w):
            return self.run(x, state)
        outputs, c = lstm_replay(input_drive(x, w_in, b_in + b), state[0], state[1], w, known)
        return outputs, (outputs[-1], c)


@register_core("gru", color="#009E73")
class GRUCore(Core):
    """`torch.nn.GRU` with one layer; the state is (h [B, N],)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.layer = nn.GRU(input_size, hidden_size)

    def recurrent_weights(self) -> list[nn.Parameter]:
        """See :meth:`Core.recurrent_weights`."""
        return [self.layer.get_parameter("weight_hh_l0")]

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
        r, z = side_by_side(w_in[: 2 * N].t(), (b_in + b)[: 2 * N], w[: 2 * N].t()).chunk(2, dim=1)
        from_input = side_by_side(w_in[2 * N :].t(), b_in[2 * N :], torch.zeros_like(w[2 * N :]))
        recurrent = side_by_side(torch.zeros_like(w_in[2 * N :].t()), b[2 * N :], w[2 * N :].t())
        return fastest_stepper("gru", torch.cat([from_input, z, r, recurrent], dim=1), state)

    def warm_up(self, say: Callable[[str], None]) -> None:
        """See :meth:`Core.warm_up`."""
        warm_up("gru", next(self.parameters()), say)

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

"""An LSTM whose inputs are put into its cells, the opponent of plastic networks in figure 3 of the paper."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from agents.cores.kernels import without_autocast


class ClampedLSTM(nn.Module):
    """A cell whose input is not zero has its state set to that input; no gate sees the input otherwise.

    So Miconi, Clune & Stanley (ICML 2018) make the task as easy for an LSTM as for a network whose neurons
    are clamped. Inputs [T, B, size] -> activity of the first `size` cells at the end [B, size].

    Args:
        size: Bits.
        cells: Cells, at least as many.
    """

    def __init__(self, size: int, cells: int) -> None:
        super().__init__()
        self.size = size
        self.cells = cells
        self.recurrent = nn.Linear(cells, 4 * cells)

    def forward(self, x: Tensor) -> Tensor:
        """Show whole episodes."""
        clamp = pad(x, (0, self.cells - self.size))
        activity: Tensor = _Unroll.apply(clamp, self.recurrent.weight, self.recurrent.bias)
        return activity[:, : self.size]


class _Unroll(torch.autograd.Function):
    """The whole sequence [T, B, C] -> the last activity [B, C].

    The backward pass is written out because PyTorch's would make a gradient of the size of the weights, 64 MB
    with 2000 cells, at every step; here one matrix product sums over the steps.
    """

    @staticmethod
    @without_autocast
    def forward(ctx: Any, clamp: Tensor, w: Tensor, b: Tensor) -> Tensor:
        T, B, C = clamp.shape
        activity, states = clamp.new_zeros(T + 1, B, C), clamp.new_zeros(T + 1, B, C)
        gates = clamp.new_empty(T, B, 4, C)  # input, forget, cell, output
        for t in range(T):
            torch.addmm(b, activity[t], w.t(), out=gates[t].view(B, 4 * C))
            i, f, g, o = gates[t].unbind(dim=1)
            for gate in (i, f, o):
                gate.sigmoid_()
            g.tanh_()
            states[t + 1] = torch.where(clamp[t] != 0, clamp[t], f * states[t] + i * g)
            activity[t + 1] = o * states[t + 1].tanh()
        ctx.save_for_backward(clamp, w, activity, states, gates)
        return activity[-1].clone()

    @staticmethod
    @once_differentiable
    @without_autocast
    def backward(ctx: Any, d_h: Tensor) -> tuple[None, Tensor, Tensor]:
        clamp, w, activity, states, gates = ctx.saved_tensors
        T, B, C = clamp.shape
        d_gates = torch.empty_like(gates)
        d_c = torch.zeros_like(d_h)
        for t in range(T - 1, -1, -1):
            i, f, g, o = gates[t].unbind(dim=1)
            out = states[t + 1].tanh()
            d_c = (d_c + d_h * o * (1 - out * out)) * (clamp[t] == 0)  # nothing flows through a clamped cell
            d_gates[t, :, 0] = d_c * g * i * (1 - i)
            d_gates[t, :, 1] = d_c * states[t] * f * (1 - f)
            d_gates[t, :, 2] = d_c * i * (1 - g * g)
            d_gates[t, :, 3] = d_h * out * o * (1 - o)
            d_h = d_gates[t].view(B, 4 * C) @ w
            d_c = d_c * f
        flat = d_gates.view(T * B, 4 * C)
        return None, flat.t() @ activity[:-1].reshape(T * B, C), flat.sum(dim=0)

"""The plain tanh RNN over whole sequences, without autograd's record of every step."""

from typing import Any

import torch
from torch import Tensor

from .unroll import check_inputs, check_starts, outer_products


class _FusedRNN(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, drive: Tensor, w: Tensor, h0: Tensor, starts: Tensor) -> Tensor:
        h = drive.clone(memory_format=torch.contiguous_format)
        pre, cuts = h0, starts.any(dim=1).tolist()
        for t, cut in enumerate(cuts):
            if cut:
                pre = pre.masked_fill(starts[t, :, None], 0)
            pre = h[t].addmm_(pre, w).tanh_()
        ctx.cuts = cuts
        ctx.save_for_backward(w, h0, starts, h)
        return h

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_h: Tensor) -> tuple[Tensor | None, ...]:
        w, h0, starts, h = ctx.saved_tensors
        slope, dz = 1 - h * h, grad_h.clone(memory_format=torch.contiguous_format)
        for t in range(len(h) - 1, -1, -1):
            dz[t].mul_(slope[t])
            if t > 0 and ctx.cuts[t]:
                dz[t - 1].addmm_(dz[t].masked_fill(starts[t, :, None], 0), w.T)
            elif t > 0:
                dz[t - 1].addmm_(dz[t], w.T)
        grad_w = outer_products(h0, h, dz, starts) if ctx.needs_input_grad[1] else None
        grad_h0 = dz[0].masked_fill(starts[0, :, None], 0) @ w.T if ctx.needs_input_grad[2] else None
        return dz, grad_w, grad_h0, None


def fused_rnn_unroll(drive: Tensor, w: Tensor, h0: Tensor, starts: Tensor) -> Tensor:
    """Run h_t = tanh(drive_t + h_{t-1} w) over a sequence; the same as `fused_unroll` with alpha = 0.

    Args:
        drive: Input to each neuron [T, B, N].
        w: Weights [N, N], from row i to column j.
        h0: Activity before the first step [B, N].
        starts: Bool [T, B]; where true, h of that row is zero before the step.

    Returns:
        Activity [T, B, N], differentiable once with respect to every floating input.

    Raises:
        ValueError: If a shape, a dtype or the device is not accepted.
    """
    _, B, N = check_starts(drive, starts)
    check_inputs("decay", drive.dtype, w=(w, (N, N)), h0=(h0, (B, N)))
    return _FusedRNN.apply(drive, w, h0, starts)

"""The tanh RNN and the GRU over sequences, with their backward passes written out.

PyTorch differentiates these recurrences operation by operation, and has no fused CPU version of them (as it
has of the LSTM). Here what does not depend on the step before is computed for all steps at once, which leaves
a few operations for each step. Values and gradients are those of the plain definitions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _TanhUnroll(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, drive: Tensor, h0: Tensor, w: Tensor) -> Tensor:
        outputs = torch.empty_like(drive)
        h = h0
        for drive_t, out in zip(drive, outputs, strict=True):
            h = torch.addmm(drive_t, h, w, out=out).tanh_()
        ctx.save_for_backward(outputs, h0, w)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        outputs, h0, w = ctx.saved_tensors
        slope = 1 - outputs * outputs
        before = torch.cat([h0.unsqueeze(0), outputs[:-1]])
        d_drive = torch.empty_like(outputs)
        d_h = torch.zeros_like(h0)
        back = w.t().contiguous()
        for t in range(len(outputs) - 1, -1, -1):
            torch.mul(d_h.add_(grad[t]), slope[t], out=d_drive[t])
            torch.mm(d_drive[t], back, out=d_h)
        return d_drive, d_h, before.flatten(0, 1).t() @ d_drive.flatten(0, 1)


def tanh_unroll(drive: Tensor, h0: Tensor, w: Tensor) -> Tensor:
    """h_t = tanh(drive_t + h_{t-1} w).

    Args:
        drive: [T, B, N].
        h0: Activity before the first step [B, N].
        w: Weights [N, N], from row i to column j.

    Returns:
        Activity [T, B, N], differentiable once with respect to all three.
    """
    return _TanhUnroll.apply(drive, h0, w)


class _GRUUnroll(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, h0: Tensor, w: Tensor, b: Tensor) -> Tensor:
        T, B, N = len(gates), *h0.shape
        outputs = gates.new_empty(T, B, N)
        recurrent = gates.new_empty(T, B, 3 * N)
        rz, n = gates[..., : 2 * N].clone(), gates[..., 2 * N :].clone()
        h = h0
        back = w.t().contiguous()
        for t in range(T):
            torch.addmm(b, h, back, out=recurrent[t])
            rz[t].add_(recurrent[t, :, : 2 * N]).sigmoid_()
            n[t].addcmul_(rz[t, :, :N], recurrent[t, :, 2 * N :]).tanh_()
            h = torch.lerp(n[t], h, rz[t, :, N:], out=outputs[t])
        ctx.save_for_backward(outputs, h0, w, rz, n, recurrent[..., 2 * N :])
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        outputs, h0, w, rz, n, recurrent = ctx.saved_tensors
        T, B, N = outputs.shape
        r, z = rz[..., :N], rz[..., N:]
        before = torch.cat([h0.unsqueeze(0), outputs[:-1]])
        # How the sum inside each gate answers to a change of h_t.
        to_n = (1 - z) * (1 - n * n)
        to_rz = torch.cat([to_n * recurrent * r * (1 - r), (before - n) * z * (1 - z)], dim=-1)
        slopes = torch.cat([to_rz, to_n * r], dim=-1).view(T, B, 3, N)
        d_recurrent = torch.empty_like(slopes)
        d_h = torch.zeros_like(h0)
        d_outputs = torch.empty_like(outputs)
        for t in range(T - 1, -1, -1):
            torch.add(d_h, grad[t], out=d_outputs[t])
            torch.mul(slopes[t], d_outputs[t].unsqueeze(1), out=d_recurrent[t])
            torch.addmm(d_outputs[t] * z[t], d_recurrent[t].view(B, 3 * N), w, out=d_h)
        d_recurrent = d_recurrent.view(T, B, 3 * N)
        d_gates = torch.cat([d_recurrent[..., : 2 * N], d_outputs * to_n], dim=-1)
        flat = d_recurrent.flatten(0, 1)
        return d_gates, d_h, flat.t() @ before.flatten(0, 1), flat.sum(0)


def gru_unroll(gates: Tensor, h0: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The GRU as `torch.nn.GRU` defines it, given what its input contributes.

    Args:
        gates: W_ih x + b_ih for the gates r, z and n [T, B, 3 N].
        h0: Activity before the first step [B, N].
        w: Recurrent weights [3 N, N] (`weight_hh_l0`).
        b: Their biases [3 N] (`bias_hh_l0`).

    Returns:
        Activity [T, B, N], differentiable once with respect to all four.
    """
    return _GRUUnroll.apply(gates, h0, w, b)

"""Recurrences without plastic weights over sequences, with their backward passes written out.

PyTorch differentiates the tanh RNN and the GRU operation by operation, and has no fused CPU version of them
(as it has of the LSTM). Here what does not depend on the step before is computed for all steps at once, which
leaves a few operations for each step, in the backward pass a kernel's; and where the activity is known, as
after a rollout, hardly anything is left of the forward pass. Values and gradients are those of the plain
definitions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from agents.cores.kernels import fixed_way_back, runs_fixed


def _before(h0: Tensor, outputs: Tensor) -> Tensor:
    """The activity before each step, [T, B, N]."""
    return torch.cat([h0.unsqueeze(0), outputs[:-1]])


class _TanhUnroll(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, drive: Tensor, h0: Tensor, w: Tensor, known: Tensor | None) -> Tensor:
        if known is not None:
            outputs = known.detach()
        else:
            outputs = torch.empty_like(drive)
            h = h0
            for drive_t, out in zip(drive, outputs, strict=True):
                h = torch.addmm(drive_t, h, w, out=out).tanh_()
        ctx.save_for_backward(outputs, h0, w)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        outputs, h0, w = ctx.saved_tensors
        d_drive = 1 - outputs * outputs
        if runs_fixed(w):
            _, d_h = fixed_way_back("tanh", d_drive, grad, w.t())
        else:
            d_h = torch.zeros_like(h0)
            back = w.t().contiguous()
            for d_t, grad_t in zip(reversed(d_drive.unbind()), reversed(grad.unbind()), strict=True):
                d_t.mul_(d_h.add_(grad_t))
                torch.mm(d_t, back, out=d_h)
        return d_drive, d_h, _before(h0, outputs).flatten(0, 1).t() @ d_drive.flatten(0, 1), None


def tanh_unroll(drive: Tensor, h0: Tensor, w: Tensor, known: Tensor | None = None) -> Tensor:
    """h_t = tanh(drive_t + h_{t-1} w).

    Args:
        drive: [T, B, N].
        h0: Activity before the first step [B, N].
        w: Weights [N, N], from row i to column j.
        known: The result, if it has been computed already.

    Returns:
        Activity [T, B, N], differentiable once with respect to the first three.
    """
    return _TanhUnroll.apply(drive, h0, w, known)


class _GRUUnroll(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, h0: Tensor, w: Tensor, b: Tensor, known: Tensor | None) -> Tensor:
        T, B, N = len(gates), *h0.shape
        rz, n = gates[..., : 2 * N].clone(), gates[..., 2 * N :].clone()
        back = w.t().contiguous()
        if known is not None:
            outputs = known.detach()
            recurrent = torch.addmm(b, _before(h0, outputs).flatten(0, 1), back).view(T, B, 3 * N)
            rz.add_(recurrent[..., : 2 * N]).sigmoid_()
            n.addcmul_(rz[..., :N], recurrent[..., 2 * N :]).tanh_()
        else:
            outputs = gates.new_empty(T, B, N)
            recurrent = gates.new_empty(T, B, 3 * N)
            h = h0
            for t in range(T):
                torch.addmm(b, h, back, out=recurrent[t])
                rz[t].add_(recurrent[t, :, : 2 * N]).sigmoid_()
                n[t].addcmul_(rz[t, :, :N], recurrent[t, :, 2 * N :]).tanh_()
                h = torch.lerp(n[t], h, rz[t, :, N:], out=outputs[t])
        ctx.save_for_backward(outputs, h0, w, rz, n, recurrent[..., 2 * N :])
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        outputs, h0, w, rz, n, recurrent = ctx.saved_tensors
        T, B, N = outputs.shape
        r, z = rz[..., :N], rz[..., N:]
        before = _before(h0, outputs)
        # How the sum inside each gate answers to a change of h_t, and h_{t-1} by the direct way.
        to_n = (1 - z) * (1 - n * n)
        slopes = torch.stack([to_n * recurrent * r * (1 - r), (before - n) * z * (1 - z), to_n * r, z], dim=2)
        if runs_fixed(w):
            d_outputs, d_h = fixed_way_back("gru", slopes, grad, w)
        else:
            d_h = torch.zeros_like(h0)
            d_outputs = torch.empty_like(outputs)
            to_all = torch.cat([w, torch.eye(N, dtype=w.dtype, device=w.device)])
            sequences = d_outputs.unsqueeze(2), grad.unsqueeze(2), slopes, slopes.view(T, B, 4 * N)
            for d_t, grad_t, slopes_t, flat_t in zip(
                *(reversed(sequence.unbind()) for sequence in sequences), strict=True
            ):
                torch.add(d_h.unsqueeze(1), grad_t, out=d_t)
                slopes_t.mul_(d_t)
                torch.mm(flat_t, to_all, out=d_h)
        # The slopes have become gradients: of the sums in r, z and n, and of h_{t-1} by the direct way.
        d_recurrent = slopes.view(T, B, 4 * N)[..., : 3 * N]
        d_gates = torch.cat([d_recurrent[..., : 2 * N], d_outputs * to_n], dim=-1)
        flat = d_recurrent.flatten(0, 1)
        return d_gates, d_h, flat.t() @ before.flatten(0, 1), flat.sum(0), None


def gru_unroll(gates: Tensor, h0: Tensor, w: Tensor, b: Tensor, known: Tensor | None = None) -> Tensor:
    """The GRU as `torch.nn.GRU` defines it, given what its input contributes.

    Args:
        gates: W_ih x + b_ih for the gates r, z and n [T, B, 3 N].
        h0: Activity before the first step [B, N].
        w: Recurrent weights [3 N, N] (`weight_hh_l0`).
        b: Their biases [3 N] (`bias_hh_l0`).
        known: The result, if it has been computed already.

    Returns:
        Activity [T, B, N], differentiable once with respect to the first four.
    """
    return _GRUUnroll.apply(gates, h0, w, b, known)

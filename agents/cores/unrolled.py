"""Recurrences without plastic weights over sequences, with their backward passes written out.

PyTorch differentiates the tanh RNN and the GRU operation by operation, and has no fused CPU version of them
(as it has of the LSTM); nor does it make use of activity that is known, as after a rollout. Here products
with known activity are computed for all steps at once, and what goes step by step, the way back, is a
kernel's on the CPU. Values and gradients are those of the plain definitions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from agents.cores.kernels import (
    gru_way_back,
    lstm_cells,
    lstm_way_back,
    product,
    runs_fixed,
    summed_product,
    tanh_way_back,
    without_autocast,
)


def _check(drive: Tensor, parts: int, w: Tensor, state: dict[str, Tensor], known: Tensor | None) -> None:
    """Raise ValueError unless the tensors have the shapes that go together, and one dtype.

    Kernels read and write at addresses: nothing else would notice.

    Args:
        drive: [T, B, parts N].
        parts: How many inputs a neuron has.
        w: Its first dimension is parts N, the second N.
        state: By name, [B, N] each.
        known: [T, B, N]
    """
    T, B, N = len(drive), len(next(iter(state.values()))), w.shape[1]
    wanted = {"drive": (drive, (T, B, parts * N)), "w": (w, (parts * N, N))}
    wanted |= {name: (leaf, (B, N)) for name, leaf in state.items()}
    wanted |= {} if known is None else {"known": (known, (T, B, N))}
    for name, (tensor, shape) in wanted.items():
        if tensor.shape != shape or tensor.dtype != w.dtype:
            raise ValueError(
                f"{name} must be {w.dtype} {list(shape)}, got {tensor.dtype} {list(tensor.shape)}"
            )


def _before(h0: Tensor, outputs: Tensor) -> Tensor:
    """The activity before each step, [T, B, N]."""
    return torch.cat([h0.unsqueeze(0), outputs[:-1]])


class _TanhUnroll(torch.autograd.Function):
    @staticmethod
    @without_autocast
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
    @without_autocast
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        outputs, h0, w = ctx.saved_tensors
        back = tanh_way_back if runs_fixed(w) else _plain_tanh_way_back
        d_drive, d_h0 = back(outputs, grad, w)
        return d_drive, d_h0, summed_product(_before(h0, outputs).flatten(0, 1), d_drive.flatten(0, 1)), None


def _plain_tanh_way_back(h: Tensor, grad: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """See :func:`agents.cores.kernels.tanh_way_back`."""
    d_sums = 1 - h * h
    d_h = torch.zeros_like(h[0])
    back = w.t().contiguous()
    for d_t, grad_t in zip(reversed(d_sums.unbind()), reversed(grad.unbind()), strict=True):
        d_t.mul_(d_h.add_(grad_t))
        torch.mm(d_t, back, out=d_h)
    return d_sums, d_h


def tanh_unroll(drive: Tensor, h0: Tensor, w: Tensor, known: Tensor | None = None) -> Tensor:
    """h_t = tanh(drive_t + h_{t-1} w).

    Args:
        drive: [T, B, N].
        h0: Activity before the first step [B, N].
        w: Weights [N, N], from row i to column j.
        known: The result, if it has been computed already.

    Returns:
        Activity [T, B, N], differentiable once with respect to the first three.

    Raises:
        ValueError: If a shape or dtype is another.
    """
    _check(drive, 1, w, {"h0": h0}, known)
    return _TanhUnroll.apply(drive, h0, w, known)


class _GRUUnroll(torch.autograd.Function):
    @staticmethod
    @without_autocast
    def forward(ctx: Any, gates: Tensor, h0: Tensor, w: Tensor, b: Tensor, known: Tensor | None) -> Tensor:
        if known is not None:
            outputs = known.detach()
        else:
            outputs = gates.new_empty(len(gates), *h0.shape)
            recurrent = gates.new_empty(gates.shape[1:])
            back, N = w.t().contiguous(), h0.shape[1]
            h = h0
            for gates_t, out in zip(gates, outputs, strict=True):
                torch.addmm(b, h, back, out=recurrent)
                r, z = (gates_t[:, : 2 * N] + recurrent[:, : 2 * N]).sigmoid_().chunk(2, dim=1)
                n = torch.addcmul(gates_t[:, 2 * N :], r, recurrent[:, 2 * N :]).tanh_()
                h = torch.lerp(n, h, z, out=out)
        ctx.save_for_backward(outputs, gates, h0, w, b)
        return outputs

    @staticmethod
    @once_differentiable
    @without_autocast
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        outputs, gates, h0, w, b = ctx.saved_tensors
        before = _before(h0, outputs).flatten(0, 1)
        recurrent = product(before, w.t(), b).view(gates.shape)
        d_gates = gates.clone(memory_format=torch.contiguous_format)
        back = gru_way_back if runs_fixed(w) else _plain_gru_way_back
        d_h0 = back(d_gates, recurrent, h0, outputs, grad, w)
        flat = recurrent.flatten(0, 1)
        return d_gates, d_h0, summed_product(flat, before), flat.sum(0), None


def _plain_gru_way_back(
    given: Tensor, sums: Tensor, h0: Tensor, h: Tensor, grad: Tensor, w: Tensor
) -> Tensor:
    """See :func:`agents.cores.kernels.gru_way_back`."""
    before, N = _before(h0, h), h0.shape[1]
    r, z = (given[..., : 2 * N] + sums[..., : 2 * N]).sigmoid_().chunk(2, dim=2)
    recurrent = sums[..., 2 * N :]
    n = torch.addcmul(given[..., 2 * N :], r, recurrent).tanh_()
    # How the sum inside each gate answers to a change of h_t.
    to_n = (1 - z) * (1 - n * n)
    slopes = torch.cat([to_n * recurrent * r * (1 - r), (before - n) * z * (1 - z), to_n * r], dim=2)
    d_h = torch.zeros_like(h0)
    for t in range(len(h) - 1, -1, -1):
        d_h = d_h + grad[t]
        sums[t] = slopes[t] * d_h.repeat(1, 3)
        given[t] = torch.cat([sums[t, :, : 2 * N], d_h * to_n[t]], dim=1)
        d_h = torch.addmm(d_h * z[t], sums[t], w)
    return d_h


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

    Raises:
        ValueError: If a shape or dtype is another.
    """
    _check(gates, 3, w, {"h0": h0}, known)
    return _GRUUnroll.apply(gates, h0, w, b, known)


class _LSTMReplay(torch.autograd.Function):
    @staticmethod
    @without_autocast
    def forward(
        ctx: Any, drive: Tensor, h0: Tensor, c0: Tensor, w: Tensor, known: Tensor
    ) -> tuple[Tensor, Tensor]:
        outputs, c0 = known.detach(), c0.contiguous()
        before = _before(h0, outputs).flatten(0, 1)
        sums = product(before, w.t(), drive.flatten(0, 1)).view(drive.shape)
        c = lstm_cells(sums, c0)
        ctx.save_for_backward(outputs, h0, c0, c, sums, w)
        return outputs, c[-1].clone()

    @staticmethod
    @once_differentiable
    @without_autocast
    def backward(ctx: Any, grad: Tensor, d_c: Tensor) -> tuple[Tensor | None, ...]:
        outputs, h0, c0, c, gates, w = ctx.saved_tensors
        d_drive = gates.clone()
        d_h0, d_c0 = lstm_way_back(d_drive, c0, c, grad, d_c, w)
        before = _before(h0, outputs).flatten(0, 1)
        return d_drive, d_h0, d_c0, summed_product(d_drive.flatten(0, 1), before), None


def lstm_replay(drive: Tensor, h0: Tensor, c0: Tensor, w: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The LSTM as `torch.nn.LSTM` defines it, whose activity is known, where :func:`runs_fixed`.

    Args:
        drive: W_ih x + b_ih + b_hh for the gates i, f, g and o [T, B, 4 N].
        h0: Activity before the first step [B, N].
        c0: Cells before it [B, N].
        w: Recurrent weights [4 N, N] (`weight_hh_l0`).
        known: The activity [T, B, N].

    Returns:
        Activity [T, B, N] and the cells after the last step [B, N], differentiable once with respect to the
        first four.

    Raises:
        ValueError: If a shape or dtype is another.
    """
    _check(drive, 4, w, {"h0": h0, "c0": c0}, known)
    return _LSTMReplay.apply(drive, h0, c0, w, known)

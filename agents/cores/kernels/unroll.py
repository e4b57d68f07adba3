"""The plastic recurrence over whole sequences, as one differentiable operation."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from .backward import scratch_numbers
from .compiled import kernel
from .rules import RULES
from .threads import chunks, scratch, share_out
from .vector import LANES, ROWS

GROUP = 2
"""Samples walked in step: sharing rows of the weights in the L1 cache; their traces stay in L2."""

DTYPES = (torch.float32, torch.float64)
"""What kernels exist for; float64 is for tests, and compiled anew in each process."""

SEGMENT = 8
"""Steps between two checkpoints of the backward pass."""


def _tiled(matrix: Tensor) -> Tensor:
    """[N, N] -> tiles [rows / ROWS, size / LANES, ROWS, LANES], with zeros around it."""
    n = len(matrix)
    rows, size = padded_sizes(n)
    padded = pad(matrix, (0, size - n, 0, rows - n))
    return padded.view(rows // ROWS, ROWS, size // LANES, LANES).transpose(1, 2).contiguous()


def _untiled(tiles: Tensor, n: int) -> Tensor:
    """The opposite of `_tiled`."""
    rows, size = padded_sizes(n)
    return tiles.reshape(rows // ROWS, size // LANES, ROWS, LANES).transpose(1, 2).reshape(rows, size)[:n, :n]


def padded_sizes(n: int) -> tuple[int, int]:
    """Rows and columns of a matrix [n, n] in tiles."""
    return -(-n // ROWS) * ROWS, -(-n // LANES) * LANES


def padded_weights(w: Tensor, alpha: Tensor, eta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """As the kernels want them: w and alpha in tiles, eta [size], with zeros around."""
    return _tiled(w), _tiled(alpha), pad(eta, (0, padded_sizes(len(eta))[1] - len(eta))).contiguous()


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


class _FusedUnroll(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        drive: Tensor,
        w: Tensor,
        alpha: Tensor,
        eta: Tensor,
        h0: Tensor,
        hebb0: Tensor,
        starts: Tensor,
        rule: str,
        known: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        T, B, N = drive.shape
        drive, h0, hebb0 = drive.contiguous(), h0.contiguous(), hebb0.contiguous()
        starts = starts.contiguous()
        w, alpha, eta = padded_weights(w, alpha, eta)
        ctx.rule = rule
        ctx.set_materialize_grads(False)
        if known is not None:
            h = known.contiguous().detach()
            ctx.save_for_backward(w, alpha, eta, h0, hebb0, starts, h)
            return h, None
        rows, size = padded_sizes(N)
        h, hebb_end = torch.empty_like(drive), torch.empty_like(hebb0)
        run = kernel("forward", rule, _name(drive.dtype))
        parts = chunks(B, GROUP)

        def work(part: int) -> None:
            first, last = parts[part]
            group = min(GROUP, last - first)
            memory = scratch(group * size * (rows + 5), drive.dtype)
            run(
                T, B, N, rows, size, first, last, group,
                *map(_address, (drive, w, alpha, eta, h0, hebb0, starts, h, hebb_end, memory)),
            )  # fmt: skip

        share_out(work, len(parts))
        ctx.save_for_backward(w, alpha, eta, h0, hebb0, starts, h)
        return h, hebb_end

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_h: Tensor | None, grad_end: Tensor | None) -> tuple[Tensor | None, ...]:
        w, alpha, eta, h0, hebb0, starts, h = ctx.saved_tensors
        if grad_h is None and grad_end is None:
            return (None,) * 9
        T, B, N = h.shape
        rows, size = padded_sizes(N)
        grad_h = None if grad_h is None else grad_h.contiguous()
        grad_end = None if grad_end is None else grad_end.contiguous()
        dz = torch.empty_like(h)
        grad_h0 = torch.empty_like(h0) if ctx.needs_input_grad[4] else None
        grad_hebb0 = torch.empty_like(hebb0) if ctx.needs_input_grad[5] else None
        parts = chunks(B, GROUP)
        sums = h.new_empty(len(parts), 2 * rows + 1, size)  # dw, dalpha and deta
        run = kernel("backward", ctx.rule, _name(h.dtype))

        def work(part: int) -> None:
            first, last = parts[part]
            group = min(GROUP, last - first)
            memory = scratch(scratch_numbers(T, rows, size, group, SEGMENT), h.dtype)
            run(
                T, B, N, rows, size, first, last, group, SEGMENT,
                *map(_address, (w, alpha, eta, h0, hebb0, starts, h, grad_h, grad_end)),
                *map(_address, (dz, grad_h0, grad_hebb0)),
                *map(_address, (sums[part], sums[part, rows:], sums[part, 2 * rows:], memory)),
            )  # fmt: skip

        share_out(work, len(parts))
        total = torch.from_numpy(sums.numpy().sum(axis=0))  # in this order, on this thread
        dw, dalpha, deta = total[:rows], total[rows : 2 * rows], total[2 * rows]
        return dz, _untiled(dw, N), _untiled(dalpha, N), deta[:N], grad_h0, grad_hebb0, None, None, None


def fused_unroll(
    drive: Tensor, w: Tensor, alpha: Tensor, eta: Tensor, h0: Tensor, hebb0: Tensor, starts: Tensor, rule: str
) -> tuple[Tensor, Tensor]:
    """Run the plastic recurrence over a sequence.

    Equal to a loop of `agents.cores.plastic.plastic_step` with a reset where an episode starts (Miconi,
    Clune & Stanley 2018), many times faster on a CPU. For the backward pass only the inputs and h are kept;
    the traces are recomputed.

    Args:
        drive: Input to each neuron [T, B, N].
        w: Fixed weights [N, N], from row i to column j.
        alpha: Plasticity of each connection [N, N].
        eta: Plasticity rate of each postsynaptic neuron [N].
        h0: Activity before the first step [B, N].
        hebb0: Plastic weights before the first step [B, N, N].
        starts: Bool [T, B]; where true, h and hebb of that row are zero before the step.
        rule: "decay", "clip" or "oja".

    Returns:
        Activity [T, B, N] and plastic weights after the last step [B, N, N], both differentiable with
        respect to every floating input, once.

    Raises:
        ValueError: If a shape, a dtype, the device or the rule is not accepted.
    """
    _check(drive, w, alpha, eta, h0, hebb0, starts, rule)
    return _FusedUnroll.apply(drive, w, alpha, eta, h0, hebb0, starts, rule, None)


def fused_replay(
    drive: Tensor,
    w: Tensor,
    alpha: Tensor,
    eta: Tensor,
    h0: Tensor,
    hebb0: Tensor,
    starts: Tensor,
    rule: str,
    known: Tensor,
) -> Tensor:
    """As :func:`fused_unroll`, where its activity is known already: only the backward pass is computed.

    Args:
        drive: Input to each neuron [T, B, N].
        w: Fixed weights [N, N].
        alpha: Plasticity of each connection [N, N].
        eta: Plasticity rate of each postsynaptic neuron [N].
        h0: Activity before the first step [B, N].
        hebb0: Plastic weights before the first step [B, N, N].
        starts: Bool [T, B], true where an episode starts.
        rule: "decay", "clip" or "oja".
        known: The activity [T, B, N] that these inputs gave, step by step.

    Returns:
        That activity, differentiable with respect to every other floating input, once.

    Raises:
        ValueError: As :func:`fused_unroll`.
    """
    _check(drive, w, alpha, eta, h0, hebb0, starts, rule)
    check_inputs(rule, drive.dtype, known=(known, tuple(drive.shape)))
    return _FusedUnroll.apply(drive, w, alpha, eta, h0, hebb0, starts, rule, known)[0]


def _check(
    drive: Tensor, w: Tensor, alpha: Tensor, eta: Tensor, h0: Tensor, hebb0: Tensor, starts: Tensor, rule: str
) -> None:
    T, B, N = check_starts(drive, starts)
    check_inputs(
        rule,
        drive.dtype,
        drive=(drive, (T, B, N)),
        w=(w, (N, N)),
        alpha=(alpha, (N, N)),
        eta=(eta, (N,)),
        h0=(h0, (B, N)),
        hebb0=(hebb0, (B, N, N)),
    )


def check_starts(drive: Tensor, starts: Tensor) -> tuple[int, int, int]:
    """The sizes (T, B, N) of drive; ValueError unless it and starts [T, B] have a proper shape and dtype."""
    if drive.dim() != 3 or 0 in drive.shape:
        raise ValueError(f"drive must be [T, B, N] and not empty, got {list(drive.shape)}")
    T, B, N = drive.shape
    if starts.dtype != torch.bool or starts.shape != (T, B):
        raise ValueError(f"starts must be bool [{T}, {B}], got {starts.dtype} {list(starts.shape)}")
    return T, B, N


def check_inputs(rule: str, dtype: torch.dtype, **inputs: tuple[Tensor, tuple[int, ...]]) -> None:
    """Raise ValueError unless the rule is known and each input has its shape and the dtype, on the CPU."""
    if rule not in RULES:
        raise ValueError(f"unknown plasticity rule {rule!r}; known rules: {', '.join(RULES)}")
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be float32 (or float64), got {dtype}")
    for name, (tensor, shape) in inputs.items():
        if tensor.shape != shape or 0 in shape:
            raise ValueError(
                f"{name} must have shape {list(shape)} and not be empty, got {list(tensor.shape)}"
            )
        if tensor.dtype != dtype or tensor.device.type != "cpu":
            raise ValueError(f"{name} must be {dtype} on the CPU, got {tensor.dtype} on {tensor.device}")

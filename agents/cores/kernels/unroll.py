"""The plastic recurrence over whole sequences, as one differentiable operation."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from .addresses import address, addresses
from .backward import backward_numbers
from .cells import PARTS
from .checks import check_clamp, check_rule, check_starts, check_tensors
from .compiled import kernel
from .forward import forward_numbers
from .imposed import cut_time, passes_imposed
from .precision import without_autocast
from .rules import ALL_RULES, MATRICES, RATES
from .shared_products import product, summed_product
from .threads import chunks, scratch, share_out
from .tiles import padded_sizes, tiled, tiled_gates, untiled

GROUP = 2
"""Samples walked in step: sharing rows of the weights in the L1 cache; their traces stay in L2."""

MANY = 16
"""From so many samples on, the forward pass walks with twice as many; with fewer, threads might get none."""

SEGMENT = 8
"""Steps between two checkpoints of the backward pass."""

LARGE, LONG_SEGMENT = 256 * 256, 14
"""Matrices of more numbers do not stay in L2: samples go one by one, with fewer checkpoints."""


def _group_and_segment(rows: int, size: int) -> tuple[int, int]:
    return (GROUP, SEGMENT) if rows * size <= LARGE else (1, LONG_SEGMENT)


def dtype_name(dtype: torch.dtype) -> str:
    """What the kernels call it."""
    return str(dtype).removeprefix("torch.")


class InputProduct(NamedTuple):
    """What reaches the neurons as x w^T + b, which kernels compute row by row as they need it."""

    x: Tensor
    """Features [T, B, F]"""
    w: Tensor
    """Weights [N, F]; in a GRU [3 N, F], for candidate, update gate and reset gate"""
    b: Tensor
    """Biases [N] or [3 N]"""


class _FusedUnroll(torch.autograd.Function):
    @staticmethod
    @without_autocast
    def forward(
        ctx: Any,
        x: Tensor,
        w_in: Tensor | None,
        w: Tensor,
        alpha: Tensor,
        rates: Tensor,
        w_gates: Tensor | None,
        h0: Tensor,
        state0: Tensor,
        starts: Tensor,
        rule: str,
        known: Tensor | None,
        clamp: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        """`rates` [.., N] and `state0` [.., B, N, N] hold what `RATES` and `MATRICES` name.

        w_in: [F + 1, parts N], the biases last; None: x is what reaches the neurons [T, B, parts N].
        """
        (T, B), N, F = starts.shape, len(w), x.shape[2]
        rows, size = padded_sizes(N)
        x, h0, state0 = x.contiguous(), h0.contiguous(), state0.contiguous()
        starts = starts.contiguous()
        entering = None if w_in is None else pad(w_in.view(F + 1, -1, N), (0, size - N)).contiguous()
        w, alpha, rates = tiled(w), tiled(alpha), pad(rates, (0, size - N)).contiguous()
        gates = None if w_gates is None else tiled_gates(w_gates)
        ctx.rule, ctx.cell = rule, cell_name(w_gates, clamp)
        together, segment = _group_and_segment(rows, size)
        edges, _ = ctx.cut = cut_time(T, segment, clamp if passes_imposed(rule, ctx.cell) else None)
        longest = int(edges.diff().max())
        ctx.set_materialize_grads(False)
        clamp = None if clamp is None else clamp.contiguous()
        given = (x, entering, w, alpha, rates, gates, h0, state0, starts, clamp)
        if known is not None:
            h = known.contiguous().detach()
            ctx.save_for_backward(*given, h, w_gates, w_in)
            return h, None
        h, state_end = x.new_empty(T, B, N), torch.empty_like(state0)
        run = kernel("forward", rule, ctx.cell, dtype_name(x.dtype))
        ahead = 2 * together if B >= MANY else together  # nothing of theirs is kept: more stay in L2
        parts = chunks(B, ahead)
        found = *_found(ctx.cut, given), *addresses(x.dtype, h, state_end)

        def work(part: int) -> None:
            first, last = parts[part]
            group = min(ahead, last - first)
            memory = scratch(forward_numbers(len(state0), rows, size, group, longest), x.dtype)
            run(
                T, B, F, N, rows, size, first, last, group, len(edges) - 1,
                *found, address(memory, x.dtype),
            )  # fmt: skip

        share_out(work, len(parts))
        ctx.save_for_backward(*given, h, w_gates, w_in)
        return h, state_end

    @staticmethod
    @torch.autograd.function.once_differentiable
    @without_autocast
    def backward(ctx: Any, grad_h: Tensor | None, grad_end: Tensor | None) -> tuple[Tensor | None, ...]:
        # What hooks on saved tensors give back may lie otherwise in memory.
        saved: list[Any] = [x if x is None else x.contiguous() for x in ctx.saved_tensors]
        *given, h, w_gates, w_in = saved
        x, _, _, _, rates, _, h0, state0, starts, _ = given
        if grad_h is None and grad_end is None:
            return (None,) * 12
        (T, B, N), F = h.shape, x.shape[2]
        rows, size = padded_sizes(N)
        grad_h = None if grad_h is None else grad_h.contiguous()
        grad_end = None if grad_end is None else grad_end.contiguous()
        entered = PARTS[ctx.cell]
        # What flows to the neurons' inputs is written down only for whom it is needed outside the kernel.
        wanted = w_gates is not None or ctx.needs_input_grad[0]
        dz = h.new_empty(T, B, entered * N) if wanted else None
        grad_h0 = torch.empty_like(h0) if ctx.needs_input_grad[6] else None
        grad_state0 = torch.empty_like(state0) if ctx.needs_input_grad[7] else None
        before = None if w_gates is None else _activity_before(h0, h, starts)
        opened = None if before is None else _opened_gates(x, w_in, before, w_gates)
        together, segment = _group_and_segment(rows, size)
        longest, segments = int(ctx.cut[0].diff().max()), len(ctx.cut[1])
        parts = chunks(B, together)
        features = 0 if w_in is None else padded_sizes(F + 1)[0]
        heights = rows, rows, len(rates), entered * features
        sums = h.new_empty(len(parts), sum(heights), size)  # dw, dalpha, drates and dw_in
        run = kernel("backward", ctx.rule, ctx.cell, dtype_name(h.dtype))
        outside = h, opened, grad_h, grad_end, dz, grad_h0, grad_state0
        found = *_found(ctx.cut, given), *addresses(h.dtype, *outside)

        def work(part: int) -> None:
            first, last = parts[part]
            group = min(max(1, together // len(state0)), last - first)  # more matrices do not stay in L2
            numbers = backward_numbers(segments, len(state0), rows, size, group, segment, longest, F)
            memory = scratch(numbers, h.dtype)
            run(
                T, B, F, N, rows, size, first, last, group, segment, longest, segments,
                *found, *addresses(h.dtype, *sums[part].split(heights), memory),
            )  # fmt: skip

        share_out(work, len(parts))
        total = torch.from_numpy(sums.numpy().sum(axis=0))  # in this order, on this thread
        dw, dalpha, drates, dw_in = total.split(heights)
        dgates = None
        if before is not None:
            assert dz is not None
            both = summed_product(before.flatten(0, 1), dz[..., N:].flatten(0, 1))
            dgates = torch.stack(both.split(N, dim=1))
        weights = untiled(dw)[:N, :N], untiled(dalpha)[:N, :N], drates[:, :N], dgates
        dx, of_product = dz if ctx.needs_input_grad[0] else None, None
        if w_in is not None:
            dx = None if dx is None else product(dx.flatten(0, 1), w_in[:F].t()).view_as(x)
            of_product = torch.cat([untiled(part)[: F + 1, :N] for part in dw_in.split(features)], 1)
        return dx, of_product, *weights, grad_h0, grad_state0, None, None, None, None


def _found(cut: tuple[Tensor, Tensor], given: Sequence[Tensor | None]) -> tuple[int, ...]:
    """The addresses of what both kernels read; starts and the clamp come last in `given`."""
    edges, imposed = cut
    *floats, starts, clamp = given
    assert floats[0] is not None
    dtype = floats[0].dtype
    ours = addresses(dtype, *floats)
    return (
        address(edges, torch.int64), address(imposed, torch.bool),
        *ours, address(starts, torch.bool), address(clamp, dtype),
    )  # fmt: skip


def cell_name(w_gates: Tensor | None, clamp: Tensor | None = None) -> str:
    """What the kernels call the cell whose gates have these weights, or on which this is imposed."""
    if w_gates is not None:
        return "gru"
    return "tanh" if clamp is None else "clamped"


def _activity_before(h0: Tensor, h: Tensor, starts: Tensor) -> Tensor:
    """Activity before each step [T, B, N]: zero where an episode starts."""
    return torch.cat([h0.unsqueeze(0), h[:-1]]).masked_fill_(starts.unsqueeze(-1), 0.0)


def _opened_gates(x: Tensor, w_in: Tensor | None, before: Tensor, w_gates: Tensor) -> Tensor:
    """The update and reset gates of a GRU [T, B, 2 N], given its input and the activity before each step."""
    T, B, N = before.shape
    drive = x.flatten(0, 1)
    drive = drive[:, N:] if w_in is None else product(drive, w_in[:-1, N:], w_in[-1, N:])
    return product(before.flatten(0, 1), torch.cat([*w_gates], 1), drive).view(T, B, 2 * N).sigmoid_()


def fused_recurrence(
    rule: str,
    drive: Tensor | InputProduct,
    w: Tensor,
    alpha: Tensor,
    rates: Sequence[Tensor],
    state: Sequence[Tensor],
    starts: Tensor,
    known: Tensor | None = None,
    w_gates: Tensor | None = None,
    clamp: Tensor | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a recurrence with plastic connections over a sequence.

    Equal to a loop of `plastic_step`, or of `modulated_step` and `retroactive_step` for the rules of these
    names, with a reset where an episode starts (`agents.cores.plastic` and `agents.cores.modulated`), many
    times faster on a CPU. With `w_gates`, equal to `plastic_gru_step` (`agents.cores.plastic_gru`). For the
    backward pass only the inputs and h are kept; the matrices are recomputed.

    Args:
        rule: One of `ALL_RULES`.
        drive: Input to each neuron [T, B, N]; in a GRU to candidate, update gate and reset gate [T, B, 3 N].
            Or the product that it is, for the kernels to compute.
        w: Fixed weights [N, N], from row i to column j.
        alpha: Plasticity of each connection [N, N].
        rates: What sets the rate of plasticity, as named in `RATES`, [N] each, but m_bias [1].
        state: Activity before the first step [B, N] and the matrices named in `MATRICES` [B, N, N].
        starts: Bool [T, B]; where true, that row of the state is zero before the step.
        known: The activity [T, B, N] that these inputs gave, step by step: then only the backward pass is
            computed. None: it is not known.
        w_gates: Recurrent weights of a GRU's update and reset gate [2, N, N]; None: it is a tanh RNN.
        clamp: Activity that is imposed [T, B, N]; a neuron is free where it is NaN. None: all are free.

    Returns:
        Activity [T, B, N] and the matrices after the last step (none if activity is known), differentiable
        with respect to every floating input but `known` and `clamp`, once.

    Raises:
        ValueError: If a shape, a dtype, the device or the rule is not accepted, or `clamp` asks for a
            gradient or is given to a GRU.
    """
    if rule not in ALL_RULES:
        raise ValueError(f"unknown plasticity rule {rule!r}; known rules: {', '.join(ALL_RULES)}")
    x, names = (drive.x, ("x", "F")) if isinstance(drive, InputProduct) else (drive, ("drive", "N"))
    T, B, F = check_starts(x, starts, *names)
    h0, *matrices = state
    N = len(w)
    entering = PARTS[cell_name(w_gates)] * N
    if isinstance(drive, InputProduct):
        inputs = {"w_in": (drive.w, (entering, F)), "b": (drive.b, (entering,))}
    else:
        inputs = {"drive": (drive, (T, B, entering))}
    named_rates = dict(zip(RATES[rule], rates, strict=True))
    named_matrices = zip(MATRICES[rule], matrices, strict=True)
    check_tensors(
        x.dtype,
        **inputs,
        **({} if w_gates is None else {"w_gates": (w_gates, (2, N, N))}),
        w=(w, (N, N)),
        alpha=(alpha, (N, N)),
        **{name: (rate, (1,) if name == "m_bias" else (N,)) for name, rate in named_rates.items()},
        h0=(h0, (B, N)),
        **{f"{name}0": (matrix, (B, N, N)) for name, matrix in named_matrices},
    )
    if known is not None:
        check_tensors(x.dtype, known=(known, (T, B, N)))
    if clamp is not None:
        if w_gates is not None:
            raise ValueError("clamp and w_gates are both given: the neurons of a GRU cannot be clamped")
        check_clamp(clamp, (T, B, N), x.dtype)
        check_tensors(x.dtype, clamp=(clamp, (T, B, N)))
    stacked_rates = torch.stack([pad(rate, (0, N - len(rate))) for rate in rates])
    # One matrix is not copied: whoever changes it in place before the backward pass shall be told.
    state0 = matrices[0].unsqueeze(0) if len(matrices) == 1 else torch.stack(matrices)
    w_in = torch.cat([drive.w.t(), drive.b.unsqueeze(0)]) if isinstance(drive, InputProduct) else None
    h, state_end = _FusedUnroll.apply(
        x, w_in, w, alpha, stacked_rates, w_gates, h0, state0, starts, rule, known, clamp
    )
    return h, () if state_end is None else tuple(state_end[k] for k in range(len(matrices)))


def fused_unroll(
    drive: Tensor, w: Tensor, alpha: Tensor, eta: Tensor, h0: Tensor, hebb0: Tensor, starts: Tensor, rule: str
) -> tuple[Tensor, Tensor]:
    """:func:`fused_recurrence` for plasticity at a trained rate (Miconi, Clune & Stanley 2018).

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
    check_rule(rule)
    h, (hebb,) = fused_recurrence(rule, drive, w, alpha, (eta,), (h0, hebb0), starts)
    return h, hebb

"""One step of the plastic recurrence in place, for rollouts."""

import torch
from torch import Tensor

from .compiled import kernel
from .rules import RULES
from .threads import scratch
from .unroll import DTYPES, check_inputs, padded_sizes

GROUP = 4
"""Samples treated together: they share each row of the weights in the L1 cache."""


def fused_step_(
    drive: Tensor,
    w: Tensor,
    alpha: Tensor,
    eta: Tensor,
    h: Tensor,
    hebb: Tensor,
    rule: str,
    starts: Tensor | None = None,
) -> Tensor:
    """Take one step without recording a gradient; `hebb` changes in place.

    Equal to `agents.cores.plastic.plastic_step` (Miconi, Clune & Stanley 2018). It runs on one thread:
    waking others takes as long as the step.

    Args:
        drive: Input to each neuron [B, N].
        w: Fixed weights [N, N], from row i to column j.
        alpha: Plasticity of each connection [N, N].
        eta: Plasticity rate of each postsynaptic neuron [N].
        h: Activity before the step [B, N]; not changed.
        hebb: Plastic weights before the step [B, N, N], contiguous; afterwards those after the step.
        rule: "decay", "clip" or "oja".
        starts: Bool [B] or None; where true, h and hebb of that row count as zero before the step.

    Returns:
        Activity after the step [B, N].

    Raises:
        ValueError: If a shape, a dtype, a layout or the rule is not accepted.
    """
    B, N = h.shape if h.dim() == 2 else (-1, -1)
    dtype = drive.dtype
    if not (
        rule in RULES
        and dtype in DTYPES
        and min(B, N) > 0
        and drive.shape == h.shape == (B, N)
        and w.shape == alpha.shape == (N, N)
        and eta.shape == (N,)
        and hebb.shape == (B, N, N)
        and dtype == w.dtype == alpha.dtype == eta.dtype == h.dtype == hebb.dtype
        and drive.is_cpu
        and w.is_cpu
        and alpha.is_cpu
        and eta.is_cpu
        and h.is_cpu
        and hebb.is_cpu
    ):  # all is well almost always; say what is wrong only if something is
        check_inputs(
            rule,
            dtype,
            h=(h, (B, N)),
            drive=(drive, (B, N)),
            w=(w, (N, N)),
            alpha=(alpha, (N, N)),
            eta=(eta, (N,)),
            hebb=(hebb, (B, N, N)),
        )
    if not hebb.is_contiguous():
        raise ValueError("hebb is changed in place and must be contiguous")
    if starts is not None and (starts.dtype != torch.bool or starts.shape != (B,)):
        raise ValueError(f"starts must be bool [{B}], got {starts.dtype} {list(starts.shape)}")

    run = kernel("inplace", rule, str(dtype).removeprefix("torch."))
    rows, size = padded_sizes(N)
    inputs = [x.contiguous() for x in (drive, w, alpha, eta, h)]
    starts = None if starts is None else starts.contiguous()
    after = torch.empty_like(inputs[0], requires_grad=False)
    memory = scratch((2 * rows + 3 + 2 * GROUP) * size, dtype)
    run(
        B, N, rows, size, GROUP, *[x.data_ptr() for x in inputs], hebb.data_ptr(),
        0 if starts is None else starts.data_ptr(), after.data_ptr(), memory.data_ptr(),
    )  # fmt: skip
    torch.autograd.graph.increment_version(hebb)  # so that autograd notices if it has saved hebb
    return after

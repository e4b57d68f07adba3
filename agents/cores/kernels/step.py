"""One step of the plastic recurrence in place, for rollouts."""

import torch
from torch import Tensor

from .compiled import kernel
from .threads import scratch
from .unroll import check_inputs, check_tensors, padded_sizes

GROUP = 4
"""Samples treated together: they share each row of the weights in the L1 cache."""


class FusedStep:
    """A step with fixed weights, for a rollout: prepared once, called at every step.

    Equal to `agents.cores.plastic.plastic_step` (Miconi, Clune & Stanley 2018). It copies the weights: when
    training has changed them, make a new one. It runs on one thread; waking others takes as long as the step.

    Args:
        w: Fixed weights [N, N], from row i to column j.
        alpha: Plasticity of each connection [N, N].
        eta: Plasticity rate of each postsynaptic neuron [N].
        rule: "decay", "clip" or "oja".

    Raises:
        ValueError: If a shape, a dtype, the device or the rule is not accepted.
    """

    def __init__(self, w: Tensor, alpha: Tensor, eta: Tensor, rule: str) -> None:
        N = len(w)
        check_inputs(rule, w.dtype, w=(w, (N, N)), alpha=(alpha, (N, N)), eta=(eta, (N,)))
        self.size, self.dtype = N, w.dtype
        self._weights = [x.detach().clone(memory_format=torch.contiguous_format) for x in (w, alpha, eta)]
        self._addresses = [x.data_ptr() for x in self._weights]
        self._padded = padded_sizes(N)
        self._run = kernel("inplace", rule, str(w.dtype).removeprefix("torch."))

    def __call__(self, drive: Tensor, h: Tensor, hebb: Tensor, starts: Tensor | None = None) -> Tensor:
        """Take one step; no gradient is recorded.

        Args:
            drive: Input to each neuron [B, N].
            h: Activity before the step [B, N]; not changed.
            hebb: Plastic weights before the step [B, N, N], contiguous; afterwards those after the step.
            starts: Bool [B] or None; where true, h and hebb of that row count as zero before the step.

        Returns:
            Activity after the step [B, N].

        Raises:
            ValueError: If a shape, a dtype, a layout or the device is not accepted.
        """
        B, N, dtype = len(drive), self.size, self.dtype
        if not (
            drive.shape == h.shape == (B, N)
            and hebb.shape == (B, N, N)
            and drive.dtype == h.dtype == hebb.dtype == dtype
            and drive.is_cpu
            and h.is_cpu
            and hebb.is_cpu
        ):
            check_tensors(dtype, drive=(drive, (B, N)), h=(h, (B, N)), hebb=(hebb, (B, N, N)))
        if not hebb.is_contiguous():
            raise ValueError("hebb is changed in place and must be contiguous")
        if starts is not None and (starts.dtype != torch.bool or starts.shape != (B,)):
            raise ValueError(f"starts must be bool [{B}], got {starts.dtype} {list(starts.shape)}")
        drive, h = drive.contiguous(), h.contiguous()
        starts = None if starts is None else starts.contiguous()
        after = torch.empty(B, N, dtype=dtype)
        rows, size = self._padded
        memory = scratch((2 * rows + 3 + 2 * GROUP) * size, dtype)
        self._run(
            B, N, rows, size, GROUP, drive.data_ptr(), *self._addresses, h.data_ptr(), hebb.data_ptr(),
            0 if starts is None else starts.data_ptr(), after.data_ptr(), memory.data_ptr(),
        )  # fmt: skip
        return after


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
    """`FusedStep` prepared and called once: [B, N] after the step; hebb [B, N, N] changes in place."""
    return FusedStep(w, alpha, eta, rule)(drive, h, hebb, starts)

"""The fused plastic recurrence beside the plain PyTorch loop, and how its cost grows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from agents.cores import RULES
from agents.cores.kernels import fused_unroll, get_num_threads, set_num_threads
from agents.cores.plastic import plastic_run
from benchmarks.timing import median_seconds

T, B, N = 250, 32, 100


def inputs(t: int, b: int, n: int) -> tuple[Tensor, ...]:
    """drive, w, alpha, eta, h and hebb as at the start of an episode, of a network in training."""
    torch.manual_seed(0)
    drive, w, alpha = torch.randn(t, b, n), torch.randn(n, n) / n**0.5, 0.01 * torch.randn(n, n)
    trained = [tensor.requires_grad_() for tensor in (drive, w, alpha, torch.full((n,), 0.02))]
    return *trained, torch.zeros(b, n), torch.zeros(b, n, n)


def passes(unroll: Callable[[], Tensor], trained: tuple[Tensor, ...]) -> tuple[float, float]:
    """Median seconds of the forward pass, and of forward and backward."""

    def forward() -> Tensor:
        with torch.no_grad():
            return unroll()

    def both() -> object:
        outputs = unroll()
        return torch.autograd.grad(outputs, trained, torch.ones_like(outputs))

    return median_seconds(forward, repeats=5), median_seconds(both, repeats=5)


def fused_passes(rule: str, t: int, b: int, n: int) -> tuple[float, float]:
    """Of the fused operation."""
    drive, w, alpha, eta, h, hebb = inputs(t, b, n)
    starts = torch.zeros(t, b, dtype=torch.bool)
    return passes(
        lambda: fused_unroll(drive, w, alpha, eta, h, hebb, starts, rule)[0], (drive, w, alpha, eta)
    )


def plain_passes(rule: str, t: int, b: int, n: int) -> tuple[float, float]:
    """Of the plain loop that defines it, with as many threads."""
    drive, w, alpha, eta, h, hebb = inputs(t, b, n)
    torch.set_num_threads(get_num_threads())
    try:
        return passes(lambda: plastic_run(drive, w, alpha, eta, h, hebb, rule)[0], (drive, w, alpha, eta))
    finally:
        set_num_threads(get_num_threads())


def compare() -> list[dict[str, object]]:
    """Fused against plain, the same inputs, one row for each rule."""
    rows: list[dict[str, object]] = []
    for rule in RULES:
        forward, both = fused_passes(rule, T, B, N)
        plain_forward, plain_both = plain_passes(rule, T, B, N)
        microseconds = 1e6 / (T * B)
        rows.append(
            {
                "rule": rule,
                "fused forward us/step": forward * microseconds,
                "fused forward+backward us/step": both * microseconds,
                "plain forward us/step": plain_forward * microseconds,
                "plain forward+backward us/step": plain_both * microseconds,
                "ratio forward": plain_forward / forward,
                "ratio forward+backward": plain_both / both,
            }
        )
    return rows


SWEEPS: dict[str, tuple[int, ...]] = {
    "N": (50, 75, 100, 150, 200, 300, 400),
    "B": (8, 16, 32, 64, 128),
    "T": (50, 100, 200, 400),
}


def scaling() -> tuple[list[dict[str, object]], dict[str, float]]:
    """Seconds of forward and backward as N, B and T grow in turn, and the exponents fitted to them.

    An exponent e means: cost grows as size ** e (a straight line fitted to the logarithms).
    """
    rows: list[dict[str, object]] = []
    exponents = {}
    for name, sizes in SWEEPS.items():
        seconds = []
        for size in sizes:
            shape = {"T": 100, "B": 16, "N": N} | {name: size}
            _, both = fused_passes("clip", shape["T"], shape["B"], shape["N"])
            seconds.append(both)
            rows.append({"grows": name, **shape, "forward+backward ms": 1e3 * both})
        exponents[name] = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return rows, exponents

"""The fused recurrences beside the plain PyTorch loops, and how their cost grows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from agents.cores import Core, make_core
from agents.cores.kernels import get_num_threads, set_num_threads
from benchmarks.timing import median_seconds

T, B, N, F = 250, 32, 100, 15
CORES: list[tuple[str, dict[str, str]]] = [
    *[("plastic", {"rule": rule}) for rule in ("clip", "decay", "oja")],
    ("modulated", {}),
    ("retroactive", {}),
    ("plastic_gru", {}),
]
"""Each core with plastic connections, and its settings."""


def passes(core: Core, t: int, b: int) -> tuple[float, float]:
    """Median seconds of the forward pass, and of forward and backward, over t steps of b sequences."""
    torch.manual_seed(0)
    x, starts = torch.randn(t, b, core.input_size), torch.zeros(t, b, dtype=torch.bool)
    trained = list(core.parameters())

    def forward() -> Tensor:
        with torch.no_grad():
            return core.unroll(x, core.initial_state(b), starts)[0]

    def both() -> object:
        outputs, _ = core.unroll(x, core.initial_state(b), starts)
        return torch.autograd.grad(outputs, trained, torch.ones_like(outputs))

    return median_seconds(forward, repeats=5), median_seconds(both, repeats=5)


def plain_passes(core: Core, t: int, b: int) -> tuple[float, float]:
    """As :func:`passes`, for a core without kernels: PyTorch gets as many threads as kernels have."""
    torch.set_num_threads(get_num_threads())
    try:
        return passes(core, t, b)
    finally:
        set_num_threads(get_num_threads())


def compare() -> list[dict[str, object]]:
    """Fused against plain, one row for each core; the last column is against the first row."""
    rows: list[dict[str, object]] = []
    first = None
    for name, settings in CORES:
        forward, both = passes(make_core(name, F, N, **settings), T, B)
        plain_forward, plain_both = plain_passes(make_core(name, F, N, **settings, fused=False), T, B)
        microseconds = 1e6 / (T * B)
        first = first or both
        rows.append(
            {
                "core": " ".join([name, *settings.values()]),
                "fused forward us/step": forward * microseconds,
                "fused forward+backward us/step": both * microseconds,
                "plain forward us/step": plain_forward * microseconds,
                "plain forward+backward us/step": plain_both * microseconds,
                "ratio forward": plain_forward / forward,
                "ratio forward+backward": plain_both / both,
                "cost against the first": both / first,
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
            _, both = passes(make_core("plastic", F, shape["N"]), shape["T"], shape["B"])
            seconds.append(both)
            rows.append({"grows": name, **shape, "forward+backward ms": 1e3 * both})
        exponents[name] = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return rows, exponents

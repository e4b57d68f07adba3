"""The fused recurrences beside the plain PyTorch loops, and how their cost grows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from agents.a2c import RecurrentA2C
from agents.cores import Core, make_core
from agents.cores.kernels import get_num_threads, set_num_threads
from agents.evaluation import Task
from agents.find_agent import find_agent
from benchmarks.timing import median_seconds

T, B, N, F = 250, 32, 100, 15
CORES: list[tuple[str, dict[str, str]]] = [
    *[("plastic", {"rule": rule}) for rule in ("clip", "decay", "oja")],
    ("modulated", {}),
    ("retroactive", {}),
    ("plastic_gru", {}),
    ("retroactive_gru", {}),
]
"""Each core with plastic connections, and its settings."""


def passes(core: Core, x: Tensor) -> tuple[float, float]:
    """Median seconds of the forward pass, and of forward and backward, over features x [T, B, F]."""
    t, b = x.shape[:2]
    starts = torch.zeros(t, b, dtype=torch.bool)
    trained = list(core.parameters())

    def forward() -> Tensor:
        with torch.no_grad():
            return core.unroll(x, core.initial_state(b), starts)[0]

    def both() -> object:
        outputs, _ = core.unroll(x, core.initial_state(b), starts)
        return torch.autograd.grad(outputs, trained, torch.ones_like(outputs))

    return median_seconds(forward, repeats=5), median_seconds(both, repeats=5)


def plain_passes(core: Core, x: Tensor) -> tuple[float, float]:
    """As :func:`passes`, for a core without kernels: PyTorch gets as many threads as kernels have."""
    torch.set_num_threads(get_num_threads())
    try:
        return passes(core, x)
    finally:
        set_num_threads(get_num_threads())


def noise(t: int, b: int) -> Tensor:
    """Normal features [t, b, F]."""
    return torch.randn(t, b, F, generator=torch.Generator().manual_seed(0))


def observed(agent: RecurrentA2C) -> Tensor:
    """What `agent` sees in B episodes of T steps of the maze that it was trained in [T, B, F]."""
    env = Task("PlasticMaze-v0", {}).make(B)
    env.seed(0)
    observations, state, starts = np.asarray(env.reset()), None, np.ones(B, dtype=bool)
    seen = [observations]
    for _ in range(T - 1):
        actions, state = agent.predict(observations, state, starts)
        observations, starts = map(np.asarray, env.step(actions)[0:3:2])
        seen.append(observations)
    env.close()
    return torch.from_numpy(np.stack(seen))


def compare() -> list[dict[str, object]]:
    """Fused against plain, with the weights at the start of training and with those after it.

    After training: the agent that comes with the package, in the maze; the rules decay and oja have the
    weights of the agent trained with clip. The last column is against the first row of the same weights.
    """
    rows: list[dict[str, object]] = []
    for when in ("start", "trained"):
        first = None
        for name, settings in CORES:
            x, size, weights = noise(T, B), N, None
            if when == "trained":
                agent = RecurrentA2C.load(find_agent(name))
                x, size, weights = observed(agent), agent.policy.hidden_size, agent.policy.core.state_dict()
            seconds = []
            for fused, measure in ((True, passes), (False, plain_passes)):
                torch.manual_seed(0)
                core = make_core(name, F, size, **settings, fused=fused)
                core.load_state_dict(weights or core.state_dict())
                seconds.append(measure(core, x))
            (forward, both), (plain_forward, plain_both) = seconds
            microseconds = 1e6 / (T * B)
            first = first or both
            rows.append(
                {
                    "core": " ".join([name, *settings.values()]),
                    "weights": when,
                    "neurons": size,
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
            _, both = passes(make_core("plastic", F, shape["N"]), noise(shape["T"], shape["B"]))
            seconds.append(both)
            rows.append({"grows": name, **shape, "forward+backward ms": 1e3 * both})
        exponents[name] = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return rows, exponents

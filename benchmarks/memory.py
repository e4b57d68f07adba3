"""The fused plastic recurrence beside the plain PyTorch loop, on the patterns of 1000 bits."""

from __future__ import annotations

import torch

from agents.cores.kernels import get_num_threads, set_num_threads
from benchmarks.timing import median_seconds
from memory_tasks.pattern_networks import PatternNetwork, plastic_network
from memory_tasks.patterns import PatternTask
from memory_tasks.patterns_experiment import PatternsExperiment


def episode_seconds(network: PatternNetwork, task: PatternTask) -> tuple[float, float]:
    """Median seconds of the forward pass, and of forward and backward, of one episode."""
    episode = task.sample(1, torch.Generator().manual_seed(0))
    trained = list(network.parameters())

    def forward() -> object:
        with torch.no_grad():
            return network(episode.inputs)

    def both() -> object:
        return torch.autograd.grad(task.loss(network(episode.inputs), episode.targets), trained)

    return median_seconds(forward, repeats=3), median_seconds(both, repeats=3)


def compare() -> list[dict[str, object]]:
    """An episode of the experiment "patterns", fused and plain, on one thread each as a run has it."""
    experiment = PatternsExperiment()
    before = get_num_threads()
    set_num_threads(1)
    try:
        torch.manual_seed(0)
        fused, plain = (
            episode_seconds(plastic_network(experiment.size, 0, fused=fused), experiment.task())
            for fused in (True, False)
        )
    finally:
        set_num_threads(before)
    return [
        {"what": what, "fused ms": 1e3 * quick, "plain ms": 1e3 * slow, "ratio": slow / quick}
        for what, quick, slow in zip(("forward", "forward+backward"), fused, plain, strict=True)
    ]

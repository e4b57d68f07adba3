"""Networks that complete patterns: an input reaches a neuron of its own, and the answer is read there."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from agents.cores import Core, PlasticCore, RNNCore

GAIN = 20.0
"""What inputs are multiplied with: a neuron that is shown a bit has its value, whatever the others say."""
SCALE = 0.01
"""Standard deviation of w and alpha before training."""


class DirectDrive(nn.Module):
    """Drives each neuron with an input of its own, one more (the bias) with a constant; no parameters.

    Args:
        size: Inputs.
        neurons: Neurons, more than inputs; those beyond the bias get nothing.
        gain: What inputs and the constant 1 are multiplied with.
    """

    def __init__(self, size: int, neurons: int, gain: float = GAIN) -> None:
        super().__init__()
        self.free = neurons - size - 1
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        """Inputs [..., size] -> drive [..., neurons]."""
        return pad(pad(self.gain * x, (0, 1), value=self.gain), (0, self.free))


class PatternNetwork(nn.Module):
    """A recurrent core without a trained input layer: inputs [T, B, size] -> activity at the end [B, size].

    Args:
        core: With at least size + 1 neurons and an attribute `input`, which is replaced.
        size: Bits.
    """

    def __init__(self, core: Core, size: int) -> None:
        super().__init__()
        core.add_module("input", DirectDrive(size, core.hidden_size))
        self.core = core
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Show whole episodes."""
        T, B, _ = x.shape
        outputs, _ = self.core.unroll(x, self.core.initial_state(B), torch.zeros(T, B, dtype=torch.bool))
        return outputs[-1, :, : self.size]


def plastic_network(size: int, free: int, fused: bool = True) -> PatternNetwork:
    """A plastic network of size + 1 + `free` neurons; w and alpha start normal, as in the paper."""
    core = PlasticCore(size, size + 1 + free, rule="decay", eta=0.01, fused=fused)
    for weights in (core.w, core.alpha):
        nn.init.normal_(weights, std=SCALE)
    return PatternNetwork(core, size)


def plain_network(size: int, free: int) -> PatternNetwork:
    """A network of size + 1 + `free` neurons without plasticity."""
    return PatternNetwork(RNNCore(size, size + 1 + free), size)

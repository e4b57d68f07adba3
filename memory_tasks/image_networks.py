"""The networks of the image task, with and without plasticity: what is shown clamps their neurons.

Miconi, Clune & Stanley, "Differentiable plasticity", ICML 2018, equations 1 and 2, as its section on natural
images uses them. Inputs are [T, B, N], NaN where a neuron is free; the answer is the activity after the last
step, without that of the last neuron, which is the bias: [B, N - 1].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.cores import PlasticCore

DEVIATION = 0.01
"""w and alpha start normal with this standard deviation."""


class ClampedPlastic(nn.Module):
    """N neurons, connected by plastic connections that follow the rule "decay"."""

    def __init__(self, neurons: int) -> None:
        super().__init__()
        self.core = PlasticCore(neurons, neurons, rule="decay", eta=0.01)
        self.core.register_module("input", None)  # what is shown clamps the neurons themselves
        nn.init.normal_(self.core.w, std=DEVIATION)
        nn.init.normal_(self.core.alpha, std=DEVIATION)

    def forward(self, inputs: Tensor) -> Tensor:
        """See the module."""
        T, B, _ = inputs.shape
        starts = torch.zeros(T, B, dtype=torch.bool)
        activity, _ = self.core.unroll_clamped(inputs, self.core.initial_state(B), starts)
        return activity[-1, :, :-1]


class ClampedRNN(nn.Module):
    """The same with alpha = 0: no connection changes, only activity carries over to the next step."""

    def __init__(self, neurons: int) -> None:
        super().__init__()
        self.w = nn.Parameter(DEVIATION * torch.randn(neurons, neurons))

    def forward(self, inputs: Tensor) -> Tensor:
        """See the module."""
        # Where every neuron is clamped, nothing is left of what came before: that need not be computed.
        whole = (~inputs.isnan()).all(dim=2).all(dim=1).nonzero()
        h = torch.zeros_like(inputs[0])
        for clamp in inputs[int(whole[-1]) if len(whole) else 0 :]:
            h = torch.where(clamp.isnan(), torch.tanh(h @ self.w), clamp)
        return h[:, :-1]

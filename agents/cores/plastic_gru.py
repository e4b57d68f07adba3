"""Plasticity inside a gated network: the definition in plain PyTorch, and the core made of it.

The gates are those of a GRU (Cho et al. 2014); the recurrent connections of its candidate are plastic as in
Miconi, Clune & Stanley, "Differentiable plasticity", ICML 2018, equations 1 and 2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.cores.base import State
from agents.cores.hebbian import HebbianCore, run_steps, trained_eta
from agents.cores.plastic import RULES, check_rule
from agents.cores.registry import register_core


def gru_activity(drive: Tensor, w: Tensor, alpha: Tensor, w_gates: Tensor, h: Tensor, hebb: Tensor) -> Tensor:
    """The activity [B, N] after a step; see :func:`plastic_gru_step`."""
    own, keep, ask = drive.chunk(3, dim=1)
    z = torch.sigmoid(keep + h @ w_gates[0])
    r = torch.sigmoid(ask + h @ w_gates[1])
    n = torch.tanh(own + r * torch.bmm(h.unsqueeze(1), w + alpha * hebb).squeeze(1))
    return (1 - z) * n + z * h


def plastic_gru_step(
    drive: Tensor, w: Tensor, alpha: Tensor, eta: Tensor, w_gates: Tensor, h: Tensor, hebb: Tensor, rule: str
) -> tuple[Tensor, Tensor]:
    """One step of a GRU whose candidate has plastic connections.

        z = sigmoid(drive_z + h w_gates[0])
        r = sigmoid(drive_r + h w_gates[1])
        n = tanh(drive_n + r * (h (w + alpha * hebb)))
        h' = (1 - z) * n + z * h

    and hebb follows h and h' by the rule.

    Args:
        drive: Input to the candidate, to z and to r, one behind the other [B, 3 N].
        w: Fixed weights of the candidate [N, N], from row i to column j.
        alpha: Plasticity of each of its connections [N, N].
        eta: Plasticity rate: [1], of each postsynaptic neuron [N], or of each connection [N, N].
        w_gates: Recurrent weights of the update gate z and the reset gate r [2, N, N].
        h: Activity before the step [B, N].
        hebb: Plastic weights before the step [B, N, N].
        rule: One of :data:`agents.cores.plastic.RULES`.

    Returns:
        Activity [B, N] and plastic weights [B, N, N] after the step.
    """
    post = gru_activity(drive, w, alpha, w_gates, h, hebb)
    return post, RULES[rule](hebb, h.unsqueeze(2), post.unsqueeze(1), eta)


def plastic_gru_run(
    drive: Tensor, w: Tensor, alpha: Tensor, eta: Tensor, w_gates: Tensor, h: Tensor, hebb: Tensor, rule: str
) -> tuple[Tensor, Tensor, Tensor]:
    """:func:`plastic_gru_step` over a sequence: drive [T, B, 3 N] -> activity [T, B, N], last h and hebb."""
    outputs, (h, hebb) = run_steps(
        lambda drive_t, state: plastic_gru_step(drive_t, w, alpha, eta, w_gates, state[0], state[1], rule),
        drive,
        (h, hebb),
    )
    return outputs, h, hebb


@register_core("plastic_gru", color="#D55E00")
class PlasticGRUCore(HebbianCore):
    """A GRU with a trained plasticity alpha on every recurrent connection of its candidate.

    The state is (h [B, N], hebb [B, N, N]); both start an episode at zero. For the equations see
    :func:`plastic_gru_step`. Unlike `torch.nn.GRU` it has one bias for each gate and candidate, not two.

    Args:
        input_size: F, features in.
        hidden_size: N, neurons.
        rule: How hebb changes: "decay", "clip" or "oja" (equations in :data:`agents.cores.plastic.RULES`).
        eta: Plasticity rate at the start of training; its sign is free and training moves it.
        eta_per: What has an eta of its own: "network", "neuron" (postsynaptic) or "connection".
            "connection" always takes the plain definition, many times slower.
        init_scale: alpha starts uniform in [0, init_scale); w and the gates start where PyTorch starts a GRU.
        fused: Use the fused kernels where they can be used; False: always the plain definition.

    Raises:
        ValueError: If a size, the rule, or a number is not accepted.
    """

    plastic_leaves = (1,)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        rule: str = "clip",
        eta: float = 0.01,
        eta_per: str = "neuron",
        init_scale: float = 0.01,
        fused: bool = True,
    ) -> None:
        super().__init__(input_size, hidden_size, init_scale, fused and eta_per != "connection", gated=True)
        self.rule = check_rule(rule)
        self.eta = trained_eta(eta, eta_per, hidden_size)

    def definition(self, drive: Tensor, state: State) -> State:
        """See :func:`plastic_gru_step`."""
        assert self.w_gates is not None
        h, hebb = state
        return plastic_gru_step(drive, self.w, self.alpha, self.eta, self.w_gates, h, hebb, self.rule)

    def rates(self) -> tuple[Tensor]:
        """See :meth:`HebbianCore.rates`."""
        return (self.eta.expand(self.hidden_size),)

"""Retroactive neuromodulation inside a gated network: the definition in plain PyTorch, and its core.

The gates are those of a GRU (Cho et al. 2014); the recurrent connections of its candidate are plastic as in
Miconi, Rawal, Clune & Stanley, "Backpropamine", ICLR 2019, section on retroactive neuromodulation.
"""

from __future__ import annotations

from torch import Tensor

from agents.cores.base import State
from agents.cores.hebbian import HebbianCore, run_steps, trained_eta
from agents.cores.modulated import retroactive_update, trained_signal
from agents.cores.plastic_gru import gru_activity
from agents.cores.registry import register_core


def retroactive_gru_step(
    drive: Tensor, w: Tensor, alpha: Tensor, fan: Tensor, m: Tensor, m_bias: Tensor, eta: Tensor,
    w_gates: Tensor, h: Tensor, hebb: Tensor, trace: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """One step: activity as in :func:`plastic_gru_step`, plasticity as in :func:`retroactive_step`.

    Args:
        drive: Input to the candidate and the two gates, one behind the other [B, 3 N].
        w: Fixed weights of the candidate [N, N], from row i to column j.
        alpha: Plasticity of each of its connections [N, N].
        fan: What each postsynaptic neuron makes of the signal [N].
        m: Weights of the signal [N].
        m_bias: Its bias [1].
        eta: Rate at which the trace follows activity: [1], [N] (postsynaptic) or [N, N].
        w_gates: Recurrent weights of the update gate and the reset gate [2, N, N].
        h: Activity before the step [B, N].
        hebb: Plastic weights before the step [B, N, N].
        trace: Eligibility of each connection before the step [B, N, N].

    Returns:
        Activity [B, N], plastic weights and eligibility [B, N, N] after the step.
    """
    post = gru_activity(drive, w, alpha, w_gates, h, hebb)
    return post, *retroactive_update(fan, m, m_bias, eta, h, post, hebb, trace)


def retroactive_gru_run(
    drive: Tensor, w: Tensor, alpha: Tensor, fan: Tensor, m: Tensor, m_bias: Tensor, eta: Tensor,
    w_gates: Tensor, h: Tensor, hebb: Tensor, trace: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    """:func:`retroactive_gru_step` over a sequence: drive [T, B, 3 N] -> activity [T, B, N], last state."""
    outputs, state = run_steps(
        lambda drive_t, state: retroactive_gru_step(drive_t, w, alpha, fan, m, m_bias, eta, w_gates, *state),
        drive,
        (h, hebb, trace),
    )
    return outputs, *state


@register_core("retroactive_gru", color="#882200")
class RetroactiveGRUCore(HebbianCore):
    """A GRU whose candidate's connections keep a trace of what they did; it decides later what to make of it.

    The state is (h [B, N], hebb [B, N, N], trace [B, N, N]); all start an episode at zero. For the equations
    see :func:`retroactive_gru_step`.

    Args:
        input_size: F, features in.
        hidden_size: N, neurons.
        fan: What every neuron makes of the signal at the start of training; its sign is free.
        eta: Rate of the trace at the start of training: it follows the last 1 / eta steps.
        eta_per: What has an eta of its own: "network", "neuron" (postsynaptic) or "connection".
            "connection" always takes the plain definition, many times slower.
        init_scale: alpha starts uniform in [0, init_scale); w and the gates start where PyTorch starts a GRU.
        fused: Use the fused kernels where they can be used; False: always the plain definition.

    Raises:
        ValueError: If a size, a number or `eta_per` is not accepted.
    """

    plastic_leaves = (1, 2)
    rule = "retroactive"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        fan: float = 0.01,
        eta: float = 0.1,
        eta_per: str = "network",
        init_scale: float = 0.01,
        fused: bool = True,
    ) -> None:
        super().__init__(input_size, hidden_size, init_scale, fused and eta_per != "connection", gated=True)
        self.fan, self.m, self.m_bias = trained_signal(fan, hidden_size)
        self.eta = trained_eta(eta, eta_per, hidden_size)

    def definition(self, drive: Tensor, state: State) -> State:
        """See :func:`retroactive_gru_step`."""
        assert self.w_gates is not None
        h, hebb, trace = state
        fixed = (drive, self.w, self.alpha, self.fan, self.m, self.m_bias, self.eta, self.w_gates)
        return retroactive_gru_step(*fixed, h, hebb, trace)

    def rates(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See :meth:`HebbianCore.rates`."""
        return self.fan, self.m, self.m_bias, self.eta.expand(self.hidden_size)

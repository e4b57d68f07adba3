"""Plasticity that the network itself switches: the definitions in plain PyTorch, and the cores made of them.

Source: Miconi, Rawal, Clune & Stanley, "Backpropamine: training self-modifying neural networks with
differentiable neuromodulated plasticity", ICLR 2019, sections on simple and on retroactive neuromodulation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.cores.base import State, check_number
from agents.cores.hebbian import HebbianCore, run_steps, trained_eta
from agents.cores.plastic import RULES, activity
from agents.cores.registry import register_core


def modulated_rates(h: Tensor, fan: Tensor, m: Tensor, m_bias: Tensor) -> Tensor:
    """The plasticity rate of each neuron that the network asks for: fan * tanh(h . m + m_bias).

    Args:
        h: Activity [B, N].
        fan: What each neuron makes of the signal [N].
        m: Weights of the signal [N].
        m_bias: Its bias [1].

    Returns:
        Rates [B, N]; the signal is one number for each row.
    """
    return torch.tanh(h @ m + m_bias).unsqueeze(1) * fan


def modulated_step(
    drive: Tensor, w: Tensor, alpha: Tensor, fan: Tensor, m: Tensor, m_bias: Tensor, h: Tensor, hebb: Tensor
) -> tuple[Tensor, Tensor]:
    """One step with "simple" neuromodulation: the signal is the rate of the rule "clip".

    Args:
        drive: Input to each neuron [B, N].
        w: Fixed weights [N, N], from row i to column j.
        alpha: Plasticity of each connection [N, N].
        fan: What each postsynaptic neuron makes of the signal [N].
        m: Weights of the signal [N].
        m_bias: Its bias [1].
        h: Activity before the step [B, N].
        hebb: Plastic weights before the step [B, N, N].

    Returns:
        Activity [B, N] and plastic weights [B, N, N] after the step.
    """
    post = activity(drive, w, alpha, h, hebb)
    rates = modulated_rates(post, fan, m, m_bias)
    return post, RULES["clip"](hebb, h.unsqueeze(2), post.unsqueeze(1), rates.unsqueeze(1))


def retroactive_update(
    fan: Tensor,
    m: Tensor,
    m_bias: Tensor,
    eta: Tensor,
    pre: Tensor,
    post: Tensor,
    hebb: Tensor,
    trace: Tensor,
) -> tuple[Tensor, Tensor]:
    """Plastic weights and eligibility [B, N, N] after a step from activity `pre` to `post` [B, N].

    See :func:`retroactive_step`.
    """
    rates = modulated_rates(post, fan, m, m_bias)
    hebb = (hebb + rates.unsqueeze(1) * trace).clamp(-1, 1)
    return hebb, RULES["decay"](trace, pre.unsqueeze(2), post.unsqueeze(1), eta)


def retroactive_step(
    drive: Tensor, w: Tensor, alpha: Tensor, fan: Tensor, m: Tensor, m_bias: Tensor, eta: Tensor,
    h: Tensor, hebb: Tensor, trace: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """One step with retroactive neuromodulation: the signal writes what was eligible before the step.

    Args:
        drive: Input to each neuron [B, N].
        w: Fixed weights [N, N], from row i to column j.
        alpha: Plasticity of each connection [N, N].
        fan: What each postsynaptic neuron makes of the signal [N].
        m: Weights of the signal [N].
        m_bias: Its bias [1].
        eta: Rate at which the trace follows activity: [1], [N] (postsynaptic) or [N, N].
        h: Activity before the step [B, N].
        hebb: Plastic weights before the step [B, N, N].
        trace: Eligibility of each connection before the step [B, N, N].

    Returns:
        Activity [B, N], plastic weights and eligibility [B, N, N] after the step.
    """
    post = activity(drive, w, alpha, h, hebb)
    return post, *retroactive_update(fan, m, m_bias, eta, h, post, hebb, trace)


def modulated_run(
    drive: Tensor, w: Tensor, alpha: Tensor, fan: Tensor, m: Tensor, m_bias: Tensor, h: Tensor, hebb: Tensor
) -> tuple[Tensor, ...]:
    """:func:`modulated_step` over a sequence: drive [T, B, N] -> activity [T, B, N], last h and hebb."""
    outputs, state = run_steps(
        lambda drive_t, state: modulated_step(drive_t, w, alpha, fan, m, m_bias, *state), drive, (h, hebb)
    )
    return outputs, *state


def retroactive_run(
    drive: Tensor, w: Tensor, alpha: Tensor, fan: Tensor, m: Tensor, m_bias: Tensor, eta: Tensor,
    h: Tensor, hebb: Tensor, trace: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    """:func:`retroactive_step` over a sequence: drive [T, B, N] -> activity [T, B, N], last state."""
    outputs, state = run_steps(
        lambda drive_t, state: retroactive_step(drive_t, w, alpha, fan, m, m_bias, eta, *state),
        drive,
        (h, hebb, trace),
    )
    return outputs, *state


def trained_signal(fan: float, hidden_size: int) -> tuple[nn.Parameter, nn.Parameter, nn.Parameter]:
    """`fan` for every neuron [N], and the weights [N] and bias [1] of the signal.

    The latter two start where PyTorch starts a linear layer.

    Raises:
        ValueError: If `fan` is not finite.
    """
    bound = hidden_size**-0.5
    return (
        nn.Parameter(torch.full((hidden_size,), float(check_number("fan", fan)))),
        nn.Parameter(torch.empty(hidden_size).uniform_(-bound, bound)),
        nn.Parameter(torch.empty(1).uniform_(-bound, bound)),
    )


@register_core("modulated", color="#440066")
class ModulatedCore(HebbianCore):
    """A plastic core whose plasticity rate is a signal that the network gives at each step.

    The signal m_t = tanh(h_t . m + m_bias) reaches each neuron as fan * m_t, the rate of the rule "clip"
    in :func:`modulated_step`. The state is (h [B, N], hebb [B, N, N]); both start an episode at zero.

    Args:
        input_size: F, features in.
        hidden_size: N, neurons.
        fan: What every neuron makes of the signal at the start of training; its sign is free.
        init_scale: w and alpha start uniform in [0, init_scale).
        fused: Use the fused kernels where they can be used; False: always the plain definition.

    Raises:
        ValueError: If a size or a number is not accepted.
    """

    plastic_leaves = (1,)
    rule = "modulated"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        fan: float = 0.01,
        init_scale: float = 0.01,
        fused: bool = True,
    ) -> None:
        super().__init__(input_size, hidden_size, init_scale, fused)
        self.fan, self.m, self.m_bias = trained_signal(fan, hidden_size)

    def definition(self, drive: Tensor, state: State) -> State:
        """See :func:`modulated_step`."""
        h, hebb = state
        return modulated_step(drive, self.w, self.alpha, *self.rates(), h, hebb)

    def rates(self) -> tuple[Tensor, Tensor, Tensor]:
        """See :meth:`HebbianCore.rates`."""
        return self.fan, self.m, self.m_bias


@register_core("retroactive", color="#56B4E9")
class RetroactiveCore(HebbianCore):
    """A plastic core that keeps a trace of what its connections did, and decides later what to make of it.

    The signal of :class:`ModulatedCore` writes the trace into hebb, as in :func:`retroactive_step`. The
    state is (h [B, N], hebb [B, N, N], trace [B, N, N]); all start an episode at zero.

    Args:
        input_size: F, features in.
        hidden_size: N, neurons.
        fan: What every neuron makes of the signal at the start of training; its sign is free.
        eta: Rate of the trace at the start of training: it follows the last 1 / eta steps.
        eta_per: What has an eta of its own: "network", "neuron" (postsynaptic) or "connection".
            "connection" always takes the plain definition, many times slower.
        init_scale: w and alpha start uniform in [0, init_scale).
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
        super().__init__(input_size, hidden_size, init_scale, fused and eta_per != "connection")
        self.fan, self.m, self.m_bias = trained_signal(fan, hidden_size)
        self.eta = trained_eta(eta, eta_per, hidden_size)

    def definition(self, drive: Tensor, state: State) -> State:
        """See :func:`retroactive_step`."""
        h, hebb, trace = state
        fixed = (drive, self.w, self.alpha, self.fan, self.m, self.m_bias, self.eta)
        return retroactive_step(*fixed, h, hebb, trace)

    def rates(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See :meth:`HebbianCore.rates`."""
        return self.fan, self.m, self.m_bias, self.eta.expand(self.hidden_size)

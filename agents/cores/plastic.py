"""Differentiable plasticity: the definition in plain PyTorch, and the core made of it.

Source: Miconi, Clune & Stanley, "Differentiable plasticity: training plastic neural networks with
backpropagation", ICML 2018, equations 1 and 2, and the Oja rule of its section on Omniglot.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from agents.cores.base import State
from agents.cores.hebbian import HebbianCore, run_steps, trained_eta
from agents.cores.kernels import check_clamp, check_starts, fused_recurrence, without_autocast
from agents.cores.registry import register_core
from commands.spelling import did_you_mean


def _decay(hebb: Tensor, pre: Tensor, post: Tensor, eta: Tensor) -> Tensor:
    return (1 - eta) * hebb + eta * pre * post


def _clip(hebb: Tensor, pre: Tensor, post: Tensor, eta: Tensor) -> Tensor:
    return (hebb + eta * pre * post).clamp(-1, 1)


def _oja(hebb: Tensor, pre: Tensor, post: Tensor, eta: Tensor) -> Tensor:
    return hebb + eta * post * (pre - hebb * post)


RULES: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "decay": _decay,
    "clip": _clip,
    "oja": _oja,
}
"""How hebb changes in one step: (hebb [B, N, N], pre [B, N, 1], post [B, 1, N], eta [N]) -> hebb."""


def check_rule(rule: str) -> str:
    """Return `rule` if it is one of :data:`RULES`.

    Raises:
        ValueError: If it is not.
    """
    if rule not in RULES:
        raise ValueError(
            f"unknown plasticity rule {rule!r}{did_you_mean(rule, RULES)}; known rules: {', '.join(RULES)}"
        )
    return rule


def activity(drive: Tensor, w: Tensor, alpha: Tensor, h: Tensor, hebb: Tensor) -> Tensor:
    """tanh(drive + h (w + alpha * hebb)): the activity [B, N] after a step, from that before it."""
    return torch.tanh(drive + torch.bmm(h.unsqueeze(1), w + alpha * hebb).squeeze(1))


def clamped(h: Tensor, clamp: Tensor | None) -> Tensor:
    """`h` with the values of `clamp` in its place, but where they are NaN (None: nothing is clamped)."""
    return h if clamp is None else torch.where(clamp.isnan(), h, clamp)


def plastic_step(
    drive: Tensor, w: Tensor, alpha: Tensor, eta: Tensor, h: Tensor, hebb: Tensor, rule: str,
    clamp: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One step of a plastic recurrent network.

    Args:
        drive: Input to each neuron [B, N].
        w: Fixed weights [N, N], from row i to column j.
        alpha: Plasticity of each connection [N, N].
        eta: Plasticity rate: [1], of each postsynaptic neuron [N], or of each connection [N, N].
        h: Activity before the step [B, N].
        hebb: Plastic weights before the step [B, N, N].
        rule: One of :data:`RULES`.
        clamp: Activity that is imposed [B, N]; a neuron is free where it is NaN. None: all are free.

    Returns:
        Activity [B, N] and plastic weights [B, N, N] after the step.
    """
    post = clamped(activity(drive, w, alpha, h, hebb), clamp)
    return post, RULES[rule](hebb, h.unsqueeze(2), post.unsqueeze(1), eta)


def plastic_run(
    drive: Tensor, w: Tensor, alpha: Tensor, eta: Tensor, h: Tensor, hebb: Tensor, rule: str
) -> tuple[Tensor, Tensor, Tensor]:
    """:func:`plastic_step` over a sequence: drive [T, B, N] -> activity [T, B, N], last h, last hebb."""
    outputs, (h, hebb) = run_steps(
        lambda drive_t, state: plastic_step(drive_t, w, alpha, eta, state[0], state[1], rule),
        drive,
        (h, hebb),
    )
    return outputs, h, hebb


@register_core("plastic", color="#0072B2")
class PlasticCore(HebbianCore):
    """A tanh RNN with a trained plasticity alpha on every recurrent connection.

    The state is (h [B, N], hebb [B, N, N]); both start an episode at zero. On the CPU the recurrence runs
    in fused kernels that give the same numbers as :func:`plastic_run`, many times faster.

    Args:
        input_size: F, features in.
        hidden_size: N, neurons.
        rule: How hebb changes: "decay", "clip" or "oja" (equations in :data:`RULES`).
        eta: Plasticity rate at the start of training; its sign is free and training moves it.
        eta_per: What has an eta of its own: "network", "neuron" (postsynaptic) or "connection".
            "connection" always takes the plain definition, many times slower.
        init_scale: w and alpha start uniform in [0, init_scale). Training is sensitive to it.
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
        eta_per: str = "network",
        init_scale: float = 0.01,
        fused: bool = True,
    ) -> None:
        super().__init__(input_size, hidden_size, init_scale, fused and eta_per != "connection")
        self.rule = check_rule(rule)
        self.eta = trained_eta(eta, eta_per, hidden_size)

    def definition(self, drive: Tensor, state: State) -> State:
        """See :func:`plastic_step`."""
        h, hebb = state
        return plastic_step(drive, self.w, self.alpha, self.eta, h, hebb, self.rule)

    def rates(self) -> tuple[Tensor]:
        """See :meth:`HebbianCore.rates`."""
        return (self.eta.expand(self.hidden_size),)

    @without_autocast
    def unroll_clamped(
        self, clamp: Tensor, state: State, starts: Tensor, drive: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """A sequence in which activity is imposed on neurons; the input layer has no part in it.

        Where `clamp` is a number, that is the neuron's activity, whatever its inputs, and nothing flows back
        through it to them; where it is NaN, the neuron is free. hebb changes with the one as with the other.
        (The images of Miconi, Clune & Stanley 2018 are shown in this way.)

        Args:
            clamp: Activity that is imposed [T, B, N], or NaN; without gradient.
            state: The state before the first step, B rows on every leaf.
            starts: Bool [T, B]; where true, an episode begins with this step and its row starts afresh.
            drive: Input to each neuron [T, B, N]; None: none.

        Returns:
            Activity [T, B, N] and the state after the last step.

        Raises:
            ValueError: If a shape or a dtype is not accepted, or `clamp` asks for a gradient.
        """
        check_starts(clamp, starts, "clamp")
        check_clamp(clamp, (*starts.shape, self.hidden_size), self.w.dtype)
        drive = torch.zeros_like(clamp) if drive is None else drive
        if drive.shape != clamp.shape:
            raise ValueError(f"drive must have shape {list(clamp.shape)}, got {list(drive.shape)}")
        if self._uses_kernels:
            weights = self.w, self.alpha, self.rates()
            outputs, matrices = fused_recurrence(self.rule, drive, *weights, state, starts, clamp=clamp)
            return outputs, (outputs[-1], *matrices)

        def step(inputs: tuple[Tensor, Tensor, Tensor], state: State) -> State:
            drive_t, clamp_t, starts_t = inputs
            h, hebb = self.reset(state, starts_t)
            return plastic_step(drive_t, self.w, self.alpha, self.eta, h, hebb, self.rule, clamp_t)

        return run_steps(step, zip(drive, clamp, starts, strict=True), state)

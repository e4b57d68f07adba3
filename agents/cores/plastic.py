"""Differentiable plasticity: the definition in plain PyTorch, and the core made of it.

Source: Miconi, Clune & Stanley, "Differentiable plasticity: training plastic neural networks with
backpropagation", ICML 2018, equations 1 and 2, and the Oja rule of its section on Omniglot.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from agents.cores.base import Core, State, check_number
from agents.cores.kernels import compile_kernels, fused_replay, fused_step_, fused_unroll, is_compiled
from agents.cores.registry import register_core


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
        raise ValueError(f"unknown plasticity rule {rule!r}; known rules: {', '.join(RULES)}")
    return rule


def plastic_step(
    drive: Tensor, w: Tensor, alpha: Tensor, eta: Tensor, h: Tensor, hebb: Tensor, rule: str
) -> tuple[Tensor, Tensor]:
    """One step of a plastic recurrent network.

    Args:
        drive: Input to each neuron [B, N].
        w: Fixed weights [N, N], from row i to column j.
        alpha: Plasticity of each connection [N, N].
        eta: Plasticity rate of each postsynaptic neuron [N] (or one number, [1]).
        h: Activity before the step [B, N].
        hebb: Plastic weights before the step [B, N, N].
        rule: One of :data:`RULES`.

    Returns:
        Activity [B, N] and plastic weights [B, N, N] after the step.
    """
    post = torch.tanh(drive + torch.bmm(h.unsqueeze(1), w + alpha * hebb).squeeze(1))
    return post, RULES[rule](hebb, h.unsqueeze(2), post.unsqueeze(1), eta)


def plastic_run(
    drive: Tensor, w: Tensor, alpha: Tensor, eta: Tensor, h: Tensor, hebb: Tensor, rule: str
) -> tuple[Tensor, Tensor, Tensor]:
    """:func:`plastic_step` over a sequence: drive [T, B, N] -> activity [T, B, N], last h, last hebb."""
    outputs = []
    for drive_t in drive:
        h, hebb = plastic_step(drive_t, w, alpha, eta, h, hebb, rule)
        outputs.append(h)
    return torch.stack(outputs), h, hebb


@register_core("plastic")
class PlasticCore(Core):
    """A tanh RNN with a trained plasticity alpha on every recurrent connection.

    The state is (h [B, N], hebb [B, N, N]); both start an episode at zero. On the CPU the recurrence runs
    in fused kernels that give the same numbers as :func:`plastic_run`, many times faster.

    Args:
        input_size: F, features in.
        hidden_size: N, neurons.
        rule: How hebb changes: "decay", "clip" or "oja" (equations in :data:`RULES`).
        eta: Plasticity rate at the start of training; its sign is free and training moves it.
        init_scale: w and alpha start uniform in [0, init_scale). Training is sensitive to it.
        fused: Use the fused kernels where they can be used; False: always the plain definition.

    Raises:
        ValueError: If a size, the rule, or a number is not accepted.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        rule: str = "clip",
        eta: float = 0.01,
        init_scale: float = 0.01,
        fused: bool = True,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.rule = check_rule(rule)
        self.input = nn.Linear(input_size, hidden_size)
        check_number("init_scale", init_scale)
        self.w = nn.Parameter(init_scale * torch.rand(hidden_size, hidden_size))
        self.alpha = nn.Parameter(init_scale * torch.rand(hidden_size, hidden_size))
        self.eta = nn.Parameter(torch.tensor([check_number("eta", eta)]))
        self.fused = fused

    @property
    def _uses_kernels(self) -> bool:
        return self.fused and self.w.device.type == "cpu" and self.w.dtype == torch.float32

    def warm_up(self, say: Callable[[str], None]) -> None:
        """See :meth:`Core.warm_up`: compile the kernels of this rule."""
        if self._uses_kernels and not is_compiled(self.rule):
            say(f"compiling the kernels of the rule {self.rule!r} (once, they are kept on disk) ...")
            compile_kernels(self.rule)

    def initial_state(self, batch_size: int) -> State:
        """Zero activity [B, N] and zero plastic weights [B, N, N]."""
        n = self.hidden_size
        return self.w.new_zeros(batch_size, n), self.w.new_zeros(batch_size, n, n)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.step`."""
        h, hebb = state
        h, hebb = plastic_step(self.input(x), self.w, self.alpha, self.eta, h, hebb, self.rule)
        return h, (h, hebb)

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.run`; the input reaches all steps in one matrix product."""
        h, hebb = state
        outputs, h, hebb = plastic_run(self.input(x), self.w, self.alpha, self.eta, h, hebb, self.rule)
        return outputs, (h, hebb)

    def unroll(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State]:
        """See :meth:`Core.unroll`; the kernels reset where episodes start as they go along."""
        if not self._uses_kernels:
            return super().unroll(x, state, starts)
        h, hebb = state
        eta = self.eta.expand(self.hidden_size)
        outputs, hebb = fused_unroll(self.input(x), self.w, self.alpha, eta, h, hebb, starts, self.rule)
        return outputs, (outputs[-1], hebb)

    def replay(self, x: Tensor, state: State, starts: Tensor, known: Tensor) -> Tensor:
        """See :meth:`Core.replay`; the forward pass is not computed again."""
        if not self._uses_kernels:
            return super().replay(x, state, starts, known)
        h, hebb = state
        eta = self.eta.expand(self.hidden_size)
        return fused_replay(self.input(x), self.w, self.alpha, eta, h, hebb, starts, self.rule, known)

    def advance(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.advance`; hebb changes in place."""
        if not self._uses_kernels:
            return super().advance(x, state)
        h, hebb = state
        eta = self.eta.expand(self.hidden_size)
        h = fused_step_(self.input(x), self.w, self.alpha, eta, h, hebb, self.rule)
        return h, (h, hebb)

"""What the cores with plastic connections share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import Tensor, nn

from agents.cores.base import Core, State, Stepper, check_number
from agents.cores.inputs import InputLayer
from agents.cores.kernels import (
    FusedStepper,
    InputProduct,
    cell_name,
    check_compiler,
    compile_aloud,
    fused_recurrence,
    without_autocast,
)
from commands.spelling import did_you_mean

X = TypeVar("X")
"""What a step takes."""

ETA_PER = ("network", "neuron", "connection")
"""What has a trained eta of its own: eta is then [1], [N] (postsynaptic) or [N, N]."""


def check_eta_per(eta_per: str) -> str:
    """Return `eta_per` if it is one of :data:`ETA_PER`.

    Raises:
        ValueError: If it is not.
    """
    if eta_per not in ETA_PER:
        meant = did_you_mean(eta_per, ETA_PER)
        raise ValueError(f"unknown eta_per {eta_per!r}{meant}; accepted: {', '.join(ETA_PER)}")
    return eta_per


def trained_eta(eta: float, eta_per: str, hidden_size: int) -> nn.Parameter:
    """The plasticity rates at the start of training, all equal to `eta`.

    Raises:
        ValueError: If `eta` is not finite, or `eta_per` is not one of :data:`ETA_PER`.
    """
    check_eta_per(eta_per)
    shapes = {"network": (1,), "neuron": (hidden_size,), "connection": (hidden_size, hidden_size)}
    return nn.Parameter(torch.full(shapes[eta_per], float(check_number("eta", eta))))


def run_steps(step: Callable[[X, State], State], inputs: Iterable[X], state: State) -> tuple[Tensor, State]:
    """Take `step` along T inputs -> activity [T, B, N], which leads each state, and the last state."""
    outputs = []
    for x in inputs:
        state = step(x, state)
        outputs.append(state[0])
    return torch.stack(outputs), state


class HebbianCore(Core):
    """A recurrent network in which each connection has a fixed weight w and a plastic one, weighed by alpha.

    The state is the activity h [B, N] and then matrices [B, N, N], as many as there are `plastic_leaves`;
    all start an episode at zero. A subclass says how they change, twice: in :meth:`definition`, and by its
    `rule` and :meth:`rates` for the fused kernels, which give the same numbers on the CPU, many times faster.

    Args:
        input_size: F, features in.
        hidden_size: N, neurons.
        init_scale: w and alpha start uniform in [0, init_scale).
        fused: Use the fused kernels where they can be used.
        gated: The network is a GRU with gates of recurrent weights `w_gates`, rather than a tanh RNN; they
            and w start where PyTorch starts a GRU.

    Raises:
        ValueError: If a size or `init_scale` is not accepted.
    """

    rule: str
    """What the kernels call the way in which the matrices change."""

    def __init__(
        self, input_size: int, hidden_size: int, init_scale: float, fused: bool, gated: bool = False
    ) -> None:
        super().__init__(input_size, hidden_size)
        check_number("init_scale", init_scale)
        self.input = InputLayer(input_size, (3 if gated else 1) * hidden_size)
        self.w = nn.Parameter(init_scale * torch.rand(hidden_size, hidden_size))
        self.alpha = nn.Parameter(init_scale * torch.rand(hidden_size, hidden_size))
        bound = hidden_size**-0.5
        gates = torch.empty(2, hidden_size, hidden_size).uniform_(-bound, bound) if gated else None
        self.w_gates = None if gates is None else nn.Parameter(gates)
        if gated:  # last, though w was drawn above: a seed goes on giving the network it gave before
            nn.init.uniform_(self.w, -bound, bound)
        self.fused = fused

    @abstractmethod
    def definition(self, drive: Tensor, state: State) -> State:
        """One step in plain PyTorch: drive [B, N], or [B, 3 N], and the state before it -> that after it."""

    @abstractmethod
    def rates(self) -> tuple[Tensor, ...]:
        """What sets the rate of plasticity, as :func:`fused_recurrence` takes it."""

    @property
    def _uses_kernels(self) -> bool:
        return self.fused and self.w.device.type == "cpu" and self.w.dtype == torch.float32

    def check(self) -> None:
        """See :meth:`Core.check`; also ValueError if kernels are to be used and cannot be compiled."""
        if self._uses_kernels:
            check_compiler()
        super().check()

    def warm_up(self, say: Callable[[str], None]) -> None:
        """See :meth:`Core.warm_up`: compile the kernels of this rule."""
        # Without an input layer, only what is imposed on its neurons can reach the network.
        cell = cell_name(self.w_gates) if isinstance(self.input, nn.Module) else "clamped"
        if self._uses_kernels:
            compile_aloud(self.rule, cell, say)

    def recurrent_weights(self) -> list[nn.Parameter]:
        """See :meth:`Core.recurrent_weights`: w, alpha and those of the gates."""
        return [self.w, self.alpha, *([] if self.w_gates is None else [self.w_gates])]

    def initial_state(self, batch_size: int) -> State:
        """Zero activity [B, N] and zero plastic weights [B, N, N]."""
        n = self.hidden_size
        matrices = [self.w.new_zeros(batch_size, n, n) for _ in self.plastic_leaves]
        return self.w.new_zeros(batch_size, n), *matrices

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.step`."""
        state = self.definition(self.input(x), state)
        return state[0], state

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See :meth:`Core.run`; the input reaches all steps in one matrix product."""
        return run_steps(self.definition, self.input(x), state)

    def stepper(self, state: State) -> Stepper:
        """See :meth:`Core.stepper`."""
        if not self._uses_kernels:
            return super().stepper(state)
        w_in, b = self.input.weight, self.input.bias
        return FusedStepper(self.rule, w_in, b, self.w, self.alpha, self.rates(), state, self.w_gates)

    @without_autocast
    def unroll(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State]:
        """See :meth:`Core.unroll`; the kernels reset where episodes start as they go along."""
        if not self._uses_kernels:
            return super().unroll(x, state, starts)
        outputs, matrices = self._fused(x, state, starts)
        return outputs, (outputs[-1], *matrices)

    @without_autocast
    def replay(self, x: Tensor, state: State, starts: Tensor, known: Tensor) -> Tensor:
        """See :meth:`Core.replay`; the forward pass is not computed again."""
        if not self._uses_kernels:
            return super().replay(x, state, starts, known)
        return self._fused(x, state, starts, known)[0]

    def _fused(
        self, x: Tensor, state: State, starts: Tensor, known: Tensor | None = None
    ) -> tuple[Tensor, State]:
        layer = self.input
        direct = not isinstance(layer, InputLayer)  # someone has put another in its place
        drive = layer(x) if direct else InputProduct(x, layer.weight, layer.bias)
        weights = self.w, self.alpha, self.rates()
        return fused_recurrence(self.rule, drive, *weights, state, starts, known, self.w_gates)

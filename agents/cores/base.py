"""The interface of every recurrent core."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from agents.cores.core_checks import check_form, check_repeatable
from agents.cores.kernels import without_autocast

State = tuple[Tensor, ...]
"""What a core carries from step to step: tensors whose first dimension is the batch."""


def check_number(name: str, number: float) -> float:
    """Return `number` if it is finite.

    Raises:
        ValueError: If it is not.
    """
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {number!r}")
    return number


class Stepper(Protocol):
    """A core at play: one step after another, without gradients.

    Whether it takes note of weights that are changed meanwhile is open: make another one then.
    """

    def step(self, x: Tensor, starts: Tensor | None, out: Tensor) -> None:
        """Take a step.

        Args:
            x: Features [B, F].
            starts: Bool [B], true where an episode begins with `x`; None: nowhere.
            out: Receives the activity [B, N].
        """

    def state(self) -> State:
        """The state after the last step; later steps leave it as it is."""


class LoopedStepper:
    """The :class:`Stepper` of any core: a loop of its `reset` and `step`.

    Args:
        core: The core.
        state: The state before the first step.
    """

    def __init__(self, core: Core, state: State) -> None:
        self._core = core
        self._state = state

    @without_autocast
    def step(self, x: Tensor, starts: Tensor | None, out: Tensor) -> None:
        """See :meth:`Stepper.step`."""
        with torch.no_grad():
            if starts is not None:
                self._state = self._core.reset(self._state, starts)
            hidden, self._state = self._core.step(x, self._state)
            out.copy_(hidden)

    def state(self) -> State:
        """See :meth:`Stepper.state`."""
        return self._state


class Core(nn.Module, ABC):
    """A recurrent network from features to hidden activity.

    A new core needs :meth:`initial_state` and :meth:`step`; the rest follows from them. A core that is
    faster on whole sequences overrides :meth:`run`, which never sees an episode start. Sizes below:
    T steps, B sequences (environments), F input features, N hidden units.

    :meth:`unroll`, :meth:`replay` and steppers compute in the precision of the weights, whatever
    `torch.autocast` says; kernels read nothing else, and rollout and update must agree.

    Args:
        input_size: F, features in.
        hidden_size: N, activities out.

    Raises:
        ValueError: If a size is not a positive whole number.
    """

    plastic_leaves: ClassVar[tuple[int, ...]] = ()
    """Indices of the state's leaves that are plastic weights."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
                raise ValueError(f"{name} must be a positive whole number, got {size!r}")
        self.input_size = int(input_size)
        self.hidden_size = int(hidden_size)

    @abstractmethod
    def initial_state(self, batch_size: int) -> State:
        """The state at the start of an episode, for `batch_size` sequences."""

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x [B, F] and the state before it -> activity [B, N] and the state after it.

        It depends on these two (and on weights) alone, and leaves them as they are: an update takes the
        steps of a rollout again. So there is no dropout, noise or batch normalisation in it.
        """

    def check(self) -> None:
        """Take a few steps with two sequences, to see that a rollout and an update with this core can agree.

        Raises:
            ValueError: If activity or state have another form than :meth:`step` says, or `step` fails; if
                it changes what it is given, draws random numbers, or gives something else when it is called
                again or in training mode; or if :attr:`plastic_leaves` are no leaves of the state.
        """
        check_form(self)
        if not any(parameter.is_meta for parameter in self.parameters()):
            check_repeatable(self)

    def recurrent_weights(self) -> list[nn.Parameter]:
        """The matrices that lead from activity to activity, which may be trained at a rate of their own.

        None are named by default.
        """
        return []

    def warm_up(self, say: Callable[[str], None]) -> None:
        """Do now what would make the first step slow, after saying so with `say`."""

    def stepper(self, state: State) -> Stepper:
        """For rollouts: what takes steps from `state` on, without gradients; `state` stays as it is."""
        return LoopedStepper(self, state)

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """A sequence x [T, B, F] with no episode start inside -> activity [T, B, N] and the last state."""
        outputs = []
        for x_t in x:
            output, state = self.step(x_t, state)
            outputs.append(output)
        return torch.stack(outputs), state

    def rerun(self, x: Tensor, state: State, known: Tensor) -> tuple[Tensor, State]:
        """As :meth:`run`, where the activity `known` [T, B, N] has been computed already, with these weights.

        A core that gains from it overrides this.
        """
        return self.run(x, state)

    @without_autocast
    def unroll(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State]:
        """A sequence in which episodes may start at any step.

        Equal to a loop of :meth:`reset` and :meth:`step`; time is cut only where some episode starts, so
        that :meth:`run` sees stretches as long as possible.

        Args:
            x: Features [T, B, F].
            state: The state before the first step, B rows on every leaf.
            starts: Bool [T, B]; where true, an episode begins with this step and its row starts afresh.

        Returns:
            Activity [T, B, N] and the state after the last step.
        """
        return self._in_stretches(lambda stretch, before: self.run(x[stretch], before), state, starts)

    @without_autocast
    def replay(self, x: Tensor, state: State, starts: Tensor, known: Tensor) -> Tensor:
        """The activity of :meth:`unroll`, with its gradient, where a rollout has computed it already.

        Args:
            x: Features [T, B, F].
            state: The state before the first step.
            starts: Bool [T, B], true where an episode begins.
            known: What a :meth:`stepper` gave, step by step, with the present weights [T, B, N].

        Returns:
            Activity [T, B, N], which may be the memory of `known`.
        """
        return self._in_stretches(
            lambda stretch, before: self.rerun(x[stretch], before, known[stretch]), state, starts
        )[0]

    def _in_stretches(
        self, run: Callable[[slice, State], tuple[Tensor, State]], state: State, starts: Tensor
    ) -> tuple[Tensor, State]:
        if 0 in starts.shape:
            raise ValueError(f"there must be at least one step and one sequence, got {list(starts.shape)}")
        cuts = starts.any(dim=1).nonzero().flatten().tolist()
        edges = sorted({0, *cuts, len(starts)})
        outputs = []
        for begin, end in pairwise(edges):
            output, state = run(slice(begin, end), self.reset(state, starts[begin]))
            outputs.append(output)
        return (outputs[0] if len(outputs) == 1 else torch.cat(outputs)), state

    def reset(self, state: State, starts: Tensor) -> State:
        """`state` with the rows where `starts` [B] is true back at the initial state."""
        if not starts.any():
            return state
        initial = self.initial_state(len(starts))
        if starts.all():
            return initial
        return tuple(
            torch.where(starts.view(-1, *(1,) * (old.dim() - 1)), new, old)
            for new, old in zip(initial, state, strict=True)
        )

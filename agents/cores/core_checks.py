"""What is asked of a core that someone writes: results of the right form, and steps that can be repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from agents.cores.base import Core, State


def check_form(core: Core) -> None:
    """Take a step with two sequences, to see that what a core's author returns has the right form.

    Raises:
        ValueError: If activity or state have another form than :meth:`Core.step` says, or `step` fails; or if
            :attr:`Core.plastic_leaves` are no leaves of the state.
    """
    what = _called(core)
    with torch.no_grad():
        before = core.initial_state(2)
        forms = _forms(before)
        if not forms or any(form[:1] != (2,) for form in forms):
            raise ValueError(
                f"{what}: initial_state(2) must return a tuple of tensors with 2 rows each, such as "
                f"(torch.zeros(2, N),), got {_described(before)}"
            )
        stepped = _step(core, _features(core), before)
    leaves = core.plastic_leaves
    if not isinstance(leaves, tuple) or not all(leaf in range(len(forms)) for leaf in leaves):
        raise ValueError(
            f"{what}: plastic_leaves must be a tuple of indices, each 0 to {len(forms) - 1}, got {leaves!r}"
        )
    if not (isinstance(stepped, tuple) and len(stepped) == 2):
        raise ValueError(f"{what}: step must return (activity, state), got {_described(stepped)}")
    activity, after = stepped
    if _forms((activity,)) != [(2, core.hidden_size)] or activity.dtype != torch.float32:
        raise ValueError(
            f"{what}: step must return float32 activity of shape [2, {core.hidden_size}] for 2 "
            f"sequences, got {_described(activity)}"
        )
    if _forms(after) != forms:
        raise ValueError(
            f"{what}: step must return a state like that of initial_state, a tuple of tensors of shapes "
            f"{[list(form) for form in forms]}, got {_described(after)}"
        )


def check_repeatable(core: Core) -> None:
    """Take the same steps again, as an update does after a rollout, to see that they give the same.

    A rollout takes them outside training mode, the update in it.

    Raises:
        ValueError: If a step changes what it is given or draws random numbers, or gives something else when
            it is taken again, or in training mode.
    """
    what = _called(core)
    modes = {module: module.training for module in core.modules()}
    try:
        acted = _two_steps(core.train(False))
        if not _same(acted, _two_steps(core)):
            raise ValueError(
                f"{what}: two equal calls of step give different results; they must depend on features and "
                "state alone, so put what changes from step to step into the state"
            )
        if not _same(acted, _two_steps(core.train(True))):
            raise ValueError(
                f"{what}: step gives other results in training mode than outside it, so the update would see "
                "other activity than the rollout; leave out what does that, such as batch normalisation"
            )
    finally:
        for module, mode in modes.items():
            module.training = mode


def _two_steps(core: Core) -> State:
    """The activity and the state after two steps, having checked what else they did."""
    random = torch.get_rng_state()
    x = _features(core)
    with torch.no_grad():
        state = core.initial_state(2)
        for _ in range(2):
            given = x, *state
            kept = [tensor.clone() for tensor in given]
            activity, state = _step(core, x, state)
            if not _same(given, kept):
                raise ValueError(
                    f"{_called(core)}: step changes its features or the state before it in place, which are "
                    "needed again; it must return new tensors (h = 0.9 * h + u, not h.mul_(0.9).add_(u))"
                )
    if not torch.equal(random, torch.get_rng_state()):
        raise ValueError(
            f"{_called(core)}: a step{' in training mode' if core.training else ''} draws random numbers, so "
            "the update would see other activity than the rollout; leave out noise and dropout"
        )
    return activity, *state


def _step(core: Core, x: Tensor, state: State) -> tuple[Tensor, State]:
    try:
        return core.step(x, state)
    except RuntimeError as error:
        raise ValueError(
            f"{_called(core)}: step fails for features {_described(x)} and a state {_described(state)}"
            f"{' in training mode' if core.training else ''}: {error}"
        ) from error


def _called(core: Core) -> str:
    return f"the core {type(core).__name__}"


def _features(core: Core) -> Tensor:
    """Different numbers for two sequences."""
    device = next(core.parameters(), torch.zeros(1)).device
    size = core.input_size
    return torch.linspace(-1, 1, 2 * size, dtype=torch.float32, device=device).view(2, size)


def _same(some: State | list[Tensor], others: State | list[Tensor]) -> bool:
    """Whether all numbers are equal, or NaN in both."""
    return all(
        torch.equal(one, other) or bool(torch.isclose(one, other, rtol=0, atol=0, equal_nan=True).all())
        for one, other in zip(some, others, strict=True)
    )


def _forms(state: object) -> list[tuple[int, ...]]:
    """The shapes of a state's leaves; none if it is no tuple of tensors."""
    if not isinstance(state, tuple) or not all(isinstance(leaf, Tensor) for leaf in state):
        return []
    return [tuple(leaf.shape) for leaf in state]


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}, {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_described, value))})"
    return repr(value)

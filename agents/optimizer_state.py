"""The state of an optimizer as named tensors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim import Optimizer

from agents.tensor_checks import Form, check_finite

_ADAM = {"step", "exp_avg", "exp_avg_sq"}
_NEVER_NEGATIVE = ("step", "exp_avg_sq")


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """What `optimizer` keeps for each parameter, by "INDEX.NAME"; its settings are not part of it."""
    states = optimizer.state_dict()["state"].items()
    return {f"{index}.{name}": value for index, state in states for name, value in state.items()}


def restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what :func:`optimizer_tensors` gave.

    Raises:
        ValueError: If a name is not of that form, a tensor is missing, or one has another shape or type than
            its parameter, or numbers that cannot be; the optimizer is then as it was.
    """
    state: dict[int, dict[str, Tensor]] = {}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        # Not isdigit(), which takes digits of all scripts.
        if not (index.isascii() and index.isdecimal() and key and len(index) < 10):
            raise ValueError(f"the optimizer keeps nothing called {name!r}")
        if int(index) >= len(parameters):
            raise ValueError(f"the optimizer has {len(parameters)} parameters, none for {name!r}")
        state.setdefault(int(index), {})[key] = tensor
    for number, kept in state.items():
        _check(number, kept, parameters[number], optimizer)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _check(number: int, kept: Mapping[str, Tensor], parameter: Tensor, optimizer: Optimizer) -> None:
    """Check what is kept for a parameter; one without a gradient has nothing."""
    if isinstance(optimizer, torch.optim.Adam) and _ADAM - set(kept):
        raise ValueError(f"the optimizer's {number}.{min(_ADAM - set(kept))} is missing")
    for key, tensor in kept.items():
        name = f"{number}.{key} of the optimizer"
        shape = () if key == "step" else tuple(parameter.shape)
        wanted = Form(shape, torch.float32 if key == "step" else parameter.dtype)
        if Form.of(tensor) != wanted:
            raise ValueError(f"the tensor {name} must be {wanted}, got {Form.of(tensor)}")
        check_finite(name, tensor)
        if key in _NEVER_NEGATIVE and bool((tensor < 0).any()):
            raise ValueError(f"the tensor {name} holds negative numbers")

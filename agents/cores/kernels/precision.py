"""Computing in the precision of the weights, whatever `torch.autocast` says."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def without_autocast(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator of a function in which `torch.autocast` has no say.

    Autocast gives products of float32 tensors as bfloat16, a few per cent off in sums over many steps, and
    not what kernels read. It is shut off on the device of the first tensor among the positional arguments.
    """

    @functools.wraps(function)
    def computed(*args: P.args, **kwargs: P.kwargs) -> R:
        device = next((arg.device.type for arg in args if isinstance(arg, Tensor)), "cpu")
        if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
            return function(*args, **kwargs)
        with torch.autocast(device, enabled=False):
            return function(*args, **kwargs)

    return computed

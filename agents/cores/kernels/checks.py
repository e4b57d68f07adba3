"""What the kernels accept. They read and write at addresses: nothing else would notice."""

import torch
from torch import Tensor

from .rules import RULES

DTYPES = (torch.float32, torch.float64)
"""What kernels exist for; float64 is for tests."""


def check_starts(
    inputs: Tensor, starts: Tensor, name: str = "drive", last: str = "N"
) -> tuple[int, int, int]:
    """The sizes (T, B, `last`) of `inputs`; ValueError unless they and starts [T, B] have shape and dtype."""
    if inputs.dim() != 3 or 0 in inputs.shape:
        raise ValueError(f"{name} must be [T, B, {last}] and not empty, got {list(inputs.shape)}")
    T, B, size = inputs.shape
    if starts.dtype != torch.bool or starts.shape != (T, B) or starts.device != inputs.device:
        raise ValueError(
            f"starts must be bool [{T}, {B}] on {inputs.device}, "
            f"got {starts.dtype} {list(starts.shape)} on {starts.device}"
        )
    return T, B, size


def check_clamp(clamp: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Raise ValueError unless what is imposed on neurons has this shape and dtype, and no gradient."""
    if clamp.shape != shape or clamp.dtype != dtype:
        raise ValueError(f"clamp must be {dtype} {list(shape)}, got {clamp.dtype} {list(clamp.shape)}")
    if clamp.requires_grad:
        raise ValueError("clamp must not require a gradient: none flows into what is imposed on a neuron")


def check_rule(rule: str) -> None:
    """Raise ValueError unless the rule is one of `RULES`."""
    if rule not in RULES:
        raise ValueError(f"unknown plasticity rule {rule!r}; known rules: {', '.join(RULES)}")


def check_tensors(dtype: torch.dtype, **inputs: tuple[Tensor, tuple[int, ...]]) -> None:
    """Raise ValueError unless each input has its shape and the dtype, on the CPU."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be float32 (or float64), got {dtype}")
    for name, (tensor, shape) in inputs.items():
        if tensor.shape != shape or 0 in shape:
            raise ValueError(
                f"{name} must have shape {list(shape)} and not be empty, got {list(tensor.shape)}"
            )
        if tensor.dtype != dtype or tensor.device.type != "cpu":
            raise ValueError(f"{name} must be {dtype} on the CPU, got {tensor.dtype} on {tensor.device}")

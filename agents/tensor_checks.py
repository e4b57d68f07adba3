"""Whether tensors from a file are those that are wanted: names, shapes, types, finite numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Form:
    """What a tensor is, but for its numbers."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, tensor: Tensor) -> Form:
        """The form of `tensor`, which may be on any device, "meta" among them."""
        return cls(tuple(tensor.shape), tensor.dtype)

    def __str__(self) -> str:
        return f"{str(self.dtype).removeprefix('torch.')} of shape {list(self.shape)}"

    def holds(self, other: Form) -> bool:
        """Whether numbers of the form `other` can be copied here without loss."""
        if self.shape != other.shape:
            return False
        floating = self.dtype.is_floating_point and other.dtype.is_floating_point
        return self.dtype == other.dtype or (
            floating and torch.promote_types(self.dtype, other.dtype) == self.dtype
        )


def check_forms(found: Mapping[str, Form], wanted: Mapping[str, Form]) -> None:
    """Check what is known before anything has been read.

    Args:
        found: Of the tensors there are, by name.
        wanted: Of those there should be.

    Raises:
        ValueError: Naming the first that is missing, too many, of another shape or of another type.
    """
    for name, form in wanted.items():
        if name not in found:
            raise ValueError(f"the tensor {name} is missing")
        if not form.holds(found[name]):
            raise ValueError(f"the tensor {name} must be {form}, got {found[name]}")
    for name in found:
        if name not in wanted:
            raise ValueError(f"there is a tensor {name} too many")


def check_tensors(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Check tensors against those in whose place they will be.

    Args:
        found: The tensors there are, by name.
        wanted: Those they will replace.

    Raises:
        ValueError: Naming the first that is missing, too many, of another shape or type, or not finite.
    """
    check_forms(forms_of(found), forms_of(wanted))
    for name, tensor in found.items():
        check_finite(name, tensor)


class NotFiniteError(ValueError):
    """A tensor holds NaN or infinite numbers."""


def check_finite(name: str, tensor: Tensor) -> None:
    """Raise NotFiniteError unless all numbers in `tensor` are finite."""
    if (tensor.is_floating_point() or tensor.is_complex()) and not bool(tensor.isfinite().all()):
        raise NotFiniteError(f"the tensor {name} holds numbers that are not finite (NaN or infinite)")


def forms_of(tensors: Mapping[str, Tensor]) -> dict[str, Form]:
    """The form of each tensor."""
    return {name: Form.of(tensor) for name, tensor in tensors.items()}

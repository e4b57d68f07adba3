"""A policy's weights by the names that files know them by: those it has without `torch.compile`."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Size, Tensor, nn

_COMPILED = "_orig_mod."
"""What `torch.compile` puts before the names of what is in a module."""


def plain_state_dict(policy: nn.Module) -> dict[str, Tensor]:
    """The state of `policy`, whole or in part compiled or not."""
    return {_plain(name): tensor for name, tensor in policy.state_dict().items()}


def load_plain_state_dict(policy: nn.Module, state: Mapping[str, Tensor], strict: bool = True) -> None:
    """Give `policy` what :func:`plain_state_dict` gave.

    Args:
        policy: The policy.
        state: The tensors by name.
        strict: Whether all must be there, and no others.

    Raises:
        RuntimeError: If they do not fit.
    """
    names = {_plain(name): name for name in policy.state_dict()}
    policy.load_state_dict({names.get(name, name): tensor for name, tensor in state.items()}, strict=strict)


def shapes_of(policy: nn.Module) -> dict[str, Size]:
    """The shapes of :func:`plain_state_dict`."""
    return {name: tensor.shape for name, tensor in plain_state_dict(policy).items()}


def saved_state_dict(policy: nn.Module, first: Mapping[str, Size]) -> dict[str, Tensor]:
    """:func:`plain_state_dict`, if a file with it can be read back.

    Args:
        policy: The policy.
        first: What :func:`shapes_of` gave when it was built, as it will be again.

    Raises:
        ValueError: If the shapes are not those any more.
    """
    shapes = shapes_of(policy)
    if shapes != first:
        names = sorted({name for name, _ in shapes.items() ^ first.items()})
        raise ValueError(
            "the agent cannot be saved: its policy's weights have other names or shapes than at first "
            f"({', '.join(names)}), so that the file could not be read back; undo what has changed them"
        )
    return plain_state_dict(policy)


def _plain(name: str) -> str:
    return name.replace(_COMPILED, "")

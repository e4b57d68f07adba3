"""A policy's weights by the names that files know them by."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

_COMPILED = "_orig_mod."
"""What `torch.compile` puts before the names of what is in a module."""


def plain_state_dict(policy: nn.Module) -> dict[str, Tensor]:
    """The state of `policy`, under the names without `torch.compile`."""
    return {name.replace(_COMPILED, ""): tensor for name, tensor in policy.state_dict().items()}


def load_plain_state_dict(policy: nn.Module, state: Mapping[str, Tensor], strict: bool = True) -> None:
    """Put back what :func:`plain_state_dict` gave, whether `policy` is compiled now or not.

    Args:
        policy: The policy.
        state: The tensors by name.
        strict: Whether all must be there, and no others.

    Raises:
        RuntimeError: If they do not fit.
    """
    names = {name.replace(_COMPILED, ""): name for name in policy.state_dict()}
    policy.load_state_dict({names.get(name, name): tensor for name, tensor in state.items()}, strict=strict)

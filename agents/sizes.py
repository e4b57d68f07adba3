"""How much memory an agent needs, computed before any of it is allocated."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from agents.cores import Core, make_core
from agents.limits import NEURONS, ROWS, STEPS, check_memory, check_whole
from agents.policy import RecurrentActorCriticPolicy

_NUMBER = 4
"""Bytes of a float32."""
_COPIES = 4
"""Of the weights: themselves, their gradient and Adam's two moments."""


def blueprint(policy_kwargs: Mapping[str, Any], features: int) -> Core | None:
    """The core that a policy with these arguments has, on PyTorch's "meta" device: shapes without numbers.

    Args:
        policy_kwargs: Of :class:`RecurrentActorCriticPolicy`.
        features: F, numbers in an observation.

    Returns:
        The core; None if it cannot be built there, since it needs numbers.

    Raises:
        ValueError: If a size or setting is not accepted.
    """
    defaults = inspect.signature(RecurrentActorCriticPolicy).parameters
    name, size = (policy_kwargs.get(key, defaults[key].default) for key in ("core", "hidden_size"))
    check_whole("hidden_size", size, 1, NEURONS)
    try:
        with torch.device("meta"):
            return make_core(name, features, size, **(policy_kwargs.get("core_settings") or {}))
    except ValueError:
        raise
    except Exception:  # of whatever a core of one's own does; building it in earnest will say
        return None


def check_training(core: Core | None, features: int, n_steps: int, n_envs: int) -> None:
    """Check that an agent can be trained on this machine.

    Args:
        core: From :func:`blueprint`, or a real one.
        features: F, numbers in an observation.
        n_steps: T, of a rollout.
        n_envs: B, environments.

    Raises:
        ValueError: If a number is out of range, or there is not enough memory.
    """
    check_whole("n_steps", n_steps, 1, STEPS)
    check_whole("n_envs", n_envs, 1, ROWS)
    neurons = 0 if core is None else core.hidden_size
    # Of each step: observation (twice), activity, and some numbers for action, reward, value and the like.
    rollout = n_steps * n_envs * (2 * features + neurons + 10)
    weights = 0 if core is None else sum(parameter.numel() for parameter in core.parameters())
    needed = rollout + _COPIES * weights + 2 * n_envs * _state_size(core)  # the state at start and at present
    what = f"{n_steps:,} steps of {n_envs:,} environments" + (f" with {neurons:,} neurons" if neurons else "")
    check_memory(_NUMBER * needed, what, "the number of steps, environments or neurons")


def check_playing(core: Core | None, n_envs: int) -> None:
    """Check that an agent can play in `n_envs` environments side by side on this machine.

    Raises:
        ValueError: If there is not enough memory.
    """
    if core is not None:
        what = f"{core.hidden_size:,} neurons in {n_envs:,} environments"
        check_memory(2 * _NUMBER * n_envs * _state_size(core), what, "the number of environments")


def _state_size(core: Core | None) -> int:
    """Numbers in the state of one environment; 0 if that is not known."""
    if core is None:
        return 0
    try:
        device = next(core.parameters()).device
        with torch.device(device):
            return sum(leaf.numel() for leaf in core.initial_state(1))
    except Exception:  # of whatever a core of one's own does; Core.check will say
        return 0

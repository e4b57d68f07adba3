"""Checks on arguments: every bad value meets one clear `ValueError`."""

from typing import Any

import numpy as np

LARGEST_SIZE = 51
"""Squares along one side of the interior: arrays over pairs of squares have a gigabyte."""
LONGEST_EPISODE = 100_000
"""Steps; players that look as often as that play for minutes."""

_LARGEST = float(np.finfo(np.float32).max)


def whole_number(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Return `value` as an `int`.

    Args:
        name: What to call the value in the error.
        value: Any Python or NumPy integer; a bool is not one.
        minimum: The smallest value accepted.
        maximum: The largest value accepted; None: there is none.

    Raises:
        ValueError: If `value` is not an integer of at least `minimum`, or is above `maximum`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < minimum:
        raise ValueError(f"{name} must be an integer of at least {minimum}, got {value!r}")
    if maximum is not None and value > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {value!r}")
    return int(value)


def finite_number(name: str, value: Any) -> float:
    """Return `value` as a `float`.

    Args:
        name: What to call the value in the error.
        value: Any real number that is finite in float32 as well; a bool is not one.

    Raises:
        ValueError: If `value` is anything else.
    """
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    # Rewards are shown to the agent as float32, where a larger number would turn into infinity.
    if not is_number or not abs(value) <= _LARGEST:
        raise ValueError(f"{name} must be a finite number that fits in float32, got {value!r}")
    return float(value)


def truth(name: str, value: Any) -> bool:
    """Return `value` as a `bool`.

    Args:
        name: What to call the value in the error.
        value: A Python or NumPy bool.

    Raises:
        ValueError: If `value` is anything else.
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_observation(value: Any) -> None:
    """Check that what a player is to look at is not all that `reset` returns in Gymnasium.

    Raises:
        ValueError: If it is.
    """
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict):
        raise ValueError(
            "predict takes observations, but got observations with information, as reset returns them in "
            "Gymnasium: obs, info = env.reset() (Stable-Baselines3's vector environments return obs alone)"
        )

"""How large the numbers in files, command lines and arguments may be, and how much memory they may ask for.

Each is far above what is of use, and low enough that a slip of the finger, or a damaged file, is answered
with a sentence before anything is allocated. The maze has limits of its own, in `plastic_maze.validation`.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

COUNT = 10**15
"""Steps or episodes of a whole training, and whatever else is only counted."""
STEPS = 100_000
"""Steps of a rollout, or of an episode."""
ROWS = 100_000
"""Environments, or episodes of a batch, side by side."""
EPISODES = 1_000_000
"""Episodes of an evaluation, all of whose rewards are kept."""
NEURONS = 32_768
"""Neurons of a network."""
ACTIONS = 100_000
RUNS = 10_000
"""Seeds of a sweep or an experiment."""
WORKERS = 1024
"""Threads or processes."""

_UNKNOWN_MEMORY = 64 * 2**30


def check_whole(name: str, value: Any, least: int, most: int) -> None:
    """Raise ValueError, naming `name`, unless `value` is a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        accepted = "above 0" if least == 1 else f"from {least} on"
        raise ValueError(f"{name} must be a whole number {accepted}, got {shown(value)}")
    if value > most:
        raise ValueError(f"{name} must be at most {most}, got {shown(value)}")


def check_memory(needed: int, what: str, lower: str) -> None:
    """Check that this machine could hold what is asked for.

    Args:
        needed: Bytes.
        what: That need them.
        lower: Which settings would make it less.

    Raises:
        ValueError: If it has less memory in all.
    """
    if needed > machine_memory():
        raise ValueError(
            f"{what} would need {_gib(needed)}, but this machine has {_gib(machine_memory())}; lower {lower}"
        )


def machine_memory() -> int:
    """Bytes of memory in this machine, or a usual number where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not Unix
        return _UNKNOWN_MEMORY


def shown(value: object, most: int = 80) -> str:
    """`value` as errors show it: whatever it is, no longer than a line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or lists in lists
        return f"a very long {type(value).__name__}"
    return text if len(text) <= most else f"{text[: most - 20]} ... {text[-15:]}"


def one_line(message: str, most: int = 600) -> str:
    """A message that holds what others have written, such as names in a file, as one line of some length."""
    line = message.replace("\n", " ")
    return line if len(line) <= most else f"{line[: most - 5]} ..."


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"

"""How settings are called on the command line, and errors about them.

An error about a setting begins with its name in Python, "n_steps must be ...", wherever it is raised. On the
command line that becomes "--n-steps must be ...", here and nowhere else.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

PEERS = {
    "--learning-rate": "--lr",
    "--num-envs": "--n-envs",
    "--total-timesteps": "--total-steps",
    "--n-timesteps": "--total-steps",
}
"""What Stable-Baselines3, its Zoo and CleanRL call a setting, and what it is called here."""


def in_own_names(arguments: Sequence[str]) -> list[str]:
    """Arguments of the command line in which :data:`PEERS` are called as they are here."""
    own = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        name = name.replace("_", "-") if name.startswith("--") else name
        own.append(PEERS[name] + equals + value if name in PEERS else argument)
    return own


def flag(name: str) -> str:
    """The flag of the setting `name`: "--n-steps"."""
    return f"--{name.replace('_', '-')}"


def say_error(error: Exception | str, settings: Any = None) -> None:
    """Print an error on the standard error.

    Args:
        error: What went wrong.
        settings: The command's settings, a dataclass: those that were given are called by their flags.
    """
    print(f"error: {in_flags(str(error), settings)}", file=sys.stderr)


def in_flags(sentence: str, settings: Any) -> str:
    """`sentence` with the settings that it begins with, such as "wipe_hebb, wipe_hidden: ...", as flags.

    Args:
        sentence: About the settings.
        settings: A dataclass. A setting that is None was not given: the sentence is about something else.
    """
    given, words = _given(settings), sentence.split(" ")
    for i, word in enumerate(words):
        name = word.rstrip(",:")
        if name not in given:
            break
        words[i] = flag(name) + word[len(name) :]
    return " ".join(words)


def _given(settings: Any) -> set[str]:
    """Names of the settings that are not None, also of those in groups."""
    if not dataclasses.is_dataclass(settings):
        return set()
    names: set[str] = set()
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            names |= _given(value)
        elif value is not None:
            names.add(field.name)
    return names

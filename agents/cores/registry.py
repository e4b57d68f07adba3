"""Cores by name: what `--core NAME` and a checkpoint's settings refer to."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import TypeVar

import torch

from agents.cores.base import Core
from commands.spelling import did_you_mean

CORES: dict[str, type[Core]] = {}
COLORS: dict[str, str] = {}
"""Colours that cores are registered with, "#RRGGBB" by name; see :func:`agents.core_colors.core_color`."""

CoreSetting = str | float | int | bool
C = TypeVar("C", bound=type[Core])

_LARGEST = 2**16
"""Neurons; no core of a sensible size is larger."""


def register_core(name: str, color: str | None = None) -> Callable[[C], C]:
    """Class decorator that makes a core known as `name`.

    Args:
        name: What `--core` and files call it.
        color: Its colour in all figures, "#RRGGBB"; by default one that follows from the name. The shipped
            cores have Okabe and Ito's six that show on white, and two dark ones that colour-blind people can
            tell from those.

    Raises:
        ValueError: If another class already has the name, or the colour is not written "#RRGGBB".
    """
    if color is not None and not re.fullmatch("#[0-9A-Fa-f]{6}", color):
        raise ValueError(f'color must be written "#RRGGBB" (hexadecimal), got {color!r}')

    def register(core_class: C) -> C:
        known = CORES.setdefault(name, core_class)
        # A module that is run again (a notebook cell) defines its class anew: the newer one counts.
        if _full_name(known) != _full_name(core_class):
            raise ValueError(f"the core name {name!r} is already taken by {_full_name(known)}")
        CORES[name] = core_class
        COLORS.pop(name, None)
        if color is not None:
            COLORS[name] = color
        return core_class

    return register


def _full_name(core_class: type[Core]) -> str:
    return f"{core_class.__module__}.{core_class.__qualname__}"


def core_settings(name: str) -> dict[str, inspect.Parameter]:
    """The settings that core `name` accepts beside its two sizes, with their defaults.

    Raises:
        ValueError: If no core has that name, or its class does not take the two sizes first.
    """
    if name not in CORES:
        raise ValueError(
            f"unknown core {name!r}{did_you_mean(name, CORES)}; known cores: {', '.join(sorted(CORES))}; "
            "one of your own is known once its module is imported (on the command line: --packages MODULE)"
        )
    signature = inspect.signature(CORES[name])
    try:
        sizes = signature.bind_partial(1, 1).arguments
    except TypeError as error:
        raise ValueError(
            f"the core {name!r} must take the number of features and that of neurons as its first two "
            f"arguments, whatever it calls them; it takes {signature}"
        ) from error
    various = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    return {key: p for key, p in signature.parameters.items() if key not in sizes and p.kind not in various}


def make_core(name: str, input_size: int, hidden_size: int, **settings: CoreSetting) -> Core:
    """Build the core called `name`.

    Raises:
        ValueError: If the name is unknown, or the core has no such setting, needs one that is not given,
            refuses a value, or does not take the two sizes first.
    """
    accepted = core_settings(name)
    for key in settings:
        if key not in accepted:
            raise ValueError(
                f"the core {name!r} has no setting {key!r}{did_you_mean(key, accepted)}; "
                f"it has {', '.join(accepted) or 'no settings'}"
            )
    missing = [key for key, p in accepted.items() if p.default is p.empty and key not in settings]
    if missing:
        raise ValueError(f"the core {name!r} needs {', '.join(missing)}; give it in its core_settings")
    core = CORES[name](input_size, hidden_size, **settings)
    if core.input_size != input_size:
        raise ValueError(
            f"the core {name!r} must take the number of features first and that of neurons second: "
            f"given {input_size} and {hidden_size}, it has {core.input_size} features"
        )
    return core


def parameter_count(name: str, input_size: int, hidden_size: int, **settings: CoreSetting) -> int:
    """Trained numbers in the core called `name`.

    Raises:
        ValueError: As :func:`make_core` does.
    """
    with torch.device("meta"):
        return sum(p.numel() for p in make_core(name, input_size, hidden_size, **settings).parameters())


def matched_hidden_size(name: str, input_size: int, plastic_size: int, **settings: CoreSetting) -> int:
    """Hidden units that give a core as many trained parameters as `plastic` has with `plastic_size`.

    The closest count wins; the smaller network on a tie.

    Args:
        name: Of the core.
        input_size: F, features in.
        plastic_size: Neurons of the plastic core, which has its default settings.
        settings: Those of the core that is sized.

    Raises:
        ValueError: As :func:`make_core` does; or if the core has too few parameters, however large.
    """
    target = parameter_count("plastic", input_size, plastic_size)

    def count(size: int) -> int:
        return parameter_count(name, input_size, size, **settings)

    low, high = 1, 1
    while count(high) < target:
        high *= 2
        if high > _LARGEST:
            raise ValueError(
                f"the core {name!r} cannot have as many trained parameters as plastic, {target:,}: with "
                f"{high // 2:,} neurons it has {count(high // 2):,}; give it as many neurons instead "
                "(on the command line: --match neurons)"
            )
    while low < high:
        middle = (low + high) // 2
        if count(middle) < target:
            low = middle + 1
        else:
            high = middle
    candidates = [size for size in (low - 1, low) if size >= 1]
    return min(candidates, key=lambda size: abs(count(size) - target))

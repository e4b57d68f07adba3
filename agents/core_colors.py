"""One colour for each core, the same in every figure and in the viewer."""

from __future__ import annotations

import zlib

from agents.cores.registry import COLORS

OTHERS = ("#0000CC", "#446644", "#776677", "#441100")
"""For cores that are registered without a colour: unlike those of the shipped cores."""


def core_color(name: str) -> str:
    """The colour of the core called `name`, as "#RRGGBB".

    It is the one that the core is registered with. A core without one, or a name that is not registered,
    has one of :data:`OTHERS`, by its name alone: the same in every figure and on every machine. Two such
    cores may share a colour, so a figure must tell its lines apart by more than that.

    Args:
        name: As in `--core NAME`.
    """
    return COLORS.get(name) or OTHERS[zlib.crc32(name.encode()) % len(OTHERS)]

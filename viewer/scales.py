"""How far each quantity goes: one scale for all players of a picture, so that colours and heights compare."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from viewer.inspection import Floats
from viewer.moment import Moment

_STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
_LEAST_VALUE = 1.0
"""The axis of value estimates is never shorter, so that noise does not fill it."""
_LEAST_LEG = 10
"""Nor is that of steps to a hit."""


def round_up(reach: float) -> float:
    """The least of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten that is not below `reach`; 1 for nothing."""
    if not math.isfinite(reach) or reach < 1e-9:
        return 1.0
    power = 10.0 ** math.floor(math.log10(reach))
    return next(step * power for step in _STEPS if step * power >= reach * 0.999)


def reach(values: Floats) -> float:
    """What nine of ten magnitudes in `values` stay below; 0 where that is not finite.

    The others have the strongest colour: a few outliers would make all else pale.
    """
    magnitudes = np.abs(values).ravel()
    place = len(magnitudes) - 1 - len(magnitudes) // 10
    found = float(np.partition(magnitudes, place)[place])
    return found if math.isfinite(found) else 0.0


@dataclass(frozen=True)
class Scales:
    """How far each quantity has been seen to go. They only grow, and are rounded where they are drawn."""

    hidden: float = 1.0
    """Activity; that of most cores lies between -1 and 1."""
    hebb: float = 0.0
    weighed: float = 0.0
    """alpha * hebb."""
    change: float = 0.0
    """Of hebb."""
    trace: float = 0.0
    """Of cores that decide later what becomes hebb."""
    state: float = 0.0
    """What cores without plastic weights carry beside their activity."""
    above: float = _LEAST_VALUE
    """The highest value estimate."""
    below: float = 0.0
    """The lowest one's distance below 0."""
    leg: float = _LEAST_LEG
    """Steps on the longest way that ended in a hit."""
    hits: float = 0.0
    """Hits of the player that had most."""

    def widened(self, moments: Iterable[Moment]) -> Scales:
        """These, as far as `moments` need."""
        found = [self, *map(_of, moments)]
        names = [field.name for field in fields(self)]
        return Scales(**{name: max(getattr(one, name) for one in found) for name in names})

    @property
    def values(self) -> tuple[float, float]:
        """The lower and upper end of the axis of value estimates."""
        high = round_up(self.above)
        return (-round_up(max(self.below, high / 10)) if self.below > 0 else 0.0), high


def _of(moment: Moment) -> Scales:
    leg = max(moment.legs_to_hits, default=0)
    inside = moment.inspection
    if inside is None:
        return Scales(leg=leg, hits=len(moment.hit_steps))
    plastic = inside.plastic
    return Scales(
        hidden=reach(inside.hidden),
        hebb=0.0 if plastic is None else reach(plastic.hebb),
        weighed=0.0 if plastic is None or plastic.weighed is None else reach(plastic.weighed),
        change=0.0 if plastic is None else reach(plastic.change),
        trace=max(map(reach, inside.traces), default=0.0),
        state=max(map(reach, inside.carried), default=0.0),
        above=max(moment.values),
        below=-min(moment.values),
        leg=leg,
        hits=len(moment.hit_steps),
    )

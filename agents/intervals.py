"""Confidence intervals of means of few numbers."""

from __future__ import annotations

import math

import numpy as np

LEVEL = 0.95
"""How often such an interval holds the true mean."""


def mean_interval(values: np.ndarray) -> tuple[float, float] | None:
    """The confidence interval of the mean of independent, about normal `values` [E], after Student.

    Returns:
        Its bounds; None for a single value, which says nothing of its deviation.
    """
    count = len(values)
    if count < 2:
        return None
    mean = float(values.mean())
    half = t_quantile(count - 1) * float(values.std(ddof=1)) / math.sqrt(count)
    return mean - half, mean + half


def t_quantile(freedom: int, level: float = LEVEL) -> float:
    """The number t for which Student's distribution lies between -t and t with probability `level`.

    Args:
        freedom: Degrees of freedom, 1 or more: one fewer than there are values.
        level: Above 0 and below 1.
    """
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        if _central_probability(middle, freedom) < level:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(low)


def _central_probability(angle: float, freedom: int) -> float:
    """Of -t to t, where t = sqrt(freedom) * tan(angle): Abramowitz & Stegun (1964), 26.7.3 and 26.7.4."""
    sine, cosine = math.sin(angle), math.cos(angle)
    if freedom == 1:
        return 2 * angle / math.pi
    odd = freedom % 2
    k = 2 * np.arange(1, (freedom - odd) // 2)
    series = 1 + float(np.cumprod((k - 1 + odd) / (k + odd) * cosine**2).sum())
    return 2 / math.pi * (angle + sine * cosine * series) if odd else sine * series

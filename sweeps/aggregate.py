"""Numbers over several runs: a centre and how far it can be trusted.

Everywhere the first axis is the run: values are [S] or [S, K].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
CONFIDENCE = 0.95
FEWEST = 4
"""Values from which quartiles and bootstrap intervals are computed. Of fewer they would be nothing but the
lowest and the highest: with three, an interval "of 95 %" would hold the truth in 76 % of cases."""


@dataclass(frozen=True)
class Summary:
    """A centre with bounds, [K] each or single numbers.

    The bounds of fewer than :data:`FEWEST` runs are the lowest and the highest run.
    """

    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """The mean [...] of the middle half of `values` [S, ...].

    A quarter of the runs, rounded down, is left out at either end (as scipy.stats.trim_mean(values, 0.25)
    does), so of fewer than four runs none is.
    """
    cut = len(values) // 4
    middle: np.ndarray = np.sort(values, axis=0)[cut : len(values) - cut]
    return middle.mean(axis=0)


def median_and_quartiles(values: np.ndarray) -> Summary:
    """Median and the two quartiles of `values` [S, ...]; see :class:`Summary` for few runs."""
    outside = 0.25 if len(values) >= FEWEST else 0.0
    low, centre, high = np.quantile(values, [outside, 0.5, 1 - outside], axis=0)
    return Summary(centre, low, high)


def iqm_and_interval(values: np.ndarray, seed: int = 0) -> Summary:
    """Interquartile mean of `values` [S, ...] with its bootstrap interval; see :class:`Summary` for few runs.

    Runs are drawn again with replacement, each entry's among themselves (the stratified percentile bootstrap
    of Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice", with one
    task). It tells how much the runs' seeds matter. With few runs it is too narrow: for normally distributed
    values it holds the true centre in 87 % of cases with four, 91 % with five (simulated).
    """
    interval = bootstrap_interval(values, interquartile_mean, seed)
    low, high = (values.min(axis=0), values.max(axis=0)) if interval is None else interval
    return Summary(interquartile_mean(values), low, high)


def bootstrap_interval(
    values: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], seed: int = 0
) -> tuple[np.ndarray, np.ndarray] | None:
    """Bounds of the percentile bootstrap interval of `statistic` of `values` [S, ...].

    None for fewer than :data:`FEWEST` values.
    """
    if len(values) < FEWEST:
        return None
    random = np.random.default_rng(seed)
    draws = random.integers(len(values), size=(RESAMPLES, len(values)))
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile([statistic(values[draw]) for draw in draws], [outside, 1 - outside], axis=0)
    return low, high


def interval_or_none(
    values: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float] | tuple[None, None]:
    """The bounds of :func:`bootstrap_interval` where they are single numbers, for the cells of a table."""
    interval = bootstrap_interval(values, statistic)
    return (None, None) if interval is None else (float(interval[0]), float(interval[1]))


def common_grid(times: Sequence[np.ndarray], points: int, logarithmic: bool = False) -> np.ndarray:
    """Points [K] at which all curves have values: from the latest first one to the earliest last one.

    Args:
        times: For each curve its points, rising.
        points: K.
        logarithmic: Whether they are equally far apart on a logarithmic axis.
    """
    space = np.geomspace if logarithmic else np.linspace
    return space(max(t[0] for t in times), min(t[-1] for t in times), points)


def on_grid(times: Sequence[np.ndarray], values: Sequence[np.ndarray], grid: np.ndarray) -> np.ndarray:
    """Curves brought to the same points, linearly in between.

    Args:
        times: For each of S curves its points, rising.
        values: For each of S curves the values there.
        grid: [K], the common points, none before or after those of a curve.

    Returns:
        [S, K]
    """
    return np.stack([np.interp(grid, t, v) for t, v in zip(times, values, strict=True)])

"""Numbers over several runs: a centre and how far it can be trusted.

Everywhere the first axis is the run: values are [S] or [S, K].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """A centre with bounds, [K] each or single numbers. With a single run the bounds are the centre."""

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
    """Median and the two quartiles of `values` [S, ...]."""
    low, centre, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    return Summary(centre, low, high)


def iqm_and_interval(values: np.ndarray, seed: int = 0) -> Summary:
    """Interquartile mean of `values` [S, ...] with its bootstrap interval.

    Runs are drawn again with replacement, each entry's among themselves (the stratified percentile bootstrap
    of Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice", with one
    task). It tells how much the runs' seeds matter. With few runs it is too narrow: for normally distributed
    values it holds the true centre in 76 % of cases with three, 87 % with four, 91 % with five (simulated).
    """
    low, high = bootstrap_interval(values, interquartile_mean, seed)
    return Summary(interquartile_mean(values), low, high)


def bootstrap_interval(
    values: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the percentile bootstrap interval of `statistic` of `values` [S, ...]."""
    random = np.random.default_rng(seed)
    draws = random.integers(len(values), size=(RESAMPLES, len(values)))
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile([statistic(values[draw]) for draw in draws], [outside, 1 - outside], axis=0)
    return low, high


def on_grid(times: Sequence[np.ndarray], values: Sequence[np.ndarray], grid: np.ndarray) -> np.ndarray:
    """Curves brought to the same points, linearly in between; before and after its points each is level.

    Args:
        times: For each of S curves its points, rising.
        values: For each of S curves the values there.
        grid: [K], the common points.

    Returns:
        [S, K]
    """
    return np.stack([np.interp(grid, t, v) for t, v in zip(times, values, strict=True)])

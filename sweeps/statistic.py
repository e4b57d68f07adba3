"""What figures show of several runs, and how it is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agents.plural import counted
from sweeps.aggregate import FEWEST, Summary, iqm_and_interval, median_and_quartiles


@dataclass(frozen=True)
class Statistic:
    """A line and its band, from the values [S, K] of S runs."""

    summarise: Callable[[np.ndarray], Summary]
    centre: str
    """What the line is: "median"."""
    band: str
    """What the band is: "quartiles"."""

    def heading(self, counts: Sequence[int]) -> str:
        """What line and band are, for entries of so many runs."""
        if max(counts) == 1:
            return "one run each" if len(counts) > 1 else "one run"
        words = f"{self.centre} of {runs_in_words(counts)}, band: "
        if max(counts) < FEWEST:
            return words + "lowest to highest run"
        fewer = any(1 < count < FEWEST for count in counts)
        return words + self.band + (f" (of fewer than {FEWEST} runs: lowest to highest)" if fewer else "")


MEDIAN = Statistic(median_and_quartiles, "median", "quartiles")
IQM = Statistic(iqm_and_interval, "interquartile mean", "95 % bootstrap interval")


def runs_in_words(counts: Sequence[int]) -> str:
    """How many runs entries have: "3 runs", "3 runs each", "1 to 5 runs"."""
    if min(counts) < max(counts):
        return f"{min(counts)} to {max(counts)} runs"
    return counted(counts[0], "run") + (" each" if len(counts) > 1 else "")


def labels(names: Sequence[str], counts: Sequence[int]) -> list[str]:
    """The names, with the number of runs where it is not the same for all."""
    if min(counts) == max(counts):
        return list(names)
    return [f"{name} ({runs_in_words([count])})" for name, count in zip(names, counts, strict=True)]

"""What an entry's runs come to: a line of a table of scores."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from agents.shares import share_of
from agents.yardstick import Yardstick
from sweeps.aggregate import FEWEST, iqm_and_interval
from sweeps.results import Entry, Results

MOST = 0.9
"""The share of the yardstick from which an agent counts as having learnt the task."""


@dataclass(frozen=True)
class Score:
    """A line of the table of scores; None where something has no meaning or is not known."""

    entry: str
    iqm: float
    """Interquartile mean of the runs' mean returns."""
    share: float | None
    """iqm / the yardstick's mean return, see :func:`agents.shares.share_of`."""
    first_hit: float | None
    """Steps to the first hit: mean over runs of the mean over episodes with a hit."""
    later_hit: float | None
    """Steps from one hit to the next, likewise."""
    runs: int | None = None
    neurons: int | None = None
    parameters: int | None = None
    low: float | None = None
    """Bounds of the interval of iqm; there is none of fewer than :data:`sweeps.aggregate.FEWEST` runs."""
    high: float | None = None
    share_low: float | None = None
    share_high: float | None = None
    median: float | None = None
    worst: float | None = None
    best: float | None = None
    seconds: float | None = None
    """Training time of a run, median."""
    last_return: float | None = None
    """Return over the last tenth of training, median over runs: what settings are chosen by, so that the
    episodes of the final evaluation have no say in it."""
    steps_to_most: float | None = None
    """Environment steps until the smoothed return in training was MOST of the yardstick's: median over runs,
    infinite where too many never came there."""

    @classmethod
    def of(cls, entry: Entry, yardstick: Yardstick | None) -> Score:
        """Of an entry's runs, compared with `yardstick`."""
        summary = iqm_and_interval(entry.scores)
        evaluations = [run.evaluation for run in entry.runs]
        score = cls(
            entry=entry.name,
            iqm=float(summary.centre),
            share=_share(float(summary.centre), yardstick),
            first_hit=_mean([evaluation.scores.steps_to_first_hit for evaluation in evaluations]),
            later_hit=_mean([evaluation.scores.steps_per_later_hit for evaluation in evaluations]),
            runs=len(entry.runs),
            neurons=evaluations[0].neurons,
            parameters=evaluations[0].parameters,
            median=float(np.median(entry.scores)),
            worst=float(entry.scores.min()),
            best=float(entry.scores.max()),
            seconds=float(np.median([run.seconds[-1] for run in entry.runs])),
            last_return=float(np.median([run.last_return for run in entry.runs])),
            steps_to_most=_steps_to_most(entry, yardstick),
        )
        if len(entry.runs) < FEWEST:
            return score
        low, high = float(summary.low), float(summary.high)
        shares = _share(low, yardstick), _share(high, yardstick)
        return replace(score, low=low, high=high, share_low=shares[0], share_high=shares[1])

    @classmethod
    def of_reference(cls, name: str, results: Results) -> Score:
        """Of a reference player."""
        scores = results.references[name].scores
        return cls(
            entry=name,
            iqm=scores.mean_return,
            share=_share(scores.mean_return, results.yardstick),
            first_hit=scores.steps_to_first_hit,
            later_hit=scores.steps_per_later_hit,
        )


def _share(score: float, yardstick: Yardstick | None) -> float | None:
    return None if yardstick is None else share_of(score, yardstick.mean_return)


def _steps_to_most(entry: Entry, yardstick: Yardstick | None) -> float | None:
    if yardstick is None or yardstick.mean_return <= 0:
        return None
    steps = [run.steps_to(MOST * yardstick.mean_return) for run in entry.runs]
    known = [step for step in steps if step is not None]
    return float(np.median(known)) if len(known) == len(steps) else None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None

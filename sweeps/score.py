"""What an entry's runs come to: a line of a table of scores."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sweeps.aggregate import iqm_and_interval
from sweeps.results import Entry, Results

MOST = 0.9
"""How near to the planner an agent counts as having learnt the task."""


@dataclass(frozen=True)
class Score:
    """A line of the table of scores; None where something has no meaning or is not known."""

    entry: str
    iqm: float
    """Interquartile mean of the runs' mean returns."""
    share: float | None
    """iqm / the planner's mean return."""
    first_hit: float | None
    """Steps to the first hit: mean over runs of the mean over episodes with a hit."""
    later_hit: float | None
    """Steps from one hit to the next, likewise."""
    runs: int | None = None
    neurons: int | None = None
    parameters: int | None = None
    low: float | None = None
    """Bounds of the interval of iqm; with a single run there is none."""
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
    """Environment steps until the smoothed return in training was MOST of the planner's: median over runs,
    infinite where a run never came there."""

    @classmethod
    def of(cls, entry: Entry, planner: float | None) -> Score:
        """Of an entry's runs; `planner` is the planner's mean return."""
        summary = iqm_and_interval(entry.scores)
        iqm, low, high = float(summary.centre), float(summary.low), float(summary.high)
        evaluations = [run.evaluation for run in entry.runs]
        score = cls(
            entry=entry.name,
            iqm=iqm,
            share=planner and iqm / planner,
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
            steps_to_most=planner and float(np.median([run.steps_to(MOST * planner) for run in entry.runs])),
        )
        if len(entry.runs) == 1:
            return score
        shares = (planner and low / planner, planner and high / planner)
        return replace(score, low=low, high=high, share_low=shares[0], share_high=shares[1])

    @classmethod
    def of_reference(cls, name: str, results: Results) -> Score:
        """Of a reference player."""
        scores = results.references[name].scores
        return cls(
            entry=name,
            iqm=scores.mean_return,
            share=results.planner and scores.mean_return / results.planner,
            first_hit=scores.steps_to_first_hit,
            later_hit=scores.steps_per_later_hit,
        )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None

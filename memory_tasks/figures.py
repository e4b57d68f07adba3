"""Figures of the finished runs of an experiment."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from agents.plotting import new_figure, plain
from memory_tasks.results import Finished, Results
from sweeps.aggregate import Summary, on_grid
from sweeps.figures import Curve, colour_of, draw_curves, label_ends

POINTS = 400
"""Points of a curve."""


def learning_curves(results: Results) -> Figure:
    """Error in training over episodes, and over training time: mean over runs, lowest to highest run."""
    picture = new_figure(10, 4)
    over_episodes, over_time = picture.subplots(1, 2, sharey=True)
    logarithmic = results.experiment.logarithmic
    draw_curves(over_episodes, _curves(results, "episodes", logarithmic))
    ends = draw_curves(over_time, _curves(results, "seconds", logarithmic))
    over_episodes.set(xlabel="training episodes", ylabel=results.error_name)
    over_time.set_xlabel("training time of a run on one thread (seconds)")
    for axes in (over_episodes, over_time):
        if logarithmic:
            axes.set_xscale("log")
        if results.experiment.milestone is not None:
            axes.axhline(results.experiment.milestone, color="#444444", linestyle=":", linewidth=1)
    over_episodes.set_ylim(bottom=0)
    label_ends(over_time, ends)
    picture.suptitle(
        f"{results.experiment.name}, error of the latest {results.window_episodes:,} training episodes: "
        "mean over runs, band: lowest to highest run",
        fontsize=11,
    )
    return picture


def extremes(results: Results) -> Figure:
    """Minimum, mean and maximum error over the episodes of all runs of each network, as in figure 2."""
    picture = new_figure(max(7, 1 + 4 * len(results.networks)), 4)
    panels = picture.subplots(1, len(results.networks), sharey=True, squeeze=False)[0]
    for number, (axes, (network, runs)) in enumerate(zip(panels, results.networks.items(), strict=True)):
        grid = _grid(runs, "episodes", logarithmic=False)
        lines = [
            on_grid([run.curve.episodes for run in runs], [getattr(run.curve, name) for run in runs], grid)
            for name in ("error", "lowest", "highest")
        ]
        mean, low, high = lines[0].mean(axis=0), lines[1].min(axis=0), lines[2].max(axis=0)
        colour = colour_of(number)
        axes.plot(grid, mean, color=colour)
        axes.fill_between(grid, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.set(xlabel="training episodes", title=f"{network}, {len(runs)} runs")
        plain(axes)
        axes.margins(x=0)
    panels[0].set_ylabel(results.error_name)
    panels[0].set_ylim(bottom=0)
    picture.suptitle(
        f"{results.experiment.name}: mean over episodes and runs, band: lowest to highest episode",
        fontsize=11,
    )
    return picture


def _grid(runs: list[Finished], what: str, logarithmic: bool) -> np.ndarray:
    """Points [K] at which all curves are drawn, over "episodes" or "seconds"."""
    points = [getattr(run.curve, what) for run in runs]
    # Each run has values from the latest first line on; one that has ended keeps its last error.
    space = np.geomspace if logarithmic else np.linspace
    return space(max(p[0] for p in points), max(p[-1] for p in points), POINTS)


def _curves(results: Results, what: str, logarithmic: bool) -> list[Curve]:
    curves = []
    for network, runs in results.networks.items():
        grid = _grid(runs, what, logarithmic)
        points = [getattr(run.curve, what) for run in runs]
        errors = on_grid(points, [run.curve.smoothed for run in runs], grid)
        summary = Summary(errors.mean(axis=0), errors.min(axis=0), errors.max(axis=0))
        curves.append(Curve(network, grid, summary))
    return curves

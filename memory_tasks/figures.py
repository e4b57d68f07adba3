"""Figures of the finished runs of an experiment."""

from __future__ import annotations

from matplotlib.figure import Figure

from agents.core_colors import core_color
from agents.plotting import GREY, new_figure, plain
from agents.plural import counted
from memory_tasks.results import Results
from sweeps.aggregate import Summary, common_grid, on_grid
from sweeps.curves import Curve, End, Look, draw_curves, label_ends
from sweeps.statistic import labels, runs_in_words

POINTS = 400
"""Points of a curve."""
EPISODES = "{x:,.0f}"
"""How an axis writes a number of episodes."""


def learning_curves(results: Results) -> Figure:
    """Error in training over episodes: mean over runs, lowest to highest run."""
    experiment, networks = results.experiment, results.networks
    counts = [len(runs) for runs in networks.values()]
    picture = new_figure(8, 4.2)
    axes = picture.add_subplot()
    curves = []
    for name, (network, runs) in zip(labels(list(networks), counts), networks.items(), strict=True):
        episodes = [run.curve.episodes for run in runs]
        grid = common_grid(episodes, POINTS, experiment.logarithmic)
        errors = on_grid(episodes, [run.curve.smoothed for run in runs], grid)
        summary = Summary(errors.mean(axis=0), errors.min(axis=0), errors.max(axis=0))
        curves.append(Curve(name, network, grid, summary))
    ends = draw_curves(axes, curves)
    axes.set(xlabel="training episodes", ylabel=results.error_name)
    if experiment.logarithmic:
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_formatter(EPISODES)
    if experiment.milestone is not None:
        look = Look(GREY, ":")
        axes.axhline(experiment.milestone, color=look.color, linestyle=look.style, linewidth=1)
        ends[f"milestone, {experiment.milestone:g}"] = End(experiment.milestone, look)
    axes.set_ylim(bottom=0)
    label_ends(axes, ends)
    what = "one run" if max(counts) == 1 else f"mean of {runs_in_words(counts)}, band: lowest to highest run"
    window = counted(results.window_episodes, "training episode")
    picture.suptitle(f"{experiment.name}: error of the latest {window}\n{what}", fontsize=10)
    return picture


def extremes(results: Results) -> Figure:
    """Minimum, mean and maximum error over the episodes of all runs of each network, as in figure 2."""
    picture = new_figure(max(7, 1 + 4 * len(results.networks)), 4)
    panels = picture.subplots(1, len(results.networks), sharey=True, squeeze=False)[0]
    for axes, (network, runs) in zip(panels, results.networks.items(), strict=True):
        episodes = [run.curve.episodes for run in runs]
        grid = common_grid(episodes, POINTS)
        lines = [
            on_grid(episodes, [getattr(run.curve, name) for run in runs], grid)
            for name in ("error", "lowest", "highest")
        ]
        mean, low, high = lines[0].mean(axis=0), lines[1].min(axis=0), lines[2].max(axis=0)
        axes.plot(grid, mean, color=core_color(network))
        axes.fill_between(grid, low, high, color=core_color(network), alpha=0.2, linewidth=0)
        axes.set(xlabel="training episodes", title=f"{network}, {counted(len(runs), 'run')}")
        axes.xaxis.set_major_formatter(EPISODES)
        plain(axes)
        axes.margins(x=0)
    panels[0].set_ylabel(results.error_name)
    panels[0].set_ylim(bottom=0)
    picture.suptitle(
        f"{results.experiment.name}: mean over episodes and runs, band: lowest to highest episode",
        fontsize=11,
    )
    return picture

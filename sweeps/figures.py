"""Figures of a sweep's results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from agents.checkpoint_file import read_file
from agents.plotting import COLOURS, new_figure, plain
from sweeps.aggregate import Summary, iqm_and_interval, on_grid
from sweeps.results import Entry, Results

POINTS = 200
"""Points of a curve."""
WINDOW = 10
"""Steps of the episode over which hits are counted for the curve of their rate."""
REFERENCE_STYLES = {"oracle": ":", "planner": "--", "random": "-."}
GREY = "#444444"
"""The colour of reference players."""
_TIME_UNITS = {"hours": 3600, "minutes": 60, "seconds": 1}


@dataclass(frozen=True)
class Curve:
    """A line with its band."""

    label: str
    x: np.ndarray
    y: Summary
    """[K] each, like x."""


def learning_curves(results: Results, summarise: Callable[[np.ndarray], Summary], what: str) -> Figure:
    """Return in training over environment steps, and over wall time.

    Args:
        results: What was measured.
        summarise: From values [S, K] over runs to the line and its band.
        what: What line and band are, for the heading.
    """
    picture = new_figure(10, 4)
    over_steps, over_time = picture.subplots(1, 2, sharey=True)
    longest = max(run.seconds[-1] for entry in results.entries for run in entry.runs)
    unit, seconds = next(
        (unit, seconds) for unit, seconds in _TIME_UNITS.items() if longest > 2 * seconds or seconds == 1
    )
    draw_curves(over_steps, [_over(entry, "steps", 1e6, summarise) for entry in results.entries])
    ends = draw_curves(over_time, [_over(entry, "seconds", seconds, summarise) for entry in results.entries])
    over_steps.set(xlabel="environment steps (millions)", ylabel="return per training episode")
    over_time.set_xlabel(f"training time of a run ({unit})")
    lines = {name: played.scores.mean_return for name, played in results.references.items()}
    for name, score in lines.items():
        for axes in (over_steps, over_time):
            axes.axhline(score, color=GREY, linestyle=REFERENCE_STYLES[name], linewidth=1)
        ends[name] = End(score, GREY, REFERENCE_STYLES[name])
    label_ends(over_time, ends)
    picture.suptitle(f"{results.title}: {what}", fontsize=11)
    return picture


def within_episode(results: Results, summarise: Callable[[np.ndarray], Summary], what: str) -> Figure | None:
    """Hits over the steps of an episode after training: what is learnt inside one life.

    Left the hits so far, right their rate; None where hits are not counted.
    """
    played = [(entry, _hits(entry)) for entry in results.entries]
    references = {
        name: np.array(evaluation.hits_per_step)
        for name, evaluation in results.references.items()
        if evaluation.hits_per_step is not None
    }
    if not all(hits.size for _, hits in played):
        return None
    picture = new_figure(10, 4)
    so_far, rate = picture.subplots(1, 2)
    for axes, transform in ((so_far, _cumulated), (rate, _windowed)):
        curves = []
        for entry, hits in played:
            x, y = transform(hits)
            curves.append(Curve(entry.name, x, summarise(y)))
        ends = draw_curves(axes, curves)
        for name, hits in references.items():
            x, y = transform(hits[None])
            axes.plot(x, y[0], color=GREY, linestyle=REFERENCE_STYLES[name], linewidth=1)
            ends[name] = End(float(y[0, -1]), GREY, REFERENCE_STYLES[name])
        axes.set_xlabel("step of the episode")
        axes.set_xlim(0, x[-1] + 0.5 * (x[0] if axes is rate else 0))
        axes.set_ylim(bottom=0)
        label_ends(axes, ends)
    so_far.set_ylabel("hits so far, per episode")
    rate.set_ylabel(f"hits in {WINDOW} steps")
    picture.suptitle(f"{results.title}, after training: {what}", fontsize=11)
    return picture


def final_scores(results: Results) -> Figure:
    """Each run's score after training, and each entry's interquartile mean with its interval."""
    picture = new_figure(7, 1.4 + 0.5 * len(results.entries))
    axes = picture.add_subplot()
    for row, entry in enumerate(results.entries):
        colour, summary = colour_of(row), iqm_and_interval(entry.scores)
        spread = np.linspace(-0.1, 0.1, len(entry.scores)) if len(entry.scores) > 1 else np.zeros(1)
        axes.plot(
            entry.scores, row + 0.25 + spread, "o", color=colour, alpha=0.5, markersize=4, markeredgewidth=0
        )
        axes.plot([summary.low, summary.high], [row, row], color=colour, linewidth=3, solid_capstyle="butt")
        axes.plot([summary.centre] * 2, [row - 0.12, row + 0.12], color=colour, linewidth=2.5)
    for name, played in results.references.items():
        score = played.scores.mean_return
        axes.axvline(score, color=GREY, linestyle=REFERENCE_STYLES[name], linewidth=1)
        axes.annotate(
            name, (score, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", va="bottom", color=GREY, fontsize=9,
        )  # fmt: skip
    axes.set_yticks(range(len(results.entries)), [entry.name for entry in results.entries])
    axes.set_ylim(len(results.entries) - 0.5, -0.5)
    plain(axes)
    axes.grid(axis="y", visible=False)
    episodes = results.entries[0].runs[0].evaluation.settings.episodes
    axes.set_xlabel(f"mean return over {episodes} fresh episodes")
    picture.suptitle(
        f"{results.title}: each run (dots), interquartile mean and its 95 % bootstrap interval", fontsize=10
    )
    return picture


def weights(entry: Entry) -> Figure | None:
    """Heat maps of w and alpha after training, and how their entries are distributed.

    None if the entry's core has no such parameters, or its agent was not kept.
    """
    if not entry.agent.is_file():
        return None
    tensors, _ = read_file(entry.agent)
    names = ("policy.core.w", "policy.core.alpha")
    if not all(name in tensors for name in names):
        return None
    picture = new_figure(11, 3.6)
    *maps, distribution = picture.subplots(1, 3, width_ratios=(1, 1, 0.9))
    for axes, name, title, colour in zip(
        maps, names, ("fixed weight w", "plasticity α"), COLOURS, strict=False
    ):
        matrix = tensors[name].numpy()
        # A few entries are far larger than the rest, which would all look alike beside them.
        limit = float(np.quantile(np.abs(matrix), 0.99)) or 1.0
        image = axes.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set(title=title, xlabel="to neuron", ylabel="from neuron")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True))
        picture.colorbar(image, ax=axes, extend="both", shrink=0.85)
        distribution.hist(matrix.ravel(), bins=41, histtype="step", color=colour, label=title, linewidth=1.5)
    distribution.set(xlabel="value", ylabel="connections", yscale="log")
    distribution.legend(frameon=False, fontsize=9, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    plain(distribution)
    seed = entry.runs[0].seed
    picture.suptitle(f"{entry.name}, seed {seed}, after training", fontsize=11)
    return picture


def _over(entry: Entry, what: str, unit: float, summarise: Callable[[np.ndarray], Summary]) -> Curve:
    """The entry's returns over its "steps" or "seconds", brought to common points."""
    times = [getattr(run, what) for run in entry.runs]
    # Each run has values from the latest first line on; one that has ended keeps its last return.
    grid = np.linspace(max(t[0] for t in times), max(t[-1] for t in times), POINTS)
    values = on_grid(times, [run.returns for run in entry.runs], grid)
    return Curve(entry.name, grid / unit, summarise(values))


def _hits(entry: Entry) -> np.ndarray:
    """[S, T], each run's mean number of hits at each step; empty where they are not counted."""
    return np.array([run.evaluation.hits_per_step or [] for run in entry.runs])


def _cumulated(hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hits [S, T] -> steps [T + 1], hits so far [S, T + 1]."""
    so_far = np.cumsum(hits, axis=1)
    return np.arange(hits.shape[1] + 1), np.pad(so_far, ((0, 0), (1, 0)))


def _windowed(hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hits [S, T] -> middles [W] of the windows, hits in each [S, W]; a last part of a window is left out."""
    count = max(1, hits.shape[1] // WINDOW)
    sums = hits[:, : count * WINDOW].reshape(len(hits), count, -1).sum(axis=2)
    return (np.arange(count) + 0.5) * WINDOW, sums


def colour_of(number: int) -> str:
    """The colour of a figure's line with that number."""
    return COLOURS[number % len(COLOURS)]


@dataclass(frozen=True)
class End:
    """Where a line ends, and how it looks."""

    value: float
    colour: str
    style: str = "-"


def draw_curves(axes: Axes, curves: list[Curve]) -> dict[str, End]:
    """Draw the curves; returns the end of each that has points, by its label."""
    for number, curve in enumerate(curves):
        axes.plot(curve.x, curve.y.centre, color=colour_of(number), linestyle=_style_of(number))
        axes.fill_between(curve.x, curve.y.low, curve.y.high, color=colour_of(number), alpha=0.2, linewidth=0)
    plain(axes)
    axes.margins(x=0)
    return {
        curve.label: End(float(curve.y.centre[-1]), colour_of(number), _style_of(number))
        for number, curve in enumerate(curves)
        if len(curve.x)
    }


def _style_of(number: int) -> str:
    return ("-", "--", ":")[number // len(COLOURS) % 3]  # more entries than colours


def label_ends(axes: Axes, ends: dict[str, End]) -> None:
    """Write each line's name beside its end, at the right of `axes`, and no two names over each other."""
    low, high = axes.get_ylim()
    gap = 0.055 * (high - low)  # a line of text
    names = sorted(ends, key=lambda name: ends[name].value)
    places = _apart([ends[name].value for name in names], gap)
    for name, place in zip(names, places, strict=True):
        end = ends[name]
        axes.annotate(
            name, (1.0, end.value), (1.05, place), xycoords=("axes fraction", "data"),
            va="center", fontsize=9, color=end.colour, annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": end.colour, "linestyle": end.style, "linewidth": 0.9,
                "shrinkA": 1, "shrinkB": 0, "relpos": (0, 0.5),
            },
        )  # fmt: skip


def _apart(values: list[float], gap: float) -> list[float]:
    """Rising `values`, moved as little as is needed to be `gap` apart from each other."""
    groups: list[tuple[list[float], float]] = []  # the values of a block of neighbours, and its centre
    for value in values:
        block, centre = [value], value
        while groups and centre - groups[-1][1] < gap * (len(block) + len(groups[-1][0])) / 2:
            block = groups.pop()[0] + block
            centre = sum(block) / len(block)
        groups.append((block, centre))
    return [centre + gap * (i - (len(block) - 1) / 2) for block, centre in groups for i in range(len(block))]

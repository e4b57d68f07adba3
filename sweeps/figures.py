"""Figures of a sweep's results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from agents.checkpoint_file import read_file
from agents.core_colors import core_color
from agents.plotting import GREY, new_figure, plain
from agents.plural import counted
from sweeps.aggregate import FEWEST, common_grid, iqm_and_interval, on_grid
from sweeps.curves import MOST_LINES, Curve, End, draw_curves, label_ends, reference_look
from sweeps.results import Entry, Results
from sweeps.statistic import Statistic, labels, runs_in_words

POINTS = 200
"""Points of a curve."""
WINDOW = 10
"""Steps of the episode over which hits are counted for the curve of their rate."""


@dataclass(frozen=True)
class Group:
    """Entries that are drawn in one panel."""

    title: str
    """Empty where all entries are in one panel."""
    names: list[str]
    """What the entries are called there."""
    entries: list[Entry]


def grouped(entries: Sequence[Entry]) -> list[Group]:
    """All entries as one group or, where they are too many, those of each core; of too many the best."""
    if len(entries) <= MOST_LINES:
        return [Group("", [entry.name for entry in entries], list(entries))]
    groups = []
    for core in dict.fromkeys(entry.core for entry in entries):
        found = best_first([entry for entry in entries if entry.core == core])
        shown = found[:MOST_LINES]
        title = core if len(shown) == len(found) else f"{core}, the best {len(shown)} of {len(found)}"
        prefix = f"{core}-" if all(entry.name.startswith(f"{core}-") for entry in shown) else ""
        groups.append(Group(title, [entry.name.removeprefix(prefix) for entry in shown], shown))
    return groups


def best_first(entries: Sequence[Entry]) -> list[Entry]:
    """The entries by their scores."""
    return sorted(entries, key=lambda entry: float(iqm_and_interval(entry.scores).centre), reverse=True)


def learning_curves(results: Results, statistic: Statistic) -> Figure:
    """Return in training over environment steps: what `statistic` makes of each entry's runs."""
    groups = grouped(results.entries)
    columns = min(2, len(groups))
    rows = -(-len(groups) // columns)
    picture = new_figure(*((8, 4.2) if len(groups) == 1 else (12, 0.6 + 2.7 * rows)))
    panels = picture.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    width = 1.5 if len(groups) == 1 else 1.0
    lines = {name: End(score, reference_look(name)) for name, score in _levels(results).items()}
    ends = []
    for axes, group in zip(panels.flat, groups, strict=False):
        names = labels(group.names, _counts(group.entries))
        curves = [_over_steps(*entry, statistic) for entry in zip(names, group.entries, strict=True)]
        ends.append(draw_curves(axes, curves, width) | lines)
        for line in lines.values():
            axes.axhline(line.value, color=line.look.color, linestyle=line.look.style, linewidth=1)
        axes.set_title(group.title, fontsize=10)
    for axes, labelled in zip(panels.flat, ends, strict=False):  # when the common range is known
        label_ends(axes, labelled)
    for axes in panels.flat[len(groups) :]:
        axes.set_visible(False)
    for axes in panels.flat[max(0, len(groups) - columns) : len(groups)]:
        axes.set_xlabel("environment steps (millions)")
        axes.tick_params(labelbottom=True)
    for axes in panels[:, 0]:
        axes.set_ylabel("return per training episode")
    picture.suptitle(f"{results.title}\n{statistic.heading(_counts(results.entries))}", fontsize=10)
    return picture


def within_episode(results: Results, statistic: Statistic) -> Figure | None:
    """Hits over the steps of an episode after training: what is learnt inside one life.

    Left the hits so far, right their rate; None where hits are not counted. Of too many entries the best of
    each core is drawn.
    """
    entries = list(results.entries)
    if len(entries) > MOST_LINES:
        entries = [group.entries[0] for group in grouped(entries)][:MOST_LINES]
    hits = [np.array([run.evaluation.hits_per_step or [] for run in entry.runs]) for entry in entries]
    if not all(counted_hits.size for counted_hits in hits):
        return None
    shown = {name: results.references[name].hits_per_step for name in _levels(results)}
    references = {name: np.array([known]) for name, known in shown.items() if known is not None}
    names = labels([entry.name for entry in entries], _counts(entries))
    window = min(WINDOW, hits[0].shape[1])
    picture = new_figure(10, 4)
    so_far, rate = picture.subplots(1, 2)
    for axes, transform in ((so_far, _cumulated), (rate, lambda values: _windowed(values, window))):
        curves = []
        for name, entry, values in zip(names, entries, hits, strict=True):
            x, y = transform(values)
            curves.append(Curve(name, entry.core, x, statistic.summarise(y)))
        ends = draw_curves(axes, curves)
        for name, values in references.items():
            x, y = transform(values)
            look = reference_look(name)
            axes.plot(x, y[0], color=look.color, linestyle=look.style, linewidth=1)
            ends[name] = End(float(y[0, -1]), look)
        axes.set_xlabel("step of the episode")
        axes.set_xlim(0, hits[0].shape[1])
        axes.set_ylim(bottom=0)
        label_ends(axes, ends)
    so_far.set_ylabel("hits so far, per episode")
    rate.set_ylabel(f"hits in {counted(window, 'step')}")
    which = "" if len(entries) == len(results.entries) else ", the best settings of each core"
    picture.suptitle(
        f"{results.title}, after training{which}\n{statistic.heading(_counts(entries))}", fontsize=10
    )
    return picture


def final_scores(results: Results) -> Figure:
    """Each run's score after training, and each entry's interquartile mean with its interval; best first."""
    groups = grouped(best_first(results.entries))
    columns = _in_columns(groups)
    height = max(sum(len(group.entries) + 1.6 for group in column) for column in columns)
    picture = new_figure(7.0 * len(columns), 1.3 + (0.42 if len(groups) == 1 else 0.24) * height)
    parts = picture.subfigures(1, len(columns), squeeze=False)[0]
    panels: list[Axes] = []
    for part, column in zip(parts, columns, strict=True):
        sizes = [len(group.entries) for group in column]
        found = part.subplots(len(column), 1, squeeze=False, sharex=True, height_ratios=sizes)[:, 0]
        for axes, group in zip(found, column, strict=True):
            _draw_scores(axes, group, _levels(results))
        for name, score in _levels(results).items():
            found[0].annotate(
                name, (score, 1), (0, 3 if len(groups) == 1 else 16), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="center", va="bottom", color=GREY, fontsize=9,
            )  # fmt: skip
        episodes = results.entries[0].runs[0].evaluation.settings.episodes
        found[-1].set_xlabel(f"mean return over {counted(episodes, 'fresh episode')}")
        panels.extend(found)
    low, high = min(axes.get_xlim()[0] for axes in panels), max(axes.get_xlim()[1] for axes in panels)
    for axes in panels:
        axes.set_xlim(low, high)
    picture.suptitle(f"{results.title}\n{_what_scores_are(_counts(results.entries))}", fontsize=10)
    return picture


def _in_columns(groups: list[Group]) -> list[list[Group]]:
    """A single group, or groups in two columns of about the same height."""
    if len(groups) == 1:
        return [groups]
    columns: tuple[list[Group], list[Group]] = ([], [])
    for group in groups:
        min(columns, key=lambda column: sum(len(other.entries) + 2 for other in column)).append(group)
    return list(columns)


def _draw_scores(axes: Axes, group: Group, levels: dict[str, float]) -> None:
    for row, entry in enumerate(group.entries):
        color, summary = core_color(entry.core), iqm_and_interval(entry.scores)
        runs = len(entry.runs)
        if runs == 1:
            axes.plot(entry.scores, [row], "o", color=color, markersize=6, markeredgewidth=0)
            continue
        spread = np.linspace(-0.1, 0.1, runs)
        axes.plot(
            entry.scores, row + 0.25 + spread, "o", color=color, alpha=0.5, markersize=4, markeredgewidth=0
        )
        axes.plot([summary.centre] * 2, [row - 0.12, row + 0.12], color=color, linewidth=2.5)
        if runs >= FEWEST:
            axes.plot(
                [summary.low, summary.high], [row, row], color=color, linewidth=3, solid_capstyle="butt"
            )
    for name, score in levels.items():
        axes.axvline(score, color=GREY, linestyle=reference_look(name).style, linewidth=1)
    axes.set_yticks(range(len(group.entries)), labels(group.names, _counts(group.entries)))
    axes.set_ylim(len(group.entries) - 0.5, -0.5)
    axes.set_title(group.title, fontsize=10)
    plain(axes)
    axes.grid(axis="y", visible=False)


def _what_scores_are(counts: Sequence[int]) -> str:
    if max(counts) == 1:
        return "one run each" if len(counts) > 1 else "one run"
    words = f"dots: {runs_in_words(counts)}; tick: their interquartile mean"
    if max(counts) < FEWEST:
        return words
    fewer = f", of {FEWEST} runs or more" if min(counts) < FEWEST else ""
    return f"{words}; bar: its 95 % bootstrap interval over runs{fewer}"


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
    titles, colors = ("fixed weight w", "plasticity α"), (GREY, core_color(entry.core))
    for axes, name, title, color in zip(maps, names, titles, colors, strict=True):
        matrix = tensors[name].numpy()
        # A few entries are far larger than the rest, which would all look alike beside them.
        limit = float(np.quantile(np.abs(matrix), 0.99)) or 1.0
        image = axes.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set(title=title, xlabel="to neuron", ylabel="from neuron")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True))
        picture.colorbar(image, ax=axes, extend="both", shrink=0.85)
        distribution.hist(matrix.ravel(), bins=41, histtype="step", color=color, label=title, linewidth=1.5)
    distribution.set(xlabel="value", ylabel="connections", yscale="log")
    distribution.legend(frameon=False, fontsize=9, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    plain(distribution)
    seed = entry.runs[0].seed
    picture.suptitle(f"{entry.name}, seed {seed}, after training", fontsize=11)
    return picture


def _counts(entries: Sequence[Entry]) -> list[int]:
    return [len(entry.runs) for entry in entries]


def _levels(results: Results) -> dict[str, float]:
    """The reference players that figures show, with their scores: the yardstick, and playing at random."""
    names = {"random"} | ({results.yardstick.player} if results.yardstick is not None else set())
    return {name: played.scores.mean_return for name, played in results.references.items() if name in names}


def _over_steps(name: str, entry: Entry, statistic: Statistic) -> Curve:
    """The entry's returns over environment steps, brought to common points."""
    times = [run.steps for run in entry.runs]
    grid = common_grid(times, POINTS)
    values = on_grid(times, [run.returns for run in entry.runs], grid)
    return Curve(name, entry.core, grid / 1e6, statistic.summarise(values))


def _cumulated(hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hits [S, T] -> steps [T + 1], hits so far [S, T + 1]."""
    so_far = np.cumsum(hits, axis=1)
    return np.arange(hits.shape[1] + 1), np.pad(so_far, ((0, 0), (1, 0)))


def _windowed(hits: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Hits [S, T] -> middles [W] of the windows, hits in each [S, W]; a last part of a window is left out."""
    count = hits.shape[1] // window
    sums = hits[:, : count * window].reshape(len(hits), count, window).sum(axis=2)
    return (np.arange(count) + 0.5) * window, sums

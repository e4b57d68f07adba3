"""How a gap grows with the task, from several sweeps: `python -m sweeps.compare --help`."""

from __future__ import annotations

if __name__ == "__main__":
    from commands.start import begin

    begin("PyTorch and the environments")  # first: what is imported below takes seconds

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agents.plotting import new_figure, save_formats
from agents.settings import MazeSettings
from agents.shares import share_of
from agents.vec_env import find_spec
from agents.whole_file import write_whole
from agents.yardstick import PLAYERS
from commands.flags import say_error
from sweeps.aggregate import FEWEST, Summary
from sweeps.curves import Curve, End, draw_curves, label_ends, reference_look
from sweeps.plan import Sweep, read_sweep
from sweeps.results import Results, read_results
from sweeps.score import Score
from sweeps.statistic import runs_in_words
from sweeps.tables import markdown_table, number, percent, span, whole, write_csv


@dataclass(frozen=True)
class CompareSettings:
    """Draw the scores of several sweeps over the one number in which their tasks differ, such as n_cues."""

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """TOML files of at least two sweeps."""
    over: str
    """The maze setting in which they differ; where a file does not set it, the environment's own value
    counts."""
    against: tuple[str, ...]
    """Entries to compare the others with: every score is divided by the best score among these."""
    out: Path
    """Folder to write the figure and the tables to."""


@dataclass(frozen=True)
class Point:
    """What the finished runs of one entry reach at one value of the setting."""

    value: float
    core: str
    score: Score
    ratio: float | None
    """The score / that of the best entry to compare with; None where none of those has a score above 0."""


def read_sweeps(files: Sequence[Path], over: str) -> dict[float, Results]:
    """The results of each sweep by its value of the maze setting `over`, rising.

    The value is that of the file or, where it has none, the one that the environment is registered with.

    Raises:
        ValueError: If a file cannot be used, has no number for `over`, or the one of another file; if they
            are not of one environment, or differ in more; if there are fewer than two.
    """
    if len(files) < 2:
        raise ValueError(f"a comparison needs the files of two sweeps or more, got {len(files)}")
    sweeps: dict[float, Sweep] = {}
    for file in files:
        sweep = read_sweep(file, to_train=False)
        settings = _maze_settings(sweep)
        value = settings.get(over)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            given = ", ".join(settings) or "nothing"
            raise ValueError(
                f"neither {file} nor {sweep.task.env_id} itself sets {over!r} to a number; they set {given}"
            )
        if value in sweeps:
            raise ValueError(f"{file} has {over} = {value}, as another of the files has")
        sweeps[value] = sweep
    environments = sorted({sweep.task.env_id for sweep in sweeps.values()})
    if len(environments) > 1:
        raise ValueError(f"the sweeps are of different environments: {', '.join(environments)}")
    (first, *others) = ({**_task_of(sweep), over: None} for sweep in sweeps.values())
    for other in others:
        differing = [name for name in {**first, **other} if first.get(name) != other.get(name)]
        if differing:
            raise ValueError(f"the sweeps differ in more than {over}: in {', '.join(differing)}")
    return {value: read_results(sweeps[value]) for value in sorted(sweeps)}


def _maze_settings(sweep: Sweep) -> dict[str, Any]:
    return {**find_spec(sweep.task.env_id).kwargs, **sweep.task.env_kwargs}


def _task_of(sweep: Sweep) -> dict[str, Any]:
    """All that scores of two sweeps must have in common."""
    return {**_maze_settings(sweep), "goal": sweep.task.goal, **asdict(sweep.evaluation)}


def points(results: dict[float, Results], against: Sequence[str]) -> list[Point]:
    """Every entry at every value, entry by entry.

    Raises:
        ValueError: If an entry to compare with has no finished run at any value.
    """
    names = list(dict.fromkeys(entry.name for result in results.values() for entry in result.entries))
    for name in against:
        if name not in names:
            raise ValueError(f"no sweep has a finished run of {name!r}; there are {', '.join(names)}")
    found = []
    for value, result in results.items():
        scores = {entry.name: Score.of(entry, result.yardstick) for entry in result.entries}
        best = max((scores[name].iqm for name in against if name in scores), default=None)
        found += [
            Point(value, entry.core, scores[entry.name], share_of(scores[entry.name].iqm, best))
            for entry in result.entries
        ]
    return sorted(found, key=lambda point: names.index(point.score.entry))


def draw(found: Sequence[Point], results: dict[float, Results], over: str, against: Sequence[str]) -> Figure:
    """Left the scores over the setting, right each divided by the best of `against`."""
    picture = new_figure(10.5, 4.2)
    returns, ratios = picture.subplots(1, 2, sharex=True)  # also where some ratios are not known
    names = dict.fromkeys(point.score.entry for point in found)
    lines = [[point for point in found if point.score.entry == name] for name in names]
    ends = _draw_panel(returns, over, results, [_returns(line) for line in lines])
    yardsticks = {result.yardstick.player for result in results.values() if result.yardstick is not None}
    for name in sorted(yardsticks):
        levels = {
            value: result.yardstick.mean_return
            for value, result in results.items()
            if result.yardstick is not None and result.yardstick.player == name
        }
        look = reference_look(name)
        returns.plot(list(levels), list(levels.values()), color=look.color, linestyle=look.style, linewidth=1)
        ends[name] = End(list(levels.values())[-1], look)
    ratio_ends = _draw_panel(ratios, over, results, [_ratios(line) for line in lines])
    for axes, labels in ((returns, ends), (ratios, ratio_ends)):
        axes.set_ylim(min(0, axes.dataLim.ymin), 1.05 * axes.dataLim.ymax)  # with zero: gaps look as they are
        label_ends(axes, labels)
    returns.set_ylabel("mean return over fresh episodes")
    ratios.set_ylabel(f"return as a multiple of {_best_of(against)}")
    title = next(iter(results.values())).title
    counts = [point.score.runs or 0 for point in found]
    band = "" if max(counts) == 1 else ", band: lowest to highest run"
    picture.suptitle(f"{title}: interquartile mean over {runs_in_words(counts)}{band}", fontsize=10)
    return picture


def _best_of(against: Sequence[str]) -> str:
    return f"{against[0]}'s" if len(against) == 1 else f"that of the best of {', '.join(against)}"


def _draw_panel(axes: Axes, over: str, values: Iterable[float], curves: list[Curve]) -> dict[str, End]:
    """Draw the curves with points; returns the ends of those that reach the last value."""
    ends = draw_curves(axes, curves)
    for line in axes.lines:
        line.set(marker="o", markersize=4)
    last = max(values)
    for curve in curves:
        if curve.label in ends and curve.x[-1] < last:
            end = ends.pop(curve.label)
            axes.annotate(
                curve.label, (curve.x[-1], end.value), (6, 0), textcoords="offset points",
                va="center", fontsize=8, color=end.look.color,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
            )  # fmt: skip
    axes.margins(x=0.05)
    axes.set_xticks(list(values))
    axes.set_xlabel(MazeSettings.axis_title(over))
    return ends


def _returns(line: Sequence[Point]) -> Curve:
    scores = [point.score for point in line]
    summary = Summary(
        *(np.array([getattr(score, name) for score in scores]) for name in ("iqm", "worst", "best"))
    )
    return Curve(scores[0].entry, line[0].core, np.array([point.value for point in line]), summary)


def _ratios(line: Sequence[Point]) -> Curve:
    known = [(point.value, point.ratio) for point in line if point.ratio is not None]
    ratios = np.array([ratio for _, ratio in known])
    values = np.array([value for value, _ in known])
    return Curve(line[0].score.entry, line[0].core, values, Summary(ratios, ratios, ratios))


def write_comparison(settings: CompareSettings) -> list[Path]:
    """Write figure and tables; returns the files.

    Raises:
        ValueError: See :func:`read_sweeps` and :func:`points`.
    """
    results = read_sweeps(settings.files, settings.over)
    found = points(results, settings.against)
    settings.out.mkdir(parents=True, exist_ok=True)
    picture = draw(found, results, settings.over, settings.against)
    table, text = settings.out / "scores.csv", settings.out / "scores.md"
    write_csv(table, [{settings.over: p.value, **asdict(p.score), "ratio": p.ratio} for p in found])
    write_whole(text, _markdown(found, results, settings))
    return [*save_formats(picture, settings.out / "comparison"), table, text]


def _markdown(found: Sequence[Point], results: dict[float, Results], settings: CompareSettings) -> str:
    yardsticks = {result.yardstick.player for result in results.values() if result.yardstick is not None}
    columns = (
        "",
        MazeSettings.axis_title(settings.over),
        "runs",
        "return",
        "95 % interval",
        "worst to best run",
        f"share of the {' or '.join(sorted(yardsticks)) or PLAYERS[0]}",
        f"as a multiple of {_best_of(settings.against)}",
    )
    rows = [
        (
            point.score.entry,
            f"{point.value:g}",
            whole(point.score.runs),
            number(point.score.iqm),
            span(point.score.low, point.score.high, number),
            span(point.score.worst, point.score.best, number),
            percent(point.score.share),
            number(point.ratio, 2),
        )
        for point in found
    ]
    legend = f"An interval, the bootstrap's over runs, is given for {FEWEST} runs or more."
    return "\n".join([*markdown_table(columns, rows), "", legend]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Read the sweeps, draw, say where; returns the exit code."""
    settings = tyro.cli(
        CompareSettings, prog="python -m sweeps.compare", description=CompareSettings.__doc__, args=arguments
    )
    try:
        files = write_comparison(settings)
    except (ValueError, OSError) as error:
        say_error(error, settings)
        return 2
    print(f"{len(files)} figures and tables are in {settings.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

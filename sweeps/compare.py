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
from agents.vec_env import find_spec
from commands.flags import say_error
from sweeps.aggregate import Summary
from sweeps.figures import GREY, REFERENCE_STYLES, Curve, End, draw_curves, label_ends
from sweeps.plan import Sweep, read_sweep
from sweeps.results import Results, read_results
from sweeps.score import Score
from sweeps.tables import markdown_table, number, percent, span, whole, write_csv


@dataclass(frozen=True)
class CompareSettings:
    """Draw the scores of sweeps whose tasks differ in one number, such as n_cues."""

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """TOML files of at least two sweeps."""
    over: str
    """The maze setting in which they differ; where a file does not set it, the environment's value counts."""
    against: tuple[str, ...]
    """Entries to compare the others with: scores are divided by that of the best of these."""
    out: Path
    """Folder for figures and tables."""


@dataclass(frozen=True)
class Point:
    """What the finished runs of one entry reach at one value of the setting."""

    value: float
    score: Score
    ratio: float | None
    """The score / that of the best entry to compare with; None where none of those has a finished run."""


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
        sweep = read_sweep(file)
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
        scores = {entry.name: Score.of(entry, result.planner) for entry in result.entries}
        others = [scores[name].iqm for name in against if name in scores]
        best = max(others) if others and max(others) > 0 else None
        found += [Point(value, score, best and score.iqm / best) for score in scores.values()]
    return sorted(found, key=lambda point: names.index(point.score.entry))


def draw(found: Sequence[Point], results: dict[float, Results], over: str, against: Sequence[str]) -> Figure:
    """Left the scores over the setting, right each divided by the best of `against`."""
    picture = new_figure(10, 4)
    returns, ratios = picture.subplots(1, 2, sharex=True)  # also where some ratios are not known
    names = dict.fromkeys(point.score.entry for point in found)
    lines = [[point for point in found if point.score.entry == name] for name in names]
    ends = _draw_panel(returns, over, results, [_returns(line) for line in lines])
    planned = {value: result.planner for value, result in results.items() if result.planner is not None}
    if planned:
        returns.plot(
            list(planned),
            list(planned.values()),
            color=GREY,
            linestyle=REFERENCE_STYLES["planner"],
            linewidth=1,
        )
        ends["planner"] = End(list(planned.values())[-1], GREY, REFERENCE_STYLES["planner"])
    ratio_ends = _draw_panel(ratios, over, results, [_ratios(line) for line in lines])
    for axes, labels in ((returns, ends), (ratios, ratio_ends)):
        axes.set_ylim(0, 1.05 * axes.dataLim.ymax)  # from zero: a gap looks as large as it is
        label_ends(axes, labels)
    returns.set_ylabel("mean return over fresh episodes")
    ratios.set_ylabel(f"return / best of {', '.join(against)}")
    title = next(iter(results.values())).title
    picture.suptitle(f"{title}: interquartile mean over runs, band: 95 % bootstrap interval", fontsize=11)
    return picture


def _draw_panel(axes: Axes, over: str, values: Iterable[float], curves: list[Curve]) -> dict[str, End]:
    ends = draw_curves(axes, curves)
    for line in axes.lines:
        line.set(marker="o", markersize=4)
    axes.margins(x=0.05)
    axes.set_xticks(list(values))
    axes.set_xlabel(over)
    return ends


def _returns(line: Sequence[Point]) -> Curve:
    scores = [point.score for point in line]
    summary = Summary(
        np.array([score.iqm for score in scores]),
        np.array([score.iqm if score.low is None else score.low for score in scores]),
        np.array([score.iqm if score.high is None else score.high for score in scores]),
    )
    return Curve(scores[0].entry, np.array([point.value for point in line]), summary)


def _ratios(line: Sequence[Point]) -> Curve:
    known = [(point.value, point.ratio) for point in line if point.ratio is not None]
    ratios = np.array([ratio for _, ratio in known])
    return Curve(
        line[0].score.entry, np.array([value for value, _ in known]), Summary(ratios, ratios, ratios)
    )


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
    text.write_text(_markdown(found, settings.over, settings.against), encoding="utf-8")
    return [*save_formats(picture, settings.out / "comparison"), table, text]


def _markdown(found: Sequence[Point], over: str, against: Sequence[str]) -> str:
    columns = (
        "",
        over,
        "runs",
        "return",
        "95 % interval",
        "share of the planner",
        f"/ best of {', '.join(against)}",
    )
    rows = [
        (
            point.score.entry,
            f"{point.value:g}",
            whole(point.score.runs),
            number(point.score.iqm),
            span(point.score.low, point.score.high, number),
            percent(point.score.share),
            number(point.ratio, 2),
        )
        for point in found
    ]
    return "\n".join(markdown_table(columns, rows)) + "\n"


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

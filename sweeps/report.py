"""Figures and tables of a sweep, from the files of its runs alone."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

from matplotlib.figure import Figure

from agents.plotting import save_formats
from agents.plural import counted
from agents.whole_file import write_whole
from agents.yardstick import PLAYERS
from sweeps import figures
from sweeps.ablations import ablations_file, check_ablations, draw_ablations, read_ablations
from sweeps.aggregate import FEWEST
from sweeps.plan import Sweep
from sweeps.results import SMOOTHED, Results, read_results
from sweeps.score import MOST, Score
from sweeps.statistic import IQM, MEDIAN
from sweeps.tables import markdown_table, number, percent, span, whole, write_csv

COLUMNS = (
    "",
    "runs",
    "neurons",
    "parameters",
    "return",
    "95 % interval",
    "share of the {yardstick}",
    "median",
    "worst to best run",
    "first hit",
    "later hits",
    "last in training",
    f"steps to {MOST:.0%}",
    "training",
)
LEGEND = f"""\
Return: interquartile mean over runs (the mean of the middle half; of all where there are fewer than four).
Interval: its percentile bootstrap interval over runs, given for {FEWEST} runs or more. It is too narrow where
runs are few: with four it covers about 87 %, with five 91 % (simulated, for normally distributed scores).
{{shares}}First hit, later hits: steps to the first, and from each to the next. Last in training: return over
the last tenth of training, median over runs; settings chosen by it owe nothing to the episodes of the final
evaluation. Training: median wall time of a run on one thread, beside other runs and perhaps on another
machine than theirs: not for comparing entries."""
SHARES = f"""\
Shares divide by the mean return of the {{yardstick}}, taken as exact: they are shares of what it gets, not of
what is possible. Steps to {MOST:.0%}: until the mean return of the latest training episodes ({SMOOTHED} lines
of metrics.csv) was that share of its return, median over runs.
"""


def write_report(sweep: Sweep) -> list[Path]:
    """Write all figures and tables into the report's folder; returns the files.

    Raises:
        ValueError: If no run is finished, or a file of a run is damaged.
    """
    results = read_results(sweep)
    sweep.report.mkdir(parents=True, exist_ok=True)
    several = any(len(entry.runs) > 1 for entry in results.entries)
    pictures: dict[str, Figure | None] = {
        "learning_curves": figures.learning_curves(results, MEDIAN),
        # Of single runs it would be the same figure again.
        "learning_curves_iqm": figures.learning_curves(results, IQM) if several else None,
        "within_episode": figures.within_episode(results, MEDIAN),
        "final_scores": figures.final_scores(results),
        **{f"weights-{entry.name}": figures.weights(entry) for entry in results.entries},
    }
    if ablations_file(sweep).is_file():
        ablated = read_ablations(ablations_file(sweep))
        check_ablations(ablated, sweep)
        cores = {name: settings.core for name, settings in sweep.entries.items()}
        pictures["ablations"] = draw_ablations(ablated, results.title, cores)
    files: list[Path] = []
    for name, picture in pictures.items():
        if picture is not None:
            files += save_formats(picture, sweep.report / name)
    scores = [Score.of(entry, results.yardstick) for entry in results.entries]
    scores += [Score.of_reference(name, results) for name in results.references]
    files += [sweep.report / "scores.csv", sweep.report / "runs.csv", sweep.report / "scores.md"]
    write_csv(files[-3], [asdict(score) for score in scores])
    write_csv(files[-2], _runs(results))
    write_whole(files[-1], _markdown(sweep, results, scores))
    return files


def _runs(results: Results) -> list[dict[str, object]]:
    """A line for each run."""
    return [
        {
            "entry": entry.name,
            "seed": run.seed,
            "mean_return": run.evaluation.scores.mean_return,
            "steps": int(run.steps[-1]),
            "seconds": float(run.seconds[-1]),
            "first_hit": run.evaluation.scores.steps_to_first_hit,
            "later_hit": run.evaluation.scores.steps_per_later_hit,
        }
        for entry in results.entries
        for run in entry.runs
    ]


def _markdown(sweep: Sweep, results: Results, scores: list[Score]) -> str:
    evaluation = sweep.evaluation
    yardstick = results.yardstick.player if results.yardstick else PLAYERS[0]
    lines = [
        f"# {results.title}",
        "",
        f"Made by `python sweep.py {_shown(sweep.file)}`. Mean return over "
        f"{counted(evaluation.episodes, 'episode')} that no agent was trained on "
        f"(seeds {evaluation.seed} and up), the same for all.",
        "",
        *markdown_table([column.format(yardstick=yardstick) for column in COLUMNS], map(_cells, scores)),
        "",
        LEGEND.format(shares=SHARES.format(yardstick=yardstick) if results.yardstick else ""),
    ]
    short = [f"{entry.name}: {len(entry.runs)} of {entry.wanted}" for entry in results.entries]
    missing = [name for name in sweep.entries if name not in {entry.name for entry in results.entries}]
    if missing or any(len(entry.runs) < entry.wanted for entry in results.entries):
        short += [f"{name}: none" for name in missing]
        lines += ["", f"**Unfinished**: this is over the runs that are finished ({', '.join(short)})."]
    return "\n".join(lines) + "\n"


def _cells(score: Score) -> tuple[str, ...]:
    """The line of a score under :data:`COLUMNS`."""
    return (
        score.entry,
        whole(score.runs),
        whole(score.neurons),
        whole(score.parameters),
        number(score.iqm),
        span(score.low, score.high, number),
        percent(score.share) + span(score.share_low, score.share_high, percent, " ({})"),
        number(score.median),
        span(score.worst, score.best, number),
        number(score.first_hit),
        number(score.later_hit),
        number(score.last_return),
        _millions(score.steps_to_most),
        "" if score.seconds is None else f"{score.seconds:,.0f} s",
    )


def _millions(steps: float | None) -> str:
    if steps is None:
        return ""
    return f"{steps / 1e6:.1f} M" if math.isfinite(steps) else "not reached"


def _shown(file: Path) -> Path:
    """The file as seen from the current folder, or its name alone: a report names no machine's folders."""
    absolute = file.resolve()
    return absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else Path(file.name)

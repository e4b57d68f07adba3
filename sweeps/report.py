"""Figures and tables of a sweep, from the files of its runs alone."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

from matplotlib.figure import Figure

from agents.plotting import save_formats
from sweeps import figures
from sweeps.ablations import ablations_file, check_ablations, draw_ablations, read_ablations
from sweeps.aggregate import iqm_and_interval, median_and_quartiles
from sweeps.plan import Sweep
from sweeps.results import SMOOTHED, Results, read_results
from sweeps.score import MOST, Score
from sweeps.tables import markdown_table, number, percent, span, whole, write_csv

QUARTILES = "median over runs, band: quartiles"
COLUMNS = (
    "",
    "runs",
    "neurons",
    "parameters",
    "return",
    "95 % interval",
    "share of the planner",
    "median",
    "worst to best run",
    "first hit",
    "later hits",
    "last in training",
    f"steps to {MOST:.0%}",
    "training",
)
LEGEND = f"""\
Return: interquartile mean over runs (the mean of the middle half; of all where there are fewer than four),
with its percentile bootstrap interval over runs, which is too narrow where runs are few: with five it covers
about 91 %, with four 87 %, with three 76 % (simulated, for normally distributed scores).
Shares divide by the planner's mean, taken as exact. First hit, later hits: steps to the first, and from each
to the next. Last in training: return over the last tenth of training, median over runs; settings chosen by it
owe nothing to the episodes of the final evaluation. Steps to {MOST:.0%}: until the mean return of the latest
training episodes ({SMOOTHED} lines of metrics.csv) was that share of the planner's, median over runs.
Training: median wall time of a run on one thread, beside the other runs."""
IQM = "interquartile mean over runs, band: 95 % bootstrap interval"


def write_report(sweep: Sweep) -> list[Path]:
    """Write all figures and tables into the report's folder; returns the files.

    Raises:
        ValueError: If no run is finished, or a file of a run is damaged.
    """
    results = read_results(sweep)
    sweep.report.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, Figure | None] = {
        "learning_curves": figures.learning_curves(results, median_and_quartiles, QUARTILES),
        "learning_curves_iqm": figures.learning_curves(results, iqm_and_interval, IQM),
        "within_episode": figures.within_episode(results, median_and_quartiles, QUARTILES),
        "final_scores": figures.final_scores(results),
        **{f"weights-{entry.name}": figures.weights(entry) for entry in results.entries},
    }
    if ablations_file(sweep).is_file():
        ablated = read_ablations(ablations_file(sweep))
        check_ablations(ablated, sweep)
        pictures["ablations"] = draw_ablations(ablated, results.title)
    files: list[Path] = []
    for name, picture in pictures.items():
        if picture is not None:
            files += save_formats(picture, sweep.report / name)
    scores = [Score.of(entry, results.planner) for entry in results.entries]
    scores += [Score.of_reference(name, results) for name in results.references]
    files += [sweep.report / "scores.csv", sweep.report / "runs.csv", sweep.report / "scores.md"]
    write_csv(files[-3], [asdict(score) for score in scores])
    write_csv(files[-2], _runs(results))
    files[-1].write_text(_markdown(sweep, results, scores), encoding="utf-8")
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
    lines = [
        f"# {results.title}",
        "",
        f"Made by `python sweep.py {_shown(sweep.file)}`. Mean return over {evaluation.episodes} episodes "
        f"that no agent was trained on (seeds {evaluation.seed} and up), the same for all.",
        "",
        *markdown_table(COLUMNS, [_cells(score) for score in scores]),
    ]
    lines += ["", LEGEND]
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

"""Figures and tables of an experiment, from the files of its runs alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from agents.plotting import save_formats
from agents.plural import counted
from agents.whole_file import write_whole
from memory_tasks import figures
from memory_tasks.experiment import Experiment
from memory_tasks.results import WINDOW, Finished, Results, read_results
from sweeps.aggregate import FEWEST, interval_or_none
from sweeps.tables import markdown_table, write_csv

LEGEND = f"""\
Error: in the test, mean over runs. Its interval is the percentile bootstrap's over runs: of fewer than
{FEWEST} runs none is given, of few it is too narrow. Training: median wall time of a run on one thread,
beside other runs. The error after {{common}}, when the fastest network had seen all its episodes, is that in
training."""
LEGEND_OF_MILESTONE = """\
Episodes and time to {milestone:g}: until the mean error of the latest {window} ({lines} lines of metrics.csv)
was that or less; medians over the runs that have reached it."""


@dataclass(frozen=True)
class Score:
    """A line of the table: a network, over its finished runs."""

    network: str
    runs: int
    parameters: int
    error: float
    """Of the test after training, mean over runs."""
    low: float | None
    """Bounds of its 95 % bootstrap interval over runs; of too few there is none."""
    high: float | None
    best: float
    worst: float
    """Of a run."""
    seconds: float
    """Training time of a run, median."""
    error_then: float | None
    """In training, after :attr:`Results.common_seconds`, mean over runs; None if one had no error yet."""
    reached: int | None
    """Runs that have reached the milestone; None where there is no milestone."""
    reached_episodes: float | None
    """Episodes until then, median over the runs that have; and the bounds of its 95 % bootstrap interval."""
    reached_low: float | None
    reached_high: float | None
    reached_seconds: float | None
    """Training time until then, median."""

    @classmethod
    def of(cls, runs: list[Finished], results: Results) -> Score:
        """Of a network's runs."""
        errors = np.array([run.evaluation.error for run in runs])
        low, high = interval_or_none(errors, np.mean)
        then = [run.curve.error_at(results.common_seconds) for run in runs]
        known = [error for error in then if error is not None]
        milestone = results.experiment.milestone
        reached = [run.curve.reached(milestone) for run in runs] if milestone is not None else []
        times = np.array([time for time in reached if time is not None])
        first, last = interval_or_none(times[:, 0], np.median) if len(times) else (None, None)
        return cls(
            network=runs[0].trial.network,
            runs=len(runs),
            parameters=runs[0].evaluation.parameters,
            error=float(errors.mean()),
            low=low,
            high=high,
            best=float(errors.min()),
            worst=float(errors.max()),
            seconds=float(np.median([run.curve.seconds[-1] for run in runs])),
            error_then=float(np.mean(known)) if len(known) == len(then) else None,
            reached=None if milestone is None else len(times),
            reached_episodes=float(np.median(times[:, 0])) if len(times) else None,
            reached_low=first,
            reached_high=last,
            reached_seconds=float(np.median(times[:, 1])) if len(times) else None,
        )


def write_report(out: Path, experiment: Experiment | None = None) -> list[Path]:
    """Write all figures and tables into OUT/report; returns the files.

    Args:
        out: The experiment's folder.
        experiment: The experiment with its paths, which the folder does not keep: for pictures of its data.

    Raises:
        ValueError: If no run is finished, or a file of a run is damaged.
    """
    results = read_results(out)
    report = out / "report"
    report.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    pictures = {"learning_curves": figures.learning_curves(results), "extremes": figures.extremes(results)}
    for name, picture in pictures.items():
        files += save_formats(picture, report / name)
    scores = [Score.of(runs, results) for runs in results.networks.values()]
    tables = [report / name for name in ("scores.csv", "runs.csv", "scores.md")]
    write_csv(tables[0], [asdict(score) for score in scores])
    write_csv(tables[1], _runs(results))
    write_whole(tables[2], _markdown(results, scores))
    # All networks of the folder, also where the last command trained only some of them.
    pictured = replace(experiment or results.experiment, networks=results.experiment.networks)
    return [*files, *tables, *pictured.pictures(out, report)]


def _runs(results: Results) -> list[dict[str, object]]:
    """A line for each run."""
    milestone = results.experiment.milestone
    rows = []
    for network, runs in results.networks.items():
        for run in runs:
            evaluation = run.evaluation
            row: dict[str, object] = {
                "network": network,
                "seed": run.trial.seed,
                "error": evaluation.error,
                "low": evaluation.ci95 and evaluation.ci95[0],
                "high": evaluation.ci95 and evaluation.ci95[1],
                "episodes": int(run.curve.episodes[-1]),
                "seconds": evaluation.seconds,
                "last_training_error": float(run.curve.smoothed[-1]),
            }
            if milestone is not None:
                episodes, seconds = run.curve.reached(milestone) or ("not reached", "not reached")
                row |= {f"episodes_to_{milestone}": episodes, f"seconds_to_{milestone}": seconds}
            rows.append(row)
    return rows


def _markdown(results: Results, scores: list[Score]) -> str:
    experiment, milestone = results.experiment, results.experiment.milestone
    common = f"{results.common_seconds:,.3g} s"
    columns = [
        "",
        "runs",
        "parameters",
        "error",
        "95 % interval",
        "best to worst run",
        "training",
        f"error after {common}",
    ]
    if milestone is not None:
        columns += [f"episodes to {milestone:g}", "95 % interval", f"time to {milestone:g}"]
    lines = [
        f"# {experiment.name}: {results.error_name}",
        "",
        f"Made by `python -m memory_tasks {experiment.name}`. Each run was trained on "
        f"{counted(experiment.episodes, 'episode')}, then tested on "
        f"{counted(experiment.test_episodes, 'fresh episode')}, the same for all.",
        "",
        *markdown_table(columns, [_cells(score, milestone) for score in scores]),
        "",
        LEGEND.format(common=common),
    ]
    if milestone is not None:
        lines.append(
            LEGEND_OF_MILESTONE.format(
                milestone=milestone,
                window=counted(results.window_episodes, "training episode"),
                lines=WINDOW,
            )
        )
    if results.unfinished:
        names = ", ".join(trial.name for trial in results.unfinished)
        lines += ["", f"**Unfinished**, not part of this: {names}."]
    return "\n".join(lines) + "\n"


def _cells(score: Score, milestone: float | None) -> list[str]:
    cells = [
        score.network,
        f"{score.runs}",
        f"{score.parameters:,}",
        f"{score.error:.4f}",
        "" if score.low is None else f"{score.low:.4f} to {score.high:.4f}",
        f"{score.best:.4f} to {score.worst:.4f}",
        f"{score.seconds:,.0f} s",
        "" if score.error_then is None else f"{score.error_then:.4f}",
    ]
    if milestone is None:
        return cells
    if score.reached_episodes is None:
        return [*cells, "not reached", "", ""]
    short = "" if score.reached == score.runs else f" ({score.reached} of {score.runs} runs)"
    return [
        *cells,
        f"{score.reached_episodes:,.0f}{short}",
        "" if score.reached_low is None else f"{score.reached_low:,.0f} to {score.reached_high:,.0f}",
        f"{score.reached_seconds:,.3g} s",
    ]

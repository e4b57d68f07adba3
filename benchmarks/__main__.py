"""Measure everything, print it, and keep it: `python -m benchmarks --help`."""

from __future__ import annotations

if __name__ == "__main__":
    from commands.start import begin

    begin("PyTorch and the environments")  # first: what is imported below takes seconds

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from agents.cores import CORES
from agents.cores.kernels import set_num_threads
from agents.limits import COUNT, RUNS, WORKERS, check_whole
from agents.plotting import save_figure
from agents.whole_file import write_whole
from benchmarks import environment, memory, recurrence, training, viewer
from benchmarks.timing import machine
from commands.count import Count
from commands.flags import say_error


@dataclass(frozen=True)
class BenchmarkSettings:
    """Measure environments, kernels and training side by side; takes about five minutes."""

    steps: Count = 2_000_000
    """Environment steps in each training run."""
    repeats: int = 3
    """Training runs per row, of which the median counts."""
    threads: int | None = None
    """Threads; by default one per CPU core."""
    out: Path = Path("benchmarks/results")
    """Folder for results.json and scaling.png."""

    def check(self) -> None:
        """Check what can be known at once.

        Raises:
            ValueError: Naming the setting and what is accepted.
        """
        check_whole("steps", self.steps, 1, COUNT)
        check_whole("repeats", self.repeats, 1, RUNS)
        if self.threads is not None:
            check_whole("threads", self.threads, 1, WORKERS)
        if self.out.exists() and not self.out.is_dir():
            raise ValueError(f"out must name a folder, but {self.out} is a file")


def main(arguments: list[str] | None = None) -> int:
    """Run all benchmarks in turn; returns the exit code."""
    settings = tyro.cli(
        BenchmarkSettings,
        prog="python -m benchmarks",
        description=BenchmarkSettings.__doc__,
        args=arguments,
    )
    try:
        settings.check()
    except ValueError as error:
        say_error(error, settings)
        return 2
    measure(settings, Console(soft_wrap=True))
    return 0


def measure(settings: BenchmarkSettings, console: Console) -> None:
    """Measure everything, print it, and keep it."""
    set_num_threads(settings.threads or os.cpu_count() or 1)
    results: dict[str, object] = {"machine": machine()}
    console.print(results["machine"])

    def section(title: str, rows: list[dict[str, object]]) -> None:
        results[title] = rows
        console.print(as_table(title, rows))

    section("environment", environment.measure())
    section("viewer", viewer.measure())
    section("fused against plain, T=250 B=32", recurrence.compare())
    section("an episode of 1000-bit patterns, T=106 B=1 N=1001, one thread", memory.compare())
    rows, exponents = recurrence.scaling()
    section("growth of the fused recurrence", rows)
    section("fitted exponents", [{"size": name, "exponent": value} for name, value in exponents.items()])
    section(
        "training through train.py",
        training.measure(tuple(CORES), settings.steps, settings.repeats, settings.threads),
    )

    settings.out.mkdir(parents=True, exist_ok=True)
    write_whole(settings.out / "results.json", json.dumps(results, indent=2) + "\n")
    plot_scaling(rows, exponents, settings.out / "scaling.png")


def as_table(title: str, rows: list[dict[str, object]]) -> Table:
    """Rows with the same columns as a table."""
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(
            *(
                f"{cell:,.4g}" if isinstance(cell, float) and cell < 1e4 else _whole(cell)
                for cell in row.values()
            )
        )
    return table


def _whole(cell: object) -> str:
    return f"{cell:,.0f}" if isinstance(cell, float) else str(cell)


def plot_scaling(rows: list[dict[str, object]], exponents: dict[str, float], path: Path) -> None:
    """Draw how the time of forward and backward grows with each size."""
    picture = Figure(figsize=(9, 3.2), layout="constrained")
    FigureCanvasAgg(picture)
    for axes, name in zip(
        picture.subplots(1, len(exponents), sharey=True, squeeze=False)[0], exponents, strict=True
    ):
        mine = [row for row in rows if row["grows"] == name]
        axes.loglog(
            [row[name] for row in mine], [row["forward+backward ms"] for row in mine], "o-", color="#0072B2"
        )
        axes.set(xlabel=name, title=f"{name}: exponent {exponents[name]:.2f}")
        axes.set_xticks([row[name] for row in mine], [str(row[name]) for row in mine])
        axes.set_xticks([], minor=True)
        axes.grid(alpha=0.3, which="both")
    picture.axes[0].set_ylabel("forward + backward, ms")
    save_figure(picture, path)


if __name__ == "__main__":
    sys.exit(main())

"""Train and compare many runs from the command line: `python sweep.py --help`."""

from __future__ import annotations

if __name__ == "__main__":
    from commands.start import begin

    begin("PyTorch and the environments")  # first: what is imported below takes seconds

import inspect
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from agents.alone import alone_in
from agents.limits import WORKERS, check_whole
from commands.flags import say_error
from sweeps.ablations import ablations_file, measure_ablations, write_ablations
from sweeps.driver import Backend, Failure, SweepStopped
from sweeps.local import LocalBackend
from sweeps.plan import Run, Sweep, read_sweep
from sweeps.report import write_report
from sweeps.session import say_failures, stop_gently, work_off

IGNORED = """\
# What a finished sweep need not commit: agents but those of the first seed, and what unfinished runs leave.
/.lock
*.log
*.tmp
checkpoints/
tensorboard/
learning_curve.png
agent.safetensors
!/*/seed-{first}/agent.safetensors
"""


@dataclass(frozen=True)
class SweepSettings:
    """Train all runs of a sweep and draw the results; when stopped, the same command continues.

    Finished runs are never repeated; unfinished ones continue from their last checkpoint.
    """

    file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """The sweep's TOML file; all output goes into its folder."""
    jobs: int | None = None
    """Runs to train at the same time; by default one per CPU core (Ray: of the cluster)."""
    backend: Literal["local", "ray"] = "local"
    """Where to train: on this machine, or on the machines of a Ray cluster."""
    address: str | None = None
    """Ray: address of the cluster ("auto": the one this machine belongs to); by default a new local one."""
    keep: bool = False
    """Keep the checkpoints and TensorBoard events of finished runs."""
    report: bool = False
    """Train nothing; only draw figures and tables from the finished runs."""
    ablate: bool = False
    """After training, also test the saved plastic agents with parts taken away, and draw a figure."""

    def check(self) -> None:
        """Check what can be known at once.

        Raises:
            ValueError: Naming the setting and what is accepted.
        """
        if self.jobs is not None:
            check_whole("jobs", self.jobs, 1, WORKERS)
        if self.address is not None and self.backend != "ray":
            raise ValueError(f"address {self.address} is for --backend ray only")


def main(arguments: list[str] | None = None) -> int:
    """Read the file, train, report; returns the exit code."""
    settings = tyro.cli(
        SweepSettings, prog="sweep.py", description=inspect.getdoc(SweepSettings), args=arguments
    )
    console = Console(soft_wrap=True)
    stop_gently()
    try:
        settings.check()
        sweep = read_sweep(settings.file, to_train=not settings.report or settings.ablate)
        ablated = True
        failures = [] if settings.report else train_all(sweep, settings, console)
        if failures:
            say_failures(failures, len(sweep.runs()))
        if settings.report or any(run.is_finished(sweep.folder) for run in sweep.runs()):
            ablated = not settings.ablate or _ablate(sweep)
            files = write_report(sweep)
            console.print(f"{len(files)} figures and tables are in {sweep.report}", highlight=False)
    except (SweepStopped, KeyboardInterrupt):
        console.print(f"stopped. Go on with: python sweep.py {settings.file}", highlight=False)
        return 130
    except (ValueError, OSError) as error:
        say_error(error, settings)
        return 2
    return 1 if failures or not ablated else 0


def _ablate(sweep: Sweep) -> bool:
    """Measure and keep; False, and a message, if no agent can be ablated: the report is worth having then."""
    try:
        write_ablations(ablations_file(sweep), measure_ablations(sweep))
    except ValueError as error:
        print(f"no ablations: {error}", file=sys.stderr)
        return False
    return True


def train_all(sweep: Sweep, settings: SweepSettings, console: Console) -> list[Failure]:
    """Train and evaluate every run that is not finished; returns those that failed.

    Raises:
        ValueError: If the backend cannot be used, or the sweep is going on already.
        SweepStopped: If the user stopped it.
    """
    with alone_in(sweep.folder, str(sweep.file)):
        runs = sweep.runs(settings.keep)
        unfinished = [run for run in runs if not run.is_finished(sweep.folder)]
        console.print(
            f"{sweep.file}: {len(sweep.entries)} entries, {len(sweep.seeds)} seeds, "
            f"{len(runs) - len(unfinished)} of {len(runs)} runs finished",
            highlight=False,
        )
        if not unfinished:
            return []
        ignored = IGNORED.format(first=sweep.seeds[0])
        return work_off(
            unfinished, len(runs), sweep.folder, ignored, lambda: _backend(sweep, settings), console
        )


def _backend(sweep: Sweep, settings: SweepSettings) -> Backend[Run]:
    if settings.backend == "local":
        return LocalBackend(sweep.folder, settings.jobs or os.cpu_count() or 1)
    from sweeps.ray_backend import RayBackend

    return RayBackend(sweep.folder, settings.address, settings.jobs)


if __name__ == "__main__":
    sys.exit(main())

"""Train and compare many runs from the command line: `python sweep.py --help`."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from filelock import FileLock, Timeout
from rich.console import Console

from sweeps.board import Board
from sweeps.driver import Backend, Failure, SweepStopped, drive
from sweeps.local import LocalBackend
from sweeps.plan import Sweep, read_sweep
from sweeps.report import write_report

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
    """Train all runs of a sweep and draw what they did; when stopped, the same command goes on.

    Finished runs are never repeated, unfinished ones go on from their last checkpoint.
    """

    file: Annotated[Path, tyro.conf.Positional]
    """The sweep's TOML file; everything is written beside it."""
    jobs: int | None = None
    """Runs at the same time; by default one for each core of the machine (Ray: of the cluster)."""
    backend: Literal["local", "ray"] = "local"
    """Where runs are trained: on this machine, or on the machines of a Ray cluster."""
    address: str | None = None
    """Ray: the cluster ("auto": the one this machine is in); by default a new one on this machine."""
    keep: bool = False
    """Keep checkpoints and TensorBoard events of finished runs."""
    report: bool = False
    """Train nothing: only draw figures and tables from the runs that are finished."""

    def check(self) -> None:
        """Check what can be known at once.

        Raises:
            ValueError: Naming the setting and what is accepted.
        """
        if self.jobs is not None and self.jobs < 1:
            raise ValueError(f"--jobs must be a whole number above 0, got {self.jobs}")
        if self.address is not None and self.backend != "ray":
            raise ValueError(f"--address {self.address} is for --backend ray only")


def main(arguments: list[str] | None = None) -> int:
    """Read the file, train, report; returns the exit code."""
    settings = tyro.cli(SweepSettings, prog="sweep.py", description=SweepSettings.__doc__, args=arguments)
    console = Console(soft_wrap=True)
    # A shell may start us with Ctrl-C ignored, and who ends a job sends TERM: both are to stop it gently.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        settings.check()
        sweep = read_sweep(settings.file)
        failures = [] if settings.report else train_all(sweep, settings, console)
        if settings.report or any(run.is_finished(sweep.folder) for run in sweep.runs()):
            files = write_report(sweep)
            console.print(f"{len(files)} figures and tables are in {sweep.report}", highlight=False)
    except (SweepStopped, KeyboardInterrupt):
        console.print(f"stopped. Go on with: python sweep.py {settings.file}", highlight=False)
        return 130
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if failures:
        print(f"{len(failures)} of {len(sweep.runs())} runs failed:", file=sys.stderr)
        for failure in failures:
            print(f"  {failure.run.name}: {failure.why}; log: {failure.log}", file=sys.stderr)
        return 1
    return 0


def train_all(sweep: Sweep, settings: SweepSettings, console: Console) -> list[Failure]:
    """Train and evaluate every run that is not finished; returns those that failed.

    Raises:
        ValueError: If the backend cannot be used, or the sweep is going on already.
        SweepStopped: If the user stopped it.
    """
    runs = sweep.runs(settings.keep)
    unfinished = [run for run in runs if not run.is_finished(sweep.folder)]
    console.print(
        f"{sweep.file}: {len(sweep.entries)} entries x {len(sweep.seeds)} seeds, "
        f"{len(runs) - len(unfinished)} of {len(runs)} runs finished",
        highlight=False,
    )
    if not unfinished:
        return []
    lock = FileLock(sweep.folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(f"another command is training {sweep.file}; wait for it or stop it") from None
    try:
        (sweep.folder / ".gitignore").write_text(IGNORED.format(first=sweep.seeds[0]))
        with Board(console, sweep.folder, len(runs), unfinished) as board:
            return drive(unfinished, sweep.folder, _backend(sweep, settings), board)
    finally:
        lock.release()


def _backend(sweep: Sweep, settings: SweepSettings) -> Backend:
    if settings.backend == "local":
        return LocalBackend(sweep.folder, settings.jobs or os.cpu_count() or 1)
    from sweeps.ray_backend import RayBackend

    return RayBackend(sweep.folder, settings.address, settings.jobs)


if __name__ == "__main__":
    sys.exit(main())

"""The memory tasks on the command line: `python -m memory_tasks --help`."""

from __future__ import annotations

if __name__ == "__main__":
    from commands.start import begin

    begin("PyTorch")  # first: what is imported below takes seconds

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from agents.alone import alone_in
from commands.flags import say_error
from memory_tasks.experiment import Experiment
from memory_tasks.experiments import EXPERIMENTS
from memory_tasks.folder import ignored, make_folder, trials_in, write_settings
from memory_tasks.report import write_report
from memory_tasks.trial import trials
from sweeps.driver import Failure, SweepStopped
from sweeps.local import LocalBackend
from sweeps.session import say_failures, stop_gently, work_off, write_ignored


@dataclass(frozen=True)
class ReportSettings:
    """Train nothing; only draw figures and tables from the finished runs."""

    out: Annotated[Path, tyro.conf.Positional]
    """Folder with the runs."""


def main(arguments: list[str] | None = None) -> int:
    """Read settings, train, report; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    settings = tyro.extras.subcommand_cli_from_dict(
        {**EXPERIMENTS, "report": ReportSettings},
        prog="python -m memory_tasks",
        description="Train networks on a memory task, each from several seeds, and draw how they learn.",
        args=given,
    )
    console = Console(soft_wrap=True)
    stop_gently()
    try:
        out = settings.out or Path("runs") / settings.name
        experiment = settings if isinstance(settings, Experiment) else None
        failures = [] if experiment is None else train_all(experiment, out, console)
        if experiment is None or any(trial.is_finished(out) for trial in trials(experiment)):
            files = write_report(out, experiment)
            console.print(f"{len(files)} figures and tables are in {out / 'report'}", highlight=False)
    except (SweepStopped, KeyboardInterrupt):
        console.print(f"stopped. Go on with: python -m memory_tasks {shlex.join(given)}", highlight=False)
        return 130
    except (ValueError, OSError) as error:
        say_error(error, settings)
        return 2
    if experiment is not None and failures:
        say_failures(failures, experiment.runs * len(experiment.networks))
        return 1
    return 0


def train_all(experiment: Experiment, out: Path, console: Console) -> list[Failure]:
    """Train and test every trial that is not finished; returns those that failed.

    Raises:
        ValueError: If settings, data or the folder cannot be used.
        SweepStopped: If the user stopped it.
    """
    experiment.check()
    experiment.task()  # data that cannot be used is said here, once
    make_folder(experiment, out)
    with alone_in(out, str(out)):
        write_settings(experiment, out)
        wanted = trials(experiment)
        unfinished = [trial for trial in wanted if not trial.is_finished(out)]
        console.print(
            f"{experiment.name}: {len(experiment.networks)} networks x {experiment.runs} seeds, "
            f"{len(wanted) - len(unfinished)} of {len(wanted)} runs finished",
            highlight=False,
        )
        if not unfinished:
            return []
        backend = LocalBackend(out, experiment.jobs or os.cpu_count() or 1)
        failures = work_off(unfinished, len(wanted), out, ignored(out, [], 0), lambda: backend, console)
        write_ignored(out, ignored(out, trials_in(out, experiment), experiment.seed))
        return failures


if __name__ == "__main__":
    sys.exit(main())

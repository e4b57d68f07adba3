"""Train an agent from the command line: `python train.py --help`."""

from __future__ import annotations

if __name__ == "__main__":
    from commands.start import begin

    begin("PyTorch and the environments")  # first: what is imported below takes seconds

import inspect
import shlex
import sys
from pathlib import Path

import tyro
from rich.console import Console

from agents.a2c import TrainingDivergedError
from agents.run_folder import RunFolder
from agents.settings import TrainSettings
from agents.training import TrainingStopped, train
from commands.flags import in_own_names, say_error


def main(arguments: list[str] | None = None) -> int:
    """Read settings, train, say where the result is; returns the exit code."""
    settings = _parsed(arguments, TrainSettings())
    console = Console(soft_wrap=True)
    folder = settings.resume or settings.folder()
    try:
        if settings.resume is not None:
            _, own = RunFolder.open(settings.resume)
            _parsed(arguments, own).check_resume(own)  # what is not given is the run's own
        folder = train(settings, console).path
    except (TrainingStopped, KeyboardInterrupt):
        console.print(f"stopped. {_what_next(folder, settings.packages)}", highlight=False)
        return 130
    except TrainingDivergedError as error:
        kept = RunFolder(folder).last_checkpoint()
        where = f"the last good checkpoint is {kept}" if kept else "no checkpoint was due before"
        say_error(f"{error}; {where}")
        return 1
    except (ValueError, OSError) as error:
        say_error(error, settings)
        return 2
    watch = ["python", "evaluate.py", str(folder), "--render", *_named(settings.packages)]
    console.print(f"done. Watch it: {shlex.join(watch)}", highlight=False)
    return 0


def _parsed(arguments: list[str] | None, default: TrainSettings) -> TrainSettings:
    return tyro.cli(
        TrainSettings,
        prog="train.py",
        description=inspect.getdoc(TrainSettings),
        args=in_own_names(sys.argv[1:] if arguments is None else arguments),
        default=default,
    )


def _what_next(folder: Path, packages: tuple[str, ...]) -> str:
    """How a stopped run goes on."""
    if not RunFolder(folder).settings_file.is_file():
        return "Nothing has been saved yet."
    return f"Go on with: {shlex.join(['python', 'train.py', '--resume', str(folder), *_named(packages)])}"


def _named(packages: tuple[str, ...]) -> list[str]:
    return ["--packages", *packages] if packages else []


if __name__ == "__main__":
    sys.exit(main())

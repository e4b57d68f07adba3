"""One run of a sweep in a process of its own: `python -m sweeps.worker`, in the folder of the sweep.

See :mod:`sweeps.service`; the job is a :class:`sweeps.plan.Run`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from rich.console import Console

from agents.cores.kernels import set_num_threads
from agents.settings import TrainSettings, import_packages
from agents.training import train
from sweeps.plan import Run
from sweeps.run_evaluation import evaluate_player
from sweeps.service import serve


def work(run: Run, console: Console) -> None:
    """Do what is left to do of `run`; the current folder is the sweep's.

    Raises:
        ValueError: If the settings or a file cannot be used.
        TrainingStopped: If the run was asked to stop.
        TrainingDivergedError: If the loss is no longer a number.
    """
    here = Path()
    import_packages(run.settings.packages)
    set_num_threads(1)  # for the evaluation too, where nothing is left to train
    folder, settings = run.folder(here), run.settings
    if not folder.is_finished():
        if folder.settings_file.is_file():
            settings = TrainSettings(resume=folder.path, packages=settings.packages)
        train(settings, console)
    evaluation = evaluate_player(folder.agent.as_posix(), run.task, run.evaluation)
    if not run.keep:
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
        shutil.rmtree(folder.tensorboard, ignore_errors=True)
    evaluation.write(run.evaluation_file(here))  # last, because it says that the run is finished


if __name__ == "__main__":
    sys.exit(serve(lambda job, console: work(Run.from_json(job), console)))

"""One trial in a process of its own: `python -m memory_tasks.worker`, in the folder of the experiment.

See :mod:`sweeps.service`; the job is a :class:`memory_tasks.trial.Trial`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from agents.cores.kernels import set_num_threads
from memory_tasks.evaluation import evaluate
from memory_tasks.network_file import read_network
from memory_tasks.training import train
from memory_tasks.trial import Trial
from sweeps.service import serve


def work(trial: Trial, out: Path, console: Console) -> None:
    """Do what is left to do of `trial` in the experiment's folder.

    Raises:
        ValueError: If settings, data or a file cannot be used.
        TrainingStopped: If it was asked to stop.
        TrainingDivergedError: If the loss is no longer a number.
    """
    set_num_threads(1)
    task = trial.experiment.task()
    if not trial.network_file(out).is_file():
        train(trial, task, out, console)
    network, _ = read_network(trial.network_file(out))
    evaluate(network, trial, task, out, console).write(trial.evaluation_file(out))  # last: it is finished


if __name__ == "__main__":
    sys.exit(serve(lambda job, console: work(Trial.from_json(job), Path(), console)))

"""One run of a sweep in a process of its own: `python -m sweeps.worker`, in the folder of the sweep.

The first line of the standard input is the run (:meth:`sweeps.plan.Run.to_json`). When the input ends, the
run stops after its current update and keeps a checkpoint: so it does when it is asked to, and also when
whoever started it is no more.
"""

from __future__ import annotations

import _thread
import os
import shutil
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from agents.a2c import TrainingDivergedError
from agents.cores.kernels import set_num_threads
from agents.training import TrainingStopped, train
from sweeps.plan import Run
from sweeps.run_evaluation import evaluate_player

STOPPED = 130
"""Exit code of a run that was asked to stop."""


def work(run: Run, console: Console) -> None:
    """Do what is left to do of `run`; the current folder is the sweep's.

    Raises:
        ValueError: If the settings or a file cannot be used.
        TrainingStopped: If the run was asked to stop.
        TrainingDivergedError: If the loss is no longer a number.
    """
    here = Path()
    set_num_threads(1)  # for the evaluation too, where nothing is left to train
    folder, settings = run.folder(here), run.settings
    if not folder.agent.is_file():
        if folder.last_checkpoint() is not None:
            settings = replace(settings, resume=folder.path)
        elif folder.path.is_dir():  # ended before its first checkpoint: nothing to go on from
            shutil.rmtree(folder.path)
        train(settings, console)
    evaluation = evaluate_player(folder.agent.as_posix(), run.task, run.evaluation)
    if not run.keep:
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
        shutil.rmtree(folder.tensorboard, ignore_errors=True)
    evaluation.write(run.evaluation_file(here))  # last, because it says that the run is finished


def main() -> int:
    """Read the run, do it; returns the exit code."""
    # A shell may have started us with Ctrl-C ignored; the end of the input is to work all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run = Run.from_json(sys.stdin.readline())
    threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()
    try:
        work(run, Console(soft_wrap=True))
    except (TrainingStopped, KeyboardInterrupt):
        return STOPPED
    except (ValueError, OSError, TrainingDivergedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _interrupt_at_end_of_input() -> None:
    # Not sys.stdin.read(), whose lock a daemon thread would hold when the interpreter shuts down.
    while os.read(0, 1):
        pass
    _thread.interrupt_main()


if __name__ == "__main__":
    sys.exit(main())

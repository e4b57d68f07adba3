"""A worker process, seen from inside.

The first line of the standard input is the job (:meth:`sweeps.job.Job.to_json`). When the input ends, the job
stops after its current update and keeps a checkpoint: so it does when it is asked to, and also when the
process that started it has ended.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable

from rich.console import Console

from agents.a2c import TrainingDivergedError
from agents.training import TrainingStopped
from commands.flags import say_error
from commands.streams import make_streams_unfailing

STOPPED = 130
"""Exit code of a job that was asked to stop."""


def serve(work: Callable[[str, Console], None]) -> int:
    """Read the job, do it with `work`; returns the exit code."""
    make_streams_unfailing()  # the disk on which the log lies may be full
    # A shell may have started us with Ctrl-C ignored; the end of the input is to work all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    job = sys.stdin.readline()
    threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()
    try:
        work(job, Console(soft_wrap=True))
    except (TrainingStopped, KeyboardInterrupt):
        return STOPPED
    except (ValueError, OSError, TrainingDivergedError) as error:
        say_error(error)
        return 1
    return 0


def _interrupt_at_end_of_input() -> None:
    # Not sys.stdin.read(), whose lock a daemon thread would hold when the interpreter shuts down.
    while os.read(0, 1):
        pass
    _thread.interrupt_main()

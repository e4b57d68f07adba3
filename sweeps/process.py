"""A worker process, seen from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sweeps.job import Job


class WorkerProcess:
    """A run being worked on by a process of its own (:mod:`sweeps.service`).

    Args:
        run: What to do.
        sweep: Folder of the sweep; what the process prints is appended to the run's log there.
    """

    def __init__(self, run: Job, sweep: Path) -> None:
        log = run.log(sweep)
        log.parent.mkdir(parents=True, exist_ok=True)
        # The worker finds the same modules as we do, though its current folder is another one.
        modules = os.pathsep.join(os.path.abspath(path) for path in sys.path)
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", run.worker],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=sweep,
                env={**os.environ, "PYTHONPATH": modules},
                start_new_session=True,  # Ctrl-C is for us to pass on
            )
        assert self._process.stdin is not None
        self._input = self._process.stdin
        self._input.write((run.to_json() + "\n").encode())
        self._input.flush()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, below 0 for the signal that ended the process; None while it works."""
        return self._process.poll()

    def wait(self, seconds: float) -> int | None:
        """:meth:`poll`, after waiting for the end for at most `seconds`."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Let the run stop after its current update and keep a checkpoint."""
        self._input.close()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()

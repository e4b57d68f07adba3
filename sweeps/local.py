"""Runs as processes of this machine."""

from __future__ import annotations

from pathlib import Path

from sweeps.job import Job
from sweeps.process import WorkerProcess


class LocalBackend:
    """Worker processes beside each other; see :class:`sweeps.driver.Backend`.

    Args:
        sweep: The sweep's folder.
        jobs: How many at the same time.
    """

    def __init__(self, sweep: Path, jobs: int) -> None:
        self._sweep = sweep
        self._jobs = jobs

    def slots(self) -> int:
        """How many runs can be worked on at the same time."""
        return self._jobs

    def start(self, run: Job) -> WorkerProcess:
        """Start a process for `run`."""
        return WorkerProcess(run, self._sweep)

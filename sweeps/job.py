"""What a sweep works on, whatever it trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

RECENT = 10
"""Lines of metrics over which speed is measured."""


@dataclass(frozen=True)
class Progress:
    """How far a job has come."""

    done: int = 0
    """In the job's unit."""
    result: str = ""
    """What it reaches at present, as it is shown; empty: not known yet."""
    speed: float | None = None
    """Units per second of late; None: not known yet."""
    trained: bool = False
    """Whether only the evaluation is left."""


class Job(Protocol):
    """One run of a sweep: something that a worker process does."""

    @property
    def name(self) -> str:
        """The run's folder, relative to the sweep's."""
        ...

    @property
    def unit(self) -> str:
        """What training is counted in: "step"."""
        ...

    @property
    def total(self) -> int:
        """How many units there are to do."""
        ...

    @property
    def measure(self) -> str:
        """What :attr:`Progress.result` is: "return"."""
        ...

    @property
    def worker(self) -> str:
        """The module that does the job, see :mod:`sweeps.service`."""
        ...

    def log(self, sweep: Path) -> Path:
        """What the job's worker prints; `sweep` is the sweep's folder."""
        ...

    def progress(self, sweep: Path) -> Progress:
        """How far it has come, by its files."""
        ...

    def to_json(self) -> str:
        """In one line of text, for its worker."""
        ...


def recent_speed(done: Sequence[float], seconds: Sequence[float]) -> float | None:
    """Units per second over the latest lines of metrics; None if there are too few."""
    if not done:
        return None
    first = max(0, len(done) - 1 - RECENT)
    passed = seconds[-1] - seconds[first]
    return (done[-1] - done[first]) / passed if passed > 0 else None

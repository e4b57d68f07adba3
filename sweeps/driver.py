"""Gives runs to workers until all are finished, wherever the workers are."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from sweeps.job import Job

J = TypeVar("J", bound=Job)
J_contra = TypeVar("J_contra", bound=Job, contravariant=True)

LOSSES = 5
"""So many times a run may lose its machine before it counts as failed: it may be what breaks the machine."""


class WorkerLostError(Exception):
    """The machine on which a run was worked on is gone; the run can go on elsewhere."""


class Worker(Protocol):
    """A run being worked on."""

    def poll(self) -> int | None:
        """The exit code, or None while it works; the run's files are here by then.

        Raises:
            WorkerLostError: If there is no hope of an exit code.
        """
        ...

    def stop(self) -> None:
        """Ask the run to stop after its current update and keep a checkpoint; does not wait."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


class Backend(Protocol[J_contra]):
    """Where runs of some kind are worked on."""

    def slots(self) -> int:
        """How many runs can be worked on at the same time, as of now."""
        ...

    def start(self, run: J_contra) -> Worker:
        """Begin to work on a run, from its files in the sweep's folder if there are any."""
        ...


class Audience(Protocol):
    """Whoever wants to know how the sweep goes."""

    def started(self, run: Job) -> None:
        """A worker begins with `run`."""

    def finished(self, run: Job) -> None:
        """`run` is done."""

    def failed(self, failure: Failure) -> None:
        """A run has failed; the others go on."""

    def lost(self, run: Job) -> None:
        """The machine of `run` is gone; the run waits for another."""

    def stopping(self) -> None:
        """The user asked to stop."""

    def refresh(self) -> None:
        """Some time has passed."""


@dataclass(frozen=True)
class Failure:
    """A run that failed."""

    run: Job
    why: str
    log: Path


class SweepStopped(Exception):  # noqa: N818 - not an error: the user asked for it
    """The user stopped the sweep; every run that was being worked on kept a checkpoint."""


def drive(
    runs: list[J], sweep: Path, backend: Backend[J], audience: Audience, pause: float = 0.5
) -> list[Failure]:
    """Work on all `runs`; returns those that failed.

    Args:
        runs: Unfinished runs.
        sweep: The sweep's folder.
        backend: Where they are worked on.
        audience: Is told what happens.
        pause: Seconds between two looks at the workers.

    Raises:
        SweepStopped: After a KeyboardInterrupt, when every worker has stopped. A second one kills them.
    """
    waiting, workers = deque(runs), dict[str, Worker]()
    by_name = {run.name: run for run in runs}
    failures: list[Failure] = []
    losses = Counter[str]()

    def failed(run: J, why: str) -> None:
        failures.append(Failure(run, why, run.log(sweep)))
        audience.failed(failures[-1])

    def look(name: str) -> None:
        run = by_name[name]
        try:
            code = workers[name].poll()
        except WorkerLostError as error:
            del workers[name]
            losses[name] += 1
            if losses[name] == LOSSES:
                failed(run, f"lost its machine {LOSSES} times ({error})")
            else:
                waiting.append(run)
                audience.lost(run)
            return
        if code is None:
            return
        del workers[name]
        if code == 0:
            audience.finished(run)
        else:
            failed(run, _why(code, run.log(sweep)))

    try:
        while waiting or workers:
            while waiting and len(workers) < backend.slots():
                run = waiting.popleft()
                workers[run.name] = backend.start(run)
                audience.started(run)
            for name in list(workers):
                look(name)
            audience.refresh()
            if workers:
                time.sleep(pause)
    except KeyboardInterrupt:
        audience.stopping()
        _stop(workers, pause)
        raise SweepStopped from None
    finally:  # empty, unless something went wrong here
        for worker in workers.values():
            worker.kill()
    return failures


def _stop(workers: dict[str, Worker], pause: float) -> None:
    """Stop all workers and wait for them; at a KeyboardInterrupt the caller kills those that are left."""
    try:
        for worker in workers.values():
            worker.stop()
        while workers:
            for name in list(workers):
                try:
                    ended = workers[name].poll() is not None
                except WorkerLostError:
                    ended = True
                if ended:
                    del workers[name]
            time.sleep(pause)
    except KeyboardInterrupt:
        return


def _why(code: int, log: Path) -> str:
    if code < 0:
        return f"ended by signal {-code}"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.is_file() else []
    return lines[-1].removeprefix("error: ") if lines else f"exit code {code}"

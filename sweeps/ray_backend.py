"""Runs on the machines of a Ray cluster; their files come back here as they change.

Ray is optional and imported only here. Nodes need the project installed, but no shared disk: a run's files
travel to the node when it starts, and back with every look at it, its latest checkpoint among them. So a run
whose node is lost goes on elsewhere from there.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import agents
import plastic_maze
import sweeps
from sweeps.driver import WorkerLostError
from sweeps.mirror import Changes, Mirror
from sweeps.plan import Run
from sweeps.process import WorkerProcess

LOOK = 1.0
"""Seconds between two looks at a run."""


def import_ray() -> Any:
    """The module `ray`.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise ValueError(
            "--backend ray needs Ray, which is not installed: pip install -e .[ray] -c constraints.txt, "
            "in the project's folder on every machine"
        ) from error


@functools.cache
def source_digest() -> str:
    """A name for the source text of this project, so that no node runs another version unnoticed."""
    digest = hashlib.sha256()
    for package in (plastic_maze, agents, sweeps):
        for file in sorted(Path(package.__path__[0]).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


class RemoteRun:
    """On a node: a run's worker process and its files, in a folder of their own.

    Args:
        run: The run, by :meth:`Run.to_json`.
    """

    def __init__(self, run: str) -> None:
        self._run = Run.from_json(run)
        self._sweep = Path(tempfile.mkdtemp(prefix="sweep-"))
        self._mirror = Mirror(self._run, self._sweep)

    def start(self, files: Changes, digest: str) -> tuple[None, Changes]:
        """Start the worker.

        Args:
            files: The run's files so far.
            digest: :func:`source_digest` of whoever asks.

        Returns:
            The same as :meth:`look`, before anything has happened.

        Raises:
            ValueError: If the project on this node is not the same.
        """
        if source_digest() != digest:
            raise ValueError(
                f"the project on a node ({socket.gethostname()}) is another version: "
                f"{source_digest()}, not {digest}; install the same on every machine"
            )
        files.apply(self._sweep)
        self._mirror.changes()  # those are known where they came from
        self._process = WorkerProcess(self._run, self._sweep)
        return None, Changes({}, ())

    def look(self, seconds: float) -> tuple[int | None, Changes]:
        """Wait for the worker's end, at most `seconds`: its exit code or None, and what changed since."""
        code = self._process.wait(seconds)
        changes = self._mirror.changes()
        if code is not None:
            shutil.rmtree(self._sweep, ignore_errors=True)
        return code, changes

    def stop(self) -> None:
        """See :meth:`sweeps.driver.Worker.stop`."""
        self._process.stop()


class RayWorker:
    """Here: a run on some node; see :class:`sweeps.driver.Worker`.

    Args:
        ray: The module.
        remote_class: :class:`RemoteRun` as a Ray actor.
        run: The run.
        sweep: The sweep's folder on this machine.
    """

    def __init__(self, ray: Any, remote_class: Any, run: Run, sweep: Path) -> None:
        self._ray = ray
        self._sweep = sweep
        self._actor = remote_class.remote(run.to_json())
        self._answer = self._actor.start.remote(Mirror(run, sweep).changes(), source_digest())
        self._placed = False

    def poll(self) -> int | None:
        """The exit code or None; what came back is on this machine's disk by then.

        Raises:
            WorkerLostError: If the node is gone.
            ValueError: If the project on the node is not the same.
        """
        ready, _ = self._ray.wait([self._answer], timeout=0)
        if not ready:
            return None
        try:
            code, changes = self._ray.get(self._answer)
        except self._ray.exceptions.RayError as error:
            self.kill()
            cause = getattr(error, "cause", None)
            if isinstance(cause, ValueError):
                raise ValueError(str(cause)) from error
            raise WorkerLostError(type(cause or error).__name__) from error
        self._placed = True
        changes.apply(self._sweep)
        if code is None:
            self._answer = self._actor.look.remote(LOOK)
        else:
            self.kill()  # the actor, which has no more to do and holds a place
        assert code is None or isinstance(code, int)
        return code

    def stop(self) -> None:
        """Ask the run to stop; one that still waits for a node is given up."""
        if self._placed:
            self._actor.stop.remote()
        else:
            self.kill()

    def kill(self) -> None:
        """End the actor; its worker process notices and stops too."""
        self._ray.kill(self._actor)


class RayBackend:
    """A Ray cluster; see :class:`sweeps.driver.Backend`.

    Args:
        sweep: The sweep's folder on this machine.
        address: Of the cluster; "auto": the one this machine is in, None: a new one on this machine.
        jobs: How many runs at the same time; None: one for each CPU of the cluster.

    Raises:
        ValueError: If Ray is not installed or the cluster cannot be reached.
    """

    def __init__(self, sweep: Path, address: str | None, jobs: int | None) -> None:
        self._ray = import_ray()
        self._sweep = sweep
        self._jobs = jobs
        if not self._ray.is_initialized():
            try:
                _check_reachable(address)
                self._ray.init(address=address, log_to_driver=False, logging_level="ERROR")
            except (OSError, ValueError, RuntimeError) as error:
                raise ValueError(f"no Ray cluster at --address {address}: {error}") from error
        self._remote_class = self._ray.remote(num_cpus=1)(RemoteRun)

    def slots(self) -> int:
        """One for each CPU of the cluster as it is now, `jobs` at most."""
        cpus = max(1, int(self._ray.cluster_resources().get("CPU", 0)))
        return cpus if self._jobs is None else min(self._jobs, cpus)

    def start(self, run: Run) -> RayWorker:
        """Send `run` to a node that has a CPU to spare; it waits for one if need be."""
        return RayWorker(self._ray, self._remote_class, run, self._sweep)


def _check_reachable(address: str | None) -> None:
    """Knock at HOST:PORT; Ray itself would try for minutes.

    Raises:
        OSError: If nobody answers.
    """
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()

"""A lock on a folder, so that only one command works in it at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".lock"
"""A file in a folder in which a command has worked. The lock on it ends with the process at the latest."""
PATIENCE = 2.0
"""Seconds to wait: a worker whose command was killed ends after its update."""


@contextmanager
def alone_in(folder: Path, what: str) -> Iterator[None]:
    """Let no other command work in `folder`.

    Raises:
        ValueError: If another command, which works on `what`, is there.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise ValueError(f"another command is training {what}; wait for it or stop it") from None
    try:
        yield
    finally:
        lock.release()

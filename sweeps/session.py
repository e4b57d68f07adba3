"""One command that works on the runs of a folder: a board, what failed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from rich.console import Console

from agents.text_file import read_text
from agents.whole_file import write_whole
from commands.signals import HANGUP, stop_signals
from sweeps.board import Board
from sweeps.driver import Backend, Failure, J, drive


def stop_gently() -> None:
    """Let each of the stop signals raise KeyboardInterrupt, which :func:`sweeps.driver.drive` waits for.

    A shell may start us with Ctrl-C ignored, whoever ends a job sends TERM, and a terminal may be closed.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        if number == HANGUP:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in stop_signals():
        signal.signal(number, interrupt)


def work_off(
    runs: list[J],
    total: int,
    folder: Path,
    ignored: str,
    backend: Callable[[], Backend[J]],
    console: Console,
) -> list[Failure]:
    """Work on `runs`, alone in their folder, with a board on `console`; returns those that failed.

    Args:
        runs: The unfinished ones.
        total: How many there are with the finished ones.
        folder: Where everything is written; see :func:`agents.alone.alone_in`.
        ignored: The folder's .gitignore, unless it has one of its own.
        backend: Makes that where they are worked on.
        console: Where to show how it goes.

    Raises:
        ValueError: If the backend cannot be used.
        SweepStopped: If the user stopped it.
    """
    write_ignored(folder, ignored)
    with Board(console, folder, total, runs) as board:
        return drive(runs, folder, backend(), board)


def write_ignored(folder: Path, ignored: str) -> None:
    """Write the folder's .gitignore, unless it has one that does not begin with the same line."""
    file, first = folder / ".gitignore", ignored.splitlines()[0]
    if not file.exists() or read_text(file).startswith(first):
        write_whole(file, ignored)


def say_failures(failures: list[Failure], total: int) -> None:
    """Name the runs that failed, on the standard error."""
    print(f"{len(failures)} of {total} runs failed:", file=sys.stderr)
    for failure in failures:
        print(f"  {failure.run.name}: {failure.why}; log: {failure.log}", file=sys.stderr)

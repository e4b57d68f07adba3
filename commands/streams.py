"""A standard output and error that cannot end a command."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class DroppingFile(io.RawIOBase):
    """A file descriptor to write to; what cannot be written is dropped.

    The reader of a pipe may have gone (`| head`), the disk may be full, the terminal may have been closed:
    none of that may end the work of hours.

    Args:
        number: The descriptor. It is not closed with this object.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def writable(self) -> bool:
        """True."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._number)

    def write(self, data: ReadableBuffer) -> int:
        """Write all of `data`, or drop what is left of it; returns its size in bytes either way."""
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while left:
                try:
                    left = left[os.write(self._number, left) :]
                except BlockingIOError:  # a pipe that another program made non-blocking, and that is full
                    select.select([], [self._number], [])
        except OSError:
            pass
        return size


def make_streams_unfailing() -> None:
    """Replace the interpreter's own standard output and error by ones whose `write` never fails.

    Characters that the terminal's encoding lacks are written as escapes. Streams that somebody else has put
    in place (a notebook, a test) are left alone.
    """
    if sys.stdout is sys.__stdout__:
        sys.stdout = sys.__stdout__ = _unfailing(sys.stdout, 1)  # type: ignore[misc]  # Final, for readers
    if sys.stderr is sys.__stderr__:
        sys.stderr = sys.__stderr__ = _unfailing(sys.stderr, 2)  # type: ignore[misc]  # as above


def _unfailing(stream: TextIO | None, number: int) -> io.TextIOWrapper:
    if stream is None:  # it was closed (`>&-`): files opened later must not take its number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)
    else:
        stream.flush()
    return io.TextIOWrapper(
        DroppingFile(number),  # type: ignore[arg-type]  # writes everything at once, so needs no buffer
        encoding=stream.encoding if stream is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=isinstance(stream, io.TextIOWrapper) and stream.line_buffering,
        write_through=isinstance(stream, io.TextIOWrapper) and stream.write_through,
    )

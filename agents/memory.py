"""Memory that one update frees and the next needs again."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as in glibc's malloc.h
_LARGEST_MMAP_THRESHOLD = 32 * 2**20  # that glibc accepts


def keep_freed_memory() -> None:
    """Let this process keep up to 1 GB that it frees, rather than hand it back and ask for it anew.

    The system charges for memory by the page, with some milliseconds an update for what the update works
    with. This speaks to glibc, the C library of most Linux systems; elsewhere nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        mallopt(_TRIM_THRESHOLD, 2**30)

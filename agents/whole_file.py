"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

_UNFINISHED = ".{}.tmp"
"""What a file is called while it is being written."""


def write_whole(path: Path, content: bytes | str) -> None:
    """Write `path`: a reader, or a crash, sees the old file or the new one, never a part.

    Args:
        path: Where to; its folder is made if missing. Meanwhile there is a file `.NAME.tmp` beside it.
        content: All that is in it; text is written in UTF-8.

    Raises:
        OSError: If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(_UNFINISHED.format(path.name))
    try:
        with fresh.open("wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def is_unfinished(path: Path) -> bool:
    """Whether `path` is what a process that was killed had begun to write."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def remove_unfinished(folder: Path) -> None:
    """Remove from `folder`, in which nobody else may write now, what killed processes had begun to write."""
    for path in folder.glob(_UNFINISHED.format("*")):
        path.unlink(missing_ok=True)

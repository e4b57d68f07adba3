"""A run's files on another machine, kept the same here without a shared disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agents.whole_file import write_whole
from sweeps.plan import Run


@dataclass(frozen=True)
class Changes:
    """What has changed in a run's files."""

    written: dict[str, bytes]
    """Content by name, relative to the sweep's folder."""
    gone: tuple[str, ...]
    """Names."""

    def apply(self, sweep: Path) -> None:
        """Make the same changes in the folder `sweep`; each file changes whole or not at all."""
        for name, content in self.written.items():
            write_whole(sweep / name, content)
        for name in self.gone:
            (sweep / name).unlink(missing_ok=True)
            if not any((sweep / name).parent.iterdir()):
                (sweep / name).parent.rmdir()


class Mirror:
    """Remembers which of a run's files have been copied.

    Of the checkpoints only the last one counts, and TensorBoard events only if the run is to keep them.

    Args:
        run: The run.
        sweep: Folder of the sweep.
    """

    def __init__(self, run: Run, sweep: Path) -> None:
        self._run = run
        self._sweep = sweep
        self._known: dict[str, tuple[int, int]] = {}

    def changes(self) -> Changes:
        """What has changed since the last call."""
        written: dict[str, bytes] = {}
        now: dict[str, tuple[int, int]] = {}
        for file in self._files():
            name = file.relative_to(self._sweep).as_posix()
            try:
                about = file.stat()
                now[name] = (about.st_mtime_ns, about.st_size)
                if self._known.get(name) != now[name]:
                    written[name] = file.read_bytes()
            except FileNotFoundError:  # deleted by the worker meanwhile
                now.pop(name, None)
        gone = tuple(name for name in self._known if name not in now)
        self._known = now
        return Changes(written, gone)

    def _files(self) -> list[Path]:
        folder = self._run.folder(self._sweep)
        last = folder.last_checkpoint()
        files = [self._run.log(self._sweep)]
        for file in sorted(folder.path.rglob("*")):
            if not file.is_file() or file.name.startswith("."):
                continue
            if folder.checkpoints in file.parents and file != last and not self._run.keep:
                continue
            if folder.tensorboard in file.parents and not self._run.keep:
                continue
            files.append(file)
        return files

"""How a sweep is going: a live table on a terminal, a line for each event elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeps.driver import Failure
from sweeps.job import Job, Progress


class Board:
    """Shows a sweep; see :class:`sweeps.driver.Audience`.

    Args:
        console: Where.
        sweep: The sweep's folder.
        total: How many runs the sweep has.
        unfinished: Those that are to be worked on, all of one kind.
        every: Seconds between two reports where there is no terminal.
    """

    def __init__(
        self, console: Console, sweep: Path, total: int, unfinished: Sequence[Job], every: float = 30.0
    ) -> None:
        self._console = console
        self._sweep = sweep
        self._total = total
        self._every = every
        self._waiting = {run.name: run for run in unfinished}
        self._active: dict[str, Job] = {}
        self._done = total - len(unfinished)
        self._failures = 0
        self._shown = time.monotonic()
        self._live = (
            Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        )

    def __enter__(self) -> Board:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Show no more."""
        if self._live is not None:
            self._live.stop()

    def started(self, run: Job) -> None:
        """See :class:`sweeps.driver.Audience`."""
        del self._waiting[run.name]
        self._active[run.name] = run
        if self._live is None:
            self._say(f"{run.name}: started")

    def finished(self, run: Job) -> None:
        """See :class:`sweeps.driver.Audience`."""
        del self._active[run.name]
        self._done += 1
        self._say(f"{run.name}: finished ({self._done} of {self._total})")

    def failed(self, failure: Failure) -> None:
        """See :class:`sweeps.driver.Audience`."""
        del self._active[failure.run.name]
        self._failures += 1
        self._say(f"{failure.run.name}: FAILED: {failure.why}")

    def lost(self, run: Job) -> None:
        """See :class:`sweeps.driver.Audience`."""
        del self._active[run.name]
        self._waiting[run.name] = run
        self._say(f"{run.name}: its machine is gone, it will go on elsewhere")

    def stopping(self) -> None:
        """See :class:`sweeps.driver.Audience`."""
        self._say("stopping; each run keeps a checkpoint (once more Ctrl-C stops at once) ...")

    def refresh(self) -> None:
        """See :class:`sweeps.driver.Audience`."""
        now = time.monotonic()
        if now - self._shown < (1.0 if self._live is not None else self._every):
            return
        self._shown = now
        progress = {name: run.progress(self._sweep) for name, run in self._active.items()}
        if self._live is not None:
            summary = Text(self._summary(progress))
            self._live.update(Group(self._table(progress), summary), refresh=True)
            return
        for name, state in progress.items():
            self._say(f"{name}: {'  '.join(cell for cell in self._cells(name, state) if cell)}")
        self._say(self._summary(progress))

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    def _table(self, progress: dict[str, Progress]) -> Table:
        table = Table("run", "", "")
        job = next(iter(self._active.values()), None)
        for header in (job.unit, job.measure, f"{job.unit}s/s", "left") if job else ():
            table.add_column(header, justify="right")
        for name, state in progress.items():
            total = self._active[name].total
            bar = ProgressBar(total, min(state.done, total), width=16)
            table.add_row(name, bar, *self._cells(name, state))
        return table

    def _cells(self, name: str, state: Progress) -> tuple[str, str, str, str, str]:
        """Phase, units done, result, speed, time left; words only where there is no table to head them."""
        headed = self._live is not None
        phase = "evaluating" if state.trained else "training" if state.done else "starting"
        job = self._active[name]
        left = self._seconds_left(job, state)
        cells = (
            f"{state.done:,}",
            state.result,
            "" if state.speed is None else _speed(state.speed),
            "" if left is None else _clock(left),
        )
        if not headed:
            forms = (f"{job.unit} {{}}", f"{job.measure} {{}}", f"{{}} {job.unit}s/s", "{} left")
            cells = tuple(form.format(cell) if cell else "" for form, cell in zip(forms, cells, strict=True))  # type: ignore[assignment]  # as many as before
        return phase, *cells

    def _summary(self, progress: dict[str, Progress]) -> str:
        parts = [f"{self._done} of {self._total} runs finished", f"{len(self._active)} running"]
        if self._waiting:
            parts.append(f"{len(self._waiting)} waiting")
        if self._failures:
            parts.append(f"{self._failures} failed")
        speeds = [state.speed for state in progress.values() if state.speed and not state.trained]
        if speeds:
            # Waiting runs will be about as fast as those that run now.
            units = sum(run.total - progress[name].done for name, run in self._active.items())
            units += sum(run.total for run in self._waiting.values())
            parts.append(f"about {_clock(units / sum(speeds))} left")
        return ", ".join(parts)

    @staticmethod
    def _seconds_left(run: Job, state: Progress) -> float | None:
        if not state.speed or state.trained:
            return None
        return max(run.total - state.done, 0) / state.speed


def _speed(units_a_second: float) -> str:
    """Rounded to what is worth reading."""
    return f"{units_a_second:,.0f}" if units_a_second >= 10 else f"{units_a_second:.2g}"


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

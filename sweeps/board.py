"""How a sweep is going: a live table on a terminal, a line for each event elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from agents.metrics import read_metrics
from sweeps.driver import Failure
from sweeps.plan import Run

RECENT = 10
"""Lines of metrics.csv over which speed is measured."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come, by its files."""

    step: int
    mean_return: float | None
    """Of the latest training episodes."""
    speed: float | None
    """Steps per second of late; None: not known yet."""
    trained: bool
    """Whether only the evaluation is left."""

    @classmethod
    def of(cls, run: Run, sweep: Path) -> Progress:
        """Read the files of `run`."""
        folder = run.folder(sweep)
        try:
            rows = [row for row in read_metrics(folder.metrics_file) if "time/seconds" in row]
        except ValueError:  # not there yet
            rows = []
        if not rows:
            return cls(0, None, None, False)
        first, last = rows[max(0, len(rows) - 1 - RECENT)], rows[-1]
        seconds = last["time/seconds"] - first["time/seconds"]
        steps = last["time/total_timesteps"] - first["time/total_timesteps"]
        return cls(
            int(last["time/total_timesteps"]),
            last.get("rollout/ep_rew_mean"),
            steps / seconds if seconds > 0 else None,
            folder.agent.is_file(),
        )


class Board:
    """Shows a sweep; see :class:`sweeps.driver.Audience`.

    Args:
        console: Where.
        sweep: The sweep's folder.
        total: How many runs the sweep has.
        unfinished: Those that are to be worked on.
        every: Seconds between two reports where there is no terminal.
    """

    def __init__(
        self, console: Console, sweep: Path, total: int, unfinished: list[Run], every: float = 30.0
    ) -> None:
        self._console = console
        self._sweep = sweep
        self._total = total
        self._every = every
        self._waiting = {run.name: run for run in unfinished}
        self._active: dict[str, Run] = {}
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

    def started(self, run: Run) -> None:
        """See :class:`sweeps.driver.Audience`."""
        del self._waiting[run.name]
        self._active[run.name] = run
        if self._live is None:
            self._say(f"{run.name}: started")

    def finished(self, run: Run) -> None:
        """See :class:`sweeps.driver.Audience`."""
        del self._active[run.name]
        self._done += 1
        self._say(f"{run.name}: finished ({self._done} of {self._total})")

    def failed(self, failure: Failure) -> None:
        """See :class:`sweeps.driver.Audience`."""
        del self._active[failure.run.name]
        self._failures += 1
        self._say(f"{failure.run.name}: FAILED: {failure.why}")

    def lost(self, run: Run) -> None:
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
        progress = {name: Progress.of(run, self._sweep) for name, run in self._active.items()}
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
        for header in ("step", "return", "steps/s", "left"):
            table.add_column(header, justify="right")
        for name, state in progress.items():
            total = self._active[name].settings.total_steps
            bar = ProgressBar(total, min(state.step, total), width=16)
            table.add_row(name, bar, *self._cells(name, state))
        return table

    def _cells(self, name: str, state: Progress) -> tuple[str, str, str, str, str]:
        """Phase, step, return, speed, time left; words only where there is no table to head them."""
        headed = self._live is not None
        phase = "evaluating" if state.trained else "training" if state.step else "starting"
        left = self._seconds_left(self._active[name], state)
        cells = (
            f"{state.step:,}",
            "" if state.mean_return is None else f"{state.mean_return:.1f}",
            "" if state.speed is None else f"{state.speed:,.0f}",
            "" if left is None else _clock(left),
        )
        if not headed:
            forms = ("step {}", "return {}", "{} steps/s", "{} left")
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
            steps = sum(run.settings.total_steps - progress[name].step for name, run in self._active.items())
            steps += sum(run.settings.total_steps for run in self._waiting.values())
            parts.append(f"about {_clock(steps / sum(speeds))} left")
        return ", ".join(parts)

    @staticmethod
    def _seconds_left(run: Run, state: Progress) -> float | None:
        if not state.speed or state.trained:
            return None
        return max(run.settings.total_steps - state.step, 0) / state.speed


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

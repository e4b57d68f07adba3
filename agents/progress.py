"""The line that shows how a training run is going."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import safe_mean

from agents.yardstick import Yardstick


class LiveLine:
    """How far something has come, its speed and the time left.

    A live line on a terminal, until it is closed; elsewhere (a log file) a new line every few seconds.

    Args:
        console: Where to.
        doing: What is going on: "training".
        unit: What is counted: "step".
        total: How many there are to do.
        done: How many are done already.
        every: Seconds between two lines where no live line is possible.
    """

    def __init__(
        self, console: Console, doing: str, unit: str, total: int, done: int = 0, every: float = 10.0
    ) -> None:
        self._console = console
        self._unit = unit
        self._total = total
        self._every = 1.0 if console.is_terminal else every
        self._live = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._live.add_task(doing, total=total, completed=done, status="")
        self._live.start()
        self._last_time, self._last_done = time.monotonic(), done
        self._speed = 0.0

    def is_due(self) -> bool:
        """Whether it is time to :meth:`show` again."""
        return time.monotonic() - self._last_time >= self._every

    def show(self, done: int, status: str) -> None:
        """Say that `done` are done, and `status`; a new line's time begins."""
        now = time.monotonic()
        self._speed = (done - self._last_done) / (now - self._last_time)
        self._last_time, self._last_done = now, done
        status = self._with_speed(status)
        self._live.update(self._task, completed=done, status=status)
        if not self._console.is_terminal:
            minutes, seconds = divmod(round(max(self._total - done, 0) / self._speed), 60)
            self._console.print(
                f"{done:,} {self._unit}s  {status}  {minutes}:{seconds:02} left", highlight=False
            )

    def finish(self, done: int, status: str) -> None:
        """The last word."""
        self._live.update(self._task, completed=done, status=self._with_speed(status))

    def close(self) -> None:
        """Leave the terminal as it was, however the work ended."""
        self._live.stop()

    def _with_speed(self, status: str) -> str:
        speed = f"{self._speed:,.0f}" if self._speed >= 10 else f"{self._speed:.2g}"
        return "  ".join(part for part in (status, f"{speed} {self._unit}s/s") if part)


class ProgressLine(BaseCallback):
    """Return, its share of a reference player's, steps per second and time left: a :class:`LiveLine`.

    Args:
        console: Where to.
        yardstick: The reference player's mean return, if there is one.
        every: Seconds between two lines where no live line is possible.
    """

    def __init__(self, console: Console, yardstick: Yardstick | None, every: float = 10.0) -> None:
        super().__init__()
        self.console = console
        self.yardstick = yardstick
        self.every = every
        self._line: LiveLine | None = None

    def close(self) -> None:
        """See :meth:`LiveLine.close`."""
        if self._line is not None:
            self._line.close()

    def _on_training_start(self) -> None:
        total = self.model._total_timesteps
        self._line = LiveLine(self.console, "training", "step", total, self.num_timesteps, self.every)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        assert self._line is not None
        if self._line.is_due():
            self._line.show(self.num_timesteps, self._status())

    def _status(self) -> str:
        episodes = self.model.ep_info_buffer
        if not episodes:
            return ""
        mean = safe_mean([episode["r"] for episode in episodes])
        share = "" if self.yardstick is None else self.yardstick.share(mean)
        return f"return {mean:.1f}" + (f" ({share})" if share else "")

    def _on_training_end(self) -> None:
        assert self._line is not None
        self._line.finish(self.num_timesteps, self._status())

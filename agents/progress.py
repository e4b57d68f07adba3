"""The line that shows how a training run is going."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import safe_mean


class ProgressLine(BaseCallback):
    """Return, share of the oracle's score, steps per second and time left.

    A live line on a terminal; elsewhere (a log file) a new line every few seconds.

    Args:
        console: Where to.
        oracle: The oracle's mean return, if there is an oracle.
        every: Seconds between two lines where no live line is possible.
    """

    def __init__(self, console: Console, oracle: float | None, every: float = 10.0) -> None:
        super().__init__()
        self.console = console
        self.oracle = oracle
        self.every = every

    def _on_training_start(self) -> None:
        self._live = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        total = self.model._total_timesteps
        self._task = self._live.add_task("training", total=total, completed=self.num_timesteps, status="")
        self._live.start()
        self._last_time, self._last_steps = time.monotonic(), self.num_timesteps
        self._speed = 0.0

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        now = time.monotonic()
        elapsed = now - self._last_time
        if elapsed < (1.0 if self.console.is_terminal else self.every):
            return
        self._speed = (self.num_timesteps - self._last_steps) / elapsed
        self._last_time, self._last_steps = now, self.num_timesteps
        status = self._status()
        self._live.update(self._task, completed=self.num_timesteps, status=status)
        if not self.console.is_terminal:
            left = max(self.model._total_timesteps - self.num_timesteps, 0) / self._speed
            minutes, seconds = divmod(round(left), 60)
            self.console.print(
                f"{self.num_timesteps:,} steps  {status}  {minutes}:{seconds:02} left", highlight=False
            )

    def _status(self) -> str:
        episodes = self.model.ep_info_buffer
        parts = []
        if episodes:
            mean = safe_mean([episode["r"] for episode in episodes])
            share = f" ({mean / self.oracle:.0%} of the oracle)" if self.oracle else ""
            parts.append(f"return {mean:.1f}{share}")
        parts.append(f"{self._speed:,.0f} steps/s")
        return "  ".join(parts)

    def _on_training_end(self) -> None:
        self._live.update(self._task, completed=self.num_timesteps, status=self._status())
        self._live.stop()

"""The folder of one training run: what lies in it and under which names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from agents.checkpoint_file import SUFFIX
from agents.settings import TrainSettings


@dataclass(frozen=True)
class RunFolder:
    """Settings, metrics, TensorBoard events, checkpoints and in the end the agent and its learning curve."""

    path: Path

    @classmethod
    def create(cls, settings: TrainSettings) -> RunFolder:
        """Make the folder of a new run and keep its settings there.

        Raises:
            ValueError: If the folder is in use already or cannot be written.
        """
        folder = cls(settings.folder())
        try:
            os.fsencode(folder.path).decode()
        except UnicodeDecodeError as error:  # safetensors could not open the agent
            raise ValueError(f"out must be a name in UTF-8, got {os.fsencode(folder.path)!r}") from error
        if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
            hint = ""
            if folder.settings_file.is_file() and not folder.agent.is_file():
                hint = f"go on with it (--resume {folder.path}) or "
            raise ValueError(f"{folder.path} exists already; {hint}choose another folder with --out")
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            folder.settings_file.write_text(
                settings.to_json() + "\n", encoding="utf-8"
            )  # first: by it a run is known
            folder.checkpoints.mkdir()
        except OSError as error:
            raise ValueError(f"the run cannot be written to {folder.path}: {error.strerror}") from error
        return folder

    @classmethod
    def open(cls, path: Path) -> tuple[RunFolder, TrainSettings]:
        """An existing run and its settings.

        Raises:
            ValueError: If there is no run in the folder, or it cannot be written.
        """
        folder = cls(path)
        if not folder.settings_file.is_file():
            raise ValueError(f"there is no run in {path} (it has no {folder.settings_file.name})")
        if not os.access(path, os.W_OK):
            raise ValueError(f"the run in {path} cannot be written to")
        return folder, TrainSettings.from_json(folder.settings_file.read_text(encoding="utf-8"))

    @property
    def settings_file(self) -> Path:
        """The run's settings, as JSON."""
        return self.path / "settings.json"

    @property
    def metrics_file(self) -> Path:
        """The run's metrics, see :mod:`agents.metrics`."""
        return self.path / "metrics.csv"

    @property
    def figure(self) -> Path:
        """The picture of the learning curve."""
        return self.path / "learning_curve.png"

    @property
    def agent(self) -> Path:
        """The trained agent; there once the run is finished."""
        return self.path / f"agent{SUFFIX}"

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard events."""
        return self.path / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoints."""
        return self.path / "checkpoints"

    def checkpoint(self, steps: int) -> Path:
        """The checkpoint after `steps` environment steps."""
        return self.checkpoints / f"{steps:012d}{SUFFIX}"

    def last_checkpoint(self) -> Path | None:
        """The latest checkpoint, or None."""
        return max(self.checkpoints.glob(f"[0-9]*{SUFFIX}"), default=None)

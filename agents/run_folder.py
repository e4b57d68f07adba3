"""The folder of one training run: what lies in it and under which names."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from agents.checkpoint_file import SUFFIX, open_file
from agents.settings import TrainSettings
from agents.text_file import read_json
from agents.whole_file import is_unfinished, write_whole


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
        folder.check_free()
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            folder.keep_settings(settings)  # first: by them a run is known
            folder.checkpoints.mkdir(exist_ok=True)
        except OSError as error:
            raise ValueError(f"the run cannot be written to {folder.path}: {error.strerror}") from error
        return folder

    def keep_settings(self, settings: TrainSettings) -> None:
        """Write the file of the run's settings, unless there is a sound one."""
        try:
            self._kept_settings()
        except ValueError:
            write_whole(self.settings_file, json.dumps(settings.values(), indent=2) + "\n")

    def _kept_settings(self) -> TrainSettings:
        return TrainSettings.from_values(read_json(self.settings_file), str(self.settings_file))

    def check_free(self) -> None:
        """Check that a new run can have this folder.

        Raises:
            ValueError: If there is something in it; it says what can be done.
        """
        if not self.path.exists() or (
            self.path.is_dir() and all(is_unfinished(path) for path in self.path.iterdir())
        ):
            return
        hint = ""
        if self.settings_file.is_file() and not self.agent.is_file():
            try:
                self.settings()
                hint = f"go on with it (--resume {self.path}) or "
            except ValueError:
                hint = "the run in it has lost its settings and cannot go on: delete it, or "
        raise ValueError(f"{self.path} exists already; {hint}choose another folder with --out")

    @classmethod
    def open(cls, path: Path) -> tuple[RunFolder, TrainSettings]:
        """An existing run and its settings.

        Raises:
            ValueError: If there is no run in the folder, or it cannot be used or written.
        """
        folder = cls(path)
        settings = folder.settings()
        if not os.access(path, os.W_OK):
            raise ValueError(f"the run in {path} cannot be written to")
        return folder, settings

    def settings(self) -> TrainSettings:
        """The run's settings; should their file be lost, those that the latest usable checkpoint keeps.

        Raises:
            ValueError: If there are none.
        """
        checkpoints = self.checkpoint_files()
        if not self.settings_file.exists() and not checkpoints:
            raise ValueError(f"there is no run in {self.path} (it has no {self.settings_file.name})")
        try:
            return self._kept_settings()
        except ValueError as error:
            for checkpoint in checkpoints:
                try:
                    kept = open_file(checkpoint).settings.get("run")
                    return TrainSettings.from_values(kept, str(checkpoint))
                except ValueError:  # an older one may do
                    continue
            raise ValueError(
                f"{error}; no checkpoint keeps the settings either, so the run in {self.path} cannot go on: "
                "delete the folder and train anew"
            ) from error

    def is_finished(self) -> bool:
        """Whether the run has what it writes last: the agent and its learning curve."""
        return self.agent.is_file() and self.figure.is_file()

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

    def checkpoint_files(self) -> list[Path]:
        """All checkpoints, the latest first."""
        return sorted(self.checkpoints.glob(f"[0-9]*{SUFFIX}"), reverse=True)

    def last_checkpoint(self) -> Path | None:
        """The latest checkpoint, or None."""
        return next(iter(self.checkpoint_files()), None)

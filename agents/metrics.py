"""metrics.csv: one line for each logged update of a run, under SB3's names."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import KVWriter

COLUMNS = (
    "time/total_timesteps",
    "time/seconds",
    "time/fps",
    "rollout/ep_rew_mean",
    "rollout/ep_len_mean",
    "rollout/oracle_share",
    "train/n_updates",
    "train/learning_rate",
    "train/loss",
    "train/policy_loss",
    "train/value_loss",
    "train/entropy_loss",
    "train/explained_variance",
    "train/grad_norm",
)
"""What the columns hold: `ep_rew_mean` is the mean return of the latest episodes, `oracle_share` that over
the oracle's mean (empty where there is no oracle), `seconds` the training time since the run began."""


class MetricsFile(KVWriter):
    """Appends to metrics.csv; each line is on disk when it is written.

    Args:
        path: The file; it must not exist yet, unless the run is resumed.
        resumed_at: The step from which a resumed run goes on: later lines are dropped, they come again.
    """

    def __init__(self, path: Path, resumed_at: int = 0) -> None:
        kept = [row for row in _rows(path) if int(row[COLUMNS[0]]) <= resumed_at] if resumed_at else []
        fresh = path.with_suffix(".tmp")
        with fresh.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(kept)
        os.replace(fresh, path)
        self._file = path.open("a", newline="")
        self._writer = csv.DictWriter(self._file, COLUMNS, extrasaction="ignore", restval="")

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        """Append one line."""
        self._writer.writerow(key_values)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The lines of a metrics.csv as numbers; empty fields are left out.

    Raises:
        ValueError: If the file is missing or is not a metrics file.
    """
    return [{name: float(value) for name, value in row.items() if value} for row in _rows(path)]


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise ValueError(f"there are no metrics at {path}")
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{path} does not have the columns of a metrics file")
        return [row for row in reader if None not in row.values()]  # a killed run may leave half a line

"""metrics.csv: one line for each logged update of a run."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import KVWriter

from agents.whole_file import write_whole

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
"""Of a run in the maze, under SB3's names: `ep_rew_mean` is the mean return of the latest episodes,
`oracle_share` that over the oracle's mean (empty where there is no oracle), `seconds` the training time since
the run began."""


class MetricsTable:
    """Appends lines to a CSV file; each is on disk when it is written.

    Args:
        path: The file; it must not exist yet, unless the run is resumed.
        columns: Its columns; the first says how far the run had come, in whole numbers.
        resumed_at: Where a resumed run goes on: later lines are dropped, they come again.
    """

    def __init__(self, path: Path, columns: Sequence[str], resumed_at: int = 0) -> None:
        kept = (
            [row for row in _rows(path, columns) if int(row[columns[0]]) <= resumed_at] if resumed_at else []
        )
        begun = io.StringIO(newline="")
        writer = csv.DictWriter(begun, columns)
        writer.writeheader()
        writer.writerows(kept)
        write_whole(path, begun.getvalue().encode())
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, columns, extrasaction="ignore", restval="")

    def write(self, row: Mapping[str, Any]) -> None:
        """Append one line: values by column; columns without a value stay empty, other values are ignored."""
        self._writer.writerow(row)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class MetricsFile(KVWriter):
    """A :class:`MetricsTable` of :data:`COLUMNS` as a writer of SB3's logger.

    Args:
        path: The file; it must not exist yet, unless the run is resumed.
        resumed_at: The step from which a resumed run goes on: later lines are dropped, they come again.
    """

    def __init__(self, path: Path, resumed_at: int = 0) -> None:
        self._table = MetricsTable(path, COLUMNS, resumed_at)

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        """Append one line."""
        self._table.write(key_values)

    def close(self) -> None:
        """Close the file."""
        self._table.close()


def read_metrics(path: Path, columns: Sequence[str] = COLUMNS) -> list[dict[str, float]]:
    """The lines of a metrics.csv with these columns as numbers; empty fields are left out.

    Raises:
        ValueError: If the file is missing or is not such a file.
    """
    return [{name: float(value) for name, value in row.items() if value} for row in _rows(path, columns)]


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    if not path.is_file():
        raise ValueError(f"there are no metrics at {path}")
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != tuple(columns):
            raise ValueError(f"{path} does not have the columns of a metrics file")
        return [row for row in reader if None not in row.values()]  # a killed run may leave half a line

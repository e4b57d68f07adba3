"""metrics.csv: one line for each logged update of a run."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import KVWriter

from agents.limits import shown
from agents.text_file import read_text
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


_LARGEST = 256 * 2**20
"""Bytes of a file: a million lines."""
_DIGITS = 16


class MetricsTable:
    """Appends lines to a CSV file; each is on disk when it is written.

    Args:
        path: The file; it must not exist yet, unless the run is resumed.
        columns: Its columns; the first says how far the run had come, in whole numbers.
        resumed_at: Where a resumed run goes on: later lines are dropped, they come again.
        say: Is told if the lines until there are lost, which does not stop a run from going on.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        resumed_at: int = 0,
        say: Callable[[str], None] = lambda message: None,
    ) -> None:
        kept = _lines_until(resumed_at, path, columns, say) if resumed_at else []
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
        say: See :class:`MetricsTable`.
    """

    def __init__(
        self, path: Path, resumed_at: int = 0, say: Callable[[str], None] = lambda message: None
    ) -> None:
        self._table = MetricsTable(path, COLUMNS, resumed_at, say)

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


def _lines_until(
    last: int, path: Path, columns: Sequence[str], say: Callable[[str], None]
) -> list[dict[str, str]]:
    """The lines of a run's metrics up to `last`; a damaged file is put aside."""
    try:
        return [row for row in _rows(path, columns) if int(row[columns[0]]) <= last]
    except ValueError as error:
        aside = path.with_name(f"{path.name}.damaged")
        if path.is_file() and path.stat().st_size:
            path.replace(aside)
            error = ValueError(f"{error}; it is now {aside.name}")
        say(f"metrics begin anew, those up to here are lost: {error}")
        return []


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    if not path.exists():
        raise ValueError(f"there are no metrics at {path}")
    reader = csv.DictReader(io.StringIO(read_text(path, _LARGEST), newline=""))
    try:
        if tuple(reader.fieldnames or ()) != tuple(columns):
            raise ValueError(f"{path} does not have the columns of a metrics file")
        # A killed run may leave half a line.
        rows = [row for row in reader if None not in row.values() and None not in row]
    except csv.Error as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    for row in rows:
        for name, value in row.items():
            if value and not _is_number(value):
                raise ValueError(f"{path} is damaged: {name} must be a number, got {shown(value)}")
        done = row[columns[0]]
        if not (done.isascii() and done.isdecimal() and len(done) <= _DIGITS):
            raise ValueError(f"{path} is damaged: {columns[0]} must be a whole number, got {shown(done)}")
    return rows


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

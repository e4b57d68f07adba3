"""Tables as CSV and Markdown."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path


def write_csv(file: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write rows with the same columns, numbers to six digits."""
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, rows[0], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:z.6g}" if isinstance(v, float) else v for k, v in row.items()})


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return [
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def whole(value: int | None) -> str:
    """A cell of a whole number; empty where it is not known, as all cells."""
    return "" if value is None else f"{value:,}"


def number(value: float | None, decimals: int = 1) -> str:
    """A cell of a number."""
    return "" if value is None else f"{value:z.{decimals}f}"


def percent(value: float | None) -> str:
    """A cell of a share."""
    return "" if value is None else f"{value:z.0%}"


def span(
    low: float | None, high: float | None, form: Callable[[float | None], str], around: str = "{}"
) -> str:
    """A cell, or a part of one, of an interval: "LOW to HIGH" in `around`."""
    return "" if low is None else around.format(f"{form(low)} to {form(high)}")

"""Tables as CSV and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from agents.whole_file import write_whole


def write_csv(file: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write rows with the same columns, numbers to six digits; the file is written whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"{v:z.6g}" if isinstance(v, float) else v for k, v in row.items()})
    write_whole(file, text.getvalue())


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

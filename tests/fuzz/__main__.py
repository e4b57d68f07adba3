"""Many damaged files from the command line: `python -m tests.fuzz --help`."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from agents.whole_file import write_whole
from sweeps.tables import markdown_table
from tests.fuzz.kinds import KINDS
from tests.fuzz.run import Tally, run

BAD = ("no sentence", "traceback", "hang")


@dataclass(frozen=True)
class FuzzSettings:
    """Open files in which something is wrong; each must be read, or refused with a sentence that names it."""

    examples: int = 10_000
    """How many files, of each kind about as many."""
    first: int = 0
    """Number of the first file of each kind; a file's number and kind say all that is in it."""
    kinds: tuple[str, ...] = tuple(kind.file for kind in KINDS)
    """Kinds of files."""
    out: Path | None = None
    """Where to keep the table, as Markdown."""


def table(tallies: list[Tally]) -> list[str]:
    """A line for each kind and one for all."""
    columns = ("file", "examples", "sentences", "accepted", *BAD, "slowest", "memory")
    rows = [
        (
            tally.kind,
            str(tally.examples),
            *(str(tally.outcomes[name]) for name in ("sentence", "accepted", *BAD)),
            f"{tally.slowest:.2f} s",
            f"{tally.memory / 2**20:.0f} MiB",
        )
        for tally in tallies
    ]
    whole = Tally("all")
    for tally in tallies:
        whole.outcomes += tally.outcomes
    counts = (str(whole.outcomes[name]) for name in ("sentence", "accepted", *BAD))
    slowest, memory = max(tally.slowest for tally in tallies), max(tally.memory for tally in tallies)
    rows.append(("all", str(whole.examples), *counts, f"{slowest:.2f} s", f"{memory / 2**20:.0f} MiB"))
    return markdown_table(columns, rows)


def main() -> int:
    """Open the files; returns 1 if one was answered with anything but a sentence."""
    settings = tyro.cli(FuzzSettings, prog="python -m tests.fuzz", description=FuzzSettings.__doc__)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        chosen = tuple(kind for kind in KINDS if kind.file in settings.kinds)
        tallies = run(chosen, settings.examples, Path(folder), settings.first)
    lines = table(tallies)
    print("\n".join(lines), f"in {time.monotonic() - began:.0f} s", sep="\n")
    faults = [fault for tally in tallies for fault in tally.faults]
    for fault in faults[:50]:
        print(fault, file=sys.stderr)
    if settings.out is not None:
        command = f"python -m tests.fuzz --examples {settings.examples}"
        about = (
            f"Written by `{command}`. Memory: the most above what was in use before, for one kind of file."
        )
        write_whole(settings.out, "\n".join(["# Damaged files", "", about, "", *lines, ""]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

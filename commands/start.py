"""What every command does first."""

from __future__ import annotations

import os
import sys

from commands.streams import make_streams_unfailing


def begin(loading: str) -> None:
    """Prepare the process for a command; to be called before anything large is imported.

    Nothing is drawn on screen with matplotlib, so whatever backend the surroundings ask for (a notebook's may
    not even be installed) does not matter.

    Args:
        loading: What the imports that follow load, said on a terminal: they take seconds.
    """
    make_streams_unfailing()
    os.environ["MPLBACKEND"] = "agg"
    if sys.stderr.isatty():
        print(f"loading {loading} ...", file=sys.stderr)

"""What somebody who mistyped a name may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The words " (did you mean 'lstm'?)", or none if no known name is close; case does not matter."""
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(given.lower(), names, n=1)
    return f" (did you mean {names[close[0]]!r}?)" if close else ""

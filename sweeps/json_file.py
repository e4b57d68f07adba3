"""Small JSON files, a line for each entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agents.whole_file import write_whole


def write_json(file: Path, values: dict[str, Any]) -> None:
    """Write `file`, whole or not at all."""
    lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in values.items())
    write_whole(file, "{\n" + ",\n".join(lines) + "\n}\n")

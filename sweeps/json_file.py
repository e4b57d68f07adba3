"""Small JSON files, a line for each entry."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_json(file: Path, values: dict[str, Any]) -> None:
    """Write `file`, whole or not at all."""
    lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in values.items())
    fresh = file.with_suffix(".tmp")
    fresh.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    os.replace(fresh, file)

"""Reading small text files that anybody may have written: settings, results, tables.

Whatever is at the path, the answer is its content or one sentence that names the file.
"""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import Any

LARGEST = 32 * 2**20
"""Bytes; what is read here is a thousand times smaller."""


def read_text(path: Path, most: int = LARGEST) -> str:
    """The text in a regular file, in UTF-8.

    Raises:
        ValueError: If there is none, it is something else (a folder, a pipe, a device), larger than `most`
            bytes, or not text.
    """
    try:
        if not path.exists():
            raise ValueError(f"{path} cannot be read: there is no such file")
        if not path.is_file():  # reading a pipe could wait for ever, and a device never end
            raise ValueError(f"{path} is not a regular file")
        size = path.stat().st_size
        if size > most:
            raise ValueError(f"{path} has {size:,} bytes, more than the {most:,} that such a file can have")
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file: {error}") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def read_json(path: Path) -> Any:
    """The value in a JSON file, in which all numbers are finite.

    Raises:
        ValueError: If there is none, or it is not JSON.
    """
    try:
        return parse_json(read_text(path), finite=True)
    except NotJSONError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


class NotJSONError(ValueError):
    """A text that is not JSON, or not as it is written here; the message says why."""


def parse_json(text: str, finite: bool = False) -> Any:
    """The value of a JSON text.

    Args:
        text: The text.
        finite: Refuse NaN, Infinity and numbers too large to be held.

    Raises:
        NotJSONError: If it is not JSON.
    """
    number = _finite if finite else float
    try:
        return json.loads(text, parse_float=number, parse_constant=number)
    except json.JSONDecodeError as error:
        raise NotJSONError(f"it is not JSON ({error})" if text.strip() else "it is empty") from error
    except NotJSONError:
        raise
    except ValueError as error:  # Python converts no longer ones
        raise NotJSONError("it holds a whole number of thousands of digits") from error
    except RecursionError as error:
        raise NotJSONError("its lists or tables are nested too deeply") from error


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotJSONError(f"it holds the number {text[:20]}, which is not finite")
    return number


def read_toml(path: Path) -> dict[str, Any]:
    """The tables in a TOML file.

    Raises:
        ValueError: If there is none, or it is not TOML.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path} is not usable: it holds a whole number of thousands of digits") from error
    except RecursionError as error:
        raise ValueError(f"{path} is not usable: its lists or tables are nested too deeply") from error

"""The file format of agents and checkpoints: tensors and JSON in one safetensors file.

Weights are plain numbers and settings are JSON in the file's header, so reading executes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from agents.whole_file import write_whole

FORMAT_VERSION = 1
SUFFIX = ".safetensors"
_SETTINGS_KEY = "plastic_maze"


class CheckpointError(ValueError):
    """A file that cannot be used as an agent or checkpoint; the message says why."""


def with_suffix(path: str | Path) -> Path:
    """`path` with the ending `.safetensors`; it replaces `.zip`, which SB3's callbacks append."""
    path = Path(path)
    if path.suffix == SUFFIX:
        return path
    return path.with_suffix(SUFFIX) if path.suffix == ".zip" else path.with_name(path.name + SUFFIX)


def write_file(path: Path, tensors: dict[str, Tensor], settings: dict[str, Any]) -> None:
    """Write the file, whole or not at all.

    Args:
        path: Where to; its folder is made if missing.
        tensors: Arrays by name.
        settings: Anything that :func:`as_json` takes.

    Raises:
        TypeError: If the settings hold something else.
    """
    header = {_SETTINGS_KEY: as_json({"format_version": FORMAT_VERSION, **settings})}
    # Copies, because the format takes no tensors that share memory, as tied weights do.
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    write_whole(path, save(copies, header))


def as_json(value: Any) -> str:
    """JSON of what it can hold, and of NumPy's numbers and arrays.

    Raises:
        TypeError: If there is something else in `value`.
    """
    return json.dumps(value, default=_without_numpy)


def _without_numpy(value: object) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r} cannot be kept in a file as JSON")


def read_file(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write_file` wrote: tensors (on the CPU) and settings.

    Raises:
        CheckpointError: If there is no such file, or it is damaged, foreign, or of a newer format version.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no agent file at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            names = file.keys()  # not a dictionary: it can only be iterated this way
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} {_what_else(path)} ({error})") from error
    if _SETTINGS_KEY not in header:
        raise CheckpointError(f"{path} is a safetensors file, but not an agent of this project")
    try:
        settings = json.loads(header[_SETTINGS_KEY])
        version = settings.pop("format_version")
    except (json.JSONDecodeError, AttributeError, KeyError) as error:
        raise CheckpointError(f"{path} is damaged: its settings cannot be read ({error})") from error
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format version {version!r}; this release reads up to {FORMAT_VERSION}: "
            "it was written by a newer release, which is needed to read it"
        )
    return tensors, settings


def _what_else(path: Path) -> str:
    """What a file that is not valid safetensors seems to be."""
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith((b"PK\x03\x04", b"\x80")):
        return (
            "is a pickle or zip archive (as torch.save or stable-baselines3 write). "
            "It is not loaded, because loading such a file can run code; agents here are safetensors files"
        )
    return "is damaged or truncated, or not a safetensors file"


def tensor_group(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose name begins with `prefix`, without it."""
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}

"""The file format of agents and checkpoints: tensors and JSON in one safetensors file.

Weights are plain numbers and settings are JSON in the file's header, so reading executes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from agents.limits import one_line, shown
from agents.tensor_checks import Form
from agents.text_file import LARGEST as LARGEST_TEXT
from agents.text_file import parse_json
from agents.whole_file import write_whole

T = TypeVar("T")

FORMAT_VERSION = 1
SUFFIX = ".safetensors"
_SETTINGS_KEY = "plastic_maze"
_LARGEST = 16 * 2**30
"""Bytes of a file: ten thousand plastic neurons, with all that Adam knows of them, have 2.4 GB."""
_UNREADABLE = (SafetensorError, OSError, ValueError)
"""What reading a file that is not valid safetensors raises."""
_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "BOOL": torch.bool,
    "U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16, "U8": torch.uint8,
}  # fmt: skip
"""Types of numbers, by what the format calls them."""


class CheckpointError(ValueError):
    """A file that cannot be used as an agent or checkpoint; the message, a line, says why."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))  # it may hold names in the file, or a library's own message


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
    # With the tensors' names: one that has been lost is missed.
    about = {"format_version": FORMAT_VERSION, "tensors": sorted(tensors), **settings}
    header = {_SETTINGS_KEY: as_json(about)}
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


@dataclass(frozen=True)
class TensorFile:
    """A file of which the header has been read: its settings, and what its tensors are like."""

    path: Path
    settings: dict[str, Any]
    forms: dict[str, Form]

    def tensors(self) -> dict[str, Tensor]:
        """Read the tensors, onto the CPU.

        Raises:
            CheckpointError: If that fails.
        """
        try:
            # Not with safe_open, whose get_tensor keeps a little memory for good with every call. Cloned,
            # because PyTorch's own memory is aligned: matrix products may round differently elsewhere.
            return {name: tensor.clone() for name, tensor in load(self.path.read_bytes()).items()}
        except _UNREADABLE as error:
            raise CheckpointError(f"{self.path} {_what_else(self.path)} ({error})") from error


def open_file(path: Path) -> TensorFile:
    """Read the header of what :func:`write_file` wrote: nothing that the file asks for is allocated yet.

    Raises:
        CheckpointError: If the file is missing, or it is damaged, foreign, or of a newer format version.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no agent file at {path}")
    if path.stat().st_size > _LARGEST:
        raise CheckpointError(f"{path} is larger than the {_LARGEST:,} bytes that such a file can have")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            names = file.keys()  # not a dictionary: it can only be iterated this way
            forms = {name: _form(name, file.get_slice(name)) for name in names}
    except _UNREADABLE as error:
        raise CheckpointError(f"{path} {_what_else(path)} ({error})") from error
    if _SETTINGS_KEY not in header:
        raise CheckpointError(f"{path} is a safetensors file, but not an agent of this project")
    text = header[_SETTINGS_KEY]
    try:
        if len(text) > LARGEST_TEXT:
            raise ValueError(f"they have {len(text):,} characters, more than {LARGEST_TEXT:,}")
        settings = parse_json(text)
        if not isinstance(settings, dict):
            raise ValueError(f"they must be a table of values by name, got {shown(settings)}")
        version, written = settings.pop("format_version", None), settings.pop("tensors", None)
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged: its settings cannot be read ({error})") from error
    if type(version) is not int or version < 1:
        raise CheckpointError(
            f"{path} is damaged: its format version must be 1 or more, got {shown(version)}"
        )
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format version {shown(version)}; this release reads up to {FORMAT_VERSION}: "
            "it was written by a newer release, which is needed to read it"
        )
    if written is not None and written != sorted(forms):  # older files do not say
        raise CheckpointError(f"{path} is damaged: its tensors are not those that were written")
    return TensorFile(path, settings, forms)


def read_file(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and settings in the file at `path`; see :func:`open_file`.

    Raises:
        CheckpointError: If it cannot be used.
    """
    file = open_file(path)
    return file.tensors(), file.settings


def _form(name: str, tensor: Any) -> Form:
    """The form of a tensor that has not been read."""
    dtype = _DTYPES.get(tensor.get_dtype())
    if dtype is None:
        raise ValueError(f"the tensor {name} is of type {tensor.get_dtype()}")
    return Form(tuple(tensor.get_shape()), dtype)


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


def tensor_group(tensors: Mapping[str, T], prefix: str) -> dict[str, T]:
    """The tensors (or their forms) whose name begins with `prefix`, without it."""
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}

"""Arrays by name in one file, `.npz` as NumPy knows it: written whole, and read with care."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from agents.limits import one_line
from agents.whole_file import write_whole

_LARGEST = 256 * 2**20
"""Bytes of all arrays."""


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write `path`, whole or not at all."""
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_whole(path, content.getvalue())


def read_arrays(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Read what :func:`write_arrays` wrote; nothing in it is executed.

    Args:
        path: The file.
        names: Of the arrays that it should hold; None: whatever there is.

    Raises:
        ValueError: If it is not such a file, or larger than any that is written here.
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > _LARGEST:
                raise ValueError(f"its arrays have {size:,} bytes, more than {_LARGEST:,}")
            arrays = {
                entry.filename.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(entry)), allow_pickle=False
                )
                for entry in archive.infolist()
            }
        if names is not None and set(arrays) != set(names):
            raise ValueError(f"its arrays are {sorted(arrays)}, not {sorted(names)}")
    except Exception as error:  # there are a dozen kinds of what can be wrong in an archive
        raise ValueError(one_line(f"{path} is damaged, remove it: {error}")) from error
    return arrays

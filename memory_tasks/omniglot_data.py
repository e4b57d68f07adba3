"""Omniglot's drawings, read from its two official archives.

Source: Lake, Salakhutdinov & Tenenbaum, "Human-level concept learning through probabilistic program
induction", Science 2015. 1623 characters of 50 alphabets, each drawn by 20 people.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SOURCE = "https://github.com/brendenlake/omniglot (folder python)"
ARCHIVES = ("images_background.zip", "images_evaluation.zip")
"""Together all characters; which archive one is from plays no part."""
DRAWN = 105
"""Pixels along a side of a drawing in the archives."""
SIDE = 31
"""Pixels along a side after scaling, as in the paper."""
TEST_CHARACTERS = 100
"""Characters that are never trained on."""
SPLIT_SEED = 2018
"""Which characters those are: the same in every run."""
TURNS = 4
"""Quarter turns of a training character, each a class of its own."""


class Characters(NamedTuple):
    """Drawings as bytes, 0 paper to 255 ink: [classes, drawings of each, SIDE, SIDE]."""

    train: Tensor
    """Every training character in each of :data:`TURNS` directions."""
    test: Tensor
    """:data:`TEST_CHARACTERS` other characters, upright."""


def read_characters(folder: Path) -> Characters:
    """Read both archives, scale the drawings and set the test characters apart.

    It takes a few seconds, so nothing is kept on disk.

    Args:
        folder: Where the archives are, or where a folder `omniglot` with them is.

    Raises:
        ValueError: If an archive is missing, or is not what it should be.
    """
    drawings = torch.cat([_read_archive(archive) for archive in find_archives(folder)])
    if len(drawings) <= TEST_CHARACTERS:
        raise ValueError(
            f"the archives in {folder} hold {len(drawings)} characters, but {TEST_CHARACTERS} are needed for "
            f"the test alone and more for training; the official ones hold 1623: {SOURCE}"
        )
    order = torch.from_numpy(np.random.default_rng(SPLIT_SEED).permutation(len(drawings)))
    test, train = drawings[order[:TEST_CHARACTERS]], drawings[order[TEST_CHARACTERS:]]
    turned = torch.cat([torch.rot90(train, turn, (2, 3)) for turn in range(TURNS)])
    return Characters(turned, test)


def has_archives(folder: Path) -> bool:
    """Whether :func:`find_archives` finds both."""
    return all(archive.is_file() for archive in _archives(folder))


def find_archives(folder: Path) -> list[Path]:
    """The two archives in `folder` or in its folder `omniglot`.

    Raises:
        ValueError: If one is missing.
    """
    archives = _archives(folder)
    missing = [archive.name for archive in archives if not archive.is_file()]
    if missing:
        raise ValueError(
            f"there is no {' and no '.join(missing)} in {archives[0].parent}: download "
            f"{' and '.join(ARCHIVES)} from {SOURCE}, put them there as they are (zipped), or say with "
            "--data where they are"
        )
    return archives


def _archives(folder: Path) -> list[Path]:
    """Where the archives are, or should be."""
    inner = folder / "omniglot"
    place = inner if any((inner / name).is_file() for name in ARCHIVES) else folder
    return [place / name for name in ARCHIVES]


def _read_archive(archive: Path) -> Tensor:
    """All drawings of an archive, character by character [characters, drawings, SIDE, SIDE]."""
    characters: dict[PurePosixPath, list[np.ndarray]] = {}
    try:
        with ZipFile(archive) as files:
            # Sorted, so that the split into training and test does not depend on the order in the file.
            for name in sorted(files.namelist()):
                path = PurePosixPath(name)
                if len(path.parts) == 4 and path.match(f"{archive.stem}/*/character*/*.png"):
                    characters.setdefault(path.parent, []).append(
                        _scaled(files.read(name), f"{archive}: {name}")
                    )
    # zipfile raises NotImplementedError and RuntimeError for compression and encryption it does not know.
    except (BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, zlib.error) as error:
        raise ValueError(
            f"{archive} is damaged, or not a zip archive ({error}); download it again from {SOURCE}"
        ) from error
    if not characters:
        raise ValueError(
            f"{archive} holds no drawings ({archive.stem}/ALPHABET/characterNN/*.png): it is not the archive "
            f"of that name from {SOURCE}"
        )
    counts = {len(drawings) for drawings in characters.values()}
    if len(counts) > 1:
        fewest = min(characters, key=lambda path: len(characters[path]))
        raise ValueError(
            f"{archive} is not complete: {fewest} has {min(counts)} drawings, others have {max(counts)}; "
            f"download it again from {SOURCE}"
        )
    return torch.from_numpy(np.array(list(characters.values())))


def _scaled(data: bytes, name: str) -> np.ndarray:
    """A PNG file's drawing [SIDE, SIDE]."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.size != (DRAWN, DRAWN):
                raise ValueError(
                    f"{name} is {image.width} x {image.height} pixels; drawings of Omniglot are "
                    f"{DRAWN} x {DRAWN}"
                )
            grey = image.convert("L")
    except (OSError, SyntaxError) as error:  # the latter is what Pillow says of a broken PNG
        raise ValueError(f"{name} is damaged, or not a PNG image ({error})") from error
    return 255 - np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR))  # averages when it shrinks

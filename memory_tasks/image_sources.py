"""Where the images of the image task come from: CIFAR-10 from disk, or patches of one photograph.

The photograph is matplotlib's sample image `grace_hopper.jpg` (an official portrait of Rear Admiral Grace
Hopper, US Navy), so that the task can be tried without any download.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.cbook import get_sample_data
from PIL import Image
from torch import Tensor

SIDE = 32
"""Pixels along a side of every image."""

_RECORD = 1 + 3 * SIDE * SIDE
"""Bytes of a CIFAR-10 image: its class, then its red, green and blue pixels."""
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""How bright red, green and blue look (ITU-R BT.601, as Pillow's mode "L")."""
_LEAST_CONTRAST = 20.0
"""Images whose grey levels deviate less than this (of 255) show next to nothing and are left out."""
_WINDOW, _STRIDE, _SPLIT = 96, 8, 200
"""Patches of the photograph: their side before they are shrunk, the way from one to the next, and the column
that parts test patches (left: a flag) from training patches (right: a face, a uniform)."""
HOW_TO_GET = (
    'CIFAR-10 comes from https://www.cs.toronto.edu/~kriz/cifar.html: unpack the "CIFAR-10 binary version" '
    "and give the folder with data_batch_1.bin ... data_batch_5.bin and test_batch.bin as --data"
)
"""What to do without CIFAR-10."""


class GreyImages(NamedTuple):
    """Grey images, uint8 [M, 32, 32]; no image of `test` is in `train`."""

    train: Tensor
    test: Tensor


def cifar10_files(folder: Path) -> tuple[list[Path], Path]:
    """The files of CIFAR-10's binary version: those for training, and that for the test.

    Args:
        folder: Holds them, or a folder `cifar-10-batches-bin` that does.

    Raises:
        ValueError: If the folder or a file is missing, or a file cannot be what its name says.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise ValueError(f"the folder of --data, {folder}, {what}. {HOW_TO_GET}")
    inner = folder / "cifar-10-batches-bin"
    folder = inner if inner.is_dir() else folder
    train, test = sorted(folder.glob("data_batch_*.bin")), folder / "test_batch.bin"
    if not train:
        if any(folder.glob("data_batch_?")) or (folder / "cifar-10-batches-py").is_dir():
            raise ValueError(
                f"{folder} holds the Python version of CIFAR-10, which is pickled; it is not loaded, because "
                f"loading a pickle can run code. {HOW_TO_GET}"
            )
        raise ValueError(f"there is no data_batch_*.bin in {folder}. {HOW_TO_GET}")
    if not test.is_file():
        raise ValueError(f"there is no test_batch.bin in {folder}. {HOW_TO_GET}")
    for file in (*train, test):
        size = file.stat().st_size
        if size == 0:
            raise ValueError(f"{file} is empty. {HOW_TO_GET}")
        if size % _RECORD:
            raise ValueError(
                f"{file} is truncated, or not of CIFAR-10's binary version: it has {size} bytes, which is no "
                f"multiple of the {_RECORD} bytes of an image. {HOW_TO_GET}"
            )
    return train, test


def cifar10(folder: Path) -> GreyImages:
    """CIFAR-10 (Krizhevsky 2009) in grey, from its binary version.

    Raises:
        ValueError: If a file is missing or cannot be used; the message says what to do.
    """
    train, test = cifar10_files(folder)
    return GreyImages(torch.cat([_read(file) for file in train]), _read(test))


def photograph() -> GreyImages:
    """Patches of a photograph that matplotlib ships, 96 x 96 pixels shrunk to 32 x 32.

    Training patches, each also mirrored, lie right of column 200; test patches lie left of it.
    """
    with Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)) as picture:
        pixels = torch.from_numpy(np.array(picture.convert("L")))
    test, train = _patches(pixels[:, :_SPLIT]), _patches(pixels[:, _SPLIT:])
    return GreyImages(torch.cat([train, train.flip(-1)]), test)


def shrunk(images: Tensor, size: int) -> Tensor:
    """Images [..., S, S] -> [..., size, size], each pixel the mean of a square; `size` must divide S."""
    square = images.shape[-1] // size
    return images.float().unflatten(-1, (size, square)).unflatten(-3, (size, square)).mean((-1, -3))


def _read(file: Path) -> Tensor:
    records = np.fromfile(file, dtype=np.uint8).reshape(-1, _RECORD)
    if records[:, 0].max() > 9:
        raise ValueError(
            f"{file} is not CIFAR-10: it has the class {records[:, 0].max()}, not 0 to 9. {HOW_TO_GET}"
        )
    grey = _LUMINANCE @ records[:, 1:].reshape(-1, 3, SIDE * SIDE)
    return _with_contrast(_levels(torch.from_numpy(grey).unflatten(-1, (SIDE, SIDE))))


def _patches(pixels: Tensor) -> Tensor:
    windows = pixels.unfold(0, _WINDOW, _STRIDE).unfold(1, _WINDOW, _STRIDE).flatten(0, 1)
    return _with_contrast(_levels(shrunk(windows, SIDE)))


def _levels(grey: Tensor) -> Tensor:
    return grey.round().clamp(0, 255).to(torch.uint8)


def _with_contrast(images: Tensor) -> Tensor:
    return images[images.float().std((-1, -2)) >= _LEAST_CONTRAST]

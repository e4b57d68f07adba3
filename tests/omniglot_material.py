"""Made-up characters, in memory and as archives."""

import io
import zipfile

import numpy as np
import torch
from PIL import Image

from memory_tasks.omniglot_data import ARCHIVES, DRAWN, SIDE, Characters


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def characters(train=30, test=12, drawn=6, seed=0):
    """Noise; the first two pixels of a drawing say whose it is and which."""
    made = []
    for classes in (train, test):
        drawings = torch.randint(
            256, (classes, drawn, SIDE, SIDE), generator=generator(seed), dtype=torch.uint8
        )
        drawings[..., 0, 0] = torch.arange(classes)[:, None]
        drawings[..., 0, 1] = torch.arange(drawn)
        made.append(drawings)
    return Characters(*made)


def who(inputs):
    """Character and drawing at each step [T, B]."""
    return [(inputs[..., place] * 255).round().long() for place in (0, 1)]


def png(ink, size=(DRAWN, DRAWN)):
    """Ink [h, w] of 0 and 1 as the archives have it: black on white, one bit each."""
    image = Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)).convert("1").resize(size)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def drawing(seed):
    """A thick line of its own for each seed."""
    ink = np.zeros((DRAWN, DRAWN))
    row, column = divmod(seed, 11)
    ink[5 + 8 * row : 9 + 8 * row] = 1
    ink[:, 5 + 8 * column : 9 + 8 * column] = 1
    return png(ink)


def write_archive(folder, name, count, drawn=3, first=0, extra=None):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as file:
        file.writestr(f"{name[:-4]}/", "")
        for character in range(count):
            image = drawing(first + character)
            for nth in range(drawn):
                file.writestr(f"{name[:-4]}/Script/character{character + 1:03d}/{nth:04d}.png", image)
        for path, data in (extra or {}).items():
            file.writestr(path, data)


def make_archives(folder):
    """106 characters, of which 6 are for training."""
    write_archive(folder, ARCHIVES[0], 56, extra={"images_background/notes.txt": "no drawing"})
    write_archive(folder, ARCHIVES[1], 50, first=56)
    return folder

"""Colours, letters, and how text is put in its place.

Colours are Okabe and Ito's: colour-blind people can tell them apart.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from plastic_maze.rendering import AGENT, GOAL, WALL, import_pygame
from plastic_maze.traces import Color

PAPER: Color = (251, 250, 247)
CARD: Color = (255, 255, 255)
INK: Color = WALL
FAINT: Color = (104, 110, 120)
PALE: Color = (178, 181, 186)
LINE: Color = (215, 213, 206)
BLUE: Color = AGENT
ORANGE: Color = GOAL
VERMILLION: Color = (213, 94, 0)

_LETTERS = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
"""The same on every machine, so that the same episode gives the same picture."""
_SMALLEST = 6


def _font(pixels: int) -> Any:
    font = import_pygame().font
    if not font.get_init():  # at first, or since somebody called pygame.quit(), as Gymnasium does
        font.init()
        _opened.cache_clear()
    return _opened(pixels)


@cache
def _opened(pixels: int) -> Any:
    return import_pygame().font.Font(_LETTERS, pixels)


@lru_cache(maxsize=256)  # several screens full; each takes about 11 kB
def _written(text: str, pixels: int, color: Color) -> Any:
    return _font(pixels).render(text, True, color)


@lru_cache(maxsize=1024)
def width_of(text: str, pixels: int) -> int:
    """How many pixels wide `text` is."""
    return int(_font(pixels).size(text)[0])


def write(surface: Any, text: str, box: Any, pixels: float, color: Color = INK, align: float = 0.0) -> int:
    """Write a line of text in the middle of a box's height, smaller if it would not fit.

    Args:
        surface: Where.
        text: What.
        box: A pygame.Rect; no letter goes beyond its sides.
        pixels: Size of the letters.
        color: Of the letters.
        align: 0 left, 0.5 in the middle, 1 right.

    Returns:
        The width of what was written, pixels.
    """
    size = max(_SMALLEST, round(pixels))
    while size > _SMALLEST and width_of(text, size) > box.width:
        size -= 1
    while len(text) > 1 and width_of(text, size) > box.width:
        text = text.rstrip("…")[:-1] + "…"
    image = _written(text, size, color)
    left = box.left + align * (box.width - image.get_width())
    surface.blit(image, (round(left), round(box.centery - image.get_height() / 2)))
    return int(image.get_width())


@cache
def diverging() -> NDArray[np.uint8]:
    """Colours of numbers from -1 (blue) over 0 (white) to 1 (vermillion), uint8 [7, 3].

    Steps rather than a smooth ramp: each can be found again on the scale, and animations get smaller.
    """
    place = np.linspace(-1, 1, 7)[:, None]
    ends = np.where(place < 0, np.array(BLUE), np.array(VERMILLION))
    # The square root makes small numbers visible.
    return np.round(255 + (ends - 255) * np.sqrt(np.abs(place))).astype(np.uint8)

"""The kinds of picture that a panel is made of. All draw within a pygame.Rect of a surface.

`unit` is the length of a pixel in a window of the size in which everything was designed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from plastic_maze.rendering import import_pygame
from viewer.inspection import Floats
from viewer.style import BLUE, FAINT, INK, LINE, ORANGE, diverging, width_of, write

SMALL = 12
"""Letters of charts, in units."""


def nice_bound(values: Floats) -> float:
    """1, 2 or 5 times a power of ten: the least such number above nearly all magnitudes in `values`."""
    magnitudes = np.abs(values).ravel()
    bound = float(np.partition(magnitudes, -1 - len(magnitudes) // 100)[-1 - len(magnitudes) // 100])
    if not math.isfinite(bound) or bound < 1e-9:
        return 1.0
    power = 10.0 ** math.floor(math.log10(bound))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= bound * 0.999)


def titled(surface: Any, box: Any, title: str, unit: float, note: str = "") -> Any:
    """Write a title, and a note on the right; returns what is left of the box."""
    pygame = import_pygame()
    line = pygame.Rect(box.left, box.top, box.width, round(18 * unit))
    used = write(surface, title, line, 13 * unit, INK)
    if note:
        line.width -= used + round(8 * unit)
        line.left += used + round(8 * unit)
        write(surface, note, line, SMALL * unit, FAINT, align=1)
    top = line.bottom + round(3 * unit)
    return pygame.Rect(box.left, top, box.width, max(1, box.bottom - top))


def bars(surface: Any, box: Any, heights: Sequence[int], unit: float) -> None:
    """Bars with their numbers on top, the last ones if not all fit."""
    pygame = import_pygame()
    pygame.draw.line(surface, LINE, box.bottomleft, box.bottomright)
    slots = max(12, min(len(heights), int(box.width / (9 * unit))))
    width = box.width / slots
    room = box.height - round(14 * unit)
    tallest = max([10, *heights[-slots:]])
    for place, height in enumerate(heights[-slots:]):
        left, right = round(box.left + place * width), round(box.left + (place + 1) * width)
        length = max(1, round(room * height / tallest))
        gap = max(1, round(width / 8))
        bar = pygame.Rect(left + gap, box.bottom - length, max(1, right - left - 2 * gap), length)
        pygame.draw.rect(surface, ORANGE, bar)
        roomy = width >= width_of("00 ", round(10 * unit))
        if roomy or (height == tallest and heights[-slots:].index(height) == place):
            above = pygame.Rect(0, bar.top - round(14 * unit), round(26 * unit), round(14 * unit))
            above.centerx = bar.centerx
            write(surface, str(height), above.clamp(box), 10 * unit, FAINT, align=0.5)


def chances(surface: Any, box: Any, names: Sequence[str], values: Sequence[float], unit: float) -> None:
    """A bar from 0 to 1 for each name, on top of each other."""
    pygame = import_pygame()
    height = box.height / len(names)
    aside = round(50 * unit)
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        row = pygame.Rect(box.left, round(box.top + place * height), box.width, round(height))
        write(surface, name, pygame.Rect(row.left, row.top, aside, row.height), SMALL * unit, INK)
        whole = pygame.Rect(row.left + aside, 0, row.width - aside - round(34 * unit), round(0.6 * height))
        whole.centery = row.centery
        pygame.draw.rect(surface, LINE, whole)
        pygame.draw.rect(surface, BLUE, (*whole.topleft, round(whole.width * value), whole.height))
        number = pygame.Rect(whole.right, row.top, row.right - whole.right, row.height)
        write(surface, f"{value:.2f}", number, 11 * unit, FAINT, align=1)


def curve(
    surface: Any, box: Any, values: Sequence[float], length: int, marks: Sequence[int], unit: float
) -> None:
    """A line over time.

    Args:
        surface: Where.
        box: Where on it.
        values: From time 0 on.
        length: The time at the right end.
        marks: Times that get an upright line.
        unit: See the module.
    """
    pygame = import_pygame()
    low, high = min(values, default=0.0), max(values, default=0.0)
    if high - low < 1e-6:
        low, high = low - 0.5, high + 0.5
    aside, below = round(34 * unit), round(14 * unit)
    plot = pygame.Rect(box.left + aside, box.top + below // 2, box.width - aside, box.height - 3 * below // 2)
    for number, y in ((high, plot.top), (low, plot.bottom)):
        at = pygame.Rect(box.left, y - below // 2, aside - round(4 * unit), below)
        write(surface, f"{round(number, 1) + 0.0:.1f}", at, 10 * unit, FAINT, align=1)
        pygame.draw.line(surface, LINE, (plot.left, y), (plot.right, y))
    feet = pygame.Rect(plot.left, plot.bottom + 1, plot.width, below)
    write(surface, "step 0", feet, 10 * unit, FAINT)
    write(surface, str(length), feet, 10 * unit, FAINT, align=1)

    def x(time: int) -> float:
        return plot.left + plot.width * time / length

    for mark in marks:
        pygame.draw.line(surface, ORANGE, (x(mark), plot.top), (x(mark), plot.bottom))
    if len(values) > 1:
        points = [
            (x(time), plot.bottom - plot.height * (value - low) / (high - low))
            for time, value in enumerate(values)
        ]
        pygame.draw.aalines(surface, BLUE, False, points)
        pygame.draw.lines(surface, BLUE, False, points, max(1, round(1.6 * unit)))


def pooling(count: int, box: Any) -> int:
    """How many neighbours to average, each way, so that `count` squares fit into a side of `box`."""
    return max(1, math.ceil(count / max(1, min(box.width, box.height))))


def pooled(values: Floats, size: int) -> Floats:
    """Means over `size` x `size` entries of a matrix; what is left over at the end is left out."""
    rows, cols = (length // size for length in values.shape)
    blocks = values[: rows * size, : cols * size].reshape(rows, size, cols, size)
    means: Floats = blocks.mean(axis=(1, 3))
    return means


def heat_map(surface: Any, box: Any, values: Floats, bound: float) -> Any:
    """A matrix as coloured squares, as large as fits with square entries; returns the Rect it takes."""
    pygame = import_pygame()
    palette = diverging()
    half = len(palette) // 2
    places = np.rint(np.clip(values * (half / bound), -half, half)).astype(np.intp) + half
    colors = np.ascontiguousarray(palette[places])
    rows, cols = values.shape
    scale = min(box.width / cols, box.height / rows)
    size = max(1, round(cols * scale)), max(1, round(rows * scale))
    small = pygame.Surface((cols, rows), depth=32)  # as deep as the window, so that no large one is converted
    small.blit(pygame.image.frombuffer(colors, (cols, rows), "RGB"), (0, 0))
    area = pygame.Rect(box.topleft, size)
    surface.blit(pygame.transform.scale(small, size), area)
    pygame.draw.rect(surface, LINE, area.inflate(2, 2), 1)
    return area


def heat_scale(surface: Any, box: Any, bound: float, unit: float) -> None:
    """What the colours of a heat map mean, in one line."""
    pygame = import_pygame()
    aside = min(round(44 * unit), box.width // 3)
    left = pygame.Rect(box.left, box.top, aside, box.height)
    write(surface, f"−{bound:g}", left, 10 * unit, FAINT)
    right = pygame.Rect(box.right - aside, box.top, aside, box.height)
    write(surface, f"{bound:g}", right, 10 * unit, FAINT, align=1)
    ramp = pygame.image.frombuffer(diverging(), (len(diverging()), 1), "RGB")
    gap = round(4 * unit)
    bar = pygame.Rect(left.right + gap, 0, max(1, right.left - left.right - 2 * gap), max(2, round(7 * unit)))
    bar.centery = box.centery
    surface.blit(pygame.transform.scale(ramp, bar.size), bar)
    pygame.draw.rect(surface, LINE, bar, 1)


def cells(surface: Any, box: Any, values: Floats, bound: float) -> None:
    """A vector as coloured squares, row by row."""
    count = len(values)
    # As many columns as make the squares largest.
    columns = max(range(1, count + 1), key=lambda n: min(box.width / n, box.height / math.ceil(count / n)))
    padded = np.zeros(columns * math.ceil(count / columns), dtype=np.float32)
    padded[:count] = values
    heat_map(surface, box, padded.reshape(-1, columns), bound)

"""The kinds of picture that a panel is made of. All draw within a pygame.Rect of a surface.

`unit` is the length of a pixel in a window of the size in which everything was designed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plastic_maze.rendering import FLOOR, WALL, import_pygame
from plastic_maze.traces import Color
from viewer.inspection import Floats
from viewer.style import BLUE, FAINT, INK, LINE, ORANGE, diverging, width_of, write

SMALL = 12
"""Letters of charts, in units."""
_LEAST_NOTE = 10
"""Notes that would have to be smaller are left out."""
_LEAST_SQUARE = 1.75
"""Side of a matrix's entry, in units: where they would be smaller, some are left out."""
_PALE = (240, 217, 168)
"""Of what is not finished."""
_FAINTEST = 0.4
"""Tint of what is possible, but not likely."""


def titled(surface: Any, box: Any, title: str, unit: float, note: str = "") -> Any:
    """Write a title, and a note on the right if there is room; returns what is left of the box."""
    pygame = import_pygame()
    line = pygame.Rect(box.left, box.top, box.width, round(18 * unit))
    used = write(surface, title, line, 13 * unit, INK)
    room = line.width - used - round(8 * unit)
    if note and width_of(note, round(_LEAST_NOTE * unit)) <= room:
        line.width -= used + round(8 * unit)
        line.left += used + round(8 * unit)
        write(surface, note, line, SMALL * unit, FAINT, align=1)
    top = line.bottom + round(3 * unit)
    return pygame.Rect(box.left, top, box.width, max(1, box.bottom - top))


def bars(
    surface: Any, box: Any, heights: Sequence[int], growing: int, tallest: float, count: int, unit: float
) -> None:
    """Bars that stand beside one another: the first, and the last ones if not all fit.

    Args:
        surface: Where.
        box: Where on it.
        heights: Of the finished bars.
        growing: Height of the one that is not finished, pale; 0 for none.
        tallest: The height of the box, which bars do not exceed.
        count: Bars to leave room for.
        unit: See the module.
    """
    pygame = import_pygame()
    letters, line = round(10 * unit), round(14 * unit)
    plot = _axis(surface, box, 0.0, tallest, (line, line // 2), unit)
    finished = len(heights)
    slots = max(12, min(max(count, finished + 1), int(plot.width / (5 * unit))))
    width = plot.width / slots
    gap = max(1, round(width / 8))
    telling = {0, finished - 1, max(range(finished), key=heights.__getitem__, default=0)}
    numbers: list[tuple[str, Any]] = []
    every = (*heights, growing) if growing else heights
    for place, number in enumerate(first_and_last(len(every), slots)):
        left, right = (round(plot.left + edge * width) for edge in (place, place + 1))
        if number is None:
            dots = pygame.Rect(left, plot.bottom - line, right - left, line)
            write(surface, "…", dots, letters, FAINT, align=0.5)
            continue
        height, is_finished = every[number], number < finished
        length = max(1, round(plot.height * min(height / tallest, 1)))
        bar = pygame.Rect(left + gap, plot.bottom - length, max(1, right - left - 2 * gap), length)
        pygame.draw.rect(surface, ORANGE if is_finished else _PALE, bar)
        above = pygame.Rect(0, bar.top - line, width_of(str(height), letters), line)
        above.centerx = bar.centerx
        above.left = max(plot.left, min(above.left, plot.right - above.width))
        above.top = max(above.top, box.top)
        wanted = number in telling or height > tallest or (is_finished and width >= width_of("00 ", letters))
        if wanted and above.collidelist([other for _, other in numbers]) < 0:
            numbers.append((str(height), above))
    for text, above in numbers:  # in front of all bars
        write(surface, text, above, letters, INK, align=0.5)


def first_and_last(count: int, slots: int) -> list[int | None]:
    """Which of `count` things stand in `slots` places: all, or the first, None for a gap, and the last."""
    if count <= slots:
        return list(range(count))
    return [0, None, *range(count - slots + 2, count)]


def _axis(surface: Any, box: Any, low: float, high: float, margins: tuple[int, int], unit: float) -> Any:
    """Lines at both ends of a scale, with their numbers at the left; returns what lies between them.

    `margins` are left above and below, pixels.
    """
    pygame = import_pygame()
    aside, half = round(30 * unit), round(7 * unit)
    plot = pygame.Rect(box.left + aside, box.top + margins[0], box.width - aside, box.height - sum(margins))
    plot.height = max(1, plot.height)
    for number, y in ((high, plot.top), (low, plot.bottom)):
        at = pygame.Rect(box.left, y - half, aside - round(4 * unit), 2 * half)
        write(surface, f"{number:g}".replace("-", "−"), at, 10 * unit, FAINT, align=1)
        pygame.draw.line(surface, LINE, (plot.left, y), (plot.right - 1, y))
    return plot


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
    surface: Any,
    box: Any,
    values: Sequence[float],
    ends: tuple[float, float],
    length: int,
    marks: Sequence[int],
    unit: float,
) -> None:
    """A line over time.

    Args:
        surface: Where.
        box: Where on it.
        values: From time 0 on.
        ends: The numbers at the lower and the upper end.
        length: The time at the right end.
        marks: Times that get an upright line.
        unit: See the module.
    """
    pygame = import_pygame()
    low, high = ends
    below = round(14 * unit)
    plot = _axis(surface, box, low, high, (below // 2, below), unit)
    feet = pygame.Rect(plot.left, plot.bottom + 1, plot.width, below)
    write(surface, "step 0", feet, 10 * unit, FAINT)
    write(surface, str(length), feet, 10 * unit, FAINT, align=1)

    def x(time: int) -> float:
        return plot.left + plot.width * time / length

    def y(value: float) -> float:
        return plot.bottom - plot.height * (min(max(value, low), high) - low) / (high - low)

    if low < 0:
        pygame.draw.line(surface, LINE, (plot.left, y(0)), (plot.right - 1, y(0)))
    for mark in marks:
        pygame.draw.line(surface, ORANGE, (x(mark), plot.top), (x(mark), plot.bottom))
    if len(values) > 1:
        points = [(x(time), y(value)) for time, value in enumerate(values)]
        pygame.draw.aalines(surface, BLUE, False, points)
        pygame.draw.lines(surface, BLUE, False, points, max(1, round(1.6 * unit)))


def stride(count: int, box: Any, unit: float) -> int:
    """Every how manieth of `count` rows to show, so that they fit into a side of `box` and can be seen."""
    side = max(1, min(box.width, box.height))
    return max(1, math.ceil(count * max(1.0, _LEAST_SQUARE * unit) / side))


def heat_map(surface: Any, box: Any, values: Floats, bound: float) -> Any:
    """A matrix as coloured squares, as large as fits with square entries; returns the Rect it takes."""
    pygame = import_pygame()
    palette = diverging()
    half = len(palette) // 2
    places = np.rint(np.clip(np.nan_to_num(values) * (half / bound), -half, half)).astype(np.intp) + half
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


def places(
    surface: Any, box: Any, walls: NDArray[np.bool_], chances: NDArray[np.float64], color: Color
) -> Any:
    """A small maze whose squares are tinted by how likely they are; returns the Rect it takes.

    Args:
        surface: Where.
        box: Where on it; the maze is as large as fits.
        walls: bool [side, side], with the border.
        chances: Of each square [side, side]; 1 has the full colour.
        color: That.
    """
    pygame = import_pygame()
    side = len(walls)
    tint = np.where(chances > 0, _FAINTEST + (1 - _FAINTEST) * chances, 0.0)[..., None]
    colors = np.where(walls[..., None], WALL, (1 - tint) * FLOOR + tint * np.array(color))
    colors = np.ascontiguousarray(np.round(colors).astype(np.uint8))
    small = pygame.image.frombuffer(colors, (side, side), "RGB")
    square = max(1, min(box.width, box.height) // side)
    area = pygame.Rect(*box.topleft, side * square, side * square)
    surface.blit(pygame.transform.scale(small, area.size), area)
    return area


def heat_scale(surface: Any, area: Any, bound: float, unit: float) -> None:
    """What the colours of the heat map on `area` mean, in one line beneath it."""
    pygame = import_pygame()
    line = pygame.Rect(area.left, area.bottom + round(3 * unit), area.width, round(14 * unit))
    aside = min(round(40 * unit), line.width // 3)
    ends = pygame.Rect(line.left, line.top, aside, line.height)
    used = write(surface, f"−{bound:g}", ends, 10 * unit, FAINT)
    ends.right = line.right
    used = max(used, write(surface, f"{bound:g}", ends, 10 * unit, FAINT, align=1))
    bar = line.inflate(-2 * (used + round(5 * unit)), 0)
    bar.width = max(1, bar.width)
    bar.height = max(2, round(7 * unit))
    bar.centery = line.centery
    ramp = pygame.image.frombuffer(diverging(), (len(diverging()), 1), "RGB")
    surface.blit(pygame.transform.scale(ramp, bar.size), bar)
    pygame.draw.rect(surface, LINE, bar, 1)


def cells(surface: Any, box: Any, values: Floats, bound: float) -> Any:
    """A vector as coloured squares, row by row; returns the Rect they take."""
    count = len(values)
    # As many columns as make the squares largest.
    columns = max(range(1, count + 1), key=lambda n: min(box.width / n, box.height / math.ceil(count / n)))
    padded = np.zeros(columns * math.ceil(count / columns), dtype=np.float32)
    padded[:count] = values
    return heat_map(surface, box, padded.reshape(-1, columns), bound)

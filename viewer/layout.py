"""Where everything is: (how many players, keys, size) -> rectangles. Nothing is drawn here.

A unit is the length of a pixel in a picture of :data:`DESIGNED` size; everything grows and shrinks with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from plastic_maze.rendering import SMALLEST_SQUARE, import_pygame
from plastic_maze.window import Size
from viewer.moment import Moment

DESIGNED = (1120, 700)
"""The size at which a unit is a pixel; in a picture that is taller than wide, the other way round."""
SMALLEST = (560, 350)
"""No picture is smaller (likewise); in a smaller window, one of this size is scaled down."""
MARGIN = 14
HEADER = 30
_NUMBERS = 26
_CUE = 26
_SHARE_OF_DESKTOP = 0.85
_BORDERS = (16, 64)
"""Room for the window's title bar and the desktop's own bars, pixels."""


@dataclass(frozen=True)
class Column:
    """Where one player's things are; all but `square` are pygame.Rects."""

    numbers: Any
    maze: Any
    cue: Any
    panel: Any
    square: int
    """Side of a square as it is drawn, pixels; scaled down where a large maze would not fit into `maze`."""


@dataclass(frozen=True)
class Fit:
    """How a picture fits into a window."""

    picture: Size
    """The size at which it is drawn."""
    shown: Size
    """The size at which it is shown: the same, or scaled down."""
    corner: tuple[int, int]
    """Where in the window it is shown."""

    def on_picture(self, position: tuple[int, int]) -> tuple[int, int]:
        """The pixel of the picture at a position (x, y) in the window."""
        (x, y), (left, top) = position, self.corner
        width, height = (drawn / shown for drawn, shown in zip(self.picture, self.shown, strict=True))
        return int((x - left) * width), int((y - top) * height)


def first_size(desktop: Size) -> Size:
    """The size in which a window opens: most of a large desktop, and all there is room for on a small one."""
    room = [max(1, length - border) for length, border in zip(desktop, _BORDERS, strict=True)]
    wanted = (
        max(_SHARE_OF_DESKTOP * length, least)
        for length, least in zip(desktop, _turned(DESIGNED, desktop), strict=True)
    )
    width, height = (min(length, most) for length, most in zip(wanted, room, strict=True))
    slimmest = max(DESIGNED) / min(DESIGNED)
    return round(min(width, slimmest * height)), round(min(height, slimmest * width))


def fit(window: Size) -> Fit:
    """How a picture is shown in a window of this size."""
    least = _turned(SMALLEST, window)
    picture = max(window[0], least[0]), max(window[1], least[1])
    scale = min(window[0] / picture[0], window[1] / picture[1])
    shown = max(1, round(scale * picture[0])), max(1, round(scale * picture[1]))
    return Fit(picture, shown, ((window[0] - shown[0]) // 2, (window[1] - shown[1]) // 2))


def unit_of(size: Size) -> float:
    """The length of a unit in pixels, for a picture of this size."""
    designed = _turned(DESIGNED, size)
    return min(size[0] / designed[0], size[1] / designed[1])


def columns_of(moments: Sequence[Moment], size: Size, footer: int) -> list[Column]:
    """Where each player's things are.

    Two players stand side by side, or above each other in a picture that is taller than wide. What goes on
    inside each is shown where there is more room, beside its maze or beneath it.

    Args:
        moments: One or two players.
        size: Of the picture.
        footer: Height of what is at the bottom, pixels.
    """
    pygame = import_pygame()
    unit, count = unit_of(size), len(moments)
    margin = round(MARGIN * unit)
    top = round(HEADER * unit) + margin
    whole = pygame.Rect(margin, top, size[0] - 2 * margin, max(1, size[1] - footer - margin - top))
    tall, between = _is_tall(size), 3 * margin
    alone = count == 1 and moments[0].inspection is None  # with little to show beneath its maze
    share = 0.7 if alone else 0.53
    columns = []
    for place, moment in enumerate(moments):
        box = whole.copy()
        if tall:
            box.height = max(1, (whole.height - between * (count - 1)) // count)
            box.top += place * (box.height + between)
        else:
            box.width = max(1, (whole.width - between * (count - 1)) // count)
            box.left += place * (box.width + between)
        columns.append(_column(box, moment, tall != (count == 1), share, unit))
    return columns


def cell_at(moments: Sequence[Moment], columns: Sequence[Column], position: tuple[int, int]) -> int | None:
    """The cell of a maze that is drawn at a position (x, y) of the picture, if there is one."""
    for moment, column in zip(moments, columns, strict=True):
        side = moment.layout.side
        square = column.maze.width / side
        row = int((position[1] - column.maze.top) // square)
        col = int((position[0] - column.maze.left) // square)
        if 0 <= row < side and 0 <= col < side:
            return row * side + col
    return None


def _column(box: Any, moment: Moment, beside: bool, share: float, unit: float) -> Column:
    """Divide one player's box.

    Args:
        box: All there is for it.
        moment: The player.
        beside: What goes on inside is shown beside its maze, else beneath.
        share: Of the height, for a maze that has something beneath.
        unit: See the module.
    """
    pygame = import_pygame()
    margin, side = round(MARGIN * unit), moment.layout.side
    numbers = pygame.Rect(box.left, box.top, box.width, round(_NUMBERS * unit))
    rest = pygame.Rect(box.left, numbers.bottom + margin, box.width, 0)
    rest.height = max(1, box.bottom - rest.top)
    cue = round(_CUE * unit) if moment.cue else 0
    wide, high = (0.52 * rest.width, rest.height) if beside else (rest.width, share * rest.height)
    fitting = max(1.0, min(wide / side, (high - cue) / (side + 0.25)))
    square = max(SMALLEST_SQUARE, int(fitting) // 2 * 2)
    shrunk = min(1.0, fitting / square)
    drawn = side * square, side * square + 2 * (square // 8)
    maze = pygame.Rect(rest.topleft, [max(1, round(shrunk * length)) for length in drawn])
    if beside:
        left, top = maze.right + 2 * margin, rest.top
    else:
        maze.centerx = rest.centerx
        left, top = rest.left, maze.bottom + cue + margin
    panel = pygame.Rect(left, top, max(1, rest.right - left), max(1, rest.bottom - top))
    return Column(
        numbers, maze, pygame.Rect(maze.left, maze.bottom + margin // 4, maze.width, cue), panel, square
    )


def _is_tall(size: Size) -> bool:
    return size[1] > size[0]


def _turned(lying: Size, like: Size) -> Size:
    """`lying`, or standing if `like` is."""
    return lying[::-1] if _is_tall(like) else lying

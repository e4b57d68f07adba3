"""The lines at the bottom: what the signs in the maze mean, and what the keys do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from plastic_maze.rendering import (
    AGENT,
    BAR,
    FLOOR,
    GOAL,
    OTHER_GOAL,
    SEEN,
    UNKNOWN,
    VISITED,
    import_pygame,
)
from plastic_maze.traces import Color
from viewer.keys import Key
from viewer.layout import MARGIN
from viewer.moment import Moment
from viewer.style import FAINT, INK, LINE, PALE, PAPER, VERMILLION, width_of, write

_LINE = 24
_LETTERS = 13
_GAP = 18
_BEFORE_TEXT = 6


@dataclass(frozen=True)
class Sign:
    """A sign in the maze and what it means."""

    draw: Callable[[Any, Any, Color], None]
    """(surface, pygame.Rect, colour)"""
    color: Color
    text: str


def legend_of(moments: Sequence[Moment], whole_maze: bool, goal_shown: bool) -> tuple[Sign, ...]:
    """What the signs mean that can be seen in the mazes."""
    signs = [Sign(_disc, AGENT, "agent"), Sign(_square, SEEN, "squares it sees")]
    if whole_maze:
        signs += [Sign(_square, VISITED, "visited"), Sign(_line, AGENT, "its last steps")]
        if goal_shown:
            signs.append(Sign(_star, GOAL, "goal, invisible to the agent"))
            if any(moment.unpaying for moment in moments):
                signs.append(Sign(_star, OTHER_GOAL, "goal that does not pay now"))
        signs.append(Sign(_flash, GOAL, "goal reached: dots lead to the respawn square"))
    else:
        signs += [Sign(_square, UNKNOWN, "not seen"), Sign(_flash, GOAL, "goal reached")]
    signs.append(Sign(_line, BAR, "time used"))
    if any(moment.cue for moment in moments):
        signs.append(Sign(_cue, VERMILLION, "cue: tells the agent which goal pays"))
    return tuple(signs)


@lru_cache(maxsize=8)
def footer(
    legend: tuple[Sign, ...], keys: tuple[Key, ...], working: tuple[Key, ...], width: int, unit: float
) -> Any:
    """The legend and the keys as a pygame.Surface, as high as they need; it is kept, so do not change it.

    Args:
        legend: Signs to be explained.
        keys: Keys to be explained.
        working: Those that do something now; the others are pale, and stay where they are.
        width: Of the surface, pixels.
        unit: See :mod:`viewer.layout`.
    """
    pygame = import_pygame()
    lines = [*_lines(legend, width, unit), *_lines(keys, width, unit)]
    height = round(_LINE * unit)
    surface = pygame.Surface((width, len(lines) * height + round(6 * unit)), depth=32)
    surface.fill(PAPER)
    for number, line in enumerate(lines):
        for left, item in line:
            box = pygame.Rect(left, number * height, width - left, height)
            if isinstance(item, Sign):
                icon, color = _draw_sign(surface, box, item, unit), FAINT
            else:
                works = item in working
                icon, color = _draw_cap(surface, box, item, works, unit), FAINT if works else PALE
            box.width, box.left = box.right - icon.right, icon.right + round(_BEFORE_TEXT * unit)
            write(surface, item.text, box, _LETTERS * unit, color)
    return surface


def _lines(items: Sequence[Sign | Key], width: int, unit: float) -> list[list[tuple[int, Sign | Key]]]:
    """Items in as many lines as they need, each with the place of its left side."""
    margin = round(MARGIN * unit)
    lines: list[list[tuple[int, Sign | Key]]] = []
    left = width
    for item in items:
        icon = _icon(unit) if isinstance(item, Sign) else _cap_width(item, unit)
        needed = icon + round(_BEFORE_TEXT * unit) + width_of(item.text, round(_LETTERS * unit))
        if left + needed > width - margin:
            lines.append([])
            left = margin
        lines[-1].append((left, item))
        left += needed + round(_GAP * unit)
    return lines


def _icon(unit: float) -> int:
    return round(16 * unit)


def _cap_width(key: Key, unit: float) -> int:
    return width_of(key.shown, round(_LETTERS * unit)) + round(12 * unit)


def _draw_sign(surface: Any, box: Any, sign: Sign, unit: float) -> Any:
    """Draw a sign at the left side of a box; returns the Rect it takes."""
    icon = import_pygame().Rect(box.left, box.top + box.height // 5, _icon(unit), _icon(unit))
    sign.draw(surface, icon, sign.color)
    return icon


def _draw_cap(surface: Any, box: Any, key: Key, works: bool, unit: float) -> Any:
    """Draw the cap of a key at the left side of a box; returns the Rect it takes."""
    pygame = import_pygame()
    cap = pygame.Rect(box.left, box.top + box.height // 10, _cap_width(key, unit), round(0.8 * box.height))
    pygame.draw.rect(surface, LINE, cap, 0 if works else 1, border_radius=round(4 * unit))
    write(surface, key.shown, cap, _LETTERS * unit, INK if works else PALE, align=0.5)
    return cap


def _disc(surface: Any, icon: Any, color: Color) -> None:
    pygame = import_pygame()
    pygame.draw.aacircle(surface, color, icon.center, icon.width * 0.42)


def _line(surface: Any, icon: Any, color: Color) -> None:
    pygame = import_pygame()
    bar = pygame.Rect(icon.left, 0, icon.width, max(2, icon.height // 4))
    bar.centery = icon.centery
    pygame.draw.rect(surface, color, bar)


def _star(surface: Any, icon: Any, color: Color) -> None:
    pygame = import_pygame()
    pygame.draw.rect(surface, FLOOR, icon)
    star = pygame.math.Vector2(0, -0.5 * icon.height)
    short = 0.45
    points = [icon.center + star.rotate(36 * i) * (short if i % 2 else 1) for i in range(10)]
    pygame.draw.polygon(surface, color, points)


def _flash(surface: Any, icon: Any, color: Color) -> None:
    pygame = import_pygame()
    pygame.draw.rect(surface, color, icon, max(2, icon.width // 4))


def _square(surface: Any, icon: Any, color: Color) -> None:
    pygame = import_pygame()
    pygame.draw.rect(surface, color, icon)
    pygame.draw.rect(surface, LINE, icon, 1)


def _cue(surface: Any, icon: Any, color: Color) -> None:
    pygame = import_pygame()
    left = icon.copy()
    left.width //= 2
    pygame.draw.rect(surface, AGENT, left)
    pygame.draw.rect(surface, color, (left.right, icon.top, icon.right - left.right, icon.height))

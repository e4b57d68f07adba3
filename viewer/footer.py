"""The lines at the bottom: what the signs in the maze mean, and what the keys do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plastic_maze.rendering import AGENT, FLOOR, GOAL, SEEN, UNKNOWN, VISITED, import_pygame
from plastic_maze.traces import Color
from viewer.keys import Key
from viewer.style import FAINT, INK, LINE, width_of, write

_LINE = 24
_LETTERS = 13
_GAP = 18


def footer_height(keys: Sequence[Key], width: int, unit: float) -> int:
    """Pixels that :func:`draw_footer` needs in a picture of this width."""
    return round(_LINE * unit) * (1 + len(_key_lines(keys, width, unit))) + round(6 * unit)


def draw_footer(
    surface: Any, box: Any, keys: Sequence[Key], whole_maze: bool, goal_shown: bool, unit: float
) -> None:
    """Draw the legend and the keys.

    Args:
        surface: Where.
        box: A pygame.Rect of :func:`footer_height`.
        keys: Keys to be explained.
        whole_maze: Whether the whole maze is shown.
        goal_shown: Whether the goal is.
        unit: See :mod:`viewer.charts`.
    """
    pygame = import_pygame()
    height = round(_LINE * unit)
    left, letters = box.left, round(_LETTERS * unit)
    for sign, color, text in _legend(whole_maze, goal_shown):
        icon = pygame.Rect(left, box.top + height // 5, round(16 * unit), round(16 * unit))
        _draw_sign(pygame, surface, icon, sign, color)
        place = pygame.Rect(icon.right + round(6 * unit), box.top, box.right - icon.right, height)
        left = place.left + write(surface, text, place, letters, FAINT) + round(_GAP * unit)
    for number, line in enumerate(_key_lines(keys, box.width + 2 * box.left, unit)):
        left = box.left
        top = box.top + (number + 1) * height
        for key in line:
            cap = pygame.Rect(left, top + height // 10, _cap_width(key, unit), round(0.8 * height))
            pygame.draw.rect(surface, LINE, cap, border_radius=round(4 * unit))
            write(surface, key.shown, cap, letters, INK, align=0.5)
            place = pygame.Rect(cap.right + round(5 * unit), top, box.right - cap.right, height)
            left = place.left + write(surface, key.text, place, letters, FAINT) + round(_GAP * unit)


def _legend(whole_maze: bool, goal_shown: bool) -> list[tuple[str, Color, str]]:
    """Sign, colour and text of what can be seen."""
    agent = [("disc", AGENT, "agent"), ("square", SEEN, "squares it sees")]
    if not whole_maze:
        return [*agent, ("square", UNKNOWN, "not seen")]
    been = [("square", VISITED, "visited"), ("line", AGENT, "its last steps")]
    goal = [("star", GOAL, "goal, invisible to the agent")] if goal_shown else []
    return [*agent, *been, *goal, ("flash", GOAL, "a hit: dots lead to where it was thrown")]


def _draw_sign(pygame: Any, surface: Any, icon: Any, sign: str, color: Color) -> None:
    if sign == "disc":
        pygame.draw.aacircle(surface, color, icon.center, icon.width * 0.42)
    elif sign == "line":
        bar = pygame.Rect(icon.left, 0, icon.width, max(2, icon.height // 4))
        bar.centery = icon.centery
        pygame.draw.rect(surface, color, bar)
    elif sign == "star":
        pygame.draw.rect(surface, FLOOR, icon)
        star = pygame.math.Vector2(0, -0.5 * icon.height)
        short = 0.45
        points = [icon.center + star.rotate(36 * i) * (short if i % 2 else 1) for i in range(10)]
        pygame.draw.polygon(surface, color, points)
    elif sign == "flash":
        pygame.draw.rect(surface, color, icon, max(2, icon.width // 4))
    else:
        pygame.draw.rect(surface, color, icon)
        pygame.draw.rect(surface, LINE, icon, 1)


def _cap_width(key: Key, unit: float) -> int:
    return width_of(key.shown, round(_LETTERS * unit)) + round(12 * unit)


def _key_lines(keys: Sequence[Key], width: int, unit: float) -> list[list[Key]]:
    """The keys as lines that fit into a picture of this width."""
    lines: list[list[Key]] = []
    margin = round(14 * unit)
    left = width
    for key in keys:
        text = width_of(key.text, round(_LETTERS * unit))
        needed = _cap_width(key, unit) + round(5 * unit) + text + round(_GAP * unit)
        if left + needed > width - margin:
            lines.append([])
            left = margin
        lines[-1].append(key)
        left += needed
    return lines

"""One episode as a figure for papers: the path before the first hit, and the paths after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from agents.core_colors import core_color
from agents.plotting import new_figure, save_figure
from agents.plural import counted
from plastic_maze.layouts import MazeLayout
from plastic_maze.rendering import FLOOR, GOAL, WALL
from viewer.match import Match
from viewer.moment import Moment

ENDINGS = (".png", ".svg")
"""What a figure's file may end in."""
_SPREAD = 0.3
"""Paths run beside each other within this share of a square's width, so that none hides another."""


def play_to_the_end(match: Match, greedy: bool) -> tuple[Moment, ...]:
    """The last moment of the match's first episode, for each player."""
    match.begin(0)
    while match.step(greedy):
        pass
    return match.moments


def draw_still(moments: Sequence[Moment], path: Path) -> None:
    """Write the figure of an episode: for two players side by side, on the same scales.

    Args:
        moments: Each player's, at the episode's end.
        path: The file; its ending says the format.

    Raises:
        OSError: If the file cannot be written.
    """
    count = len(moments)
    picture = new_figure(8.6, 4.2 if count == 1 else 8.2)
    parts = picture.add_gridspec(1, count)
    colors = ListedColormap(colormaps["cividis"](np.linspace(0, 0.92, 256)))
    time = Normalize(0, max(1, *(len(moment.legs[0]) - 1 for moment in moments)))
    legs = Normalize(1, max(2, *(len(_ways(moment)) for moment in moments)))
    # One player's mazes stand beside each other, two players' in a column each.
    for place, moment in enumerate(moments):
        part = picture.add_subfigure(parts[place])
        before, after = part.subplots(*((1, 2) if count == 1 else (2, 1)))
        _draw_search(before, moment, time, colors)
        _draw_ways(after, moment, legs, colors)
        _scale(part, before, time, colors, "step")
        _scale(part, after, legs, colors, "number of the way back")
        color = _hex(WALL) if moment.inspection is None else core_color(moment.inspection.core)
        part.suptitle(f"{moment.label}: return {moment.score:z.1f}", fontsize=11, weight="bold", color=color)
    numbered = ", numbered in the order in which they paid" if len(moments[0].goals) > 1 else ""
    picture.supxlabel(f"★ goal{'s' if numbered else ''}{numbered}    ○ where a path begins", fontsize=9)
    save_figure(picture, path)


def _draw_search(axes: Axes, moment: Moment, norm: Normalize, colors: ListedColormap) -> None:
    """The path before the first hit."""
    found, first = bool(moment.hit_steps), moment.legs[0]
    _maze(axes, moment.layout)
    axes.set_title("before the first hit" if found else "no hit", fontsize=10)
    axes.set_xlabel(counted(len(first) - 1, "step"))
    drift = np.linspace(-_SPREAD / 2, _SPREAD / 2, len(first))
    _path(axes, moment.layout, first, np.asarray(colors(norm(np.arange(len(first))))), drift)
    _star(axes, moment, first[-1] if found else moment.goal)


def _draw_ways(axes: Axes, moment: Moment, norm: Normalize, colors: ListedColormap) -> None:
    """The paths to the further hits."""
    ways = _ways(moment)
    _maze(axes, moment.layout)
    further = counted(len(ways), "further hit")
    axes.set_title(f"after it: {further}" if moment.hit_steps else "no hit", fontsize=10)
    # A line in any case, so that two players' mazes are as high.
    axes.set_xlabel(f"{np.mean(moment.legs_to_hits[1:]):.1f} steps each" if ways else " ")
    for number, way in enumerate(ways, start=1):
        shift = np.full(len(way), _SPREAD * ((number - 1) / max(1, len(ways) - 1) - 0.5))
        _path(axes, moment.layout, way, np.asarray(colors(norm([number] * len(way)))), shift)
    for cell in moment.goals:  # pairs, and goals that move: several
        _star(axes, moment, cell)


def _ways(moment: Moment) -> tuple[tuple[int, ...], ...]:
    """The legs after the first that ended in a hit, which the last one did not."""
    return moment.legs[1:-1]


def _star(axes: Axes, moment: Moment, cell: int) -> None:
    row, col = moment.layout.coordinates[cell]
    axes.plot(col, row, "*", color=_hex(GOAL), markersize=19, markeredgecolor="black", zorder=5)
    if len(moment.goals) > 1 and cell in moment.goals:
        number = moment.goals.index(cell) + 1
        axes.text(col, row + 0.03, str(number), ha="center", va="center", fontsize=8, weight="bold", zorder=6)


def _scale(picture: FigureBase, axes: Axes, norm: Normalize, colors: ListedColormap, label: str) -> None:
    ticks = MaxNLocator(integer=True)
    picture.colorbar(ScalarMappable(norm, colors), ax=axes, label=label, shrink=0.75, ticks=ticks)


def _maze(axes: Axes, layout: MazeLayout) -> None:
    axes.imshow(layout.walls, cmap=ListedColormap([_hex(FLOOR), _hex(WALL)]), vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _path(
    axes: Axes, layout: MazeLayout, cells: Sequence[int], colors: np.ndarray, shift: np.ndarray
) -> None:
    """Draw a path with a ring where it begins, each step moved aside by its `shift` squares."""
    places = layout.coordinates[list(cells)][:, ::-1] + shift[:, None]
    axes.add_collection(
        LineCollection(list(np.stack([places[:-1], places[1:]], axis=1)), colors=colors, linewidths=1.8)
    )
    axes.plot(*places[0], "o", color=colors[0], markerfacecolor="white", markersize=5, zorder=4)


def _hex(color: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)

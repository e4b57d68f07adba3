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
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from agents.plotting import new_figure, save_figure
from plastic_maze.layouts import MazeLayout
from plastic_maze.rendering import FLOOR, GOAL, WALL
from viewer.match import Match
from viewer.moment import Moment

ENDINGS = (".png", ".svg")
"""What a figure's file may end in."""
_SPREAD = 0.3
"""Paths run beside each other within this share of a square's width, so that none hides another."""


def play_to_the_end(match: Match, greedy: bool) -> Moment:
    """The last moment of the match's first episode, for its first player."""
    match.begin(0)
    while match.step(greedy):
        pass
    return match.moments[0]


def draw_still(moment: Moment, path: Path) -> None:
    """Write the figure of an episode.

    Args:
        moment: At its end.
        path: The file; its ending says the format.

    Raises:
        OSError: If the file cannot be written.
    """
    picture = new_figure(8.6, 4.2)
    before, after = picture.subplots(1, 2)
    first, *later = moment.legs
    steps = moment.legs_to_hits
    colors = ListedColormap(colormaps["cividis"](np.linspace(0, 0.92, 256)))
    _maze(before, moment.layout)
    found = bool(moment.hit_steps)
    before.set_title("before the first hit" if found else "no hit")
    before.set_xlabel(f"{steps[0] if found else moment.elapsed} steps")
    time = Normalize(0, max(1, len(first) - 1))
    drift = np.linspace(-_SPREAD / 2, _SPREAD / 2, len(first))
    _path(before, moment.layout, first, np.asarray(colors(time(np.arange(len(first))))), drift)
    _scale(picture, before, time, colors, "step")

    _maze(after, moment.layout)
    count = len(moment.hit_steps)
    after.set_title(f"after it: {max(0, count - 1)} further hits" if found else "after it: nothing")
    if count > 1:
        after.set_xlabel(f"{np.mean(steps[1:]):.1f} steps each")
    ways = later[: max(0, count - 1)]  # the last leg, which the episode's end cut off, leads to no hit
    legs = Normalize(1, max(2, len(ways)))
    for number, leg in enumerate(ways, start=1):
        shift = _SPREAD * ((number - 1) / max(1, len(ways) - 1) - 0.5)
        shifts = np.full(len(leg), shift)
        _path(after, moment.layout, leg, np.asarray(colors(legs([number] * len(leg)))), shifts)
    _scale(picture, after, legs, colors, "number of the way back")
    _star(before, moment.layout, first[-1] if found else moment.goal)
    for cell in sorted({way[-1] for way in ways} | {moment.goal}):  # pairs, and goals that move: several
        _star(after, moment.layout, cell)
    picture.suptitle(
        f"{moment.label}: return {moment.score:.1f}   (★ goal, ○ where a path begins)", fontsize=10
    )
    save_figure(picture, path)


def _star(axes: Axes, layout: MazeLayout, cell: int) -> None:
    row, col = layout.coordinates[cell]
    axes.plot(col, row, "*", color=_hex(GOAL), markersize=17, markeredgecolor="black", zorder=5)


def _scale(picture: Figure, axes: Axes, norm: Normalize, colors: ListedColormap, label: str) -> None:
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

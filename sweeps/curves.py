"""Lines in the colours of their cores, each with its name at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from agents.core_colors import core_color
from agents.plotting import GREY, plain
from sweeps.aggregate import Summary

LineStyle = str | tuple[float, tuple[float, ...]]

REFERENCE_STYLES = {"oracle": ":", "planner": "--", "random": "-."}
_SHADES = (0.0, 0.45)
"""How far lines of one colour are from it towards white."""
_STYLES: tuple[LineStyle, ...] = (
    "-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5, 1.5, 1.5)),
)  # fmt: skip
"""What those of the same shade differ by."""
MOST_LINES = len(_SHADES) * len(_STYLES)
"""Lines that can be told apart in one panel, all of one colour."""
_LABEL_POINTS = 9
_LINE_HEIGHT = 1.3 * _LABEL_POINTS / 72
"""Inches that a label takes."""


@dataclass(frozen=True)
class Look:
    """How a line is drawn."""

    color: str
    """Of its name, "#RRGGBB"."""
    style: LineStyle = "-"
    shade: float = 0.0
    """How far the line is from that colour towards white, 0 to 1."""

    @property
    def line_color(self) -> tuple[float, ...]:
        """The colour of the line: red, green and blue, 0 to 1."""
        return tuple(1 - (1 - int(self.color[i : i + 2], 16) / 255) * (1 - self.shade) for i in (1, 3, 5))


@dataclass(frozen=True)
class Curve:
    """A line with its band."""

    label: str
    core: str
    x: np.ndarray
    y: Summary
    """[K] each, like x."""


@dataclass(frozen=True)
class End:
    """Where a line ends, and how it looks."""

    value: float
    look: Look


def reference_look(name: str) -> Look:
    """How the line of a reference player is drawn."""
    return Look(GREY, REFERENCE_STYLES[name])


def looks(cores: Sequence[str]) -> list[Look]:
    """How the lines of these cores are drawn: each in its core's colour, those of one core told apart."""
    seen: Counter[str] = Counter()
    found = []
    for core in cores:
        color = core_color(core)
        style, shade = divmod(seen[color], len(_SHADES))
        seen[color] += 1
        found.append(Look(color, _STYLES[style % len(_STYLES)], _SHADES[shade]))
    return found


def draw_curves(axes: Axes, curves: Sequence[Curve], width: float = 1.5) -> dict[str, End]:
    """Draw the curves, `width` points wide; returns the end of each that has points, by its label."""
    ends = {}
    for curve, look in zip(curves, looks([curve.core for curve in curves]), strict=True):
        # A line through a single point would not be seen.
        marker = "o" if len(np.unique(curve.x)) == 1 else ""
        axes.plot(
            curve.x,
            curve.y.centre,
            color=look.line_color,
            linestyle=look.style,
            linewidth=width,
            marker=marker,
        )
        axes.fill_between(curve.x, curve.y.low, curve.y.high, color=look.line_color, alpha=0.2, linewidth=0)
        if len(curve.x):
            ends[curve.label] = End(float(curve.y.centre[-1]), look)
    plain(axes)
    axes.margins(x=0)
    return ends


def label_ends(axes: Axes, ends: dict[str, End]) -> None:
    """Write each line's name beside its end, at the right of `axes`, and no two names over each other."""
    low, high = axes.get_ylim()
    picture = axes.get_figure()
    assert picture is not None
    inches = axes.get_position().height * picture.bbox.height / picture.dpi
    gap = _LINE_HEIGHT / inches * (high - low)
    names = sorted(ends, key=lambda name: ends[name].value)
    places = _apart([ends[name].value for name in names], gap)
    for name, place in zip(names, places, strict=True):
        end = ends[name]
        axes.annotate(
            name, (1.0, end.value), (1.05, place), xycoords=("axes fraction", "data"),
            va="center", fontsize=_LABEL_POINTS, color=end.look.color, annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": end.look.line_color, "linestyle": end.look.style,
                "linewidth": 0.9, "shrinkA": 1, "shrinkB": 0, "relpos": (0, 0.5),
            },
        )  # fmt: skip


def _apart(values: list[float], gap: float) -> list[float]:
    """Rising `values`, moved as little as is needed to be `gap` apart from each other."""
    groups: list[tuple[list[float], float]] = []  # the values of a block of neighbours, and its centre
    for value in values:
        block, centre = [value], value
        while groups and centre - groups[-1][1] < gap * (len(block) + len(groups[-1][0])) / 2:
            block = groups.pop()[0] + block
            centre = sum(block) / len(block)
        groups.append((block, centre))
    return [centre + gap * (i - (len(block) - 1) / 2) for block, centre in groups for i in range(len(block))]

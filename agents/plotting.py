"""Figures from metrics files, and the style that all figures share."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from agents.metrics import read_metrics
from agents.whole_file import write_whole
from agents.yardstick import Yardstick

GREY = "#444444"
"""Reference players and everything else that is no core; cores have :func:`agents.core_colors.core_color`."""
BLUE, VERMILLION = "#0072B2", "#D55E00"
"""Right and wrong, where no core is shown: two of Okabe and Ito's colours, which colour-blind people can tell
apart."""


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that many inches."""
    picture = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(picture)
    return picture


def plain(axes: Axes) -> None:
    """Take away what carries no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)


def save_figure(picture: Figure, path: Path) -> None:
    """Write `picture`, whole or not at all; the ending of `path` says the format.

    The same figure gives the same file.
    """
    kind, drawn = path.suffix.removeprefix("."), io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "plastic-maze"}):
        picture.savefig(drawn, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    write_whole(path, drawn.getvalue())


def save_formats(picture: Figure, path: Path) -> list[Path]:
    """Write `picture` as PNG and as SVG; `path` has no ending. Returns the files."""
    files = [path.with_name(f"{path.name}{ending}") for ending in (".png", ".svg")]
    for file in files:
        save_figure(picture, file)
    return files


def plot_learning_curve(
    metrics: Path, figure: Path, title: str, color: str, yardstick: Yardstick | None
) -> None:
    """Draw the mean return over environment steps.

    Args:
        metrics: A run's metrics.csv.
        figure: The picture to write; its ending says the format.
        title: Heading.
        color: Of the curve.
        yardstick: A reference player's mean return, drawn as a line if given.
    """
    rows = [row for row in read_metrics(metrics) if "rollout/ep_rew_mean" in row]
    picture = new_figure(7, 4.2)
    axes = picture.add_subplot()
    steps = [row["time/total_timesteps"] / 1e6 for row in rows]
    axes.plot(steps, [row["rollout/ep_rew_mean"] for row in rows], color=color, label="agent, in training")
    if yardstick is not None:
        axes.axhline(yardstick.mean_return, color=GREY, linestyle="--", label=yardstick.label)
    axes.set(xlabel="environment steps (millions)", ylabel="return per episode", title=title)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    plain(axes)
    axes.legend(frameon=False)
    save_figure(picture, figure)

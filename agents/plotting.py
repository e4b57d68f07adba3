"""Figures from metrics files."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from agents.metrics import read_metrics


def plot_learning_curve(metrics: Path, figure: Path, title: str, oracle: float | None) -> None:
    """Draw the mean return over environment steps.

    Args:
        metrics: A run's metrics.csv.
        figure: The picture to write; its ending says the format.
        title: Heading.
        oracle: The oracle's mean return, drawn as a line if given.
    """
    rows = [row for row in read_metrics(metrics) if "rollout/ep_rew_mean" in row]
    picture = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.add_subplot()
    steps = [row["time/total_timesteps"] / 1e6 for row in rows]
    axes.plot(
        steps, [row["rollout/ep_rew_mean"] for row in rows], color="#0072B2", label="agent, in training"
    )
    if oracle is not None:
        axes.axhline(oracle, color="#D55E00", linestyle="--", label="oracle (is told the goal)")
    axes.set(xlabel="environment steps (millions)", ylabel="return per episode", title=title)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    picture.savefig(figure, dpi=150)

"""The `options` of `reset`, checked before anything changes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from plastic_maze.layouts import MazeLayout


def check_option_names(options: dict[str, Any] | None, accepted: tuple[str, ...]) -> dict[str, Any]:
    """Return `options` as a dictionary, refusing names that nobody reads.

    Raises:
        ValueError: If `options` is not a dictionary, or has a key that is not among `accepted`.
    """
    if options is None:
        return {}
    if not isinstance(options, dict):
        raise ValueError(f"options must be a dictionary or None, got {options!r}")
    unknown = sorted(str(key) for key in options if key not in accepted)
    if unknown:
        raise ValueError(f"unknown reset options {unknown}, accepted are {sorted(accepted)}")
    return options


def goal_cells(layout: MazeLayout, goal: Any, num_envs: int) -> NDArray[np.intp]:
    """Read the option `goal`.

    Args:
        layout: The maze it lies in.
        goal: (row, col) with the border counted, for every environment; or an integer array [num_envs, 2].
        num_envs: How many goals are needed.

    Returns:
        Goal cells, int [num_envs].

    Raises:
        ValueError: If a goal is not a free square other than the start.
    """
    start = tuple(layout.coordinates[layout.centre].tolist())
    accepted = (
        f"a (row, col) of a free square other than the start {start}, counted from 0 with the border included"
    )
    try:
        positions = np.asarray(goal)
    except ValueError:  # rows of different lengths
        positions = np.empty(0)
    if positions.dtype.kind not in "iu" or positions.shape not in ((2,), (num_envs, 2)):
        raise ValueError(f"goal must be {accepted}, got {goal!r}")
    inside = ((positions >= 0) & (positions < layout.side)).all(axis=-1)
    cells = np.where(inside, positions[..., 0] * layout.side + positions[..., 1], layout.centre).astype(
        np.intp
    )
    wrong = (layout.free_rank[cells] < 0) | (cells == layout.centre)
    if wrong.any():
        first = positions.reshape(-1, 2)[wrong.argmax()].tolist()
        raise ValueError(f"goal must be {accepted}, got {tuple(first)}")
    return np.full(num_envs, cells)

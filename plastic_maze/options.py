"""What `reset` and `move_goal` are told, checked before anything changes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from plastic_maze.dynamics import MazeState, free_cells
from plastic_maze.layouts import MazeLayout
from plastic_maze.rules import MazeRules

Ints = NDArray[np.intp]


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


def goal_cells(rules: MazeRules, goal: Any, num_envs: int) -> Ints:
    """Read the option `goal`.

    Args:
        rules: The maze it lies in.
        goal: (row, col) with the border counted, for every environment; or an integer array [num_envs, 2].
        num_envs: How many goals are needed.

    Returns:
        Goal cells, int [num_envs].

    Raises:
        ValueError: If a goal is not a square, other than the start, that is free in every episode; or if
            there are several goals, since it could stand for any.
    """
    if rules.n_cues > 1:
        raise ValueError(
            f"the option goal needs n_cues = 1, got {goal!r} in a maze with {rules.n_cues} goals"
        )
    layout = rules.layout
    start = tuple(layout.coordinates[layout.centre].tolist())
    free = "square that is free in every episode" if rules.random_walls else "free square"
    accepted = (
        f"a (row, col) of a {free} other than the start {start}, counted from 0 with the border included"
    )
    allowed = rules.always_free.copy()
    allowed[layout.centre] = False
    return _cells(layout, goal, np.broadcast_to(allowed, (num_envs, len(allowed))), accepted)


def moved_goal_cells(rules: MazeRules, state: MazeState, goal: Any) -> Ints:
    """Read where a goal is to be moved to in mid-episode.

    Args:
        rules: The maze.
        state: N environments.
        goal: (row, col) with the border counted, for every environment; or an integer array [N, 2].

    Returns:
        Goal cells, int [N].

    Raises:
        ValueError: If a goal would lie in a wall, under the agent or on another pair's goal.
    """
    allowed = free_cells(rules, state.walls)
    every = np.arange(len(state))
    allowed[every[:, None], state.goals] = False
    allowed[every, state.goal] = True
    allowed[every, state.agent] = False
    accepted = (
        "a (row, col) of a free square, counted from 0 with the border included, "
        "that is neither under the agent nor another pair's goal"
    )
    return _cells(rules.layout, goal, allowed, accepted)


def _cells(layout: MazeLayout, goal: Any, allowed: NDArray[np.bool_], accepted: str) -> Ints:
    """Turn (row, col) or [N, 2] into cells, int [N], which must be `allowed`, bool [N, num_cells]."""
    try:
        positions = np.asarray(goal)
    except ValueError:  # rows of different lengths
        positions = np.empty(0)
    n = len(allowed)
    if positions.dtype.kind not in "iu" or positions.shape not in ((2,), (n, 2)):
        raise ValueError(f"goal must be {accepted}, got {goal!r}")
    positions = np.broadcast_to(positions, (n, 2))
    inside = ((positions >= 0) & (positions < layout.side)).all(axis=1)
    cells = np.where(inside, positions[:, 0] * layout.side + positions[:, 1], 0).astype(np.intp)
    wrong = ~allowed[np.arange(n), cells]  # cell 0 is a wall
    if wrong.any():
        raise ValueError(f"goal must be {accepted}, got {tuple(positions[wrong.argmax()].tolist())}")
    return cells

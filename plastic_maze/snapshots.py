"""A `MazeState` as a dictionary of arrays, to be stored with a checkpoint, and back.

| Key | Meaning | Array |
|-----|---------|-------|
| `seed` | seed of each environment | uint64 [N] |
| `episode` | episodes begun since then, from 0 | uint64 [N] |
| `goals` | goal cells | int [N, 1] |
| `pair` | which of the goals pays | int [N] |
| `agent` | agent's cell | int [N] |
| `previous_action` | -1 before the first step | int [N] |
| `previous_reward` | 0 before the first step | float64 [N] |
| `elapsed` | steps taken | int [N] |
| `hits` | times the goal was entered | int [N] |
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from plastic_maze.dynamics import NO_ACTION, MazeRules, MazeState
from plastic_maze.layouts import NUM_ACTIONS
from plastic_maze.randomness import episode_key

_DTYPES = {
    "seed": np.uint64,
    "episode": np.uint64,
    "goals": np.intp,
    "pair": np.intp,
    "agent": np.intp,
    "previous_action": np.intp,
    "previous_reward": np.float64,
    "elapsed": np.intp,
    "hits": np.intp,
}


def to_snapshot(state: MazeState) -> dict[str, NDArray[Any]]:
    """Copy what the rest of the state follows from."""
    return {name: getattr(state, name).copy() for name in _DTYPES}


def from_snapshot(rules: MazeRules, snapshot: dict[str, NDArray[Any]], num_envs: int) -> MazeState:
    """Build the state again.

    Args:
        rules: The rules it is to go on under.
        snapshot: From `to_snapshot`.
        num_envs: N.

    Returns:
        The state, with arrays of its own.

    Raises:
        ValueError: If a key is missing or too many, an array has the wrong dtype or shape, or a value cannot
            occur.
    """
    if set(snapshot) != set(_DTYPES):
        raise ValueError(f"state must have the keys {sorted(_DTYPES)}, got {sorted(snapshot)}")
    arrays = {}
    for name, dtype in _DTYPES.items():
        array = np.asarray(snapshot[name])
        shape = (num_envs, 1) if name == "goals" else (num_envs,)
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(
                f"state[{name!r}] must be {np.dtype(dtype)} with shape {shape}, "
                f"got {array.dtype} with shape {array.shape}"
            )
        arrays[name] = array.copy()

    goal = arrays["goals"][:, 0]
    rewards = [0.0, 0.0 - rules.wall_penalty, rules.goal_reward]
    _require("goals", np.isin(goal, rules.layout.free), "free cells of this maze")
    _require("goals", goal != rules.layout.centre, "other than the start")
    _require("pair", arrays["pair"] == 0, "0")
    _require("agent", np.isin(arrays["agent"], rules.layout.free), "free cells of this maze")
    _require("agent", arrays["agent"] != goal, "off the goal")
    _require("elapsed", _within(arrays["elapsed"], 0, rules.max_steps - 1), f"0 to {rules.max_steps - 1}")
    _require("previous_action", _within(arrays["previous_action"], NO_ACTION, NUM_ACTIONS - 1), "-1 to 3")
    begun = (arrays["previous_action"] != NO_ACTION) == (arrays["elapsed"] > 0)
    _require("previous_action", begun, "-1 if, and only if, no step was taken")
    _require("previous_reward", np.isin(arrays["previous_reward"], rewards), f"one of {rewards}")
    _require("hits", _within(arrays["hits"], 0, arrays["elapsed"]), "0 to the steps taken")
    return MazeState(key=episode_key(arrays["seed"], arrays["episode"]), goal=goal.copy(), **arrays)


def _within(array: NDArray[np.intp], low: int, high: int | NDArray[np.intp]) -> NDArray[np.bool_]:
    return (low <= array) & (array <= high)


def _require(name: str, holds: NDArray[np.bool_], what: str) -> None:
    if not holds.all():
        raise ValueError(f"state[{name!r}] must be {what}, which fails for environment {int(holds.argmin())}")

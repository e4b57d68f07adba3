"""A `MazeState` as a dictionary of arrays, to be stored with a checkpoint, and back.

| Key | Meaning | Array |
|-----|---------|-------|
| `seed` | seed of each environment | uint64 [N] |
| `episode` | episodes begun since then, from 0 | uint64 [N] |
| `goals` | goal cells | int [N, n_cues] |
| `pair` | which of the goals pays | int [N] |
| `agent` | agent's cell | int [N] |
| `previous_action` | -1 before the first step | int [N] |
| `previous_reward` | 0 before the first step | float64 [N] |
| `elapsed` | steps taken | int [N] |
| `hits` | times the goal was entered | int [N] |

What else an episode has drawn (walls, cues, when its goal moves) follows from the seed and the episode.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from plastic_maze.dynamics import (
    NO_ACTION,
    MazeState,
    episode_cues,
    episode_switch,
    episode_walls,
    free_cells,
)
from plastic_maze.layouts import NUM_ACTIONS
from plastic_maze.randomness import episode_key
from plastic_maze.rules import MazeRules

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


def from_snapshot(
    rules: MazeRules, snapshot: dict[str, NDArray[Any]], num_envs: int, most_elapsed: int
) -> MazeState:
    """Build the state again.

    Args:
        rules: The rules it is to go on under.
        snapshot: From `to_snapshot`.
        num_envs: N.
        most_elapsed: The most steps there can be in an episode that a snapshot is taken of.

    Returns:
        The state, with arrays of its own.

    Raises:
        ValueError: If a key is missing or too many, an array has the wrong dtype or shape, or a value cannot
            occur.
    """
    if not isinstance(snapshot, dict) or set(snapshot) != set(_DTYPES):
        got = sorted(snapshot) if isinstance(snapshot, dict) else repr(snapshot)
        raise ValueError(f"state must be a dictionary with the keys {sorted(_DTYPES)}, got {got}")
    arrays = {}
    for name, dtype in _DTYPES.items():
        array = np.asarray(snapshot[name])
        shape = (num_envs, rules.n_cues) if name == "goals" else (num_envs,)
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(
                f"state[{name!r}] must be {np.dtype(dtype)} with shape {shape}, "
                f"got {array.dtype} with shape {array.shape}"
            )
        arrays[name] = array.copy()

    key = episode_key(arrays["seed"], arrays["episode"])
    walls = episode_walls(rules, key)
    free = free_cells(rules, walls)
    rows = np.arange(num_envs)
    goals, agent, pair = arrays["goals"], arrays["agent"], arrays["pair"]
    for name, cells in (("goals", goals.T), ("agent", agent[None])):
        inside = _within(cells, 0, rules.layout.num_cells - 1)
        on_floor = inside & free[rows, np.where(inside, cells, 0)]
        _require(name, np.logical_and.reduce(on_floor), "free cells of this maze")
    different = np.diff(np.sort(goals, axis=1), axis=1) > 0
    _require("goals", np.logical_and.reduce(different, axis=1), "all different")
    _require("pair", _within(pair, 0, rules.n_cues - 1), f"0 to {rules.n_cues - 1}")
    goal = goals[rows, pair]
    _require("agent", agent != goal, "off the goal")
    _require("elapsed", _within(arrays["elapsed"], 0, most_elapsed), f"0 to {most_elapsed}")
    _require("previous_action", _within(arrays["previous_action"], NO_ACTION, NUM_ACTIONS - 1), "-1 to 3")
    begun = (arrays["previous_action"] != NO_ACTION) == (arrays["elapsed"] > 0)
    _require("previous_action", begun, "-1 if, and only if, no step was taken")
    rewarded = np.isin(arrays["previous_reward"], rules.rewards)
    _require("previous_reward", rewarded, f"one of {rules.rewards.tolist()}")
    _require("hits", _within(arrays["hits"], 0, arrays["elapsed"]), "0 to the steps taken")
    _require("agent", (arrays["elapsed"] > 0) | (agent == rules.layout.centre), "in the centre at the start")
    return MazeState(
        key=key,
        walls=walls,
        cues=episode_cues(rules, key),
        switch_at=episode_switch(rules, key),
        goal=goal,
        **arrays,
    )


def _within(array: NDArray[np.intp], low: int, high: int | NDArray[np.intp]) -> NDArray[np.bool_]:
    return np.logical_and(low <= array, array <= high)


def _require(name: str, holds: NDArray[np.bool_], what: str) -> None:
    if not holds.all():
        raise ValueError(f"state[{name!r}] must be {what}, which fails for environment {int(holds.argmin())}")

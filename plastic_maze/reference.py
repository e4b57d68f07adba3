"""Players to measure an agent against. They follow the `predict` protocol of Stable-Baselines3.

`predict(observation, state, episode_start, deterministic) -> (actions, state)`
"""

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from plastic_maze.layouts import NUM_ACTIONS, MazeLayout
from plastic_maze.validation import check_observation, whole_number
from plastic_maze.vector_env import PlasticMazeVectorEnv


class RandomPlayer:
    """Takes every action equally often.

    Args:
        num_actions: How many there are.
        seed: Of its own random numbers.

    Raises:
        ValueError: If an argument is not accepted.
    """

    def __init__(self, num_actions: int = NUM_ACTIONS, seed: int = 0) -> None:
        self.num_actions = whole_number("num_actions", num_actions, minimum=1)
        self._random = np.random.default_rng(whole_number("seed", seed, minimum=0))

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.intp], Any]:
        """Choose without looking.

        Args:
            observation: [N, 15], or [15] of a single environment.
            state: Handed back.
            episode_start: Not used.
            deterministic: Not used; there is no likeliest action.

        Returns:
            Actions, int [N] (or [] for a single environment), and `state`.

        Raises:
            ValueError: If `observation` is what `reset` returns.
        """
        check_observation(observation)
        return self._random.integers(self.num_actions, size=np.shape(observation)[:-1], dtype=np.intp), state


class OraclePlayer:
    """Knows where it is and where the goal is, and walks a shortest path: no agent can do better.

    It also knows the walls where they are random, which of several goals pays, and where a goal has moved to.
    (With a goal that is going to move, "no better" holds up to the chance that a detour would have met it.)
    Where several steps are on a shortest path, it takes the lowest action.

    Args:
        env: The `PlasticMazeVectorEnv` it plays in, or a wrapper of one.

    Raises:
        ValueError: If `env` is something else.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        self._env = own_vector_env(env)
        self._first_step = first_steps(self._env.rules.layout)
        self._nearer = _OwnWalls(self._env) if self._env.rules.random_walls else None

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.intp], Any]:
        """Choose by the state of the environment.

        Args:
            observation: Not used.
            state: Handed back.
            episode_start: Not used.
            deterministic: Not used; it always is.

        Returns:
            Actions, int [N], and `state`.
        """
        maze = self._env.get_state()
        goal = np.take_along_axis(maze["goals"], maze["pair"][:, None], axis=1)[:, 0]
        if self._nearer is not None:
            return self._nearer.first_steps(maze["agent"], goal), state
        return self._first_step[maze["agent"], goal], state


class _OwnWalls:
    """Shortest paths where each environment has walls of its own."""

    def __init__(self, env: PlasticMazeVectorEnv) -> None:
        self._env = env
        self._walls = np.empty((0, 0), dtype=np.bool_)
        self._goal = np.empty(0, dtype=np.intp)
        self._distance = np.empty((0, 0), dtype=np.intp)

    def first_steps(self, agent: NDArray[np.intp], goal: NDArray[np.intp]) -> NDArray[np.intp]:
        """The lowest action that begins a shortest path, int [N]."""
        rules, every = self._env.rules, np.arange(len(agent))
        walls = self._env.walls().reshape(len(agent), -1)
        # Walls and goals stay the same for many steps, and so do the distances.
        if self._walls.shape != walls.shape:
            new = every
            self._walls, self._goal, self._distance = walls, goal, np.zeros(walls.shape, dtype=np.intp)
        else:
            new = ((self._walls != walls).any(axis=1) | (self._goal != goal)).nonzero()[0]
            self._walls, self._goal = walls, goal
        if new.size:
            self._distance[new] = distances_to(walls[new], goal[new], rules.ahead)
        there = agent[:, None] + rules.ahead
        blocked = walls[every[:, None], there]
        return np.where(blocked, walls.shape[1], self._distance[every[:, None], there]).argmin(axis=1)


def distances_to(
    walls: NDArray[np.bool_], goal: NDArray[np.intp], ahead: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Steps from each cell to the goal.

    Args:
        walls: bool [N, num_cells], with a closed border.
        goal: Goal cells, int [N].
        ahead: What each action adds to a cell, int [4].

    Returns:
        int [N, num_cells]; num_cells, which is more than any distance, for walls.
    """
    distances = np.full(walls.shape, walls.shape[1], dtype=np.intp)
    frontier = np.zeros(walls.shape, dtype=np.bool_)
    frontier[np.arange(len(goal)), goal] = True
    open_ = ~walls
    steps = 0
    while frontier.any():
        distances[frontier] = steps
        open_ &= ~frontier
        # Only cells of the border would be carried over to another row's end, and these are walls.
        spread = np.zeros_like(frontier)
        for offset in ahead.tolist():
            spread |= np.roll(frontier, offset, axis=1)
        frontier = spread & open_
        steps += 1
    return distances


def first_steps(layout: MazeLayout) -> NDArray[np.intp]:
    """The lowest action that begins a shortest path, int [num_cells, num_cells], indexed by from and to.

    Where there is no path, or nowhere to go, the entry means nothing.
    """
    steps_left = layout.distances[layout.next_cell]  # [from, action, to]
    return steps_left.argmin(axis=1)


def own_vector_env(env: VectorEnv[Any, Any, Any]) -> PlasticMazeVectorEnv:
    """Look under the wrappers.

    Raises:
        ValueError: If there is no `PlasticMazeVectorEnv`.
    """
    if not isinstance(env, VectorEnv) or not isinstance(env.unwrapped, PlasticMazeVectorEnv):
        raise ValueError(f"env must be a PlasticMazeVectorEnv or a wrapper of one, got {env!r}")
    return env.unwrapped

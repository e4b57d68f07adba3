"""Players to measure an agent against. They follow the `predict` protocol of Stable-Baselines3.

`predict(observation, state, episode_start, deterministic) -> (actions, state)`
"""

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from plastic_maze.layouts import NUM_ACTIONS, MazeLayout
from plastic_maze.validation import whole_number
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
        """
        return self._random.integers(self.num_actions, size=np.shape(observation)[:-1], dtype=np.intp), state


class OraclePlayer:
    """Knows where it is and where the goal is, and walks a shortest path: no agent can do better.

    Where several steps are on a shortest path, it takes the lowest action.

    Args:
        env: The `PlasticMazeVectorEnv` it plays in, or a wrapper of one.

    Raises:
        ValueError: If `env` is something else.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        self._env = own_vector_env(env)
        self._first_step = first_steps(self._env.rules.layout)

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
        return self._first_step[maze["agent"], goal], state


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

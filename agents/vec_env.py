"""Environments for training: Gymnasium vector environments as SB3 VecEnvs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.env_util import make_vec_env as sb3_make_vec_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv, VecMonitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from plastic_maze import ENVIRONMENTS  # importing the package registers its ids
from plastic_maze.validation import whole_number

NOT_THE_ENVS = (
    "env_id", "n_envs", "id", "self", "num_envs", "vectorization_mode", "vector_kwargs", "wrappers",
    "autoreset_mode", "render_mode",
)  # fmt: skip
"""Keyword arguments that say how an environment is made or shown, not what it is."""


class GymnasiumVecEnv(VecEnv):
    """A Gymnasium vector environment behind SB3's VecEnv interface.

    There is no Python loop over environments except where episodes end. Like SB3's Monitor it reports each
    finished episode in `info["episode"]`: return "r", length "l", seconds since the start "t". Of the
    environment's own information, an episode's last is beside it; that of other steps is not handed on.

    Args:
        env: A vector environment whose declared autoreset mode is "same step", as SB3's VecEnvs reset.

    Raises:
        ValueError: If the autoreset mode is another one.
    """

    def __init__(self, env: gym.vector.VectorEnv) -> None:
        mode = env.metadata.get("autoreset_mode")
        if mode != AutoresetMode.SAME_STEP:
            raise ValueError(
                f"the vector environment must reset in the same step (AutoresetMode.SAME_STEP), not {mode}"
            )
        self.env = env
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self._actions = np.zeros(env.num_envs, dtype=np.int64)
        self._returns = np.zeros(env.num_envs)
        self._lengths = np.zeros(env.num_envs, dtype=np.int64)
        self._started = time.time()

    def reset(self) -> np.ndarray:
        """Start new episodes, from the seeds given to :meth:`seed` if any; observations [B, F]."""
        seeds = None if self._seeds[0] is None else list(self._seeds)
        options = self._options[0] or None
        obs, _ = self.env.reset(seed=seeds, options=options)  # type: ignore[arg-type]  # a list is accepted
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = 0
        self._lengths[:] = 0
        return obs

    def set_options(self, options: list[dict[str, Any]] | dict[str, Any] | None = None) -> None:
        """Options of the next reset, one dictionary for all environments.

        Raises:
            ValueError: If it is a list with one for each.
        """
        if isinstance(options, list):
            raise ValueError(
                "options must be one dictionary for all environments, whose values can be arrays with a row "
                f'for each, such as {{"goal": [[1, 1], [3, 3]]}}, got the list {options!r}'
            )
        super().set_options(options)

    def step_async(self, actions: np.ndarray) -> None:
        """Take note of actions [B]."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Take the step: observations [B, F], rewards [B], dones [B] and a dictionary for each row."""
        obs, rewards, terminated, truncated, info = self.env.step(self._actions)
        dones = terminated | truncated
        self._returns += rewards
        self._lengths += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if np.count_nonzero(dones):
            seconds = round(time.time() - self._started, 6)
            for i in np.flatnonzero(dones):
                infos[i] = {
                    **_row(info.get("final_info", {}), int(i)),
                    "episode": {"r": float(self._returns[i]), "l": int(self._lengths[i]), "t": seconds},
                    "terminal_observation": info["final_obs"][i],
                    "TimeLimit.truncated": bool(truncated[i] and not terminated[i]),
                }
            self._returns[dones] = 0
            self._lengths[dones] = 0
        return obs, rewards.astype(np.float32), dones, infos

    def get_state(self) -> dict[str, np.ndarray]:
        """Arrays from which :meth:`set_state` goes on exactly; empty if the environment cannot do that."""
        if not hasattr(self.env, "get_state"):
            return {}
        own = {"monitor_returns": self._returns.copy(), "monitor_lengths": self._lengths.copy()}
        return {**self.env.get_state(), **own}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Go on where :meth:`get_state` was called."""
        state = dict(state)
        self._returns[:] = state.pop("monitor_returns")
        self._lengths[:] = state.pop("monitor_lengths")
        self.env.set_state(state)  # type: ignore[attr-defined]  # get_state found it

    def close(self) -> None:
        """Close the vector environment."""
        self.env.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        """One frame for each environment."""
        frames = self.env.render()
        return [None] * self.num_envs if frames is None else [np.asarray(frame) for frame in frames]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The vector environment's attribute, once for each index.

        Raises:
            AttributeError: If it has no such attribute.
        """
        # Gymnasium's wrappers of vector environments hand on only what they know of.
        has = hasattr(self.env, attr_name)
        value = getattr(self.env if has else self.env.unwrapped, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Not possible: the environments are rows of shared arrays.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(f"{attr_name} cannot be set for single rows of {self.env}")

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Not possible: the environments are rows of shared arrays.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(f"{method_name} cannot be called on single rows of {self.env}")

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper], indices: VecEnvIndices = None) -> list[bool]:
        """True for SB3's monitors, whose reports this class gives itself."""
        return [wrapper_class in (Monitor, VecMonitor) for _ in self._get_indices(indices)]


def _row(info: dict[str, Any], i: int) -> dict[str, Any]:
    """What the information of a vector environment, arrays with a mask each, says of environment `i`."""
    return {
        name: values[i]
        for name, values in info.items()
        if isinstance(values, np.ndarray) and f"_{name}" in info and info[f"_{name}"][i]
    }


def make_vec_env(env_id: str, n_envs: int, **env_kwargs: Any) -> VecEnv:
    """`n_envs` copies of an environment: batched where it has a batched form that SB3 can use.

    Args:
        env_id: A Gymnasium id.
        n_envs: B, how many.
        env_kwargs: Keyword arguments of the environment.

    Raises:
        ValueError: If the id, the number or an argument is not accepted, or the environment needs what is
            not installed.
    """
    spec = find_spec(env_id)
    n_envs = whole_number("n_envs", n_envs, minimum=1)
    try:
        if spec.vector_entry_point is not None:
            env = gym.make_vec(spec, num_envs=n_envs, **env_kwargs)
            if env.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP:
                return GymnasiumVecEnv(env)
            env.close()
        return sb3_make_vec_env(env_id, n_envs, env_kwargs=env_kwargs)
    except gym.error.Error as error:
        raise ValueError(f"{env_id} cannot be made: {error}") from error
    except ValueError:  # one that says what it is about
        raise
    except TypeError as error:
        if "unexpected keyword" in str(error):
            name = next((name for name in env_kwargs if f"{name!r}" in str(error)), str(sorted(env_kwargs)))
            given = f", got {env_kwargs[name]!r}" if name in env_kwargs else ""
            raise ValueError(
                f"{name} is not an argument of {env_id}{given} ({error}); "
                "an environment's arguments are given one by one, by their own names"
            ) from error
        raise ValueError(f"{env_id} cannot be made: {error}") from error
    except Exception as error:  # of whatever kind: a package it needs, a value that its author did not check
        raise ValueError(f"{env_id} cannot be made: {type(error).__name__}: {error}") from error


def find_spec(env_id: str) -> gym.envs.registration.EnvSpec:
    """The registration of `env_id`.

    Raises:
        ValueError: If there is none.
    """
    module, _, name = env_id.rpartition(":")
    if module:
        known = module == "plastic_maze"
        raise ValueError(
            f"the environment must be an id alone, got {env_id!r}; write {name!r}"
            + ("" if known else f" and import {module} first (on the command line: --packages {module})")
        )
    try:
        return gym.spec(env_id)
    except gym.error.Error as error:
        raise ValueError(
            f"unknown environment {env_id!r} ({error}); "
            f"this project's are {', '.join(ENVIRONMENTS)}, and any registered Gymnasium id works"
        ) from error


def env_spec(env: VecEnv) -> tuple[str, dict[str, Any]] | None:
    """Id and keyword arguments from which `env` was made, where Gymnasium knows them."""
    try:
        spec = env.get_attr("spec", 0)[0]
    except AttributeError:
        return None
    if spec is None:
        return None
    return spec.id, {key: value for key, value in spec.kwargs.items() if key not in NOT_THE_ENVS}

"""How long an environment's episodes are, as far as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from agents.vec_env import GymnasiumVecEnv

_NAMES = ("max_steps", "max_episode_steps", "_max_episode_steps")
"""Attributes of an environment or wrapper that limit its episodes; the last is that of TimeLimit."""


def episode_length(env: VecEnv) -> int | None:
    """Steps in a whole episode of `env`: the least of all limits that it and its wrappers have.

    Those are their `max_steps` and `max_episode_steps`, Gymnasium's TimeLimit, and the limit that the
    environment was registered with. In processes of Stable-Baselines3, only the outermost limit of each name
    can be seen.

    Returns:
        None if there is no limit.
    """
    return min((int(limit) for limit in _limits(env) if _is_number_of_steps(limit)), default=None)


def _is_number_of_steps(limit: Any) -> bool:
    return isinstance(limit, int | np.integer) and not isinstance(limit, bool) and bool(limit > 0)


def _limits(env: VecEnv) -> Iterator[Any]:
    inner = env.unwrapped
    if isinstance(inner, DummyVecEnv):
        yield from _limits_of(inner.envs[0])
    elif isinstance(inner, GymnasiumVecEnv):
        yield from _limits_of(inner.env)
        vector = inner.env.unwrapped
        if isinstance(vector, SyncVectorEnv):
            yield from _limits_of(vector.envs[0])
        elif isinstance(vector, AsyncVectorEnv):
            # Its processes end when they are asked for what is not there: another such environment is asked.
            single = vector.env_fns[0]()
            yield from _limits_of(single)
            single.close()
    else:
        found = {name: env.get_attr(name, 0)[0] for name in (*_NAMES, "spec") if env.has_attr(name)}
        yield from (found.get(name) for name in _NAMES)
        yield _registered(found.get("spec"))


def _limits_of(env: gym.Env | gym.vector.VectorEnv) -> Iterator[Any]:
    """Those of `env` and, if it is a wrapper, of what is inside it."""
    layer: Any = env
    while isinstance(layer, gym.Env | gym.vector.VectorEnv):
        yield from (getattr(layer, name, None) for name in _NAMES)
        yield _registered(layer.spec)
        layer = getattr(layer, "env", None)


def _registered(spec: Any) -> int | None:
    return None if spec is None else spec.max_episode_steps

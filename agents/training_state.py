"""What a checkpoint keeps beside the agent, so that training goes on as if it had never stopped."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from agents.checkpoint_file import tensor_group
from agents.limits import COUNT, ROWS, check_whole
from agents.optimizer_state import optimizer_tensors, restore_optimizer
from agents.tensor_checks import check_tensors
from agents.typed_values import from_table
from agents.vec_env import GymnasiumVecEnv

if TYPE_CHECKING:
    from agents.a2c import RecurrentA2C

_LEAF = "rollout.state."
_WORDS = 624
"""Of the Mersenne Twister, which Python and NumPy draw from."""


@dataclass(frozen=True)
class TrainingState:
    """Where a training stood, as JSON; tensors are beside it."""

    n_updates: int
    seconds: float
    """Training time so far."""
    episodes: list[dict[str, Any]]
    """The latest ones, as SB3 keeps them."""
    random_python: list[Any]
    """See :func:`random.getstate`."""
    random_numpy: list[Any]
    """Kind, position and the second normal number, if there is one; see :func:`numpy.random.get_state`."""

    def check(self) -> None:
        """Check the values.

        Raises:
            ValueError: Naming one that cannot be.
        """
        check_whole("n_updates", self.n_updates, 0, COUNT)
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise ValueError(f"seconds must be a finite number, 0 or more, got {self.seconds}")
        if len(self.episodes) > ROWS:
            raise ValueError(f"there are {len(self.episodes):,} episodes, more than {ROWS:,}")
        for episode in self.episodes:
            for name in ("r", "l"):
                value: Any = episode.get(name)
                if type(value) not in (int, float) or not math.isfinite(value):
                    raise ValueError(f"{name!r} of an episode must be a finite number, got {value!r}")


def training_state(model: RecurrentA2C, seconds: float) -> tuple[TrainingState, dict[str, Tensor]]:
    """The state of a training between two updates, when a rollout has been used up; see :func:`restore`."""
    python_state, numpy_state = random.getstate(), np.random.get_state(legacy=True)  # noqa: NPY002 - SB3 seeds these
    assert isinstance(numpy_state, tuple)
    assert isinstance(model._last_obs, np.ndarray)
    assert model._last_episode_starts is not None
    optimizer = optimizer_tensors(model.policy.optimizer)
    tensors = {f"optimizer.{name}": value for name, value in optimizer.items()}
    tensors["random.torch"] = torch.get_rng_state()
    tensors["random.numpy"] = torch.from_numpy(numpy_state[1].astype(np.int64))
    tensors["rollout.obs"] = model._as_tensor(model._last_obs)
    tensors["rollout.starts"] = model._as_tensor(model._last_episode_starts, np.bool_)
    if not model._last_episode_starts.all():  # otherwise every row is about to be reset
        for i, leaf in enumerate(model._last_state or ()):
            tensors[f"{_LEAF}{i}"] = leaf
    if isinstance(model.env, GymnasiumVecEnv):
        tensors |= {f"env.{name}": torch.from_numpy(array) for name, array in model.env.get_state().items()}
    state = TrainingState(
        n_updates=model._n_updates,
        seconds=seconds,
        episodes=list(model.ep_info_buffer or ()),
        random_python=[python_state[0], list(python_state[1]), python_state[2]],
        random_numpy=[numpy_state[0], numpy_state[2], numpy_state[3], numpy_state[4]],
    )
    return state, tensors


def restore(model: RecurrentA2C, table: Any, tensors: Mapping[str, Tensor]) -> float:
    """Put `model`, which has an environment, back where :func:`training_state` was called.

    Args:
        model: With the weights of that time.
        table: The state as a table of JSON.
        tensors: All that the file holds.

    Returns:
        Training time so far, in seconds.

    Raises:
        ValueError: If something is missing or cannot be.
    """
    state = from_table(TrainingState, table, "training")
    state.check()
    assert model.env is not None
    restore_optimizer(model.policy.optimizer, tensor_group(dict(tensors), "optimizer."))
    if state.n_updates and not model.policy.optimizer.state:
        raise ValueError(f"the optimizer's state is missing after {state.n_updates:,} updates")
    _restore_random(state, tensors)
    # SB3 keeps these where `_setup_learn` finds them instead of resetting the environments.
    env_state = {name: tensor.numpy() for name, tensor in tensor_group(dict(tensors), "env.").items()}
    if env_state and isinstance(model.env, GymnasiumVecEnv):
        _restore_rollout(model, model.env, env_state, tensors)
    else:  # an environment whose state cannot be kept begins new episodes, not the same ones again
        model.env.seed((model.seed or 0) + model.num_timesteps)
    model._n_updates = state.n_updates
    model.ep_info_buffer = deque(state.episodes, maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    return state.seconds


def _restore_random(state: TrainingState, tensors: Mapping[str, Tensor]) -> None:
    """Put the generators of NumPy, Python and PyTorch back.

    Raises:
        ValueError: If a state cannot be; the generators may be somewhere else then.
    """
    words = _found(tensors, "random.numpy")
    if words.dtype != torch.int64 or words.shape != (_WORDS,) or not bool(_within(words, 0, 2**32 - 1)):
        raise ValueError(f"random.numpy must be {_WORDS} whole numbers below 2**32")
    try:
        kind, position, has_gauss, gauss = state.random_numpy
        check_whole("the position in random_numpy", position, 0, _WORDS)  # which NumPy would believe
        np.random.set_state(  # noqa: NPY002 - SB3 seeds these
            (kind, words.numpy().astype(np.uint32), position, has_gauss, gauss)
        )
        format_number, python_words, next_gauss = state.random_python
        random.setstate((format_number, tuple(python_words), next_gauss))
        torch.set_rng_state(_found(tensors, "random.torch"))
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(f"the state of a random generator cannot be used: {error}") from error


def _restore_rollout(
    model: RecurrentA2C,
    env: GymnasiumVecEnv,
    env_state: dict[str, np.ndarray],
    tensors: Mapping[str, Tensor],
) -> None:
    """Put environments and network back.

    Raises:
        ValueError: If a tensor is missing or cannot be.
    """
    rows, space = env.num_envs, env.observation_space
    assert space.shape is not None
    wanted = {
        "rollout.obs": torch.zeros(rows, *space.shape),
        "rollout.starts": torch.zeros(rows, dtype=torch.bool),
        "env.monitor_returns": torch.zeros(rows, dtype=torch.float64),
        "env.monitor_lengths": torch.zeros(rows, dtype=torch.int64),
    }
    found = {name: tensor for name, tensor in tensors.items() if name in wanted}
    leaves = tensor_group(dict(tensors), _LEAF)
    if leaves or not ("rollout.starts" in found and bool(found["rollout.starts"].all())):
        found |= {f"{_LEAF}{name}": leaf for name, leaf in leaves.items()}
        initial = model.policy.core.initial_state(rows)
        wanted |= {f"{_LEAF}{i}": leaf for i, leaf in enumerate(initial)}
    check_tensors(found, wanted)  # the environment checks its own
    env.set_state(env_state)
    model._last_obs = found["rollout.obs"].numpy()
    model._last_episode_starts = found["rollout.starts"].numpy()
    model._last_state = tuple(leaves[str(i)].to(model.device) for i in range(len(leaves))) or None


def _found(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise ValueError(f"the tensor {name} is missing")
    return tensors[name]


def _within(tensor: Tensor, low: int, high: int) -> Tensor:
    return ((tensor >= low) & (tensor <= high)).all()

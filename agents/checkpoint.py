"""Agents on disk: what is needed to act, and what is needed to go on training exactly."""

from __future__ import annotations

import platform
import random
import warnings
from collections import deque
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import maybe_make_env
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, Schedule
from stable_baselines3.common.utils import ConstantSchedule, LinearSchedule
from torch import Tensor

from agents.checkpoint_file import (
    CheckpointError,
    as_json,
    read_file,
    tensor_group,
    with_suffix,
    write_file,
)
from agents.optimizer_state import optimizer_tensors, restore_optimizer
from agents.policy import RecurrentActorCriticPolicy
from agents.same_spaces import check_same_spaces
from agents.typed_values import from_table
from agents.vec_env import GymnasiumVecEnv, env_spec
from agents.weights import saved_state_dict

if TYPE_CHECKING:
    from agents.a2c import RecurrentA2C

A = TypeVar("A", bound="RecurrentA2C")

CHANGEABLE = (
    "learning_rate", "n_steps", "gamma", "gae_lambda", "ent_coef", "vf_coef", "max_grad_norm", "reward_scale",
    "normalize_advantage", "stats_window_size", "tensorboard_log", "verbose", "seed",
)  # fmt: skip
"""Arguments of `RecurrentA2C` that :func:`load_agent` takes in place of the file's."""

_LIBRARIES = ("plastic-maze", "torch", "stable-baselines3", "gymnasium", "numpy", "safetensors")


@dataclass(frozen=True)
class AgentSettings:
    """Everything beside the weights that makes an agent, as JSON in its file."""

    env_id: str | None
    env_kwargs: dict[str, Any]
    """Those that JSON can hold."""
    observation_low: list[float]
    observation_high: list[float]
    n_actions: int
    core: str
    hidden_size: int
    core_settings: dict[str, Any]
    learning_rate: float | list[float]
    """A constant, or start, end and end fraction of a linear schedule."""
    n_steps: int
    gamma: float
    gae_lambda: float
    ent_coef: float
    vf_coef: float
    max_grad_norm: float
    reward_scale: float
    normalize_advantage: bool
    seed: int | None
    num_timesteps: int
    versions: dict[str, str]
    recurrent_lr_scale: float = 1.0
    n_envs: int = 1
    observation_dtype: str = "float32"
    policy: str = "RecurrentPolicy"
    """The policy's class; of one that is not this project's, the name."""

    @classmethod
    def of(cls, model: RecurrentA2C) -> AgentSettings:
        """The settings of a model."""
        observations, actions = model.observation_space, model.action_space
        assert isinstance(observations, spaces.Box)
        assert isinstance(actions, spaces.Discrete)
        env_id, env_kwargs = (model.env and env_spec(model.env)) or (None, {})
        return cls(
            env_id=env_id,
            env_kwargs={name: value for name, value in env_kwargs.items() if _is_json(value)},
            observation_dtype=str(observations.dtype),
            observation_low=observations.low.tolist(),
            observation_high=observations.high.tolist(),
            n_actions=int(actions.n),
            core=model.policy.core_name,
            hidden_size=model.policy.hidden_size,
            core_settings=model.policy.core_settings,
            learning_rate=_rate_to_json(model.learning_rate),
            n_steps=model.n_steps,
            gamma=model.gamma,
            gae_lambda=model.gae_lambda,
            ent_coef=model.ent_coef,
            vf_coef=model.vf_coef,
            max_grad_norm=model.max_grad_norm,
            reward_scale=model.reward_scale,
            normalize_advantage=model.normalize_advantage,
            seed=model.seed,
            num_timesteps=model.num_timesteps,
            versions=library_versions(),
            recurrent_lr_scale=model.policy.recurrent_lr_scale,
            n_envs=model.n_envs,
            policy=_policy_name(model, model.policy_class),
        )

    @property
    def both_spaces(self) -> tuple[spaces.Box, spaces.Discrete]:
        """Observation and action space."""
        dtype: Any = np.dtype(self.observation_dtype)
        low, high = np.asarray(self.observation_low, dtype), np.asarray(self.observation_high, dtype)
        return spaces.Box(low, high, dtype=dtype), spaces.Discrete(self.n_actions)

    def check_spaces(self, observation_space: spaces.Space, action_space: spaces.Space) -> None:
        """Check that an environment's spaces fit the agent.

        Raises:
            CheckpointError: If they do not, see :func:`agents.same_spaces.check_same_spaces`.
        """
        try:
            check_same_spaces(self.both_spaces, (observation_space, action_space))
        except ValueError as error:
            raise CheckpointError(str(error)) from error


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that bear on a result."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # run from a source tree that is not installed
            versions[name] = "not installed"
    return versions


def check_savable(model: RecurrentA2C) -> None:
    """Check that a file can hold the settings of `model`.

    Raises:
        ValueError: If it cannot.
    """
    try:
        as_json(asdict(AgentSettings.of(model)))
    except TypeError as error:
        raise ValueError(f"the agent could not be saved: {error}") from error


def save_agent(model: RecurrentA2C, path: str | Path) -> Path:
    """Write weights and settings; returns the file's name as written."""
    path = with_suffix(path)
    rate = model.learning_rate
    if callable(rate) and not isinstance(rate, LinearSchedule | ConstantSchedule):
        warnings.warn(
            f"{path} will hold the schedule's first value, {rate(1.0)}, in place of the learning rate's "
            "schedule, which could only be read back by executing code: give it to load again",
            stacklevel=3,
        )
    write_file(path, _weights(model), {"agent": asdict(AgentSettings.of(model))})
    return path


def load_agent(
    model_class: type[A],
    path: str | Path,
    env: GymEnv | gym.vector.VectorEnv | str | None = None,
    device: torch.device | str = "cpu",
    policy: str | type[RecurrentActorCriticPolicy] = "RecurrentPolicy",
    **changes: Any,
) -> A:
    """Build the agent in the file at `path`; see :meth:`RecurrentA2C.load`.

    Raises:
        CheckpointError: If the file cannot be used, or does not fit `env`.
        ValueError: If a change is not accepted.
    """
    for name in changes:
        if name not in CHANGEABLE:
            raise ValueError(f"load accepts no {name!r}; what can be changed: {', '.join(CHANGEABLE)}")
    model_class.check_numbers(changes)
    tensors, settings = read_agent(path)
    if _policy_name(model_class, policy) != settings.policy:
        raise CheckpointError(
            f"{path} has the policy {settings.policy}, not {_policy_name(model_class, policy)}; "
            "give its class to load: policy=..."
        )
    if env is not None:
        wrapped = model_class._wrap_env(maybe_make_env(env, 0) if isinstance(env, str) else env)
        settings.check_spaces(wrapped.observation_space, wrapped.action_space)
    else:
        wrapped = None
    rate = settings.learning_rate
    kept = {
        "learning_rate": LinearSchedule(*rate) if isinstance(rate, list) else rate,
        "n_steps": settings.n_steps,
        "gamma": settings.gamma,
        "gae_lambda": settings.gae_lambda,
        "ent_coef": settings.ent_coef,
        "vf_coef": settings.vf_coef,
        "max_grad_norm": settings.max_grad_norm,
        "reward_scale": settings.reward_scale,
        "normalize_advantage": settings.normalize_advantage,
    }
    try:
        model = model_class(
            policy,
            wrapped,  # type: ignore[arg-type]  # SB3 accepts None for a model that only predicts
            **{**kept, **changes},
            policy_kwargs={
                "core": settings.core,
                "hidden_size": settings.hidden_size,
                "core_settings": settings.core_settings,
                "recurrent_lr_scale": settings.recurrent_lr_scale,
            },
            device=device,
            _init_setup_model=False,
        )
        if wrapped is None:
            model.observation_space, model.action_space = settings.both_spaces
            model.n_envs = settings.n_envs
        model._setup_model()
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path} describes an agent that cannot be built: {error}") from error
    model.seed = changes.get("seed", settings.seed)
    model.num_timesteps = settings.num_timesteps
    weights = tensor_group(tensors, "policy.")
    try:
        model.policy.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights in {path} do not fit the architecture that its settings describe "
            f"({settings.core}, {settings.hidden_size} units): {error}"
        ) from error
    return model


def read_agent(path: str | Path) -> tuple[dict[str, Tensor], AgentSettings]:
    """The tensors and settings of an agent or checkpoint file, whose ending may be left out, as in saving.

    Raises:
        CheckpointError: If the file cannot be used.
    """
    path = Path(path)
    tensors, settings = read_file(path if path.is_file() else with_suffix(path))
    try:
        agent = from_table(AgentSettings, settings.get("agent"), "agent")
        agent.env_kwargs.pop("vectorization_mode", None)  # how it was made, not what it is: in older files
        np.dtype(agent.observation_dtype)
        return tensors, agent
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


def save_checkpoint(model: RecurrentA2C, path: str | Path, seconds: float) -> Path:
    """Write the agent and all that a later process needs to go on as if it had never stopped.

    Call it between two updates, when a rollout has been used up.

    Args:
        model: The model being trained.
        path: The file.
        seconds: Training time so far.
    """
    path = with_suffix(path)
    tensors = _weights(model)
    optimizer = optimizer_tensors(model.policy.optimizer)
    tensors |= {f"optimizer.{name}": value for name, value in optimizer.items()}
    python_state, numpy_state = random.getstate(), np.random.get_state(legacy=True)  # noqa: NPY002 - SB3 seeds these
    assert isinstance(numpy_state, tuple)
    tensors["random.torch"] = torch.get_rng_state()
    tensors["random.numpy"] = torch.from_numpy(numpy_state[1].astype(np.int64))
    assert isinstance(model._last_obs, np.ndarray)
    assert model._last_episode_starts is not None
    tensors["rollout.obs"] = model._as_tensor(model._last_obs)
    tensors["rollout.starts"] = model._as_tensor(model._last_episode_starts, np.bool_)
    if not model._last_episode_starts.all():  # otherwise every row is about to be reset
        for i, leaf in enumerate(model._last_state or ()):
            tensors[f"rollout.state.{i}"] = leaf
    if isinstance(model.env, GymnasiumVecEnv):
        tensors |= {f"env.{name}": torch.from_numpy(array) for name, array in model.env.get_state().items()}
    training = {
        "n_updates": model._n_updates,
        "seconds": seconds,
        "episodes": list(model.ep_info_buffer or ()),
        "random_python": [python_state[0], list(python_state[1]), python_state[2]],
        "random_numpy": [numpy_state[0], numpy_state[2], numpy_state[3], numpy_state[4]],
    }
    write_file(path, tensors, {"agent": asdict(AgentSettings.of(model)), "training": training})
    return path


def restore_checkpoint(model: RecurrentA2C, path: str | Path) -> float:
    """Put `model`, loaded from the checkpoint at `path` with an environment, back where it was.

    Returns:
        Training time so far, in seconds.

    Raises:
        CheckpointError: If the file holds an agent only, or its training state is damaged.
    """
    tensors, settings = read_file(Path(path))
    training = settings.get("training")
    if training is None:
        raise CheckpointError(f"{path} is a finished agent without training state; it cannot be resumed")
    assert model.env is not None
    try:
        restore_optimizer(model.policy.optimizer, tensor_group(tensors, "optimizer."))
        kind, position, has_gauss, gauss = training["random_numpy"]
        np.random.set_state(  # noqa: NPY002 - SB3 seeds these
            (kind, tensors["random.numpy"].numpy().astype(np.uint32), position, has_gauss, gauss)
        )
        format_number, words, next_gauss = training["random_python"]
        random.setstate((format_number, tuple(words), next_gauss))
        torch.set_rng_state(tensors["random.torch"])
        # SB3 keeps these where `_setup_learn` finds them instead of resetting the environments.
        env_state = {name: tensor.numpy() for name, tensor in tensor_group(tensors, "env.").items()}
        if env_state and isinstance(model.env, GymnasiumVecEnv):
            model.env.set_state(env_state)
            model._last_obs = tensors["rollout.obs"].numpy()
            model._last_episode_starts = tensors["rollout.starts"].numpy()
            state = tensor_group(tensors, "rollout.state.")
            model._last_state = tuple(state[str(i)].to(model.device) for i in range(len(state))) or None
        else:  # an environment whose state cannot be kept begins new episodes, not the same ones again
            model.env.seed((model.seed or 0) + model.num_timesteps)
        model._n_updates = training["n_updates"]
        model.ep_info_buffer = deque(training["episodes"], maxlen=model._stats_window_size)
        model.ep_success_buffer = deque(maxlen=model._stats_window_size)
        return float(training["seconds"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} is damaged: its training state cannot be restored ({error})"
        ) from error


def _is_json(value: object) -> bool:
    try:
        as_json(value)
    except (TypeError, ValueError):
        return False
    return True


def _policy_name(model: RecurrentA2C | type[RecurrentA2C], policy: str | type[BasePolicy]) -> str:
    """What a file calls a policy: by the name that the algorithm knows it by, or else that of its class."""
    known = {known_class: name for name, known_class in model.policy_aliases.items()}
    return policy if isinstance(policy, str) else known.get(policy, policy.__qualname__)


def _weights(model: RecurrentA2C) -> dict[str, Tensor]:
    weights = saved_state_dict(model.policy, model.weight_shapes)
    return {f"policy.{name}": value for name, value in weights.items()}


def _rate_to_json(rate: float | Schedule) -> float | list[float]:
    if isinstance(rate, LinearSchedule):
        return [rate.start, rate.end, rate.end_fraction]
    # Another schedule could only be read back by executing code: its first value stands for it.
    return float(rate(1.0)) if callable(rate) else float(rate)

"""Agents on disk: what is needed to act, and what is needed to go on training exactly."""

from __future__ import annotations

import math
import platform
import warnings
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
    TensorFile,
    as_json,
    open_file,
    tensor_group,
    with_suffix,
    write_file,
)
from agents.cores import Core
from agents.limits import ACTIONS, COUNT, NEURONS, ROWS, STEPS, check_whole, shown
from agents.policy import RecurrentActorCriticPolicy
from agents.same_spaces import check_same_spaces
from agents.sizes import blueprint, check_playing
from agents.tensor_checks import Form, NotFiniteError, check_finite, check_forms, forms_of
from agents.training_state import restore, training_state
from agents.typed_values import from_table
from agents.vec_env import NOT_THE_ENVS, env_spec
from agents.weights import saved_state_dict

if TYPE_CHECKING:
    from agents.a2c import RecurrentA2C

A = TypeVar("A", bound="RecurrentA2C")

CHANGEABLE = (
    "learning_rate", "n_steps", "gamma", "gae_lambda", "ent_coef", "vf_coef", "max_grad_norm", "reward_scale",
    "normalize_advantage", "stats_window_size", "tensorboard_log", "verbose", "seed",
)  # fmt: skip
"""Arguments of `RecurrentA2C` that :func:`load_agent` takes in place of the file's."""

_NUMBERS = frozenset(np.dtype(code).name for code in "?" + np.typecodes["AllInteger"] + np.typecodes["Float"])
"""Names of the types that an observation's numbers can have."""
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

    def check(self) -> None:
        """Check the values, so that what follows from them can be built.

        Raises:
            ValueError: Naming one that cannot be, and what is accepted.
        """
        for name, least, most in (
            ("hidden_size", 1, NEURONS),
            ("n_actions", 1, ACTIONS),
            ("n_steps", 1, STEPS),
            ("n_envs", 1, ROWS),
            ("num_timesteps", 0, COUNT),
        ):
            check_whole(name, getattr(self, name), least, most)
        if self.seed is not None:
            check_whole("seed", self.seed, 0, 2**32 - 1)
        if isinstance(self.learning_rate, list):
            _check_schedule(self.learning_rate)
        for name in NOT_THE_ENVS:
            if name in self.env_kwargs:
                raise ValueError(f"env_kwargs must be the environment's own arguments, got {name!r}")
        if self.observation_dtype not in _NUMBERS:
            name = shown(self.observation_dtype)
            raise ValueError(f"observation_dtype must be a type of numbers, such as float32, got {name}")
        try:
            _ = self.both_spaces
        except Exception as error:  # Gymnasium's, of whatever kind
            raise ValueError(
                f"observation_low and observation_high are not those of a space: {error}"
            ) from error

    @property
    def policy_kwargs(self) -> dict[str, Any]:
        """Arguments of the policy."""
        names = ("core", "hidden_size", "core_settings", "recurrent_lr_scale")
        return {name: getattr(self, name) for name in names}

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
    file, settings = open_agent(path)
    path = file.path
    if _policy_name(model_class, policy) != settings.policy:
        raise CheckpointError(
            f"{path} has the policy {settings.policy[:80]}, not {_policy_name(model_class, policy)}; "
            "give its class to load: policy=..."
        )
    if env is not None:
        wrapped = model_class._wrap_env(maybe_make_env(env, 0) if isinstance(env, str) else env)
    else:
        wrapped = None
    core = _check_architecture(model_class, file, settings)  # before anything is allocated
    if wrapped is not None:
        try:
            settings.check_spaces(wrapped.observation_space, wrapped.action_space)
            check_playing(core, wrapped.num_envs)
        except ValueError as error:
            raise CheckpointError(f"{path} cannot be used here: {error}") from error
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
            policy_kwargs=settings.policy_kwargs,
            device=device,
            _init_setup_model=False,
        )
        if wrapped is None:
            model.observation_space, model.action_space = settings.both_spaces
            model.n_envs = settings.n_envs
        model._setup_model()
    except Exception as error:  # of whatever a core of one's own makes of its settings
        raise CheckpointError(f"{path} describes an agent that cannot be built: {error}") from error
    model.seed = changes.get("seed", settings.seed)
    model.num_timesteps = settings.num_timesteps
    _load_weights(model, file, settings)
    return model


def _check_architecture(
    model_class: type[RecurrentA2C], file: TensorFile, settings: AgentSettings
) -> Core | None:
    """Check that the file's tensors are those of the architecture that its settings describe.

    Returns:
        The core without numbers, see :func:`agents.sizes.blueprint`.

    Raises:
        CheckpointError: If they are not, or there is no such architecture.
    """
    try:
        core = blueprint(settings.policy_kwargs, len(settings.observation_low))
    except ValueError as error:
        raise CheckpointError(f"{file.path} describes an agent that cannot be built: {error}") from error
    # What else a policy of one's own has, it alone knows: its weights are checked once it is built.
    if core is not None and settings.policy == _policy_name(model_class, RecurrentActorCriticPolicy):
        wanted = {f"core.{name}": form for name, form in forms_of(core.state_dict()).items()}
        outputs = settings.n_actions + 1
        wanted |= {
            "heads.weight": Form((outputs, core.hidden_size), torch.get_default_dtype()),
            "heads.bias": Form((outputs,), torch.get_default_dtype()),
        }
        try:
            check_forms(tensor_group(file.forms, "policy."), wanted)
        except ValueError as error:
            raise _misfit(file.path, settings, error) from error
    return core


def _load_weights(model: RecurrentA2C, file: TensorFile, settings: AgentSettings) -> None:
    """Put the weights in `file` into `model`.

    Raises:
        CheckpointError: If they are not those that the model has, or not finite.
    """
    weights = tensor_group(file.tensors(), "policy.")
    trained = [name for name, _ in model.policy.named_parameters(remove_duplicate=False)]
    try:
        check_forms(forms_of(weights), forms_of(model.policy.state_dict()))
        for name in trained:
            check_finite(name, weights[name])
        model.policy.load_state_dict(weights)
    except NotFiniteError as error:
        raise CheckpointError(f"{file.path} is damaged: {error}") from error
    except (ValueError, RuntimeError) as error:
        raise _misfit(file.path, settings, error) from error


def _misfit(path: Path, settings: AgentSettings, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"the weights in {path} do not fit the architecture that its settings describe "
        f"({settings.core}, {settings.hidden_size} units): {error}"
    )


def open_agent(path: str | Path) -> tuple[TensorFile, AgentSettings]:
    """An agent or checkpoint file, whose ending may be left out, as in saving; its tensors are not read yet.

    Raises:
        CheckpointError: If the file cannot be used.
    """
    path = Path(path)
    file = open_file(path if path.is_file() else with_suffix(path))
    try:
        agent = from_table(AgentSettings, file.settings.get("agent"), "agent")
        agent.env_kwargs.pop("vectorization_mode", None)  # how it was made, not what it is: in older files
        agent.check()
        return file, agent
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


def read_agent(path: str | Path) -> tuple[dict[str, Tensor], AgentSettings]:
    """The tensors and settings of an agent or checkpoint file; see :func:`open_agent`.

    Raises:
        CheckpointError: If the file cannot be used.
    """
    file, agent = open_agent(path)
    return file.tensors(), agent


def save_checkpoint(
    model: RecurrentA2C, path: str | Path, seconds: float, run: dict[str, Any] | None = None
) -> Path:
    """Write the agent and all that a later process needs to go on as if it had never stopped.

    Call it between two updates, when a rollout has been used up.

    Args:
        model: The model being trained.
        path: The file.
        seconds: Training time so far.
        run: The settings of the run it belongs to, should their own file be lost.
    """
    path = with_suffix(path)
    training, tensors = training_state(model, seconds)
    settings = {"agent": asdict(AgentSettings.of(model)), "training": asdict(training)}
    write_file(path, _weights(model) | tensors, settings if run is None else {**settings, "run": run})
    return path


def restore_checkpoint(model: RecurrentA2C, path: str | Path) -> float:
    """Put `model`, loaded from the checkpoint at `path` with an environment, back where it was.

    Returns:
        Training time so far, in seconds.

    Raises:
        CheckpointError: If the file holds an agent only, or its training state is damaged.
    """
    file = open_file(Path(path))
    training = file.settings.get("training")
    if training is None:
        raise CheckpointError(f"{path} is a finished agent without training state; it cannot be resumed")
    try:
        return restore(model, training, file.tensors())
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


def _check_schedule(rate: list[float]) -> None:
    """Raise ValueError unless these are start, end and end fraction of a linear schedule."""
    if not (
        len(rate) == 3 and all(map(math.isfinite, rate)) and rate[0] > 0 and rate[1] >= 0 and 0 < rate[2] <= 1
    ):
        raise ValueError(
            "a learning_rate that is a schedule must be its start (above 0), its end (0 or more) and the "
            f"share of training until then (above 0, at most 1), got {shown(rate)}"
        )


def _rate_to_json(rate: float | Schedule) -> float | list[float]:
    if isinstance(rate, LinearSchedule):
        return [rate.start, rate.end, rate.end_fraction]
    # Another schedule could only be read back by executing code: its first value stands for it.
    return float(rate(1.0)) if callable(rate) else float(rate)

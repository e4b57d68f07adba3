"""Advantage actor-critic over whole episodes, for recurrent cores."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, MaybeCallback, Schedule, TensorDict
from stable_baselines3.common.utils import explained_variance
from stable_baselines3.common.vec_env import VecEnv

from agents.checkpoint_file import CheckpointError
from agents.cores import Core, State
from agents.cores.kernels import one_torch_thread
from agents.episode_length import episode_length
from agents.finite import not_finite
from agents.memory import keep_freed_memory
from agents.policy import PolicyStepper, RecurrentActorCriticPolicy, check_spaces
from agents.rollout import SequenceRolloutBuffer
from agents.same_spaces import check_same_spaces
from agents.sizes import blueprint, check_training
from agents.vec_env import GymnasiumVecEnv
from agents.weights import load_plain_state_dict, plain_state_dict, shapes_of
from plastic_maze.validation import whole_number

SelfRecurrentA2C = TypeVar("SelfRecurrentA2C", bound="RecurrentA2C")


class TrainingDivergedError(RuntimeError):
    """Something in training is not a finite number: an observation, a reward, the loss or its gradient.

    The weights are still the last good ones.
    """


def _is_real(number: Any) -> bool:
    """Whether `number` is a real number, Python's or NumPy's, and not NaN; a bool is none."""
    is_number = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
    return is_number and not math.isnan(number)


class RecurrentA2C(OnPolicyAlgorithm):
    """A2C (Mnih et al. 2016) with a recurrent trunk and gradients through whole episodes.

    Each rollout is used once. It is `n_steps` long; by default that is the length of the
    environment's episodes, so that gradients reach from an episode's last step to its first. Where
    episodes end elsewhere, the core's state is reset inside the recurrence and carried over to the next
    rollout (there, gradients stop).

    Args:
        policy: "RecurrentPolicy", or a class with the interface of :class:`RecurrentActorCriticPolicy`.
        env: A Gymnasium environment or its id, a Gymnasium vector environment (autoreset "same step"), or
            an SB3 VecEnv. Observations are a flat Box, actions Discrete.
        learning_rate: Adam's rate, or a function of the share of the training that remains when a rollout
            begins: 1 for the first update, and still above 0 for the last.
        n_steps: T, steps of each environment in a rollout. None: the environment's episode length.
        gamma: Discount factor.
        gae_lambda: Lambda of generalised advantage estimation (Schulman et al. 2016).
        ent_coef: Weight of the entropy bonus.
        vf_coef: Weight of the value loss.
        max_grad_norm: Maximum gradient norm; gradients are clipped to this.
        reward_scale: Rewards are multiplied by this in the losses (never in what is reported).
        normalize_advantage: Scale each rollout's advantages to mean 0 and deviation 1.
        stats_window_size: Episodes over which reported means are taken.
        tensorboard_log: Folder for TensorBoard events; None: none.
        policy_kwargs: Arguments of the policy: `core`, `hidden_size`, `core_settings`,
            `recurrent_lr_scale`.
        verbose: 0 nothing, 1 SB3's messages, 2 debugging.
        seed: Seed of every random generator; None: not seeded.
        device: "cpu", "cuda" or "auto".

    Raises:
        ValueError: If a number, a space or the episode length is not usable.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"RecurrentPolicy": RecurrentActorCriticPolicy}
    _last_obs: np.ndarray | None  # never a dictionary: the policy checks the space
    policy: RecurrentActorCriticPolicy  # type: ignore[assignment]  # SB3 names its own subclass here
    policy_class: type[RecurrentActorCriticPolicy]
    rollout_buffer: SequenceRolloutBuffer
    weight_shapes: dict[str, torch.Size]
    """By name, of the policy as it was built: a file must have the same to be read back."""

    def __init__(
        self,
        policy: str | type[RecurrentActorCriticPolicy],
        env: GymEnv | gym.vector.VectorEnv | str,
        learning_rate: float | Schedule = 2e-3,
        n_steps: int | None = None,
        gamma: float = 0.95,
        gae_lambda: float = 0.95,
        ent_coef: float = 0.01,
        vf_coef: float = 0.5,
        max_grad_norm: float = 0.5,
        reward_scale: float = 0.1,
        normalize_advantage: bool = True,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "cpu",
        _init_setup_model: bool = True,
    ) -> None:
        self.check_numbers(
            {
                "learning_rate": learning_rate,
                "gamma": gamma,
                "gae_lambda": gae_lambda,
                "ent_coef": ent_coef,
                "vf_coef": vf_coef,
                "max_grad_norm": max_grad_norm,
                "reward_scale": reward_scale,
            }
        )
        super().__init__(
            policy,  # type: ignore[arg-type]  # SB3 names its own policy class here
            env,  # type: ignore[arg-type]  # _wrap_env takes vector environments too
            learning_rate=learning_rate if callable(learning_rate) else float(learning_rate),
            n_steps=n_steps or 0,  # settled below, once the environment is known
            gamma=gamma,
            gae_lambda=gae_lambda,
            ent_coef=ent_coef,
            vf_coef=vf_coef,
            max_grad_norm=max_grad_norm,
            use_sde=False,
            sde_sample_freq=-1,
            rollout_buffer_class=SequenceRolloutBuffer,
            stats_window_size=whole_number("stats_window_size", stats_window_size, minimum=1),
            tensorboard_log=tensorboard_log,
            policy_kwargs=policy_kwargs,
            verbose=verbose,
            device=device,
            seed=None if seed is None else whole_number("seed", seed, minimum=0),
            _init_setup_model=False,
        )
        if self.env is not None:
            check_spaces(self.observation_space, self.action_space)
        self.reward_scale = reward_scale
        self.normalize_advantage = bool(normalize_advantage)
        self.n_steps = self._settle_n_steps(n_steps)
        self._last_state: State | None = None
        self._log_interval: int | None = None
        if _init_setup_model:
            if self.env is not None:
                self._check_size(blueprint(self.policy_kwargs, self._features()))  # before it is built
            self._setup_model()

    def _features(self) -> int:
        assert self.observation_space.shape is not None
        return self.observation_space.shape[0]

    def _check_size(self, core: Core | None) -> None:
        check_training(core, self._features(), self.n_steps, self.n_envs)

    @staticmethod
    def check_numbers(given: dict[str, Any]) -> None:
        """Check those of these arguments of the class that are numbers in a range.

        Raises:
            ValueError: Naming the argument and what is accepted.
        """
        for name, high in (("gamma", 1), ("gae_lambda", 1), ("ent_coef", math.inf), ("vf_coef", math.inf)):
            number = given.get(name, 0.0)
            if not (_is_real(number) and 0 <= number <= high and number < math.inf):
                raise ValueError(f"{name} must be a number from 0 to {high}, got {number!r}")
        for name in ("max_grad_norm", "reward_scale", "learning_rate"):
            number = given.get(name, 1.0)
            is_schedule = name == "learning_rate" and callable(number)
            if not is_schedule and not (_is_real(number) and 0 < number < math.inf):
                raise ValueError(f"{name} must be a finite number above 0, got {number!r}")

    def _setup_model(self) -> None:
        super()._setup_model()
        from agents.checkpoint import check_savable

        check_savable(self)  # before it is trained
        self.weight_shapes = shapes_of(self.policy)

    def _settle_n_steps(self, n_steps: int | None) -> int:
        if n_steps is None and self.env is not None:
            n_steps = episode_length(self.env)
        if n_steps is None:
            raise ValueError("the environment does not say how long its episodes are; give n_steps")
        return whole_number("n_steps", n_steps, minimum=1)

    @staticmethod
    def _wrap_env(env: Any, verbose: int = 0, monitor_wrapper: bool = True) -> VecEnv:
        if isinstance(env, gym.vector.VectorEnv):
            env = GymnasiumVecEnv(env)
        return OnPolicyAlgorithm._wrap_env(env, verbose, monitor_wrapper)

    def set_env(self, env: GymEnv | gym.vector.VectorEnv, force_reset: bool = True) -> None:
        """Go on in another environment, with as many copies.

        Args:
            env: As for the class.
            force_reset: Begin new episodes there.

        Raises:
            ValueError: If it shows other observations or takes other actions.
        """
        wrapped = self._wrap_env(env, self.verbose)
        check_same_spaces(
            (self.observation_space, self.action_space), (wrapped.observation_space, wrapped.action_space)
        )
        # SB3 wants them equal in every respect.
        self.observation_space, self.action_space = wrapped.observation_space, wrapped.action_space
        super().set_env(wrapped, force_reset)

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        rollout_buffer: RolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:
        """Act for `n_rollout_steps` in every environment and record the sequences.

        Returns:
            False if a callback asked to stop.

        Raises:
            TrainingDivergedError: If an environment gave an observation or a reward that is not finite.
        """
        assert isinstance(rollout_buffer, SequenceRolloutBuffer)
        assert self._last_obs is not None
        assert self._last_episode_starts is not None
        self.policy.set_training_mode(False)
        callback.on_rollout_start()
        if self._last_state is None:
            self._last_state = self.policy.core.initial_state(env.num_envs)
        rollout_buffer.begin(self._last_state, self.policy)
        player = PolicyStepper(self.policy, self._last_state)
        starts = self._starts(self._last_episode_starts)
        all_scores = player.blank_scores(n_rollout_steps, env.num_envs)
        all_values = all_scores[:, :, -1]

        steps = zip(all_scores, all_values, rollout_buffer.hidden, strict=True)
        try:
            for scores, values, hidden in steps:  # noqa: B007 - callbacks may look at the values
                obs_tensor = rollout_buffer.observe(self._last_obs, self._last_episode_starts)
                # From here until the environments have answered, the network is ahead of them: if that is
                # where an error or Ctrl-C comes, there is nothing to go on from, and new episodes begin.
                self._last_obs = None
                actions = player.step(obs_tensor, starts, hidden, scores)
                new_obs, rewards, dones, infos = env.step(actions)
                assert isinstance(new_obs, np.ndarray)
                self._last_obs, self._last_episode_starts = new_obs, dones
                self.num_timesteps += env.num_envs
                callback.update_locals(locals())
                if not callback.on_step():
                    return False
                starts = self._starts(dones)
                scaled = self.reward_scale * rewards
                if starts is not None:
                    self._update_info_buffer(infos, dones)
                    self._bootstrap_truncated(scaled, dones, infos, player)
                rollout_buffer.act(actions, scaled)
        finally:
            self._last_state = None if self._last_obs is None else player.state()

        fault = rollout_buffer.fault(self._last_obs)
        if fault is not None:
            self._last_obs = None  # nor can the network's state be gone on from
            raise self._stopped(fault)
        rollout_buffer.values[:] = all_values.cpu().numpy()
        _, last_values = player.step_apart(self._as_tensor(self._last_obs), starts)
        rollout_buffer.compute_returns_and_advantage(last_values, self._last_episode_starts)
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _stopped(self, fault: str) -> TrainingDivergedError:
        return TrainingDivergedError(
            f"training stopped at step {self.num_timesteps}: {fault}; only finite numbers can be learnt from"
        )

    def _starts(self, dones: np.ndarray) -> torch.Tensor | None:
        return self._as_tensor(dones, np.bool_) if np.count_nonzero(dones) else None

    def _as_tensor(self, array: np.ndarray, dtype: type[np.generic] = np.float32) -> torch.Tensor:
        # A copy, because PyTorch's own memory is aligned: matrix products may round differently where it is
        # not, and a resumed run must repeat an uninterrupted one to the last bit. Of an array in C order,
        # because PyTorch takes none with negative strides and keeps others.
        return torch.tensor(np.ascontiguousarray(array, dtype), device=self.device)

    def _bootstrap_truncated(
        self, rewards: np.ndarray, dones: np.ndarray, infos: list[dict[str, Any]], player: PolicyStepper
    ) -> None:
        """Add gamma * V(last observation) where an episode was cut off rather than ended."""
        rows = [int(i) for i in np.flatnonzero(dones) if infos[i].get("TimeLimit.truncated", False)]
        if not rows:
            return
        last_obs = np.stack([infos[i]["terminal_observation"] for i in rows])
        index = not_finite(last_obs)
        if index is not None:
            raise self._stopped(
                f"the last observation of an episode of environment {rows[index[0]]} has {last_obs[index]}"
            )
        state = tuple(leaf[rows] for leaf in player.state())
        _, values = PolicyStepper(self.policy, state).step_apart(self._as_tensor(last_obs), None)
        rewards[rows] += self.gamma * values.cpu().numpy()

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        # What remained when the rollout began, where SB3 takes what remains after it: that would be below 0
        # where the total is no whole number of rollouts, and 0, so that nothing is learnt, where it is one.
        super()._update_current_progress_remaining(
            num_timesteps - self.n_steps * self.n_envs, total_timesteps
        )

    def _set_learning_rate(self) -> None:
        self._update_learning_rate(self.policy.optimizer)
        rate = self.policy.optimizer.param_groups[0]["lr"]
        if not (math.isfinite(rate) and rate >= 0):
            raise ValueError(
                f"learning_rate must give finite numbers, 0 or more, got {rate} where "
                f"{self._current_progress_remaining:g} of the training remains"
            )
        self.policy.scale_learning_rate()

    def train(self) -> None:
        """One gradient step on the rollout just collected.

        Raises:
            ValueError: If the learning rate's function gives no finite number, or one below 0.
            TrainingDivergedError: If the loss or the gradient is not finite; the weights stay unchanged.
        """
        self.policy.set_training_mode(True)
        self._set_learning_rate()
        batch = self.rollout_buffer.sequences()
        values, log_probs, entropy = self.policy.evaluate_actions(
            batch.observations, batch.actions, batch.initial_state, batch.starts, batch.hidden
        )
        advantages = batch.advantages
        if self.normalize_advantage and advantages.numel() > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        policy_loss = -(advantages * log_probs).mean()
        value_loss = torch.nn.functional.mse_loss(values, batch.returns)
        entropy_loss = -entropy.mean()
        loss = policy_loss + self.ent_coef * entropy_loss + self.vf_coef * value_loss

        self.policy.optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        if not (math.isfinite(loss.item()) and math.isfinite(norm.item())):
            raise TrainingDivergedError(
                f"training diverged at step {self.num_timesteps}: loss {loss.item()}, "
                f"gradient norm {norm.item()}; a lower learning rate may help"
            )
        self.policy.optimizer.step()
        self._n_updates += 1
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", loss.item())
        self.logger.record("train/policy_loss", policy_loss.item())
        self.logger.record("train/value_loss", value_loss.item())
        self.logger.record("train/entropy_loss", entropy_loss.item())
        self.logger.record("train/grad_norm", norm.item())
        old_values, returns = self.rollout_buffer.values.ravel(), self.rollout_buffer.returns.ravel()
        self.logger.record("train/explained_variance", float(explained_variance(old_values, returns)))
        if self._log_interval is not None and self._n_updates % self._log_interval == 0:
            self.dump_logs(self._n_updates)

    def learn(
        self: SelfRecurrentA2C,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int | None = 10,
        tb_log_name: str = "RecurrentA2C",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> SelfRecurrentA2C:
        """Train for `total_timesteps` steps over all environments together (rounded up to whole rollouts).

        On the CPU, PyTorch's own operations run on one thread meanwhile: its threads would wait by spinning,
        on the processors that the kernels need. Those of the kernels are set by
        `agents.cores.kernels.set_num_threads`. All is computed in float32: `torch.autocast` has no say.

        A callback may change the policy's weights: those count from the next rollout on, and in the update
        that follows, which then computes the activity of the rollout anew.

        Args:
            total_timesteps: Environment steps.
            callback: SB3 callback(s).
            log_interval: Updates between two lines of the log; None: no log.
            tb_log_name: Name of the run for TensorBoard.
            reset_num_timesteps: Count from zero, from fresh episodes; False: go on where learning ended, also
                if a callback or Ctrl-C ended it. (New episodes begin where an environment's step did.)
            progress_bar: SB3's progress bar.

        Raises:
            ValueError: If there is no environment, or a number is not accepted.
            TrainingDivergedError: If the loss is no longer a number.
        """
        if self.env is None:
            raise ValueError("there is no environment to train in; give load an env, or call set_env")
        if not (_is_real(total_timesteps) and total_timesteps >= 0):
            raise ValueError(f"total_timesteps must be a number, 0 or more, got {total_timesteps!r}")
        self._check_size(self.policy.core)
        self._log_interval = (
            None if log_interval is None else whole_number("log_interval", log_interval, minimum=1)
        )
        keep_freed_memory()
        threads = one_torch_thread() if self.device.type == "cpu" else nullcontext()
        with threads, torch.autocast(self.device.type, enabled=False):
            return super().learn(
                total_timesteps,
                callback,
                log_interval=None,  # type: ignore[arg-type]  # SB3 logs before the update, we after it
                tb_log_name=tb_log_name,
                reset_num_timesteps=reset_num_timesteps,
                progress_bar=progress_bar,
            )

    def _setup_learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        reset_num_timesteps: bool = True,
        tb_log_name: str = "run",
        progress_bar: bool = False,
    ) -> tuple[int, BaseCallback]:
        if reset_num_timesteps or self._last_obs is None:
            self._last_state = None  # the environments start afresh, and so does the network
        return super()._setup_learn(total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar)

    def set_parameters(
        self,
        load_path_or_dict: str | Path | TensorDict,
        exact_match: bool = True,
        device: torch.device | str = "auto",
    ) -> None:
        """Take parameters, as in SB3, from a dictionary of state dictionaries, or from an agent's file.

        A file has the weights; the optimizer keeps its state.

        Args:
            load_path_or_dict: What SB3's `get_parameters` returned, or a file that :meth:`save` wrote.
            exact_match: Whether all parameters must be there, and no others.
            device: Not used: parameters stay where they are.

        Raises:
            agents.CheckpointError: If the file cannot be used, or its weights do not fit.
            ValueError: If a dictionary has other parameters.
        """
        if isinstance(load_path_or_dict, dict):
            super().set_parameters(load_path_or_dict, exact_match, device)
        else:
            other = type(self).load(load_path_or_dict, policy=self.policy_class)
            try:
                load_plain_state_dict(self.policy, plain_state_dict(other.policy), exact_match)
            except RuntimeError as error:
                raise CheckpointError(
                    f"the weights in {load_path_or_dict} do not fit the agent "
                    f"({self.policy.core_name}, {self.policy.hidden_size} units): {error}"
                ) from error

    # SB3's save and load choose what is pickled; nothing is here, so these take other arguments.
    def save(self, path: str | Path) -> None:  # type: ignore[override]  # fewer arguments
        """Write the agent (weights and settings) to a safetensors file; see :mod:`agents.checkpoint`.

        Args:
            path: The file. SB3's callbacks name theirs `.zip`; that, like no ending, becomes `.safetensors`.

        Raises:
            ValueError: If the policy's weights are no longer those that it was built with (pruned, quantised
                or wrapped in something else than `torch.compile`), so that no file could be read back.
        """
        from agents.checkpoint import save_agent

        save_agent(self, path)

    @classmethod
    def load(  # type: ignore[override]  # other arguments than SB3's, which unpickles
        cls: type[SelfRecurrentA2C],
        path: str | Path,
        env: GymEnv | gym.vector.VectorEnv | str | None = None,
        device: torch.device | str = "cpu",
        policy: str | type[RecurrentActorCriticPolicy] = "RecurrentPolicy",
        **changes: Any,
    ) -> SelfRecurrentA2C:
        """Read an agent that :meth:`save` wrote; nothing in the file is executed.

        If it is trained on, the optimizer begins afresh: only a run's checkpoints keep its state.

        Args:
            path: The file; its ending may be left out.
            env: Environment to go on training in; None: enough to predict.
            device: "cpu", "cuda" or "auto".
            policy: The policy's class, if it is one of your own: the file has only its name.
            changes: Arguments of the class in place of the file's (learning_rate, tensorboard_log ...).

        Raises:
            agents.checkpoint.CheckpointError: If the file is missing, damaged or of another kind, or does not
                fit the environment.
            ValueError: If an argument is not accepted.
        """
        from agents.checkpoint import load_agent

        return load_agent(cls, path, env, device, policy, **changes)

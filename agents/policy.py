"""A recurrent actor-critic policy: core -> actor and critic heads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor, nn

from agents.cores import State, make_core
from agents.cores.kernels import without_autocast
from agents.cores.registry import CoreSetting
from plastic_maze.validation import check_observation


def check_spaces(observation_space: spaces.Space, action_space: spaces.Space) -> None:
    """Raise ValueError unless the policy can act there: a flat Box, and Discrete actions from 0."""
    if not isinstance(observation_space, spaces.Box) or len(observation_space.shape) != 1:
        raise ValueError(
            f"the observation space must be a flat Box (one dimension), got {observation_space}; "
            "gymnasium.wrappers.FlattenObservation turns others into one"
        )
    if not isinstance(action_space, spaces.Discrete) or action_space.start != 0:
        raise ValueError(f"the action space must be Discrete, starting at 0, got {action_space}")


@contextmanager
def _float32_by_default() -> Iterator[None]:
    """Make networks of float32, as rollouts and kernels are, whatever `torch.set_default_dtype` said."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class PolicyStepper:
    """A policy at play: its core step by step, and its heads.

    It acts with the weights that the policy has now; what they become meanwhile counts for the next one. (A
    core that has no stepper of its own, :class:`agents.cores.base.LoopedStepper`, notices at once.)

    Args:
        policy: The policy.
        state: The core's state before the first step; it stays as it is.

    Raises:
        ValueError: If the policy's weights are not float32.
    """

    def __init__(self, policy: RecurrentActorCriticPolicy, state: State) -> None:
        weights = policy.heads.weight.detach().clone()
        if weights.dtype != torch.float32:
            raise ValueError(f"the policy's weights must be float32 for it to act, got {weights.dtype}")
        self._hidden_size = policy.hidden_size
        self._stepper = policy.core.stepper(state)
        self._heads = weights.t()
        self._bias = policy.heads.bias.detach().clone()

    def blank_scores(self, *shape: int, deterministic: bool = False) -> Tensor:
        """What :meth:`step` adds the heads' products to, for scores of actions and the value.

        Args:
            shape: Steps and rows, or rows.
            deterministic: Let the most probable action have the highest score, rather than a sampled one.

        Returns:
            The heads' biases and, on those of the actor, noise [*shape, A + 1].
        """
        scores = self._bias.repeat(*shape, 1)
        if not deterministic:
            # With Gumbel noise added to logits, the place of the largest is a sample of their softmax.
            uniform = torch.rand_like(scores[..., :-1], memory_format=torch.contiguous_format)
            scores[..., :-1] -= uniform.log_().neg_().log_()
        return scores

    def step(self, obs: Tensor, starts: Tensor | None, hidden: Tensor, scores: Tensor) -> np.ndarray:
        """Take a step, without gradients.

        Args:
            obs: Observations [B, F].
            starts: Bool [B], true where an episode begins with `obs`; None: nowhere.
            hidden: Receives the core's activity [B, N].
            scores: From :meth:`blank_scores` [B, A + 1]; receives a score of each action and, in the last
                column, the values of `obs`.

        Returns:
            The actions with the highest score [B], int64.
        """
        self._stepper.step(obs, starts, hidden)
        scores.addmm_(hidden, self._heads)
        return scores.cpu().numpy()[:, :-1].argmax(axis=1)

    def step_apart(
        self, obs: Tensor, starts: Tensor | None, deterministic: bool = True
    ) -> tuple[np.ndarray, Tensor]:
        """As :meth:`step`, where nothing is kept for an update: the actions [B] and the values [B]."""
        hidden = obs.new_empty(len(obs), self._hidden_size)
        scores = self.blank_scores(len(obs), deterministic=deterministic)
        return self.step(obs, starts, hidden, scores), scores[:, -1]

    def state(self) -> State:
        """The core's state after the last step."""
        return self._stepper.state()


class RecurrentActorCriticPolicy(BasePolicy):
    """One recurrent core as shared trunk, a linear actor and a linear critic on its activity.

    Args:
        observation_space: A flat Box, shape (F,).
        action_space: Discrete, with A actions.
        lr_schedule: Learning rate as a function of the remaining progress (1 to 0).
        core: Name of a registered core.
        hidden_size: N, the core's hidden units.
        core_settings: Further settings of that core, by its constructor's names.
        recurrent_lr_scale: The learning rate of the core's recurrent weights, as a share of the others'.
            They meet all N activities at once where the input's weights meet few features, so that equal
            steps change more there (Yang et al. 2022, Tensor Programs V).
        use_sde: Only False; SB3 passes it to every policy.

    Raises:
        ValueError: If a space or the core's name or a setting is not accepted.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        lr_schedule: Schedule,
        core: str = "plastic",
        hidden_size: int = 100,
        core_settings: dict[str, CoreSetting] | None = None,
        recurrent_lr_scale: float = 1.0,
        use_sde: bool = False,
    ) -> None:
        if use_sde:
            raise ValueError("use_sde=True needs continuous actions; this policy has discrete ones")
        check_spaces(observation_space, action_space)
        assert isinstance(observation_space, spaces.Box)
        assert isinstance(action_space, spaces.Discrete)
        super().__init__(observation_space, action_space)
        self.core_name = core
        self.core_settings = dict(core_settings or {})
        self.n_actions = int(action_space.n)
        with _float32_by_default():
            self.core = make_core(core, observation_space.shape[0], hidden_size, **self.core_settings)
            # The actor's logits and, in the last column, the critic's value: one product for both.
            self.heads = nn.Linear(self.core.hidden_size, self.n_actions + 1)
        self.core.check()
        self.recurrent_lr_scale = recurrent_lr_scale
        self.optimizer = torch.optim.Adam(self._parameter_groups(), lr=lr_schedule(1), fused=True)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """For the optimizer: all parameters in one group, or those with a rate of their own apart."""
        scale = self.recurrent_lr_scale
        if not (math.isfinite(scale) and scale > 0):
            raise ValueError(f"recurrent_lr_scale must be a finite number above 0, got {scale!r}")
        if scale == 1:  # also in the order that checkpoints number parameters by
            return [{"params": list(self.parameters()), "lr_scale": 1.0}]
        recurrent = self.core.recurrent_weights()
        if not recurrent:
            raise ValueError(
                f"recurrent_lr_scale must be 1: the core {self.core_name!r} does not say which of its "
                f"parameters are recurrent weights (Core.recurrent_weights), got {scale!r}"
            )
        apart = {id(weights) for weights in recurrent}
        others = [parameter for parameter in self.parameters() if id(parameter) not in apart]
        return [{"params": others, "lr_scale": 1.0}, {"params": recurrent, "lr_scale": scale}]

    def scale_learning_rate(self) -> None:
        """Once the optimizer has been given a learning rate: leave recurrent weights their share of it."""
        for group in self.optimizer.param_groups:
            group["lr"] *= group["lr_scale"]

    @property
    def hidden_size(self) -> int:
        """N, the core's hidden units."""
        return self.core.hidden_size

    @without_autocast
    def evaluate_actions(
        self, obs: Tensor, actions: Tensor, state: State, starts: Tensor, hidden: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Values, log-probabilities and entropies along sequences, with gradients through all of T.

        Args:
            obs: [T, B, F].
            actions: [T, B], int64.
            state: The core's state before the first step.
            starts: Bool [T, B].
            hidden: The core's activity in the rollout, with the present weights [T, B, N]; None: it had
                others, so that it is to be computed anew.

        Returns:
            Three tensors [T, B].
        """
        if hidden is None:
            hidden, _ = self.core.unroll(obs, state, starts)
        else:
            hidden = self.core.replay(obs, state, starts, hidden)
        # Sequences lie side by side, heads one below the other: products and softmax take half the time so.
        heads = torch.addmm(self.heads.bias.unsqueeze(1), self.heads.weight, hidden.flatten(0, 1).t())
        log_probs = torch.log_softmax(heads[:-1], dim=0)
        chosen = log_probs.gather(0, actions.reshape(1, -1))
        entropy = -(log_probs * log_probs.exp()).sum(0)
        return heads[-1].view_as(actions), chosen.view_as(actions), entropy.view_as(actions)

    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
        """Choose actions, as every recurrent SB3 policy does.

        Args:
            observation: [F] or [B, F].
            state: What the last call returned; None at the very start.
            episode_start: Bool [B], true where an episode begins; None: nowhere (but where `state` is None).
            deterministic: The most probable action instead of a sampled one.

        Returns:
            The action(s), int64, and the core's state as arrays with B rows each.

        Raises:
            ValueError: If the observation, the state or the mask has another shape than described.
        """
        check_observation(observation)
        self.set_training_mode(False)
        obs, batched = self.obs_to_tensor(observation)
        assert isinstance(obs, Tensor)  # a Box observation: never a dictionary
        expected = self.core.initial_state(len(obs))
        if state is None:
            core_state = expected
        else:
            given = [torch.as_tensor(_plain(leaf), device=self.device) for leaf in state]
            core_state = tuple(leaf.to(known.dtype) for leaf, known in zip(given, expected, strict=False))
            shapes = [tuple(leaf.shape) for leaf in given]
            if shapes != [tuple(leaf.shape) for leaf in expected]:
                raise ValueError(
                    f"the state has shapes {shapes}, but {len(obs)} observations need "
                    f"{[tuple(leaf.shape) for leaf in expected]}"
                )
        if episode_start is None:
            episode_start = np.zeros(len(obs), dtype=bool)
        starts = torch.as_tensor(_plain(episode_start), device=self.device).bool().reshape(-1)
        if len(starts) != len(obs):
            raise ValueError(f"episode_start has {len(starts)} entries for {len(obs)} observations")
        player = PolicyStepper(self, core_state)
        actions, _ = player.step_apart(obs.float(), starts, deterministic)
        return (actions if batched else actions[0]), tuple(leaf.cpu().numpy() for leaf in player.state())

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        assert isinstance(observation, Tensor)
        player = PolicyStepper(self, self.core.initial_state(len(observation)))
        actions, _ = player.step_apart(observation.float(), None, deterministic)
        return torch.from_numpy(actions).to(self.device)

    def save(self, path: str) -> None:
        """Not possible: SB3 would write a pickle.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a policy is not saved alone; RecurrentA2C.save writes the agent")

    @classmethod
    def load(cls, path: str, device: torch.device | str = "auto") -> RecurrentActorCriticPolicy:
        """Not possible: SB3 would unpickle, which can execute code.

        Raises:
            TypeError: Always.
        """
        raise TypeError(f"a policy is not loaded alone; RecurrentA2C.load({path!r}).policy does it")


def _plain(array: Any) -> np.ndarray:
    """`array`, or a copy of it if its order in memory or its flags are such that PyTorch does not take it."""
    return np.require(array, requirements=("C_CONTIGUOUS", "WRITEABLE"))

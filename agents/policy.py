"""A recurrent actor-critic policy: core -> actor and critic heads."""

from __future__ import annotations

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor, nn

from agents.cores import State, make_core
from agents.cores.registry import CoreSetting


class RecurrentActorCriticPolicy(BasePolicy):
    """One recurrent core as shared trunk, a linear actor and a linear critic on its activity.

    Args:
        observation_space: A flat Box, shape (F,).
        action_space: Discrete, with A actions.
        lr_schedule: Learning rate as a function of the remaining progress (1 to 0).
        core: Name of a registered core.
        hidden_size: N, the core's hidden units.
        core_settings: Further settings of that core, by its constructor's names.
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
        use_sde: bool = False,
    ) -> None:
        if use_sde:
            raise ValueError("use_sde=True needs continuous actions; this policy has discrete ones")
        if not isinstance(observation_space, spaces.Box) or len(observation_space.shape) != 1:
            raise ValueError(
                f"the observation space must be a flat Box (one dimension), got {observation_space}; "
                "gymnasium.wrappers.FlattenObservation turns others into one"
            )
        if not isinstance(action_space, spaces.Discrete) or action_space.start != 0:
            raise ValueError(f"the action space must be Discrete, starting at 0, got {action_space}")
        super().__init__(observation_space, action_space)
        self.core_name = core
        self.core_settings = dict(core_settings or {})
        self.core = make_core(core, observation_space.shape[0], hidden_size, **self.core_settings)
        self.n_actions = int(action_space.n)
        # The actor's logits and, in the last column, the critic's value: one product for both.
        self.heads = nn.Linear(self.core.hidden_size, self.n_actions + 1)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr_schedule(1))

    @property
    def hidden_size(self) -> int:
        """N, the core's hidden units."""
        return self.core.hidden_size

    def act(
        self, obs: Tensor, state: State, starts: Tensor | None, noise: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, State]:
        """One step of a rollout, without gradients; `state` may be overwritten.

        Args:
            obs: Observations [B, F].
            state: The core's state before this step.
            starts: Bool [B], true where an episode begins with `obs`; None: nowhere.
            noise: From :meth:`sampling_noise` [B, A], to sample; None: the most probable actions.

        Returns:
            Actions [B] (int64), values [B], the core's activity [B, N] and its state after the step.
        """
        with torch.no_grad():
            if starts is not None:
                state = self.core.reset(state, starts)
            hidden, state = self.core.advance(obs, state)
            heads = self.heads(hidden)
            logits, values = heads[:, :-1], heads[:, -1]
            return (logits if noise is None else logits + noise).argmax(dim=1), values, hidden, state

    def sampling_noise(self, *shape: int) -> Tensor:
        """Gumbel noise [*shape, A]: added to logits, the largest sum is a sample of their softmax."""
        exponential = torch.empty(*shape, self.n_actions, device=self.device).exponential_()
        return exponential.log_().neg_()

    def predict_values(self, obs: Tensor, state: State, starts: Tensor) -> Tensor:
        """The values [B] of observations [B, F], leaving `state` as it is; no gradient."""
        with torch.no_grad():
            hidden, _ = self.core.step(obs, self.core.reset(state, starts))
            return self.heads(hidden)[:, -1]

    def evaluate_actions(
        self, obs: Tensor, actions: Tensor, state: State, starts: Tensor, hidden: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Values, log-probabilities and entropies along sequences, with gradients through all of T.

        Args:
            obs: [T, B, F].
            actions: [T, B], int64.
            state: The core's state before the first step.
            starts: Bool [T, B].
            hidden: The core's activity in the rollout, with the present weights [T, B, N].

        Returns:
            Three tensors [T, B].
        """
        hidden = self.core.replay(obs, state, starts, hidden)
        heads = self.heads(hidden)
        log_probs = torch.log_softmax(heads[..., :-1], dim=-1)
        chosen = log_probs.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        entropy = -(log_probs * log_probs.exp()).sum(-1)
        return heads[..., -1], chosen, entropy

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
        self.set_training_mode(False)
        obs, batched = self.obs_to_tensor(observation)
        assert isinstance(obs, Tensor)  # a Box observation: never a dictionary
        expected = self.core.initial_state(len(obs))
        if state is None:
            core_state = expected
        else:
            core_state = tuple(torch.tensor(leaf, device=self.device) for leaf in state)
            shapes = [tuple(leaf.shape) for leaf in core_state]
            if shapes != [tuple(leaf.shape) for leaf in expected]:
                raise ValueError(
                    f"the state has shapes {shapes}, but {len(obs)} observations need "
                    f"{[tuple(leaf.shape) for leaf in expected]}"
                )
        if episode_start is None:
            episode_start = np.zeros(len(obs), dtype=bool)
        starts = torch.as_tensor(np.asarray(episode_start), device=self.device).bool().reshape(-1)
        if len(starts) != len(obs):
            raise ValueError(f"episode_start has {len(starts)} entries for {len(obs)} observations")
        noise = None if deterministic else self.sampling_noise(len(obs))
        actions, _, _, core_state = self.act(obs.float(), core_state, starts, noise)
        chosen = actions.cpu().numpy()
        return (chosen if batched else chosen[0]), tuple(leaf.cpu().numpy() for leaf in core_state)

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        assert isinstance(observation, Tensor)
        noise = None if deterministic else self.sampling_noise(len(observation))
        return self.act(observation, self.core.initial_state(len(observation)), None, noise)[0]

    def _get_constructor_parameters(self) -> dict[str, object]:
        return {
            **super()._get_constructor_parameters(),
            "lr_schedule": self._dummy_schedule,
            "core": self.core_name,
            "hidden_size": self.hidden_size,
            "core_settings": self.core_settings,
        }

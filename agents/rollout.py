"""Rollouts as sequences: [T, B, ...] arrays and the one state they start from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from torch import Tensor

from agents.cores import Core, State
from agents.finite import not_finite
from agents.policy import RecurrentActorCriticPolicy


class Sequences(NamedTuple):
    """T steps of B environments, as the update reads them."""

    observations: Tensor
    """[T, B, F]"""
    actions: Tensor
    """[T, B], int64"""
    starts: Tensor
    """[T, B], true where an episode begins"""
    advantages: Tensor
    """[T, B]"""
    returns: Tensor
    """[T, B], targets of the critic"""
    initial_state: State
    """The core's state before the first step"""
    hidden: Tensor | None
    """[T, B, N], the core's activity; None if its weights have changed since"""


class SequenceRolloutBuffer(RolloutBuffer):
    """SB3's rollout buffer (its arrays and its GAE), read back as whole sequences.

    The core's state is kept once, for the first step: with plastic weights in it (N x N numbers for each
    environment) a copy for every step would not fit. Its activity is kept for all steps, so that the update
    need not compute it again; so are copies of the core's weights, to tell whether that is still its activity
    when the update comes. (Version counters of tensors would not tell: `p.data.mul_(2)` leaves them.)
    """

    initial_state: State = ()
    hidden = torch.empty(0)

    def reset(self) -> None:
        """Forget what was recorded. Arrays are made by :meth:`begin`: an agent that plays needs none."""
        self.pos, self.full = 0, False

    def begin(self, state: State, policy: RecurrentActorCriticPolicy) -> None:
        """Empty the buffer for a rollout of `policy`.

        Args:
            state: The core's state before the first step; it must not change.
            policy: Its weights are those of the rollout.
        """
        super().reset()
        # PyTorch's own memory is aligned: matrix products may round differently where it is not, and a
        # resumed run must repeat an uninterrupted one to the last bit.
        observations = torch.empty(self.observations.shape, dtype=torch.float32)
        self.observations = observations.numpy()
        self._observed = observations.unbind()
        self.initial_state = state
        shape = self.buffer_size, self.n_envs, policy.hidden_size
        if self.hidden.shape != shape:
            self.hidden = torch.empty(shape, dtype=torch.float32, device=self.device)
        self._policy = policy
        self._weights = [weight.detach().clone() for weight in _weights(policy.core)]

    def _is_as_it_was(self) -> bool:
        """Whether the core has the weights that it had when the rollout began."""
        now = _weights(self._policy.core)
        return len(now) == len(self._weights) and all(
            one.dtype == other.dtype and torch.equal(one, other)
            for one, other in zip(now, self._weights, strict=True)
        )

    def observe(self, obs: np.ndarray, starts: np.ndarray) -> Tensor:
        """Begin a step with observations [B, F], and starts [B]; returns the former for the network."""
        self.observations[self.pos] = obs
        self.episode_starts[self.pos] = starts
        return self._observed[self.pos].to(self.device)

    def act(self, actions: np.ndarray, rewards: np.ndarray) -> None:
        """End the step with actions [B] and rewards [B]."""
        self.actions[self.pos, :, 0] = actions
        self.rewards[self.pos] = rewards
        self.pos += 1
        self.full = self.pos == self.buffer_size

    def fault(self, last_obs: np.ndarray) -> str | None:
        """What the environments gave in a full rollout that is not a finite number, in words; None: nothing.

        Args:
            last_obs: The observations after the last step [B, F].
        """
        given = (
            ("observation", 0, self.observations),
            ("reward", 0, self.rewards),
            ("observation", self.buffer_size, last_obs[None].astype(np.float32)),
        )
        for what, begin, array in given:
            index = not_finite(array)
            if index is not None:
                t, row, *entry = index
                where = f"environment {row} at step {begin + t} of the rollout"
                of = f"entry {entry[0]} of the {what}" if entry else f"the {what}"
                return f"{of} of {where} is {array[index]}"
        return None

    def compute_returns_and_advantage(self, last_values: Tensor, dones: np.ndarray) -> None:
        """As SB3 does, to the same numbers; only what depends on the step after is done step by step.

        Args:
            last_values: The critic's values after the last step [B].
            dones: Bool [B], true where the last step ended an episode.
        """
        going_on = 1 - np.concatenate([self.episode_starts[1:], dones[None].astype(np.float32)])
        next_values = np.concatenate([self.values[1:], last_values.cpu().numpy()[None]])
        advantages = self.rewards + self.gamma * next_values * going_on - self.values
        decay = self.gamma * self.gae_lambda * going_on
        for t in range(self.buffer_size - 2, -1, -1):
            advantages[t] += decay[t] * advantages[t + 1]
        self.advantages = advantages
        self.returns = advantages + self.values

    def sequences(self) -> Sequences:
        """Everything recorded, in order."""

        def on_device(array: np.ndarray) -> Tensor:
            return torch.tensor(array, device=self.device)  # a copy, so that nobody changes it meanwhile

        return Sequences(
            observations=on_device(self.observations),
            actions=on_device(self.actions[:, :, 0]).long(),
            starts=on_device(self.episode_starts).bool(),
            advantages=on_device(self.advantages),
            returns=on_device(self.returns),
            initial_state=self.initial_state,
            hidden=self.hidden if self._is_as_it_was() else None,
        )


def _weights(core: Core) -> list[Tensor]:
    return [*core.parameters(), *core.buffers()]

"""Rollouts as sequences: [T, B, ...] arrays and the one state they start from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from torch import Tensor

from agents.cores import State


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
    hidden: Tensor
    """[T, B, N], the core's activity"""


class SequenceRolloutBuffer(RolloutBuffer):
    """SB3's rollout buffer (its arrays and its GAE), read back as whole sequences.

    The core's state is kept once, for the first step: with plastic weights in it (N x N numbers for each
    environment) a copy for every step would not fit. Its activity is kept for all steps, so that the update
    need not compute it again.
    """

    initial_state: State = ()
    hidden: Tensor

    def begin(self, state: State, hidden_size: int) -> None:
        """Empty the buffer; `state` is the core's state before the first step and is copied."""
        self.reset()
        self.initial_state = tuple(leaf.clone() for leaf in state)
        self.hidden = torch.empty(self.buffer_size, self.n_envs, hidden_size, device=self.device)

    def record(
        self,
        obs: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        starts: np.ndarray,
        values: Tensor,
        hidden: Tensor,
    ) -> None:
        """Append one step: obs [B, F], hidden [B, N], the others [B]."""
        self.observations[self.pos] = obs
        self.actions[self.pos, :, 0] = actions
        self.rewards[self.pos] = rewards
        self.episode_starts[self.pos] = starts
        self.values[self.pos] = values.cpu().numpy()
        self.hidden[self.pos] = hidden
        self.pos += 1
        self.full = self.pos == self.buffer_size

    def sequences(self) -> Sequences:
        """Everything recorded, in order."""

        def on_device(array: np.ndarray) -> Tensor:
            return torch.tensor(array, device=self.device)  # a copy, aligned: see RecurrentA2C._as_tensor

        return Sequences(
            observations=on_device(self.observations).float(),
            actions=on_device(self.actions[:, :, 0]).long(),
            starts=on_device(self.episode_starts).bool(),
            advantages=on_device(self.advantages),
            returns=on_device(self.returns),
            initial_state=self.initial_state,
            hidden=self.hidden,
        )

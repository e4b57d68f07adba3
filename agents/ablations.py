"""Taking something away from an agent while it plays, to see what its score rests on."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import gymnasium as gym
import numpy as np
import torch
import tyro
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from agents.a2c import RecurrentA2C
from agents.policy import RecurrentActorCriticPolicy
from agents.vec_env import GymnasiumVecEnv
from commands.flags import flag
from plastic_maze.reference import own_vector_env
from plastic_maze.validation import check_observation

_Step = Annotated[int | None, tyro.conf.arg(metavar="K")]


@dataclass(frozen=True)
class Ablations:
    """What is changed in each episode while an agent plays: nothing by default.

    Steps K are counted from 0: K steps have been taken when step K is about to be. Ablations combine; where
    plastic weights are wiped after they were frozen, they stay as they are after the wipe.
    """

    no_plasticity: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Ablation: set alpha to zero, so that plastic weights have no effect."""
    freeze_hebb: _Step = None
    """Ablation: from step K of each episode on, plastic weights no longer change."""
    wipe_hebb: _Step = None
    """Ablation: before step K of each episode, reset plastic weights to their initial state."""
    wipe_hidden: _Step = None
    """Ablation: before step K of each episode, reset all of the core's state except plastic weights."""
    move_goal: _Step = None
    """Ablation: before step K of each episode, move the goal (not in the episodes of the intact agent)."""

    @property
    def given(self) -> dict[str, bool | int]:
        """The ones asked for, by name."""
        # By identity: step 0 equals False.
        return {
            name: value for name, value in asdict(self).items() if value is not None and value is not False
        }

    @property
    def of_agent(self) -> dict[str, bool | int]:
        """The ones asked for that change the agent; moving the goal changes the task."""
        return {name: value for name, value in self.given.items() if name != "move_goal"}

    @property
    def flags(self) -> str:
        """The ones asked for, as on the command line: "--no-plasticity --wipe-hebb 150"."""
        return " ".join(
            flag(name) + ("" if value is True else f" {value}") for name, value in self.given.items()
        )

    def check(self, max_steps: int | None) -> None:
        """Check the steps.

        Args:
            max_steps: Steps in an episode; None: not known.

        Raises:
            ValueError: Naming the ablation, its step and the steps there are.
        """
        for name, step in self.given.items():
            if name == "no_plasticity":
                continue
            whole = isinstance(step, int) and not isinstance(step, bool)
            if not whole or step < 0 or (max_steps is not None and step >= max_steps):
                steps = "0 upwards" if max_steps is None else f"0 to {max_steps - 1}"
                raise ValueError(f"{name} must be a step of the episode, from {steps}, got {step!r}")


def ablated_policy(agent: RecurrentA2C, ablations: Ablations) -> RecurrentActorCriticPolicy:
    """The policy of `agent`, or a copy without plasticity if `ablations` say so; steps are not its concern.

    Raises:
        ValueError: If the agent's core has no plastic weights to freeze or wipe, or no alpha to set to zero.
    """
    policy = agent.policy
    core, name = policy.core, policy.core_name
    if not core.plastic_leaves and (ablations.freeze_hebb is not None or ablations.wipe_hebb is not None):
        raise ValueError(f"the core {name!r} has no plastic weights that could be frozen or wiped")
    if not ablations.no_plasticity:
        return policy
    if "alpha" not in dict(core.named_parameters()):
        raise ValueError(f"the core {name!r} has no parameter alpha that could be set to zero")
    policy = copy.deepcopy(policy)
    policy.core.get_parameter("alpha").data.zero_()
    return policy


class AblatedPlayer:
    """A trained agent with something taken away, by the `predict` protocol of Stable-Baselines3.

    The agent itself stays as it is.

    Args:
        agent: Who plays.
        ablations: What is taken away; their steps have been checked. A moving goal is not this class's.

    Raises:
        ValueError: If the agent cannot be ablated so, see :func:`ablated_policy`.
    """

    def __init__(self, agent: RecurrentA2C, ablations: Ablations) -> None:
        self._policy = ablated_policy(agent, ablations)
        self._freeze = ablations.freeze_hebb
        core = self._policy.core
        plastic = core.plastic_leaves
        hidden = [i for i in range(len(core.initial_state(1))) if i not in plastic]
        self._wipes = [
            (step, leaves)
            for step, leaves in ((ablations.wipe_hebb, plastic), (ablations.wipe_hidden, hidden))
            if step is not None
        ]

    def predict(
        self,
        observation: np.ndarray,
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Choose actions; see :meth:`agents.policy.RecurrentActorCriticPolicy.predict`.

        Args:
            observation: [F] or [B, F].
            state: What the last call returned; None at the very start.
            episode_start: Bool [B], true where an episode begins; None: nowhere (but where `state` is None).
            deterministic: The most probable action instead of a sampled one.

        Returns:
            The action(s), int64, and the core's state, B rows each, followed by each row's steps so far [B].
        """
        check_observation(observation)
        core = self._policy.core
        initial = _arrays(core.initial_state(len(np.atleast_2d(observation))))
        steps = np.zeros(len(initial[0]), dtype=np.int64)
        before: Sequence[np.ndarray] = initial
        if state is not None:
            *before, steps = state
        if episode_start is not None:
            # The core would do this by itself, but what is frozen from step 0 on is the state after it.
            starts = np.asarray(episode_start, dtype=bool)
            before = _mixed(before, initial, starts, range(len(initial)))
            steps = np.where(starts, 0, steps)
        for step, leaves in self._wipes:
            before = _mixed(before, initial, steps == step, leaves)
        actions, after = self._policy.predict(observation, tuple(before), None, deterministic)
        assert after is not None  # a core always has a state
        if self._freeze is not None:
            after = _mixed(after, before, steps >= self._freeze, core.plastic_leaves)
        return actions, (*after, steps + 1)


class MovingGoalVecEnv(GymnasiumVecEnv):
    """Mazes in which every goal moves to another square before a given step of each episode.

    Args:
        env: The mazes.
        step: When, counted from 0.

    Raises:
        ValueError: If `env` is none of this project's mazes.
    """

    def __init__(self, env: gym.vector.VectorEnv, step: int) -> None:
        super().__init__(env)
        self._maze = own_vector_env(env)
        self._step = step

    def reset(self) -> np.ndarray:
        """See :meth:`GymnasiumVecEnv.reset`."""
        obs = super().reset()
        self._move_if_due()
        return obs

    def step_wait(self) -> VecEnvStepReturn:
        """See :meth:`GymnasiumVecEnv.step_wait`; what it returns does not show the goal."""
        results = super().step_wait()
        self._move_if_due()
        return results

    def _move_if_due(self) -> None:
        if self._lengths[0] == self._step:  # all rows begin and end their episodes together
            self._maze.move_goal()


def _arrays(state: Sequence[torch.Tensor]) -> tuple[np.ndarray, ...]:
    return tuple(leaf.detach().cpu().numpy() for leaf in state)


def _mixed(
    state: Sequence[np.ndarray], other: Sequence[np.ndarray], rows: np.ndarray, leaves: Sequence[int]
) -> tuple[np.ndarray, ...]:
    """`state`, with those `leaves` [B, ...] taken from `other` in the `rows` [B] that are true."""
    if not rows.any():
        return tuple(state)
    return tuple(
        np.where(rows.reshape(-1, *(1,) * (leaf.ndim - 1)), other[i], leaf) if i in leaves else leaf
        for i, leaf in enumerate(state)
    )

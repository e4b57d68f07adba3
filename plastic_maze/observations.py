"""What the agent is shown: (rules, state) -> float32 [N, 15].

Fifteen numbers with named places: `observation[..., WALLS]` and so on.
"""

from functools import cached_property

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from plastic_maze.dynamics import MazeRules, MazeState
from plastic_maze.layouts import NUM_ACTIONS

WALLS = slice(0, 9)
"""The 3x3 squares around the agent, row-major, 1 is wall."""

PREVIOUS_ACTION = slice(9, 13)
"""One-hot; all zero before the first step."""

PREVIOUS_REWARD = slice(13, 14)
"""Reward of the previous step; 0 before the first."""

ELAPSED = slice(14, 15)
"""t / max_steps."""

OBSERVATION_SIZE = 15

_PREVIOUS_ACTIONS = np.array(NUM_ACTIONS + 1)  # with "none"; an array, as in dynamics.py


class Observer:
    """Turns states into observations, by looking them up.

    Args:
        rules: The rules that the states follow.
    """

    def __init__(self, rules: MazeRules) -> None:
        self.rules = rules

    @cached_property
    def space(self) -> spaces.Box:
        """The Box of one observation; it contains every value there can be."""
        low = np.zeros(OBSERVATION_SIZE, dtype=np.float32)
        high = np.ones(OBSERVATION_SIZE, dtype=np.float32)
        rewards = (0.0, 0.0 - self.rules.wall_penalty, self.rules.goal_reward)
        low[PREVIOUS_REWARD], high[PREVIOUS_REWARD] = min(rewards), max(rewards)
        return spaces.Box(low, high, dtype=np.float32)

    def observe(self, state: MazeState) -> NDArray[np.float32]:
        """Observations of N environments.

        Returns:
            float32 [N, 15], fresh.
        """
        row = state.agent * _PREVIOUS_ACTIONS
        row += state.previous_action
        observation = self._walls_and_actions.take(row, axis=0)
        observation[:, PREVIOUS_REWARD.start] = state.previous_reward
        observation[:, ELAPSED.start] = state.elapsed / self.rules.horizon
        return observation

    @cached_property
    def _walls_and_actions(self) -> NDArray[np.float32]:
        """Whole observations with the reward and the time left blank, by cell * 5 + previous action.

        No previous action is -1, which is found at the end of the cell before; cell 0 is a wall.
        """
        views = self.rules.layout.views
        table = np.zeros((len(views), NUM_ACTIONS + 1, OBSERVATION_SIZE), dtype=np.float32)
        table[:, :NUM_ACTIONS, WALLS] = views[:, None]
        table[:, :NUM_ACTIONS, PREVIOUS_ACTION] = np.eye(NUM_ACTIONS)
        table[:-1, NUM_ACTIONS, WALLS] = views[1:]
        return table.reshape(-1, OBSERVATION_SIZE)

"""What the agent is shown: (rules, state) -> float32 [N, 15 + cue_size].

Numbers with named places: `observation[..., WALLS]` and so on.
"""

from functools import cached_property

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from plastic_maze.dynamics import MazeState, own_cells
from plastic_maze.layouts import NUM_ACTIONS
from plastic_maze.rules import MazeRules

WALLS = slice(0, 9)
"""The 3x3 squares around the agent, row-major, 1 is wall."""

PREVIOUS_ACTION = slice(9, 13)
"""One-hot; all zero before the first step."""

PREVIOUS_REWARD = slice(13, 14)
"""Reward of the previous step; 0 before the first."""

ELAPSED = slice(14, 15)
"""t / max_steps."""

CUE = slice(15, None)
"""The cue of the pair that pays, entries +1 or -1; nothing where `cue_size` is 0."""

OBSERVATION_SIZE = 15
"""Without the cue."""

_PREVIOUS_ACTIONS = np.array(NUM_ACTIONS + 1)  # with "none"; an array, as in dynamics.py


class Observer:
    """Turns states into observations, by looking them up.

    Args:
        rules: The rules that the states follow.
    """

    def __init__(self, rules: MazeRules) -> None:
        self.rules = rules
        self.size = OBSERVATION_SIZE + rules.cue_size

    @cached_property
    def space(self) -> spaces.Box:
        """The Box of one observation; it contains every value there can be."""
        low = np.zeros(self.size, dtype=np.float32)
        high = np.ones(self.size, dtype=np.float32)
        low[PREVIOUS_REWARD], high[PREVIOUS_REWARD] = self.rules.rewards[[0, -1]]
        low[CUE] = -1.0
        return spaces.Box(low, high, dtype=np.float32)

    def observe(self, state: MazeState) -> NDArray[np.float32]:
        """Observations of N environments.

        Returns:
            float32 [N, 15 + cue_size], fresh.
        """
        row = state.agent * _PREVIOUS_ACTIONS
        row += state.previous_action
        observation = self._walls_and_actions.take(row, axis=0)
        if self.rules.random_walls:
            observation[:, WALLS] = state.walls.take(own_cells(state, state.agent[:, None] + self._around))
        observation[:, PREVIOUS_REWARD.start] = state.previous_reward
        observation[:, ELAPSED.start] = state.elapsed / self.rules.horizon
        if self.rules.cue_size:
            observation[:, CUE] = state.cues[np.arange(len(state)), state.pair]
        return observation

    @cached_property
    def _around(self) -> NDArray[np.intp]:
        """What to add to a cell for the 3x3 cells around it, row-major, [9]."""
        side = self.rules.layout.side
        return (np.array([[-side], [0], [side]]) + np.array([-1, 0, 1])).ravel()

    @cached_property
    def _walls_and_actions(self) -> NDArray[np.float32]:
        """Whole observations with the reward and the time left blank, by cell * 5 + previous action.

        No previous action is -1, which is found at the end of the cell before; cell 0 is a wall.
        """
        views = self.rules.layout.views
        table = np.zeros((len(views), NUM_ACTIONS + 1, self.size), dtype=np.float32)
        table[:, :NUM_ACTIONS, WALLS] = views[:, None]
        table[:, :NUM_ACTIONS, PREVIOUS_ACTION] = np.eye(NUM_ACTIONS)
        table[:-1, NUM_ACTIONS, WALLS] = views[1:]
        return table.reshape(-1, self.size)

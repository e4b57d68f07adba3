"""The best that any agent can do, by trying everything, where the maze and the episode are small enough.

In the bare 3x3 room all views differ, so an agent knows where it is. What it knows besides is a belief: how
likely it is, together with all that was seen so far, that the goals are where they may be.
"""

from typing import Any

import numpy as np
import pytest

from plastic_maze import PlannerPlayer, PlasticMazeVectorEnv, score_bound

EPISODES = 20_000
FREE, CENTRE = 9, 4
CELLS = np.arange(FREE)
NEIGHBOURS = [
    {cell, *(cell + step for step, stays in zip((-3, 3, -1, 1), walls, strict=True) if not stays)}
    for cell in range(FREE)
    for walls in [(cell < 3, cell > 5, cell % 3 == 0, cell % 3 == 2)]
]


class Optimum:
    """Most hits on average in `horizon` steps, with one goal that may move."""

    def __init__(self, horizon: int, switches: range = range(0)) -> None:
        self.horizon, self.switches = horizon, switches
        self.known: dict[Any, float] = {}

    @property
    def hits(self) -> float:
        """From the start of an episode."""
        belief = np.zeros((FREE, self.horizon + 1))  # by goal, and the step after which it moves; 0 is never
        when = list(self.switches) or [0]
        belief[np.ix_(CELLS[CELLS != CENTRE], when)] = 1 / (8 * len(when))
        return self.value(CENTRE, 0, 0, belief)

    def value(self, agent: int, shown: int, steps: int, belief: np.ndarray) -> float:
        """Hits to come, times how likely the belief is."""
        chance = belief.sum()
        if steps == self.horizon or chance == 0:
            return 0.0
        situation = agent, shown, steps, (belief / chance).round(12).tobytes()
        if situation not in self.known:
            self.known[situation] = max(
                self.after(there, shown, steps + 1, belief / chance) for there in NEIGHBOURS[agent]
            )
        return chance * self.known[situation]

    def after(self, there: int, shown: int, steps: int, belief: np.ndarray) -> float:
        """Hits from a move to `there` on."""
        hit = np.zeros_like(belief)
        hit[there] = belief[there]
        found = hit.sum() + self.value(there, 0, steps, self.moved(belief - hit, there, steps))
        for landing in CELLS[there != CELLS].tolist():
            found += self.value(landing, 0, steps, self.moved(hit / 8, landing, steps))
        return float(found)

    def moved(self, belief: np.ndarray, agent: int, steps: int) -> np.ndarray:
        """With the goals elsewhere that move at this step."""
        belief = belief.copy()
        moving, belief[:, steps] = belief[:, steps].copy(), 0.0
        for goal in np.flatnonzero(moving):
            elsewhere = (goal != CELLS) & (agent != CELLS)
            belief[elsewhere, 0] += moving[goal] / elsewhere.sum()
        return belief


class OptimumOfTwoPairs(Optimum):
    """The same for two pairs. The belief is by the goals of the first pair that is shown and of the other."""

    @property
    def hits(self) -> float:
        """From the start of an episode."""
        belief = np.full((FREE, FREE), 1 / 56)
        belief[CENTRE], belief[:, CENTRE], belief[CELLS, CELLS] = 0.0, 0.0, 0.0
        return self.value(CENTRE, 0, 0, belief)

    def after(self, there: int, shown: int, steps: int, belief: np.ndarray) -> float:
        """Hits from a move to `there` on."""
        here = np.moveaxis(np.zeros((FREE, FREE), dtype=bool), shown, 0)
        here[there] = True
        hit = np.where(np.moveaxis(here, 0, shown), belief, 0.0)
        found = hit.sum() + self.value(there, shown, steps, belief - hit)
        for pair in range(2):
            for landing in CELLS.tolist():
                landed = hit / 2 / 8
                np.moveaxis(landed, pair, 0)[landing] = 0.0  # never on the goal that pays from now on
                found += self.value(landing, pair, steps, landed)
        return float(found)


def played(env: PlasticMazeVectorEnv) -> tuple[float, float]:
    """The planner's hits per episode, and their standard error."""
    observation, _ = env.reset(seed=0)
    player, state = PlannerPlayer(env), None
    hits = np.zeros(EPISODES)
    for _ in range(env.max_steps):
        actions, state = player.predict(observation, state)
        observation, rewards, *_ = env.step(actions)
        hits += rewards
    return hits.mean(), hits.std() / EPISODES**0.5


def room(horizon: int, **settings: Any) -> PlasticMazeVectorEnv:
    return PlasticMazeVectorEnv(
        EPISODES, size=3, max_steps=horizon, goal_reward=1.0, wall_penalty=0.0, **settings
    )


@pytest.mark.parametrize("horizon", [1, 2, 3, 6, 9])
def test_in_the_ordinary_maze_the_bound_is_reached(horizon: int) -> None:
    env = room(horizon)
    optimum = Optimum(horizon).hits
    assert score_bound(env.rules).score == pytest.approx(optimum, abs=1e-9)
    hits, error = played(env)
    assert 0.99 * optimum - 4 * error < hits < optimum + 4 * error


@pytest.mark.parametrize(("horizon", "expected", "share"), [(3, 0.4088, 0.98), (4, 0.6390, 0.86)])
def test_with_a_goal_that_moves_the_planner_is_not_the_best(
    horizon: int, expected: float, share: float
) -> None:
    env = room(horizon, goal_switch=True)
    first, last = env.rules.switch_steps
    optimum = Optimum(horizon, range(first, last + 1)).hits
    assert optimum == pytest.approx(expected, abs=1e-4)
    hits, error = played(env)
    assert hits / optimum == pytest.approx(share, abs=0.01 + 4 * error)
    assert optimum < score_bound(env.rules).score < 1.16 * optimum


@pytest.mark.parametrize(("horizon", "expected", "share"), [(3, 0.4774, 0.96), (4, 0.7239, 0.94)])
def test_with_two_pairs_the_planner_is_not_the_best(horizon: int, expected: float, share: float) -> None:
    env = room(horizon, n_cues=2, cue_size=1)
    optimum = OptimumOfTwoPairs(horizon).hits
    assert optimum == pytest.approx(expected, abs=1e-4)
    hits, error = played(env)
    assert hits / optimum == pytest.approx(share, abs=0.01 + 4 * error)
    assert optimum < score_bound(env.rules).score < 1.04 * optimum

"""The players' figures, the search for a policy without memory, and the argument it rests on."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from plastic_maze import (
    ENVIRONMENTS,
    MazeRules,
    MemorylessPlayer,
    OraclePlayer,
    PlasticMazeVectorEnv,
    RandomPlayer,
    best_memoryless,
    pillar_layout,
)


def returns(env: PlasticMazeVectorEnv, player: Any, seed: int = 0) -> np.ndarray:
    """Return of one episode in each environment."""
    observation, _ = env.reset(seed=seed)
    total = np.zeros(env.num_envs)
    state = None
    for _ in range(env.max_steps):
        actions, state = player.predict(observation, state)
        observation, rewards, terminated, _, _ = env.step(actions)
        total += rewards
    assert terminated.all()
    return total


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({"max_steps": 200, "wall_penalty": 0.0}, 324.2),
        (ENVIRONMENTS["PlasticMaze-v0"], 404.8),
        (ENVIRONMENTS["PlasticMazeLarge-v0"], 269.8),
        (ENVIRONMENTS["PlasticMazeSmall-v0"], 221.6),
    ],
)
def test_oracle_figures(kwargs: dict[str, Any], expected: float) -> None:
    env = PlasticMazeVectorEnv(4096, **kwargs)
    total = returns(env, OraclePlayer(env), seed=99)
    assert abs(total.mean() - expected) < 4


def test_oracle_walks_shortest_paths_by_the_lowest_action() -> None:
    env = PlasticMazeVectorEnv(300, size=7)
    layout = env.rules.layout
    oracle = OraclePlayer(env)
    observation, info = env.reset(seed=5)
    for _ in range(50):
        actions, _ = oracle.predict(observation)
        agent, goal = info["agent"] @ (layout.side, 1), info["goal"] @ (layout.side, 1)
        nearer = (
            layout.distances[layout.next_cell[agent], goal[:, None]] < layout.distances[agent, goal][:, None]
        )
        np.testing.assert_array_equal(actions, nearer.argmax(axis=1))
        observation, _, _, _, info = env.step(actions)


def test_oracle_finds_its_maze_under_wrappers_and_nowhere_else() -> None:
    env = RecordEpisodeStatistics(PlasticMazeVectorEnv(3))
    observation, _ = env.reset(seed=0)
    assert OraclePlayer(env).predict(observation)[0].shape == (3,)
    with pytest.raises(ValueError, match="PlasticMazeVectorEnv"):
        OraclePlayer(gym.make_vec("CartPole-v1", num_envs=1))
    with pytest.raises(ValueError, match="PlasticMazeVectorEnv"):
        OraclePlayer(gym.make("CartPole-v1"))  # type: ignore[arg-type]


def test_random_player() -> None:
    one, two = RandomPlayer(4, seed=3), RandomPlayer(4, seed=3)
    observation = np.zeros((10_000, 15), dtype=np.float32)
    actions, state = one.predict(observation, "kept")
    assert state == "kept"
    np.testing.assert_array_equal(actions, two.predict(observation)[0])
    assert np.all(np.abs(np.bincount(actions, minlength=4) - 2500) < 250)
    assert not np.array_equal(actions, one.predict(observation)[0])
    single, _ = one.predict(observation[0])
    assert single.shape == ()
    for kwargs in ({"num_actions": 0}, {"seed": -1}, {"seed": 0.5}):
        with pytest.raises(ValueError, match="must be an integer"):
            RandomPlayer(**kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kwargs",
    [
        ENVIRONMENTS["PlasticMazeSmall-v0"],
        {"size": 3, "max_steps": 15, "wall_penalty": 0.5, "goal_reward": 2.0},
    ],
)
def test_the_exact_score_is_what_the_policy_earns(kwargs: dict[str, Any]) -> None:
    env = PlasticMazeVectorEnv(16_384, **kwargs)
    found = best_memoryless(env.rules, restarts=1, kicks=3)
    total = returns(env, MemorylessPlayer(env, found))
    error = total.std() / np.sqrt(len(total))
    assert abs(total.mean() - found.score) < 4 * error
    assert returns(env, RandomPlayer()).mean() < found.score < returns(env, OraclePlayer(env)).mean()


def test_without_memory_one_step_is_a_guess() -> None:
    """One step from the centre of the bare 3x3 room: at best it meets 1 of 8 goals."""
    rules = MazeRules(pillar_layout(3), max_steps=1, goal_reward=8.0, wall_penalty=0.0)
    assert best_memoryless(rules, restarts=1, kicks=0).score == pytest.approx(1.0)


def test_two_steps_visit_two_squares() -> None:
    """Two steps meet two of the 8 goals, 1 point each; after a hit the second step may hit again."""
    rules = MazeRules(pillar_layout(3), max_steps=2, goal_reward=8.0, wall_penalty=0.0)
    # After a hit on an edge square, told by reward and action, 3 of the 8 landing squares touch it: 3/8 * 1/8
    # * 8.
    assert best_memoryless(rules, restarts=20, kicks=0).score == pytest.approx(2.0 + 3 / 8)


def test_search_is_repeatable_and_more_of_it_is_no_worse() -> None:
    rules = MazeRules(pillar_layout(3), max_steps=10, goal_reward=1.0, wall_penalty=0.1)
    one = best_memoryless(rules, restarts=3, kicks=2, seed=4)
    two = best_memoryless(rules, restarts=3, kicks=2, seed=4)
    np.testing.assert_array_equal(one.policy, two.policy)
    assert one.score == two.score == one.scores.max()
    assert len(one.scores) == 3
    # The first start of the same seed goes through the same policies, and then some more.
    few, more = (best_memoryless(rules, restarts=1, kicks=kicks, seed=4) for kicks in (1, 6))
    assert more.score >= few.score


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"n_cues": 2, "cue_size": 1}, "n_cues > 1"),
        ({"size": 5, "layout": "random"}, "layout='random'"),
        ({"goal_switch": True, "n_cues": 2, "cue_size": 1}, "n_cues > 1 and goal_switch=True"),
    ],
)
def test_without_memory_only_the_ordinary_maze_is_known(kwargs: dict[str, Any], named: str) -> None:
    env = PlasticMazeVectorEnv(1, **{"size": 3, "max_steps": 3} | kwargs)
    ordinary = PlasticMazeVectorEnv(1, size=env.rules.layout.size, max_steps=3)
    found = best_memoryless(ordinary.rules, restarts=1, kicks=0)
    for call in (lambda: best_memoryless(env.rules), lambda: MemorylessPlayer(env, found)):
        with pytest.raises(ValueError, match=f"not one with {named}"):
            call()


def test_memoryless_argument_errors() -> None:
    rules = MazeRules(pillar_layout(3), max_steps=3, goal_reward=1.0, wall_penalty=0.0)
    for kwargs in ({"restarts": 0}, {"kicks": -1}, {"seed": -1}):
        with pytest.raises(ValueError, match=next(iter(kwargs))):
            best_memoryless(rules, **kwargs)
    found = best_memoryless(rules, restarts=1, kicks=0)
    with pytest.raises(ValueError, match="for this maze"):
        MemorylessPlayer(
            PlasticMazeVectorEnv(1, size=3, max_steps=4, goal_reward=1.0, wall_penalty=0.0), found
        )
    with pytest.raises(ValueError, match="for this maze"):
        MemorylessPlayer(
            PlasticMazeVectorEnv(1, size=3, max_steps=3, goal_reward=2.0, wall_penalty=0.0), found
        )

"""Snapshots of many mazes: what they hold goes on exactly, what cannot be is refused."""

from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from maze_material import EVERYTHING, SMALL, assert_same

from plastic_maze import ENVIRONMENTS, PlasticMazeVectorEnv


def test_snapshots_go_on_exactly() -> None:
    env = PlasticMazeVectorEnv(20, **SMALL)
    random = np.random.default_rng(0)
    env.reset(seed=8)
    actions = random.integers(4, size=(40, 20))
    for row in actions[:10]:
        env.step(row)
    env.reset(options={"reset_mask": np.arange(20) % 3 == 0})
    env.step(actions[0])
    snapshot, observations = env.get_state(), env.observe()
    kept = {key: value.copy() for key, value in snapshot.items()}
    said = [env.step(row) for row in actions]
    assert_same(snapshot, kept)
    other = PlasticMazeVectorEnv(20, **SMALL)
    other.set_state(snapshot)
    np.testing.assert_array_equal(other.observe(), observations)
    for value in snapshot.values():  # the environment has copies
        value[...] = 0
    for row, expected in zip(actions, said, strict=True):
        assert_same(dict(enumerate(other.step(row))), dict(enumerate(expected)))
    assert_same(other.reset()[1], env.reset()[1])


@pytest.mark.parametrize("kwargs", [*ENVIRONMENTS.values(), EVERYTHING])
def test_snapshots_of_every_kind_go_on_exactly(kwargs: dict[str, Any]) -> None:
    env, other = (PlasticMazeVectorEnv(12, **kwargs) for _ in range(2))
    random = np.random.default_rng(0)
    env.reset(seed=3)
    for _ in range(kwargs["max_steps"] + 5):
        env.step(random.integers(4, size=12))
    env.move_goal()
    other.set_state(env.get_state())
    np.testing.assert_array_equal(other.observe(), env.observe())
    np.testing.assert_array_equal(other.walls(), env.walls())
    for _ in range(kwargs["max_steps"] + 5):
        actions = random.integers(4, size=12)
        assert_same(dict(enumerate(other.step(actions))), dict(enumerate(env.step(actions))))
    bad = env.get_state()
    bad["agent"][3] = np.flatnonzero(env.walls()[3])[-1]
    with pytest.raises(ValueError, match="free cells of this maze, which fails for environment 3"):
        env.set_state(bad)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("goals", 0),
        ("goals", 999),
        ("goals", -1),
        ("goals", "agent"),
        ("pair", 1),
        ("agent", 0),
        ("previous_action", 4),
        ("previous_action", -1),
        ("previous_reward", 0.5),
        ("previous_reward", np.nan),
        ("elapsed", 7),
        ("elapsed", -1),
        ("elapsed", 0),
        ("hits", 3),
        ("hits", -1),
    ],
)
def test_impossible_snapshots_change_nothing(key: str, value: Any) -> None:
    env = PlasticMazeVectorEnv(3, **SMALL)
    env.reset(seed=0, options={"goal": (1, 1)})
    env.step(np.full(3, 3))
    env.step(np.full(3, 3))
    good, bad = env.get_state(), env.get_state()
    bad[key][1] = bad[value][1] if isinstance(value, str) else value
    with pytest.raises(ValueError, match=r"state\['\w+'\] must be .* environment 1"):
        env.set_state(bad)
    assert_same(env.get_state(), good)


def test_snapshots_of_the_wrong_form() -> None:
    env = PlasticMazeVectorEnv(3, **SMALL)
    with pytest.raises(ResetNeeded):
        env.get_state()
    env.reset(seed=0)
    good = env.get_state()
    with pytest.raises(ValueError, match=r"must be a dictionary with the keys .*, got None"):
        env.set_state(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be a dictionary with the keys"):
        env.set_state({key: good[key] for key in good if key != "hits"})
    with pytest.raises(ValueError, match="must be a dictionary with the keys"):
        env.set_state(good | {"more": good["hits"]})
    with pytest.raises(ValueError, match=r"state\['hits'\] must be int64 with shape \(3,\), got float64"):
        env.set_state(good | {"hits": good["hits"].astype(float)})
    with pytest.raises(ValueError, match=r"got uint64 with shape \(2,\)"):
        env.set_state(good | {"seed": good["seed"][:2]})
    with pytest.raises(ValueError, match="shape"):
        PlasticMazeVectorEnv(4, **SMALL).set_state(good)

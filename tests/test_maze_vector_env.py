"""The vector environment: equal to single ones, autoreset in Gymnasium's form, errors."""

import copy
import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from maze_material import EVERYTHING, SMALL, assert_same, compare

from plastic_maze import ENVIRONMENTS, PlasticMazeEnv, PlasticMazeVectorEnv


def arrays_in(value: Any) -> list[np.ndarray]:
    if isinstance(value, dict):
        value = list(value.values())
    return (
        [value] if isinstance(value, np.ndarray) else [array for item in value for array in arrays_in(item)]
    )


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_make_vec(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        envs = gym.make_vec(f"plastic_maze:{name}", num_envs=5)
        assert isinstance(envs, PlasticMazeVectorEnv)
        assert envs.max_steps == ENVIRONMENTS[name]["max_steps"]
        assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
        assert envs.single_observation_space == gym.make(name).observation_space
        observations, _ = envs.reset(seed=0)
        assert observations in envs.observation_space
        observations, rewards, terminated, truncated, _ = envs.step(envs.action_space.sample())
        assert observations in envs.observation_space
    assert (rewards.dtype, terminated.dtype, truncated.dtype) == (np.float64, np.bool_, np.bool_)
    assert rewards.shape == terminated.shape == truncated.shape == (5,)
    envs.close()


@pytest.mark.parametrize("kwargs", [*ENVIRONMENTS.values(), SMALL, EVERYTHING])
def test_row_i_is_the_single_environment_seeded_s_plus_i(kwargs: dict[str, Any]) -> None:
    """And everything looks as it does when Gymnasium puts the single ones together."""
    n = 4
    kwargs = kwargs | {"max_steps": min(kwargs["max_steps"], 60)}
    ours = PlasticMazeVectorEnv(n, **kwargs)
    theirs = SyncVectorEnv([lambda: PlasticMazeEnv(**kwargs)] * n, autoreset_mode=AutoresetMode.SAME_STEP)
    random = np.random.default_rng(0)
    compare(ours.reset(seed=2**64 - 2), theirs.reset(seed=[2**64 - 2, 2**64 - 1, 0, 1]))
    for _ in range(3 * kwargs["max_steps"] + 2):
        actions = random.integers(4, size=n)
        compare(ours.step(actions), theirs.step(actions))
    compare(ours.reset(), theirs.reset())
    options = {} if "n_cues" in kwargs else {"goal": (1, 1)}
    compare(ours.reset(options=options), theirs.reset(options=options))
    for _ in range(kwargs["max_steps"]):
        compare(ours.step(actions), theirs.step(actions))


def test_no_final_information_in_mid_episode() -> None:
    env = PlasticMazeVectorEnv(2, **SMALL)
    env.reset(seed=0)
    for t in range(1, 15):
        *_, terminated, _, info = env.step(np.zeros(2, dtype=int))
        assert terminated.all() == terminated.any() == ("final_obs" in info) == (t % 7 == 0)


def test_what_is_handed_out_belongs_to_the_caller() -> None:
    env, twin = (PlasticMazeVectorEnv(6, **SMALL) for _ in range(2))
    handed: list[np.ndarray] = []
    observations, info = env.reset(seed=1)
    handed += arrays_in((observations, info))
    twin.reset(seed=1)
    for t in range(20):
        actions = np.full(6, t % 4)
        ours, expected = env.step(actions), twin.step(actions.copy())
        actions[:] = 9
        assert_same(dict(enumerate(ours)), dict(enumerate(expected)))
        handed += arrays_in(ours)
        handed += arrays_in(env.get_state())
        for array in arrays_in(ours):  # spoil all of it
            array[...] = 1
    for i, one in enumerate(handed):
        assert not any(np.shares_memory(one, two) for two in handed[:i])


def test_seeds() -> None:
    env = PlasticMazeVectorEnv(3)
    _, info = env.reset(seed=5)
    for seed in ([5, 6, 7], np.array([5, 6, 7]), np.int64(5)):
        assert_same(env.reset(seed=seed)[1], info)  # type: ignore[arg-type]
    one = [env.reset()[1]["goal"].tolist() for _ in range(4)]
    env.reset(seed=[5, 6, 7])
    assert one == [env.reset()[1]["goal"].tolist() for _ in range(4)]
    env.reset(seed=np.int64(9))  # type: ignore[arg-type]
    assert env.np_random_seed == 9
    large = np.array([2**64 - 1, 5, 2**63], dtype=np.uint64)  # NumPy makes no integer array of its list
    assert_same(env.reset(seed=large.tolist())[1], env.reset(seed=large)[1])
    assert_same(env.reset(seed=[2**64 + 5, 6, 7])[1], info)
    bads = (-1, 1.5, True, "5", [1, 2], [1, 2, -3], [1, 2, None], [[1, 2, 3]], [[1], [2, 3], 4], [0.5, 1, 2])
    for bad in (*bads, [True, 1, 2], np.array([0.5, 1, 2])):
        with pytest.raises(ValueError, match="seed must be None, a non-negative integer or 3 of them"):
            env.reset(seed=bad)  # type: ignore[arg-type]


def test_without_a_seed_the_generator_of_gymnasium_decides() -> None:
    infos = []
    for _ in range(2):
        env = PlasticMazeVectorEnv(50)
        env.np_random = np.random.default_rng(3)
        infos.append(env.reset()[1])
    assert_same(infos[0], infos[1])
    assert len(np.unique(infos[0]["goal"], axis=0)) > 10
    other = PlasticMazeVectorEnv(50).reset()[1]["goal"]
    assert not np.array_equal(other, infos[0]["goal"])


def test_goals_for_all_or_for_each() -> None:
    env = PlasticMazeVectorEnv(3)
    assert env.reset(options={"goal": (1, 2)})[1]["goal"].tolist() == [[1, 2]] * 3
    each = [[1, 1], [9, 9], [3, 4]]
    assert env.reset(options={"goal": each})[1]["goal"].tolist() == each
    before = env.get_state()
    for bad in ((0, 0), (5, 5), [[1, 1], [2, 2], [1, 1]], [[1, 1]], 3, "x"):
        with pytest.raises(ValueError, match="goal must be"):
            env.reset(seed=4, options={"goal": bad})
    with pytest.raises(ValueError, match="unknown reset options"):
        env.reset(seed=4, options={"goal": (1, 1), "start": (1, 1)})
    assert_same(env.get_state(), before)


def test_reset_mask() -> None:
    env = PlasticMazeVectorEnv(4)
    mask = np.array([True, False, False, True])
    with pytest.raises(ResetNeeded):
        env.reset(options={"reset_mask": mask})
    env.reset(seed=0)
    for action in (0, 0, 3, 1):
        env.step(np.full(4, action))
    before = env.get_state()
    options = {"reset_mask": mask, "goal": [[1, 1], [2, 1], [3, 1], [4, 1]]}
    observations, info = env.reset(seed=20, options=options)
    after = env.get_state()
    assert list(options) == ["reset_mask", "goal"]
    for key, value in before.items():
        np.testing.assert_array_equal(after[key][1:3], value[1:3])
    assert after["seed"].tolist() == [20, 1, 2, 23]
    assert after["elapsed"].tolist() == [0, 4, 4, 0]
    assert info["goal"][[0, 3]].tolist() == [[1, 1], [4, 1]]
    np.testing.assert_array_equal(observations, env.observe())
    env.reset(options={"reset_mask": mask})
    assert env.get_state()["episode"].tolist() == [1, 0, 0, 1]
    for bad in (mask[:3], mask.astype(int), [True] * 4, np.zeros(4, dtype=bool)):
        with pytest.raises(ValueError, match="reset_mask must be a bool array"):
            env.reset(options={"reset_mask": bad})


def test_episode_statistics_of_gymnasium() -> None:
    """In the mode in which every release of Gymnasium counts right."""
    env = RecordEpisodeStatistics(PlasticMazeVectorEnv(5, **SMALL, autoreset_mode=AutoresetMode.NEXT_STEP))
    random = np.random.default_rng(0)
    env.reset(seed=0)
    for _ in range(3):
        total = np.zeros(5)
        for _ in range(7):
            _, rewards, _, _, info = env.step(random.integers(4, size=5))
            total += rewards
        np.testing.assert_allclose(info["episode"]["r"], total)
        assert info["episode"]["l"].tolist() == [7] * 5
        env.step(np.zeros(5, dtype=int))  # begins the next episode
    assert env.episode_count == 15


def test_information_as_a_list() -> None:
    env = DictInfoToList(PlasticMazeVectorEnv(2, **SMALL))
    _, infos = env.reset(seed=0)
    assert [info["hits"] for info in infos] == [0, 0]
    for _ in range(7):
        *_, infos = env.step(np.zeros(2, dtype=int))
    assert infos[1]["final_obs"][14] == 1
    assert infos[1]["final_info"]["agent"].shape == (2,)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([0, 1], "must be 3 integers, got int64 with shape \\(2,\\)"),
        ([[0], [1], [2]], "shape \\(3, 1\\)"),
        ([[0], [1, 2], [3]], "must be 3 integers, got \\[\\[0\\], \\[1, 2\\], \\[3\\]\\]"),
        (1, "shape \\(\\)"),
        ([0.0, 1.0, 2.0], "float64"),
        ([True, False, True], "bool"),
        ([0, 4, 1], "from 0 to 3, got 4"),
        ([0, -1, 1], "from 0 to 3, got -1"),
        (np.array([0, 1, 2**63], dtype=np.uint64), "got 9223372036854775808"),
        (np.array([0, 1, 255], dtype=np.uint8), "got 255"),
        (np.array([0, 1, -128], dtype=np.int8), "got -128"),
        (["a", "b", "c"], "must be 3 integers"),
        (None, "must be 3 integers"),
    ],
)
def test_bad_actions_change_nothing(actions: Any, message: str) -> None:
    env = PlasticMazeVectorEnv(3)
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises(InvalidAction, match=message):
        env.step(actions)
    assert_same(env.get_state(), before)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_any_integers_are_actions(dtype: Any) -> None:
    env, twin = PlasticMazeVectorEnv(4), PlasticMazeVectorEnv(4)
    env.reset(seed=0)
    twin.reset(seed=0)
    assert_same(
        dict(enumerate(env.step(np.arange(4, dtype=dtype)))), dict(enumerate(twin.step([0, 1, 2, 3])))
    )  # type: ignore[arg-type]


def test_before_the_first_reset() -> None:
    env = PlasticMazeVectorEnv(2, render_mode="ansi")
    for method in (lambda: env.step(np.zeros(2, dtype=int)), env.render, env.observe):
        with pytest.raises(ResetNeeded, match="call env"):
            method()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"num_envs": 0}, "num_envs must be an integer of at least 1, got 0"),
        ({"num_envs": 1.0}, "num_envs"),
        ({"num_envs": True}, "num_envs"),
        ({"size": 2}, "size"),
        ({"max_steps": -1}, "max_steps"),
        (
            {"autoreset_mode": "same_step"},
            "autoreset_mode must be .* one of \\['NextStep', 'SameStep', 'Disabled'\\]",
        ),
        ({"autoreset_mode": None}, "autoreset_mode must be .* got None"),
        ({"max_episode_steps": 0}, "max_episode_steps must be an integer of at least 1, got 0"),
        ({"max_episode_steps": -2}, "max_episode_steps"),
        ({"max_episode_steps": 20.0}, "max_episode_steps"),
        ({"render_mode": "human"}, "render_mode must be None or one of \\['rgb_array', 'ansi'\\]"),
    ],
)
def test_bad_arguments(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PlasticMazeVectorEnv(**kwargs)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_go_on_alike_and_apart(copied: Any) -> None:
    env = PlasticMazeVectorEnv(5, **SMALL)
    env.reset(seed=0)
    env.step(np.zeros(5, dtype=int))
    twin = copied(env)
    before = twin.get_state()
    said = [env.step(np.full(5, t % 4)) for t in range(10)]
    assert_same(twin.get_state(), before)
    for t, expected in enumerate(said):
        assert_same(dict(enumerate(twin.step(np.full(5, t % 4)))), dict(enumerate(expected)))


def test_render() -> None:
    env = PlasticMazeVectorEnv(3, render_mode="rgb_array")
    env.reset(seed=0)
    singles = [PlasticMazeEnv(render_mode="rgb_array") for _ in range(3)]
    for i, single in enumerate(singles):
        single.reset(seed=i)
    frames = env.render()
    assert frames is not None
    assert len(frames) == 3
    for frame, single in zip(frames, singles, strict=True):
        np.testing.assert_array_equal(frame, single.render())
    texts = PlasticMazeVectorEnv(2, size=3, render_mode="ansi")
    texts.reset(options={"goal": (1, 1)})
    assert texts.render() == ("#####\n#G..#\n#.A.#\n#...#\n#####",) * 2
    with pytest.warns(UserWarning, match="render_mode"):
        assert PlasticMazeVectorEnv(2).render() is None

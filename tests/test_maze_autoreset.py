"""What the vector environment does after an episode's end, in each mode: as Gymnasium's own does."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import FlattenObservation, NormalizeObservation, RecordEpisodeStatistics
from maze_material import SMALL, assert_same, compare

from plastic_maze import ENVIRONMENTS, PlasticMazeVectorEnv

STEPS = 20


def both(name: str, mode: AutoresetMode, limit: int | None) -> tuple[gym.vector.VectorEnv, SyncVectorEnv]:
    """Three mazes of short episodes, by ours and by Gymnasium's vector environment."""
    ours = gym.make_vec(name, 3, max_steps=STEPS, autoreset_mode=mode, max_episode_steps=limit)
    theirs = gym.make_vec(
        name,
        3,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": mode},
        max_steps=STEPS,
        max_episode_steps=limit,
        disable_env_checker=True,
    )
    assert isinstance(ours, PlasticMazeVectorEnv)
    assert isinstance(theirs, SyncVectorEnv)
    return ours, theirs


@pytest.mark.parametrize("limit", [None, 13, STEPS, STEPS + 1])
@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_equal_to_the_vector_environment_of_gymnasium(
    name: str, mode: AutoresetMode, limit: int | None
) -> None:
    ours, theirs = both(name, mode, limit)
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"] is mode
    random = np.random.default_rng(0)
    compare(ours.reset(seed=4), theirs.reset(seed=4))
    for t in range(3 * STEPS):
        actions = random.integers(4, size=3)
        said = ours.step(actions)
        compare(said, theirs.step(actions))
        mask = said[2] | said[3] if mode is AutoresetMode.DISABLED else np.zeros(3, dtype=bool)
        mask[1] |= t == 5  # from here on, episodes end at different times
        if mask.any():
            compare(
                ours.reset(options={"reset_mask": mask}), theirs.reset(options={"reset_mask": mask.copy()})
            )
    compare(ours.reset(), theirs.reset())
    mask = np.array([False, True, True])
    compare(
        ours.reset(seed=[7, 8, 9], options={"reset_mask": mask}),
        theirs.reset(seed=[7, 8, 9], options={"reset_mask": mask.copy()}),
    )


def test_a_limit_truncates_and_the_maze_itself_terminates() -> None:
    for limit, expected in ((3, (3, False, True)), (7, (7, True, True)), (None, (7, True, False))):
        env = PlasticMazeVectorEnv(2, **SMALL, max_episode_steps=limit)
        env.reset(seed=0)
        steps = 0
        info: dict[str, Any] = {}
        while "final_obs" not in info:
            steps += 1
            _, _, terminated, truncated, info = env.step(np.zeros(2, dtype=int))
        assert (steps, terminated.all(), truncated.all()) == expected
        assert info["final_obs"][:, 14] == pytest.approx(steps / 7)  # the agent's time is that of the maze


@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize("limit", [None, 5])
def test_snapshots_go_on_exactly(mode: AutoresetMode, limit: int | None) -> None:
    """At each step, the end of an episode among them."""
    env, other = (
        PlasticMazeVectorEnv(3, **SMALL, autoreset_mode=mode, max_episode_steps=limit) for _ in range(2)
    )
    random = np.random.default_rng(0)
    env.reset(seed=1)
    over = np.zeros(3, dtype=bool)
    for t in range(25):
        other.reset(seed=t)
        other.set_state(env.get_state())
        np.testing.assert_array_equal(env.observe(), other.observe())
        if over.any() or t == 3:
            options: dict[str, Any] = {"reset_mask": over if over.any() else np.array([True, False, False])}
            assert_same(*({"info": one.reset(options=options)[1]} for one in (env, other)))
            over[:] = False
        actions = random.integers(4, size=3)
        said = env.step(actions)
        assert_same(dict(enumerate(said)), dict(enumerate(other.step(actions))))
        if mode is AutoresetMode.DISABLED:
            over = said[2] | said[3]


def test_snapshots_of_what_cannot_be_in_this_mode_are_refused() -> None:
    shows_the_end = PlasticMazeVectorEnv(2, **SMALL, autoreset_mode="NextStep")
    shows_the_end.reset(seed=0)
    for _ in range(7):
        shows_the_end.step(np.zeros(2, dtype=int))
    with pytest.raises(ValueError, match=r"state\['elapsed'\] must be 0 to 6"):
        PlasticMazeVectorEnv(2, **SMALL).set_state(shows_the_end.get_state())
    with pytest.raises(ValueError, match=r"state\['elapsed'\] must be 0 to 3"):
        PlasticMazeVectorEnv(2, **SMALL, max_episode_steps=4).set_state(shows_the_end.get_state())


def test_without_autoreset_nobody_steps_past_the_end() -> None:
    env = PlasticMazeVectorEnv(3, **SMALL, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    env.step(np.zeros(3, dtype=int))
    env.reset(options={"reset_mask": np.array([False, True, False])})
    for _ in range(6):
        env.step(np.zeros(3, dtype=int))
    before = env.get_state()
    with pytest.raises(ResetNeeded, match=r"episodes of environments \[0, 2\] have ended"):
        env.step(np.zeros(3, dtype=int))
    assert_same(env.get_state(), before)


SINGLE_WRAPPERS = [
    wrappers.ClipReward,
    wrappers.FlattenObservation,
    wrappers.FrameStackObservation,
    wrappers.NormalizeObservation,
    wrappers.NormalizeReward,
    wrappers.RecordEpisodeStatistics,
    wrappers.StickyAction,
    wrappers.TimeAwareObservation,
    wrappers.TimeLimit,
    wrappers.TransformObservation,
]
SETTINGS: dict[Any, dict[str, Any]] = {
    wrappers.ClipReward: {"min_reward": -1.0, "max_reward": 1.0},
    wrappers.FrameStackObservation: {"stack_size": 3},
    wrappers.StickyAction: {"repeat_action_probability": 0.1},
    wrappers.TimeLimit: {"max_episode_steps": 9},
    wrappers.TransformObservation: {"func": np.negative, "observation_space": None},
}


@pytest.mark.parametrize("wrapper", SINGLE_WRAPPERS)
def test_single_wrappers_in_the_vector_environment_of_gymnasium(wrapper: Any) -> None:
    def wrap(env: gym.Env) -> gym.Env:
        return wrapper(env, **SETTINGS.get(wrapper, {}))

    envs = gym.make_vec("PlasticMazeSmall-v0", 2, vectorization_mode="sync", wrappers=[wrap], max_steps=STEPS)
    observations, _ = envs.reset(seed=0)
    ends = 0
    for t in range(2 * STEPS + 2):
        assert observations.shape == envs.observation_space.shape
        observations, _, terminated, truncated, _ = envs.step(np.full(2, t % 4))
        ends += int((terminated | truncated).all())
    assert ends == (4 if wrapper is wrappers.TimeLimit else 2)


def test_equal_in_processes_that_start_from_nothing() -> None:
    settings = {"max_steps": 8, "max_episode_steps": 5}
    mode = AutoresetMode.NEXT_STEP
    ours = gym.make_vec("plastic_maze:PlasticMazeSmall-v0", 2, autoreset_mode=mode, **settings)
    theirs = gym.make_vec(
        "plastic_maze:PlasticMazeSmall-v0",
        2,
        vectorization_mode="async",
        vector_kwargs={"context": "spawn", "autoreset_mode": mode},
        **settings,
    )
    try:
        compare(ours.reset(seed=3), theirs.reset(seed=3))
        for t in range(14):
            compare(ours.step(np.full(2, t % 4)), theirs.step(np.full(2, t % 4)))
    finally:
        theirs.close()


@pytest.mark.parametrize(
    ("wrapper", "mode"),
    [
        (NormalizeObservation, AutoresetMode.NEXT_STEP),  # which it needs
        (FlattenObservation, AutoresetMode.NEXT_STEP),
        (RecordEpisodeStatistics, AutoresetMode.NEXT_STEP),
        (RecordEpisodeStatistics, AutoresetMode.SAME_STEP),
    ],
)
def test_vector_wrappers_of_gymnasium(wrapper: Any, mode: AutoresetMode) -> None:
    wrapped = [wrapper(env) for env in both("PlasticMazeSmall-v0", mode, None)]
    for env in wrapped:
        env.reset(seed=0)
    for t in range(2 * STEPS + 5):
        said = [env.step(np.full(3, t % 4)) for env in wrapped]
        for one, two in zip(said[0][:-1], said[1][:-1], strict=True):
            np.testing.assert_array_equal(one, two)
        statistics = [info.get("episode", {"r": 0, "l": 0}) for *_, info in said]
        for key in ("r", "l"):
            np.testing.assert_array_equal(statistics[0][key], statistics[1][key])

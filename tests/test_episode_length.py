"""How long episodes are is found wherever it is said."""

from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics, TimeAwareObservation, TimeLimit
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecMonitor, VecNormalize

from agents import RecurrentA2C, make_vec_env

SMALL = "PlasticMazeSmall-v0"


def build(env):
    return RecurrentA2C("RecurrentPolicy", env, policy_kwargs={"hidden_size": 8}, seed=0)


def together(mode, env_id=SMALL, **kwargs):
    vector = {"autoreset_mode": AutoresetMode.SAME_STEP}
    return gym.make_vec(env_id, num_envs=2, vectorization_mode=mode, vector_kwargs=vector, **kwargs)


CASES = {
    "single": (lambda: gym.make(SMALL), 80),
    "argument": (lambda: gym.make(SMALL, max_steps=30), 30),
    "limit": (lambda: gym.make(SMALL, max_episode_steps=20), 20),
    "limit that is never met": (lambda: gym.make(SMALL, max_episode_steps=200), 80),
    "limit inside another": (lambda: TimeLimit(TimeLimit(gym.make(SMALL), 10), 30), 10),
    "limit around another": (lambda: RecordEpisodeStatistics(TimeLimit(gym.make("CartPole-v1"), 30)), 30),
    "time as observation": (lambda: TimeAwareObservation(gym.make(SMALL)), 80),
    "batched": (lambda: gym.make_vec(SMALL, num_envs=2), 80),
    "batched, limit": (lambda: gym.make_vec(SMALL, num_envs=2, max_episode_steps=20), 20),
    "sync": (lambda: together("sync"), 80),
    "sync, limit": (lambda: together("sync", max_episode_steps=20), 20),
    "sync, wrapper": (lambda: together("sync", wrappers=[partial(TimeLimit, max_episode_steps=7)]), 7),
    "sync, vector wrapper": (lambda: gym.wrappers.vector.RecordEpisodeStatistics(together("sync")), 80),
    "sync, registered": (lambda: together("sync", "CartPole-v1"), 500),
    "async": (lambda: together("async"), 80),
    "async, wrapper": (lambda: together("async", wrappers=[partial(TimeLimit, max_episode_steps=7)]), 7),
    "SB3's": (lambda: DummyVecEnv([lambda: gym.make(SMALL, max_episode_steps=20)]), 20),
    "SB3's wrappers": (lambda: VecNormalize(VecMonitor(make_vec_env(SMALL, 2))), 80),
}


@pytest.mark.parametrize("name", CASES)
def test_the_least_limit_counts(name):
    make, length = CASES[name]
    model = build(make())
    assert model.n_steps == length
    model.env.close()


def test_a_wrapped_maze_ends_its_episodes_there():
    model = build(
        VecMonitor(DummyVecEnv([lambda: TimeAwareObservation(gym.make(SMALL, max_episode_steps=20))]))
    )
    model.learn(60)
    assert [episode["l"] for episode in model.ep_info_buffer] == [20] * 3
    assert model.rollout_buffer.observations[:, 0, -1].tolist() == list(range(20))


def test_in_processes_that_are_started_afresh():
    make = partial(gym.make, f"plastic_maze:{SMALL}", max_episode_steps=20)
    env = SubprocVecEnv([make], start_method="spawn")
    try:
        model = build(VecMonitor(env))
        assert model.n_steps == 20
        model.learn(40)
        assert [episode["l"] for episode in model.ep_info_buffer] == [20] * 2
    finally:
        env.close()


class Endless(gym.Env):
    """Its `max_steps` is no number of steps."""

    observation_space, action_space = gym.spaces.Box(-1, 1, (2,)), gym.spaces.Discrete(2)
    max_steps = None

    def reset(self, *, seed=None, options=None):
        return np.zeros(2, np.float32), {}


@pytest.mark.parametrize("limit", [None, True, 0, -1, 2.5])
@pytest.mark.parametrize("vector", [False, True])
def test_what_is_no_limit_is_not_taken_for_one(limit, vector, monkeypatch):
    monkeypatch.setattr(Endless, "max_steps", limit)
    env = SyncVectorEnv([Endless], autoreset_mode=AutoresetMode.SAME_STEP) if vector else Endless()
    with pytest.raises(ValueError, match="does not say how long its episodes are; give n_steps"):
        build(env)

"""Gymnasium's vector environments behind SB3's interface."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.vec_env import VecEnvWrapper

from agents import GymnasiumVecEnv, RecurrentA2C, make_vec_env
from agents.checkpoint import save_checkpoint

SMALL = "PlasticMazeSmall-v0"


def build(env, **settings):
    return RecurrentA2C("RecurrentPolicy", env, policy_kwargs={"hidden_size": 8}, seed=0, **settings)


class Successful(gym.Wrapper):
    """Says at every step that all went well."""

    def step(self, action):
        *results, info = super().step(action)
        return *results, info | {"is_success": True}


def same_step(env_id, n_envs, **kwargs):
    vector = {"autoreset_mode": gym.vector.AutoresetMode.SAME_STEP}
    return gym.make_vec(env_id, n_envs, vectorization_mode="sync", vector_kwargs=vector, **kwargs)


def test_vector_environments_tell_a_cut_from_an_end():
    """CartPole ends when the pole falls; here it is cut off before."""
    for limit, cut in ((5, True), (500, False)):
        env = GymnasiumVecEnv(same_step("CartPole-v1", 2, max_episode_steps=limit))
        env.seed(0)
        env.reset()
        dones = np.zeros(2, dtype=bool)
        while not dones.any():
            _, _, dones, infos = env.step(np.ones(2, dtype=np.int64))
        assert all(infos[i]["TimeLimit.truncated"] is cut for i in np.flatnonzero(dones))
        env.close()


def test_options_are_for_all_rows():
    env = make_vec_env(SMALL, 2)
    env.set_options({"goal": [[1, 1], [5, 3]]})
    env.reset()
    assert [divmod(int(goal), 7) for goal in env.env.get_state()["goals"][:, 0]] == [(1, 1), (5, 3)]
    with pytest.raises(ValueError, match="options must be one dictionary for all environments"):
        env.set_options([{"goal": (1, 1)}, {"goal": (3, 3)}])


def test_an_episodes_last_information_is_handed_on():
    model = build(same_step("CartPole-v1", 2, wrappers=[Successful]), n_steps=20)
    model.learn(400)
    assert len(model.ep_success_buffer) == len(model.ep_info_buffer) > 0
    assert all(model.ep_success_buffer)
    env = make_vec_env(SMALL, 8)
    env.seed(0)
    env.reset()
    hits, actions = np.zeros(8), np.random.default_rng(0).integers(4, size=(80, 8))
    for actions_t in actions:
        _, rewards, dones, infos = env.step(actions_t)
        hits += rewards > 0
    assert dones.all()
    assert hits.any()
    assert all({"agent", "goal", "hits"} < set(info) for info in infos)
    assert [info["hits"] for info in infos] == list(hits)


def test_episode_statistics_of_the_batched_maze_are_the_envs_own():
    env = make_vec_env(SMALL, 4)
    env.seed(3)
    env.reset()
    total = np.zeros(4)
    rng = np.random.default_rng(0)
    for t in range(80):
        obs, rewards, dones, infos = env.step(rng.integers(0, 4, 4))
        total += rewards
        assert dones.all() == (t == 79)
    assert [info["episode"]["r"] for info in infos] == total.tolist()
    assert all(info["episode"]["l"] == 80 and not info["TimeLimit.truncated"] for info in infos)
    assert all(info["terminal_observation"][-1] == 1 for info in infos)
    assert (obs[:, -1] == 0).all()


@pytest.mark.parametrize("algorithm", [A2C, PPO])
def test_other_algorithms_learn_in_the_batched_maze(algorithm):
    settings = {"batch_size": 20} if algorithm is PPO else {}
    model = algorithm("MlpPolicy", make_vec_env(SMALL, 2), n_steps=20, seed=0, **settings)
    model.learn(160)
    assert len(model.ep_info_buffer) == 2
    assert all(episode["l"] == 80 for episode in model.ep_info_buffer)


class InOtherForms(VecEnvWrapper):
    """Gives all arrays in another form."""

    def __init__(self, venv, form):
        super().__init__(venv)
        self.form = form

    def reset(self):
        return self.form(self.venv.reset())

    def step_wait(self):
        *arrays, infos = self.venv.step_wait()
        return *map(self.form, arrays), infos


def reversed_twice(array):
    return np.ascontiguousarray(array[::-1])[::-1]


def read_only(array):
    array.flags.writeable = False
    return array


def doubled(array):
    return array if array.dtype == bool else array.astype(float)


@pytest.mark.parametrize(
    "form", [reversed_twice, np.asfortranarray, read_only, doubled, lambda array: np.repeat(array, 2, 0)[::2]]
)
def test_arrays_of_any_form_are_the_same_numbers(form, tmp_path):
    weights = []
    for env in (make_vec_env(SMALL, 2), InOtherForms(make_vec_env(SMALL, 2), form)):
        model = build(env, n_steps=30).learn(240)
        save_checkpoint(model, tmp_path / "checkpoint", 0.0)
        weights.append(torch.cat([p.detach().ravel() for p in model.policy.parameters()]))
    assert torch.equal(*weights)
    observations = np.random.default_rng(0).random((2, 15), dtype=np.float32)
    actions, state = model.predict(observations, deterministic=True)
    again, _ = model.predict(form(observations), deterministic=True)
    assert np.array_equal(actions, again)
    wanted, _ = model.predict(observations, state, np.zeros(2, dtype=bool), deterministic=True)
    given = tuple(map(form, state))
    assert np.array_equal(
        wanted, model.predict(observations, given, form(np.zeros(2, dtype=bool)), deterministic=True)[0]
    )

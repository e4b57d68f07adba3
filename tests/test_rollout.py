"""Rollouts: what is recorded, what callbacks see, and what is left behind by an interruption."""

import math

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv

from agents import RecurrentA2C, TrainingDivergedError, make_vec_env
from agents.policy import PolicyStepper, RecurrentActorCriticPolicy
from agents.rollout import SequenceRolloutBuffer

T, B = 6, 3


def buffer(kind, low=0.0, dtype=np.float32):
    box = spaces.Box(dtype(low), dtype(9), (2,), dtype)
    return kind(T, box, spaces.Discrete(4), "cpu", gae_lambda=0.9, gamma=0.8, n_envs=B)


def policy():
    spaces_ = spaces.Box(0, 9, (2,)), spaces.Discrete(4)
    return RecurrentActorCriticPolicy(*spaces_, lambda progress: 1e-3, core="rnn", hidden_size=5)


def test_advantages_are_those_of_sb3_to_the_last_bit():
    rng = np.random.default_rng(0)
    ours, theirs = buffer(SequenceRolloutBuffer), buffer(RolloutBuffer)
    ours.begin((), policy())
    starts = rng.random((T, B)) < 0.3
    for t in range(T):
        obs, actions, rewards = rng.random((B, 2)), rng.integers(0, 4, B), rng.normal(size=B)
        value = torch.from_numpy(rng.normal(size=B).astype(np.float32))
        theirs.add(obs, actions, rewards, starts[t], value, value)
        ours.observe(obs, starts[t])
        ours.act(actions, rewards)
        ours.values[t] = value
    assert ours.full
    last, dones = torch.from_numpy(rng.normal(size=B).astype(np.float32)), np.array([True, False, False])
    for each in (ours, theirs):
        each.compute_returns_and_advantage(last, dones)
    for name in ("observations", "actions", "rewards", "episode_starts", "advantages", "returns"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


def test_observations_of_other_types_become_float32():
    rollout = buffer(SequenceRolloutBuffer, 0, np.uint8)
    rollout.begin((), policy())
    seen = rollout.observe(np.full((B, 2), 7, np.uint8), np.zeros(B, dtype=bool))
    assert seen.dtype == torch.float32
    assert (seen == 7).all()


class Watch(BaseCallback):
    """Keeps what it sees of each step; stops or fails at step `until`."""

    def __init__(self, until=None, error=None):
        super().__init__()
        self.until, self.error, self.seen = until, error, []

    def _on_step(self):
        names = ("actions", "rewards", "dones", "new_obs", "values", "infos")
        self.seen.append({name: np.asarray(self.locals[name]).copy() for name in names})
        if self.n_calls == self.until and self.error is not None:
            raise self.error
        return self.n_calls != self.until


def model(**settings):
    env = make_vec_env("PlasticMazeSmall-v0", B)
    return RecurrentA2C("RecurrentPolicy", env, seed=0, policy_kwargs={"hidden_size": 8}, **settings)


def test_callbacks_see_each_step():
    watch, agent = Watch(), model()
    agent.learn(240, callback=[watch])
    assert len(watch.seen) == 80
    buffer = agent.rollout_buffer
    for t, seen in enumerate(watch.seen):
        assert np.array_equal(seen["actions"], buffer.actions[t, :, 0])
        assert np.array_equal(seen["values"], buffer.values[t])
        assert np.array_equal(seen["rewards"] * np.float32(0.1), buffer.rewards[t])
    assert np.array_equal(watch.seen[4]["new_obs"], buffer.observations[5])
    assert watch.seen[-1]["dones"].all()
    assert not watch.seen[-2]["dones"].any()


class Counting(gym.Env):
    """Episodes of 50 steps that show the time and their own number; step `at` of the first fails, or is odd.

    Args:
        error: What that step raises; None: nothing.
        reward: What that step pays.
        shown: What is seen after that step, instead of the episode's number.
        truncate: Cut that episode off with that step.
    """

    observation_space = gym.spaces.Box(-1, 100, (2,))
    action_space = gym.spaces.Discrete(2)

    def __init__(self, at=6, error=None, reward=0.0, shown=None, truncate=False):
        self.at, self.error, self.reward, self.shown, self.truncate = at, error, reward, shown, truncate
        self.episode = -1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time, self.episode = 0, self.episode + 1
        return np.array([0, self.episode], np.float32), {}

    def step(self, action):
        odd = (self.episode, self.time) == (0, self.at)
        self.time += 1
        if odd and self.error is not None:
            raise self.error
        shown = self.shown if odd and self.shown is not None else self.episode
        reward = self.reward if odd else 0.0
        return np.array([self.time, shown], np.float32), reward, self.time == 50, odd and self.truncate, {}


def counting(**faults):
    """An agent in one such environment without faults, and one with them."""
    env = DummyVecEnv([Counting, lambda: Counting(**faults)])
    return RecurrentA2C("RecurrentPolicy", env, n_steps=20, seed=0, policy_kwargs={"hidden_size": 8})


def next_rollout(agent):
    """What the first environment shows in one more rollout [T, 2]."""
    agent.learn(1, reset_num_timesteps=False)
    return agent.rollout_buffer.observations[:, 0]


@pytest.mark.parametrize("error", [RuntimeError(), KeyboardInterrupt()])
def test_learning_goes_on_where_an_error_in_a_callback_left_it(error):
    agent = counting()
    with pytest.raises(type(error)):
        agent.learn(40, callback=Watch(until=7, error=error))
    state = agent._last_state
    seen = next_rollout(agent)
    assert seen[:4].tolist() == [[7, 0], [8, 0], [9, 0], [10, 0]]
    assert agent.rollout_buffer.initial_state is state
    assert agent.num_timesteps == 2 * (7 + 20)


def test_new_episodes_begin_where_an_error_came_out_of_a_step():
    """The network is a step ahead, and nobody knows how far the environments are."""
    agent = counting(error=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        agent.learn(40)
    assert agent._last_state is None
    seen = next_rollout(agent)
    assert seen[:3].tolist() == [[0, 1], [1, 1], [2, 1]]
    assert not any(leaf.any() for leaf in agent.rollout_buffer.initial_state)
    assert agent.rollout_buffer.episode_starts[:2, 0].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("faults", "named"),
    [
        ({"reward": math.nan}, "the reward of environment 1 at step 6 of the rollout is nan"),
        ({"reward": -math.inf}, "the reward of environment 1 at step 6 of the rollout is -inf"),
        ({"shown": math.inf}, "entry 1 of the observation of environment 1 at step 7 of the rollout is inf"),
        ({"at": 19, "shown": math.nan}, "entry 1 of the observation of environment 1 at step 20 of the"),
        (
            {"shown": math.nan, "truncate": True},
            "the last observation of an episode of environment 1 has nan",
        ),
    ],
)
def test_training_stops_before_it_learns_from_what_is_not_finite(faults, named):
    agent = counting(**faults)
    before = [p.clone() for p in agent.policy.parameters()]
    with pytest.raises(TrainingDivergedError, match=named) as stopped:
        agent.learn(200)
    assert "learning rate" not in str(stopped.value)
    assert all(torch.equal(a, b) for a, b in zip(before, agent.policy.parameters(), strict=True))
    assert agent._n_updates == 0
    agent.learn(40, reset_num_timesteps=False)  # nothing of it is left in the network's state
    assert agent._n_updates == 1


@pytest.mark.parametrize("error", [None, KeyboardInterrupt()])
def test_an_interrupted_rollout_leaves_the_state_of_its_last_step(error):
    agent = model()
    if error is None:
        agent.learn(240, callback=Watch(until=5))
    else:
        with pytest.raises(KeyboardInterrupt):
            agent.learn(240, callback=Watch(until=5, error=error))
    buffer = agent.rollout_buffer
    obs = torch.from_numpy(buffer.observations[:5])
    starts = torch.from_numpy(buffer.episode_starts[:5]).bool()
    with torch.no_grad():
        _, wanted = agent.policy.core.unroll(obs, buffer.initial_state, starts)
    for got, want in zip(agent._last_state, wanted, strict=True):
        torch.testing.assert_close(got, want)


def test_sampling_follows_the_probabilities_and_the_rest_of_the_scores_is_exact():
    policy = model().policy
    with torch.no_grad():
        policy.heads.weight.zero_()
        policy.heads.bias.copy_(torch.tensor([0.0, -2.0, 1.0, -5.0, 7.0]))
    rows = 200_000
    player = PolicyStepper(policy, policy.core.initial_state(1))
    hidden, scores = torch.empty(1, 8), player.blank_scores(rows)
    assert scores.isfinite().all()
    assert (scores[:, -1] == 7).all()
    share = torch.bincount(scores[:, :-1].argmax(1), minlength=4) / rows
    assert (share - torch.softmax(policy.heads.bias[:4].detach(), 0)).abs().max() < 0.005
    best = player.blank_scores(1, deterministic=True)
    assert player.step(torch.zeros(1, 15), None, hidden, best).tolist() == [2]
    assert torch.equal(best[0], policy.heads.bias.detach())

"""Rollouts: what is recorded, what callbacks see, and what is left behind by an interruption."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback

from agents import RecurrentA2C, make_vec_env
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

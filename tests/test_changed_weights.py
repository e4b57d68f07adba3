"""Callbacks that change weights between a rollout and its update, or in mid-rollout."""

import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

from agents import RecurrentA2C, make_vec_env

NAMES = ("plastic", "modulated", "retroactive", "plastic_gru", "retroactive_gru", "rnn", "lstm", "gru")
T, B = 8, 2


class Change(BaseCallback):
    """Changes the policy at step `at` of a rollout, or at its end."""

    def __init__(self, change, at=None):
        super().__init__()
        self.change, self.at = change, at

    def _on_step(self):
        if self.n_calls == self.at:
            self.change(self.model.policy)
        return True

    def _on_rollout_end(self):
        if self.at is None:
            self.change(self.model.policy)


def multiplied(policy):
    with torch.no_grad():
        for p in policy.parameters():
            p.mul_(1.5)


def multiplied_unnoticed(policy):
    """Version counters of the parameters stay."""
    for p in policy.parameters():
        p.data.mul_(1.5)


def swapped(policy):
    for p in policy.parameters():
        p.data = 1.5 * p.data


def loaded(policy):
    policy.load_state_dict({name: 1.5 * tensor for name, tensor in policy.state_dict().items()})


def written_by_numpy(policy):
    for p in policy.parameters():
        p.detach().numpy()[:] *= 1.5


def changed_and_put_back(policy):
    kept = {name: tensor.clone() for name, tensor in policy.state_dict().items()}
    multiplied(policy)
    policy.load_state_dict(kept)


def unchanged(policy):
    pass


def updated(core, change, at=None):
    """A model after one rollout and one update, whose optimizer leaves the weights as they are."""
    model = RecurrentA2C(
        "RecurrentPolicy",
        make_vec_env("PlasticMazeSmall-v0", B),
        n_steps=T,
        seed=0,
        max_grad_norm=1e9,
        policy_kwargs={"core": core, "hidden_size": 5},
    )
    model.policy.optimizer.step = lambda: None
    model.learn(T * B, callback=Change(change, at))
    return model


def assert_gradient_is_that_of_the_present_weights(model):
    policy, batch = model.policy, model.rollout_buffer.sequences()
    hidden, _ = policy.core.unroll(batch.observations, batch.initial_state, batch.starts)
    scores = policy.heads(hidden)
    chances = torch.distributions.Categorical(logits=scores[..., :-1])
    advantages = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
    loss = -(advantages * chances.log_prob(batch.actions)).mean() - 0.01 * chances.entropy().mean()
    loss = loss + 0.5 * (scores[..., -1] - batch.returns).square().mean()
    wanted = torch.autograd.grad(loss, list(policy.parameters()))
    for p, want in zip(policy.parameters(), wanted, strict=True):
        torch.testing.assert_close(p.grad, want, rtol=1e-4, atol=1e-5 * want.abs().max().item())


@pytest.mark.parametrize("at", [None, 3])
@pytest.mark.parametrize("core", NAMES)
def test_the_update_is_that_of_the_weights_that_it_finds(core, at):
    model = updated(core, multiplied, at)
    assert model.rollout_buffer.sequences().hidden is None
    assert_gradient_is_that_of_the_present_weights(model)


@pytest.mark.parametrize("change", [multiplied_unnoticed, swapped, loaded, written_by_numpy])
def test_however_they_were_changed(change):
    assert_gradient_is_that_of_the_present_weights(updated("plastic", change))


@pytest.mark.parametrize("change", [unchanged, changed_and_put_back])
def test_activity_is_not_computed_again_where_nothing_has_changed(change):
    model = updated("plastic", change)
    assert model.rollout_buffer.sequences().hidden is model.rollout_buffer.hidden
    assert_gradient_is_that_of_the_present_weights(model)


@pytest.mark.parametrize("core", ["plastic", "gru"])
def test_what_is_changed_in_mid_rollout_counts_from_the_next_one_on(core):
    want, got = updated(core, unchanged).rollout_buffer, updated(core, multiplied, 3).rollout_buffer
    assert torch.equal(got.hidden, want.hidden)
    assert (got.actions == want.actions).all()
    assert (got.advantages == want.advantages).all()

"""The learner keeps SB3's habits for every core, on our maze and on other environments."""

import math
import re
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback, EvalCallback
from stable_baselines3.common.env_util import make_vec_env as sb3_make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import configure

from agents import GymnasiumVecEnv, RecurrentA2C, TrainingDivergedError, make_vec_env
from agents.ablations import AblatedPlayer, Ablations
from agents.cores import Core
from agents.evaluation import Task, evaluate
from agents.policy import PolicyStepper
from plastic_maze import PlasticMazeVectorEnv, RandomPlayer

CORES = ("plastic", "rnn", "lstm", "gru")
SMALL = "PlasticMazeSmall-v0"


def build(core="plastic", env=None, n_envs=3, policy_kwargs=None, **settings):
    env = make_vec_env(SMALL, n_envs) if env is None else env
    policy = {"core": core, "hidden_size": 8, **(policy_kwargs or {})}
    return RecurrentA2C("RecurrentPolicy", env, policy_kwargs=policy, **{"seed": 0, **settings})


class OddLengths(gym.Env):
    """Episodes of 3 or 5 steps in turn; shows the time and whether the episode is new; cut off, not ended."""

    observation_space = gym.spaces.Box(0, 10, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, cut_off=True, lengths=(3, 5)):
        self.cut_off, self.lengths = cut_off, lengths
        self.count = 0

    def _obs(self):
        return np.array([self.time, float(self.time == 0)], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time, self.length = 0, self.lengths[self.count % 2]
        self.count += 1
        return self._obs(), {}

    def step(self, action):
        self.time += 1
        done = self.time == self.length
        return self._obs(), 1.0, done and not self.cut_off, done and self.cut_off, {}


def rollout(model):
    """Collect one rollout from fresh episodes, without an update."""
    _, callback = model._setup_learn(1)
    assert model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)


@pytest.mark.parametrize("core", CORES)
def test_learn_predict_and_evaluate(core, tmp_path):
    model = build(core)
    before = [p.clone() for p in model.policy.parameters()]
    evaluation = EvalCallback(make_vec_env(SMALL, 2), n_eval_episodes=2, eval_freq=80, verbose=0)
    model.learn(3 * 80 * 2, callback=evaluation)
    assert model.num_timesteps == 480
    assert any(not torch.equal(a, b) for a, b in zip(before, model.policy.parameters(), strict=True))
    mean, deviation = evaluate_policy(model, make_vec_env(SMALL, 2), n_eval_episodes=4, warn=False)
    assert mean >= 0
    assert deviation >= 0


@pytest.mark.parametrize("core", CORES)
def test_predict_carries_the_state_and_resets_it(core):
    model = build(core)
    rng = np.random.default_rng(0)
    observations = rng.random((4, 3, 15), dtype=np.float32)
    observations[3] = observations[0]
    state, starts, values = None, np.ones(3, dtype=bool), []
    for t, obs in enumerate(observations):
        actions, state = model.predict(obs, state, starts, deterministic=True)
        assert actions.shape == (3,)
        assert all(isinstance(leaf, np.ndarray) and len(leaf) == 3 for leaf in state)
        values.append(state[0].copy())
        starts = np.array([False, t == 2, False])
    assert np.allclose(values[3][1], values[0][1])  # the same observation after a reset: the same activity
    assert not np.allclose(values[3][0], values[0][0])
    action, single = model.predict(observations[0, 0], None, None)
    assert action.shape == ()
    assert single[0].shape[0] == 1


def test_predict_does_not_overwrite_the_callers_state():
    model = build()
    obs = np.random.default_rng(0).random((2, 15), dtype=np.float32)
    _, state = model.predict(obs)
    kept = [leaf.copy() for leaf in state]
    model.predict(obs, state, np.array([False, True]))
    assert all(np.array_equal(a, b) for a, b in zip(kept, state, strict=True))


def test_predict_refuses_a_state_of_another_size():
    model = build()
    obs = np.zeros((2, 15), dtype=np.float32)
    _, state = model.predict(obs)
    with pytest.raises(ValueError, match=r"the state has shapes .* but 1 observations need"):
        model.predict(obs[:1], state)
    with pytest.raises(ValueError, match="episode_start has 3 entries for 2 observations"):
        model.predict(obs, state, np.zeros(3, dtype=bool))


def test_predict_explains_what_reset_returns():
    model = build()
    for player in (model, AblatedPlayer(model, Ablations(no_plasticity=True)), RandomPlayer()):
        for env in (gym.make(SMALL), gym.make_vec(SMALL, num_envs=2)):
            with pytest.raises(
                ValueError, match=r"predict takes observations, .*: obs, info = env.reset\(\)"
            ):
                player.predict(env.reset())


def test_sampled_actions_follow_the_policys_probabilities():
    model = build()
    obs = torch.rand(1, 15).expand(20_000, 15)
    with torch.no_grad():
        model.policy.heads.bias.copy_(torch.tensor([0.0, 1.0, -1.0, 2.0, 0.0]))
        state = model.policy.core.initial_state(1)
        hidden, _ = model.policy.core.step(obs[:1], state)
        wanted = torch.softmax(model.policy.heads(hidden)[0, :4], 0)
    player = PolicyStepper(model.policy, model.policy.core.initial_state(len(obs)))
    actions, _ = player.step_apart(obs, None, deterministic=False)
    got = torch.bincount(torch.from_numpy(actions), minlength=4) / len(obs)
    assert (got - wanted).abs().max() < 0.015


@pytest.mark.parametrize("core", CORES)
def test_the_update_sees_what_the_rollout_saw(core):
    """Values recomputed along the sequence equal those of the rollout: same states, same resets."""
    env = sb3_make_vec_env(OddLengths, 2)
    model = build(core, env, n_steps=7)
    model.learn(14)  # leaves the environments in the middle of an episode
    _, callback = model._setup_learn(14, reset_num_timesteps=False)
    model.collect_rollouts(env, callback, model.rollout_buffer, 7)
    batch = model.rollout_buffer.sequences()
    assert batch.starts.any()
    assert not batch.starts[0].all()
    with torch.no_grad():
        values, log_probs, entropy = model.policy.evaluate_actions(
            batch.observations, batch.actions, batch.initial_state, batch.starts, batch.hidden
        )
        again, _ = model.policy.core.unroll(batch.observations, batch.initial_state, batch.starts)
        wanted = torch.distributions.Categorical(logits=model.policy.heads(again)[..., :-1])
    torch.testing.assert_close(batch.hidden, again, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(values, torch.from_numpy(model.rollout_buffer.values), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(log_probs, wanted.log_prob(batch.actions), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(entropy, wanted.entropy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cut_off", [True, False])
def test_an_episode_that_is_cut_off_is_bootstrapped_and_one_that_ends_is_not(cut_off):
    env = sb3_make_vec_env(OddLengths, 1, env_kwargs={"cut_off": cut_off, "lengths": (3, 3)})
    model = build("rnn", env, n_steps=3, reward_scale=0.5)
    rollout(model)
    starts = torch.tensor([[True], [False], [False], [False]])
    obs = torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]], [[2.0, 0.0]], [[3.0, 0.0]]])
    actions, state = torch.zeros(4, 1, dtype=torch.long), model.policy.core.initial_state(1)
    hidden, _ = model.policy.core.unroll(obs, state, starts)
    values, *_ = model.policy.evaluate_actions(obs, actions, state, starts, hidden)
    assert model.rollout_buffer.rewards[:2, 0].tolist() == [0.5, 0.5]
    last = 0.5 + 0.95 * values[3, 0].item() * cut_off
    assert model.rollout_buffer.rewards[2, 0] == pytest.approx(last, rel=1e-5)


def test_while_it_learns_pytorchs_threads_do_not_get_in_the_kernels_way():
    seen = []
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        build().learn(240, callback=lambda *_: seen.append(torch.get_num_threads()) or True)
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
        with pytest.raises(ZeroDivisionError):
            build().learn(240, callback=lambda *_: 1 / 0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_state_is_kept_once_for_a_rollout():
    model = build()
    model.learn(240)
    assert [tuple(leaf.shape) for leaf in model.rollout_buffer.initial_state] == [(3, 8), (3, 8, 8)]


def test_rollouts_are_whole_episodes_by_default():
    assert build().n_steps == 80
    assert build(env=sb3_make_vec_env("CartPole-v1", 1)).n_steps == 500
    with pytest.raises(ValueError, match="does not say how long its episodes are; give n_steps"):
        build(env=sb3_make_vec_env(OddLengths, 1))


@pytest.mark.parametrize("env", ["CartPole-v1", "vector"])
def test_other_environments_are_accepted(env):
    if env == "vector":
        env = gym.make_vec(SMALL, num_envs=2)
        assert isinstance(env, PlasticMazeVectorEnv)
    model = RecurrentA2C("RecurrentPolicy", env, n_steps=20, policy_kwargs={"hidden_size": 8})
    model.learn(80)
    assert model.num_timesteps == 80


def test_unfit_spaces_are_refused():
    with pytest.raises(ValueError, match="observation space must be a flat Box"):
        RecurrentA2C("RecurrentPolicy", "FrozenLake-v1", n_steps=4)
    with pytest.raises(ValueError, match="action space must be Discrete"):
        RecurrentA2C("RecurrentPolicy", "Pendulum-v1", n_steps=4)
    with pytest.raises(ValueError, match="must reset in the same step"):
        GymnasiumVecEnv(gym.make_vec("CartPole-v1", 2, vectorization_mode="sync"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("gamma", 1.5),
        ("gamma", math.nan),
        ("gae_lambda", 2),
        ("learning_rate", 0.0),
        ("learning_rate", math.inf),
        ("n_steps", 0),
        ("ent_coef", -1.0),
        ("vf_coef", math.nan),
        ("max_grad_norm", 0.0),
        ("reward_scale", -0.1),
        ("learning_rate", "0.001"),
        ("gamma", None),
        ("gamma", True),
        ("ent_coef", [0.01]),
        ("n_steps", 5.0),
        ("n_steps", True),
        ("seed", -1),
        ("seed", 1.5),
        ("stats_window_size", 0),
    ],
)
def test_bad_numbers_are_named(setting, value):
    with pytest.raises(ValueError, match=f"{setting} must be .*, got {re.escape(repr(value))}"):
        build(**{"seed": 0, setting: value})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("log_interval", 0),
        ("log_interval", -1),
        ("log_interval", 1.5),
        ("total_timesteps", -1),
        ("total_timesteps", "100"),
        ("total_timesteps", math.nan),
    ],
)
def test_bad_arguments_of_learn_are_named(setting, value):
    model = build()
    with pytest.raises(ValueError, match=f"{setting} must be .*, got {value!r}"):
        model.learn(**{"total_timesteps": 240, setting: value})
    assert model.num_timesteps == 0


def test_numpys_numbers_are_numbers(tmp_path):
    model = build(
        n_envs=np.int64(2),
        n_steps=np.int64(20),
        seed=np.uint32(3),
        learning_rate=np.float32(1e-3),
        gamma=np.float32(0.9),
        stats_window_size=np.int32(5),
        policy_kwargs={"hidden_size": np.int64(4)},
    )
    model.learn(np.int64(80), log_interval=np.int64(1))
    model.save(tmp_path / "agent")
    again = RecurrentA2C.load(tmp_path / "agent")
    assert (again.n_steps, again.seed, again.policy.hidden_size) == (20, 3, 4)
    few, many = (
        evaluate("random", Task(SMALL), count, seed) for count, seed in ((np.int64(3), np.int64(4)), (3, 4))
    )
    assert few == many


@pytest.mark.parametrize("core", ["modulated", "plastic_gru", "retroactive", "retroactive_gru", *CORES])
def test_recurrent_weights_can_have_a_learning_rate_of_their_own(core):
    changes = []
    for scale in (1.0, 0.25):
        model = build(core, policy_kwargs={"recurrent_lr_scale": scale}, learning_rate=1e-3)
        before = {name: p.detach().clone() for name, p in model.policy.named_parameters()}
        model.learn(3 * 80)  # one update, in which Adam's step is the rate, whatever the gradient
        changes.append({name: p.detach() - before[name] for name, p in model.policy.named_parameters()})
    recurrent = {"core." + name for name in ("w", "alpha", "w_gates", "layer.weight_hh_l0")}
    assert any(name in recurrent for name in changes[0])
    for name, change in changes[0].items():
        assert change.abs().max() > 0
        scale = 0.25 if name in recurrent else 1.0
        torch.testing.assert_close(changes[1][name], scale * change, rtol=1e-2, atol=1e-6)


def test_a_learning_rates_function_is_asked_what_remains_when_a_rollout_begins():
    """Never below 0 where the steps are no whole number of rollouts, nor 0 where they are."""
    for total, wanted in ((1000, [1, 0.76, 0.52, 0.28, 0.04]), (960, [1, 0.75, 0.5, 0.25])):
        asked = []
        model = build(learning_rate=lambda left, asked=asked: asked.append(left) or 1e-3 * left)
        rates, step = [], model.policy.optimizer.step
        model.policy.optimizer.step = lambda rates=rates, model=model, step=step: (
            rates.append(model.policy.optimizer.param_groups[0]["lr"]),
            step(),
        )
        model.learn(total)
        assert rates == pytest.approx([1e-3 * left for left in wanted])
        assert all(0 < left <= 1 for left in asked)


@pytest.mark.parametrize("rate", [math.nan, math.inf, -1e-3])
def test_a_learning_rates_function_must_give_numbers_that_can_be_rates(rate):
    model = build(learning_rate=lambda left: 1e-3 if left == 1 else rate)
    message = f"learning_rate must give finite numbers, 0 or more, got {rate} where 0.5 of the training"
    with pytest.raises(ValueError, match=message):
        model.learn(480)
    assert model._n_updates == 1


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_bad_share_of_the_learning_rate_is_named(scale):
    with pytest.raises(ValueError, match="recurrent_lr_scale must be a finite number above 0, got"):
        build(policy_kwargs={"recurrent_lr_scale": scale})


def test_a_core_that_names_no_recurrent_weights_trains_at_one_rate(monkeypatch):
    monkeypatch.setattr("agents.cores.rnn.RNNCore.recurrent_weights", Core.recurrent_weights)
    build("rnn").learn(3 * 80)
    with pytest.raises(ValueError, match="recurrent_lr_scale must be 1: the core 'rnn' does not say"):
        build("rnn", policy_kwargs={"recurrent_lr_scale": 0.5})


def test_same_seed_same_numbers_and_another_seed_others():
    def weights(seed):
        env = make_vec_env(SMALL, 3)
        model = RecurrentA2C("RecurrentPolicy", env, policy_kwargs={"hidden_size": 8}, seed=seed)
        model.learn(480)
        return torch.cat([p.detach().ravel() for p in model.policy.parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_set_random_seed_repeats_rollouts():
    model = build()
    actions = []
    for seed in (5, 5, 6):
        model.set_random_seed(seed)
        rollout(model)
        actions.append(model.rollout_buffer.actions)
    assert np.array_equal(actions[0], actions[1])
    assert not np.array_equal(actions[0], actions[2])


def test_loggers_and_checkpoint_callback(tmp_path):
    model = build(tensorboard_log=str(tmp_path / "tb"))
    model.learn(480, callback=CheckpointCallback(save_freq=80, save_path=tmp_path / "saved"), log_interval=1)
    assert list((tmp_path / "tb").rglob("events*"))
    saved = sorted((tmp_path / "saved").iterdir())
    assert saved
    assert {path.suffix for path in saved} == {".safetensors"}
    again = RecurrentA2C.load(saved[-1], env=make_vec_env(SMALL, 3))
    again.set_logger(configure(str(tmp_path / "csv"), ["csv"]))
    again.learn(240, log_interval=1)
    header = (tmp_path / "csv" / "progress.csv").read_text().splitlines()[0]
    assert "rollout/ep_rew_mean" in header


def test_progress_bar(capsys):
    build().learn(240, progress_bar=True)


def test_a_callback_can_stop_training():
    class Stop(BaseCallback):
        def _on_step(self):
            return self.n_calls < 5

    model = build()
    model.learn(10_000, callback=Stop())
    assert model.num_timesteps == 15


@pytest.mark.parametrize("at", [79, 80])
def test_training_goes_on_from_where_a_callback_stopped_it(at):
    """Also where that is the end of an episode."""

    class Stop(BaseCallback):
        def _on_step(self):
            return self.n_calls < at

    model = build()
    model.learn(10_000, callback=Stop())
    assert model._last_obs[:, -1] == pytest.approx(at / 80 % 1)
    assert model._last_episode_starts.tolist() == [at == 80] * 3
    model.learn(240, reset_num_timesteps=False)
    seen = model.rollout_buffer.observations[:3, 0, -1]
    assert seen == pytest.approx(np.arange(at, at + 3) / 80 % 1)
    assert model.rollout_buffer.episode_starts[:2, 0].tolist() == [at == 80, at == 79]


def test_divergence_stops_before_the_weights_are_spoilt():
    model = build()

    class Poison(BaseCallback):
        def _on_step(self):
            return True

        def _on_rollout_end(self):
            model.rollout_buffer.advantages[0, 0] = np.nan

    before = [p.clone() for p in model.policy.parameters()]
    with pytest.raises(TrainingDivergedError, match="training diverged at step 240: loss nan"):
        model.learn(480, callback=Poison())
    assert all(torch.equal(a, b) for a, b in zip(before, model.policy.parameters(), strict=True))


def test_the_readmes_python_works_on_its_own(tmp_path):
    """In a process of its own: nothing else has imported the maze or registered anything."""
    text = Path("README.md").read_text().split("## In Python")[1]
    train, own = (block.split("```")[0] for block in text.split("```python")[1:3])
    train = train.replace("1_000_000", "5000")
    use = 'RecurrentA2C("RecurrentPolicy", env, '
    use += 'policy_kwargs={"core": "leaky", "core_settings": {"leak": 0.8}})'
    assert use in text
    script = train + own + use + ".learn(3000)\n"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, timeout=120)


def test_slips_against_the_interface_are_named():
    class DictEnv(gym.Env):
        observation_space = gym.spaces.Dict({"a": gym.spaces.Box(0, 1, (2,))})
        action_space = gym.spaces.Discrete(2)

    with pytest.raises(ValueError, match="the observation space must be a flat Box"):
        RecurrentA2C("RecurrentPolicy", DictEnv(), n_steps=5)
    with pytest.raises(ValueError, match="seed is not an argument of PlasticMazeSmall-v0, got 0"):
        make_vec_env("PlasticMazeSmall-v0", 2, seed=0)

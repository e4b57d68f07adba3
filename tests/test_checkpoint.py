"""Agents on disk: what is kept and what is refused."""

import json
import os
import pickle
import tracemalloc
from importlib.metadata import version

import gymnasium as gym
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, safe_open, save_file
from stable_baselines3.common.env_util import make_vec_env as make_vec
from torch.nn.utils import prune

from agents import CheckpointError, RecurrentA2C, make_vec_env
from agents.checkpoint import AgentSettings, read_agent, restore_checkpoint, save_agent, save_checkpoint
from agents.cores import CORES, Core
from agents.find_agent import find_agent
from agents.policy import RecurrentActorCriticPolicy

SMALL = "PlasticMazeSmall-v0"
# None of the numbers is what it is by default.
NUMBERS = {
    "gamma": 0.9,
    "gae_lambda": 0.8,
    "ent_coef": 0.02,
    "vf_coef": 0.25,
    "max_grad_norm": 0.3,
    "reward_scale": 0.2,
}


@pytest.fixture
def agent(tmp_path):
    env = make_vec_env(SMALL, 2)
    policy = {"core": "plastic", "hidden_size": 8, "core_settings": {"rule": "oja"}}
    model = RecurrentA2C(
        "RecurrentPolicy", env, policy_kwargs=policy, seed=3, normalize_advantage=False, **NUMBERS
    )
    model.learn(160)
    return model, save_agent(model, tmp_path / "agent")


def rewrite(path, tensors=None, **settings):
    """The file at `path` with other tensors or settings."""
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["plastic_maze"])
    header["agent"].update(settings.pop("agent", {}))
    save_file(
        load_file(path) if tensors is None else tensors, path, {"plastic_maze": json.dumps(header | settings)}
    )


@pytest.mark.parametrize("with_env", [True, False])
def test_a_loaded_agent_acts_like_the_saved_one(agent, with_env):
    model, path = agent
    again = RecurrentA2C.load(path, env=make_vec_env(SMALL, 5) if with_env else None)
    obs = np.random.default_rng(0).random((4, 15), dtype=np.float32)
    one, state_one = model.predict(obs, deterministic=True)
    two, state_two = again.predict(obs, deterministic=True)
    assert np.array_equal(one, two)
    assert all(np.array_equal(a, b) for a, b in zip(state_one, state_two, strict=True))
    assert again.policy.core.rule == "oja"
    assert (again.seed, again.num_timesteps, again.n_steps) == (3, 160, 80)
    assert {name: getattr(again, name) for name in NUMBERS} == NUMBERS
    assert again.normalize_advantage is False


def test_the_file_holds_settings_versions_and_seed_as_json(agent):
    _, settings = read_agent(agent[1])
    assert (settings.env_id, settings.core, settings.core_settings) == (SMALL, "plastic", {"rule": "oja"})
    assert settings.seed == 3
    assert settings.versions["torch"] == version("torch")
    assert settings.env_kwargs["size"] == 5


class Bomb:
    def __reduce__(self):
        return (os.mkdir, (os.environ["BOMB"],))


@pytest.mark.parametrize("kind", ["pickle", "torch"])
def test_a_pickle_is_refused_and_not_run(tmp_path, monkeypatch, kind):
    path = tmp_path / "agent.safetensors"
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    else:
        torch.save({"weights": Bomb()}, path)
    with pytest.raises(CheckpointError, match="is a pickle or zip archive"):
        RecurrentA2C.load(path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("keep", [0, 4, 200, -1])
def test_a_truncated_file_is_refused(agent, keep):
    data = agent[1].read_bytes()
    agent[1].write_bytes(data[:keep])
    with pytest.raises(CheckpointError, match="is damaged or truncated"):
        RecurrentA2C.load(agent[1])


def test_other_files_are_refused_each_with_its_reason(agent, tmp_path):
    _, path = agent
    tensors = load_file(path)
    with pytest.raises(CheckpointError, match="there is no agent file at"):
        RecurrentA2C.load(tmp_path / "missing.safetensors")
    save_file({"x": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="not an agent of this project"):
        RecurrentA2C.load(tmp_path / "foreign.safetensors")

    rewrite(path, format_version=99)
    with pytest.raises(CheckpointError, match="format version 99; this release reads up to 1"):
        RecurrentA2C.load(path)
    rewrite(path, tensors, format_version=1, agent={"hidden_size": 9})
    with pytest.raises(CheckpointError, match=r"do not fit the architecture .*plastic, 9 units"):
        RecurrentA2C.load(path)
    rewrite(path, agent={"hidden_size": 8, "core": "transformer"})
    with pytest.raises(CheckpointError, match="unknown core 'transformer'"):
        RecurrentA2C.load(path)
    rewrite(path, agent={"core": "plastic", "env_kwargs": 5})
    with pytest.raises(CheckpointError, match="is damaged: agent: env_kwargs must be a table, got 5"):
        RecurrentA2C.load(path)
    rewrite(path, agent={"env_kwargs": {}, "surprise": 1})
    with pytest.raises(CheckpointError, match="is damaged: agent accepts no 'surprise'"):
        RecurrentA2C.load(path)


def test_an_environment_that_does_not_fit_is_refused(agent):
    with pytest.raises(CheckpointError, match=r"trained for observations of shape \(15,\)"):
        RecurrentA2C.load(agent[1], env=make_vec_env("CartPole-v1", 1))


def test_the_ending_may_be_left_out(agent):
    _, path = agent
    for name in (path.with_suffix(""), path.with_suffix(".zip")):
        assert RecurrentA2C.load(name).policy.hidden_size == 8
        assert find_agent(str(name)) == path


def test_an_agent_can_be_trained_on_with_other_settings(agent, tmp_path):
    model, path = agent
    again = RecurrentA2C.load(path, learning_rate=1e-4, seed=5, tensorboard_log=str(tmp_path / "tb"))
    assert (again.learning_rate, again.seed, again.gamma, again.n_envs) == (1e-4, 5, model.gamma, 2)
    with pytest.raises(ValueError, match="there is no environment to train in"):
        again.learn(10)
    again.set_env(make_vec_env(SMALL, 2))
    again.learn(160)
    assert list((tmp_path / "tb").iterdir())
    with pytest.raises(ValueError, match="load accepts no 'policy_kwargs'; what can be changed: learn"):
        RecurrentA2C.load(path, policy_kwargs={})


def test_numpys_numbers_and_what_json_cannot_hold(tmp_path):
    """An environment's arguments may be anything; the agent's own must be such as a file can hold."""
    vector = {"autoreset_mode": gym.vector.AutoresetMode.SAME_STEP}
    env = gym.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync", vector_kwargs=vector)
    policy = {"core": "plastic", "hidden_size": np.int64(8).item(), "core_settings": {"eta": np.float32(0.5)}}
    model = RecurrentA2C(
        "RecurrentPolicy", env, policy_kwargs=policy, gamma=np.float32(0.5), normalize_advantage=1
    )
    model.save(tmp_path / "cart")
    again = RecurrentA2C.load(tmp_path / "cart", "CartPole-v1")
    assert (again.gamma, again.normalize_advantage) == (0.5, True)
    assert again.policy.core_settings == {"eta": 0.5}

    gym.register("Own-v0", OwnEnv, kwargs={"table": np.eye(2), "kind": OwnEnv}, max_episode_steps=5)
    try:
        model = RecurrentA2C("RecurrentPolicy", "Own-v0", policy_kwargs={"hidden_size": 8})
        model.save(tmp_path / "own")
    finally:
        gym.registry.pop("Own-v0")
    assert read_agent(tmp_path / "own")[1].env_kwargs == {"table": [[1, 0], [0, 1]]}
    again = RecurrentA2C.load(tmp_path / "own")
    again.set_env(make_vec(OwnEnv))  # of float64, as the agent was trained
    again.learn(10)


class OwnEnv(gym.Env):
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float64)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, table=None, kind=None):
        self.table = table

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2), {}

    def step(self, action):
        return np.ones(2), 1.0, True, False, {}


class TiedCore(Core):
    """Two layers with one matrix, and a state that holds one tensor twice."""

    def __init__(self, input_size, hidden_size, callback=None):
        super().__init__(input_size, hidden_size)
        self.input = torch.nn.Linear(input_size, hidden_size)
        self.up, self.down = (torch.nn.Linear(hidden_size, hidden_size, bias=False) for _ in range(2))
        self.down.weight = self.up.weight

    def initial_state(self, batch_size):
        return (torch.zeros(batch_size, self.hidden_size),) * 2

    def step(self, x, state):
        h = torch.tanh(self.input(x) + self.down(self.up(state[0])))
        return h, (h, h)


def test_tied_weights_are_saved(tmp_path, monkeypatch):
    monkeypatch.setitem(CORES, "tied", TiedCore)
    policy = {"core": "tied", "hidden_size": 8}
    model = RecurrentA2C("RecurrentPolicy", make_vec_env(SMALL, 2), n_steps=10, policy_kwargs=policy)
    model.learn(20)
    save_checkpoint(model, tmp_path / "a", seconds=1.0)
    again = RecurrentA2C.load(tmp_path / "a")
    assert torch.equal(again.policy.core.up.weight, model.policy.core.up.weight)
    assert again.policy.core.up.weight is again.policy.core.down.weight
    policy["core_settings"] = {"callback": print}
    with pytest.raises(ValueError, match=r"the agent could not be saved: .*print"):
        RecurrentA2C("RecurrentPolicy", make_vec_env(SMALL, 2), policy_kwargs=policy)


def test_a_policy_of_ones_own_is_asked_for(tmp_path):
    class Lazy(RecurrentActorCriticPolicy):
        pass

    model = RecurrentA2C(Lazy, make_vec_env(SMALL, 2), policy_kwargs={"hidden_size": 8})
    model.save(tmp_path / "a")
    with pytest.raises(CheckpointError, match=r"Lazy, not RecurrentPolicy; give its class to load: policy="):
        RecurrentA2C.load(tmp_path / "a")
    assert type(RecurrentA2C.load(tmp_path / "a", policy=Lazy).policy) is Lazy


@pytest.mark.parametrize("part", ["all of it", "its core"])
def test_a_compiled_policy_is_saved_as_it_would_be_otherwise(agent, tmp_path, part):
    model, path = agent
    if part == "all of it":
        model.policy = torch.compile(model.policy)
    else:
        model.policy.core = torch.compile(model.policy.core)
    model.save(tmp_path / "compiled")
    save_checkpoint(model, tmp_path / "checkpoint", 0.0)
    assert (tmp_path / "compiled.safetensors").read_bytes() == path.read_bytes()
    again = RecurrentA2C.load(tmp_path / "checkpoint")
    assert again.policy.state_dict().keys() == load_policy(path).keys()
    model.learn(160)
    model.set_parameters(path)
    assert all(
        torch.equal(a, b) for a, b in zip(model.policy.parameters(), again.policy.parameters(), strict=True)
    )


def load_policy(path):
    return {name.removeprefix("policy."): tensor for name, tensor in load_file(path).items()}


def test_a_policy_whose_weights_are_others_is_not_saved(agent, tmp_path):
    """What could not be read back is said while the agent is still there."""
    model, _ = agent
    prune.identity(model.policy.heads, "weight")
    for save in (lambda: model.save(tmp_path / "a"), lambda: save_checkpoint(model, tmp_path / "a", 0.0)):
        with pytest.raises(
            ValueError, match=r"cannot be saved: .* \(heads.weight, heads.weight_mask, heads.weight_orig\)"
        ):
            save()
    assert not (tmp_path / "a.safetensors").exists()
    prune.remove(model.policy.heads, "weight")
    model.save(tmp_path / "a")
    model.policy.heads = torch.nn.Linear(8, 7)
    with pytest.raises(ValueError, match=r"cannot be saved: .* \(heads.bias, heads.weight\)"):
        model.save(tmp_path / "b")


class Still(gym.Env):
    """Episodes of 10 steps; spaces as given."""

    def __init__(self, box=np.float32, discrete=np.int64, high=1, n=3):
        self.observation_space = gym.spaces.Box(-high, high, (2,), box)
        self.action_space = gym.spaces.Discrete(n)
        self.action_space.dtype = np.dtype(discrete)  # an argument since Gymnasium 1.3

    def reset(self, *, seed=None, options=None):
        self.time = 0
        return np.zeros(2, self.observation_space.dtype), {}

    def step(self, action):
        self.time += 1
        return np.zeros(2, self.observation_space.dtype), 1.0, self.time == 10, False, {}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "other",
    [{"discrete": np.int32}, {"discrete": np.uint8}, {"box": np.float64}, {"box": np.int8}, {"high": 2}],
)
def test_spaces_are_the_same_whatever_their_dtypes_and_bounds(other, turned, tmp_path):
    first, second = ({}, other) if turned else (other, {})
    model = RecurrentA2C("RecurrentPolicy", Still(**first), n_steps=10, policy_kwargs={"hidden_size": 4})
    model.learn(10)
    model.save(tmp_path / "agent")
    RecurrentA2C.load(tmp_path / "agent", Still(**first))
    RecurrentA2C.load(tmp_path / "agent", Still(**second)).learn(10)
    alone = RecurrentA2C.load(tmp_path / "agent")
    for one in (model, alone):
        one.set_env(Still(**second))
        one.learn(10, reset_num_timesteps=False)
    model.save(tmp_path / "agent")
    RecurrentA2C.load(tmp_path / "agent", Still(**first))


def test_another_number_of_actions_is_refused(tmp_path):
    model = RecurrentA2C("RecurrentPolicy", Still(), n_steps=10, policy_kwargs={"hidden_size": 4})
    model.save(tmp_path / "agent")
    message = (
        r"trained for observations of shape \(2,\) and Discrete\(3\); the environment has .* Discrete\(4"
    )
    with pytest.raises(CheckpointError, match=message):
        RecurrentA2C.load(tmp_path / "agent", Still(n=4, discrete=np.int32))
    with pytest.raises(ValueError, match=message):
        model.set_env(Still(n=4))
    with pytest.raises(ValueError, match=r"the environment has \(15,\) and Discrete\(4\)"):
        model.set_env(make_vec_env(SMALL, 1))
    assert model.env.envs[0].unwrapped.action_space.n == 3


def test_parameters_are_taken_from_a_file_or_a_dictionary(agent):
    model, path = agent
    saved = load_policy(path)
    for source in (path, str(path), path.with_suffix(""), model.get_parameters()):
        other = RecurrentA2C.load(path, env=make_vec_env(SMALL, 2))
        other.learn(320)
        updates = other._n_updates
        other.set_parameters(source)
        assert all(torch.equal(tensor, saved[name]) for name, tensor in other.policy.state_dict().items())
        assert other._n_updates == updates
    smaller = RecurrentA2C("RecurrentPolicy", make_vec_env(SMALL, 2), policy_kwargs={"hidden_size": 4})
    with pytest.raises(CheckpointError, match=r"agent.safetensors do not fit the agent \(plastic, 4 units\)"):
        smaller.set_parameters(path)
    with pytest.raises(CheckpointError, match=r"there is no agent file at nowhere\.safetensors"):
        smaller.set_parameters("nowhere")


def test_a_schedule_that_is_not_kept_is_said(tmp_path):
    model = RecurrentA2C(
        "RecurrentPolicy",
        make_vec_env(SMALL, 2),
        learning_rate=lambda left: 1e-3 * left,
        policy_kwargs={"hidden_size": 8},
    )
    with pytest.warns(UserWarning, match=r"will hold the schedule's first value, 0\.001"):
        model.save(tmp_path / "a")


def test_a_bad_argument_is_not_the_files_fault(agent):
    with pytest.raises(
        ValueError, match=r"learning_rate must be a finite number above 0, got -1\.0"
    ) as found:
        RecurrentA2C.load(agent[1], learning_rate=-1.0)
    assert not isinstance(found.value, CheckpointError)


def test_what_an_agent_says_of_its_environment_makes_it_again(agent):
    _, path = agent
    rewrite(path, agent={"env_kwargs": {"size": 5, "vectorization_mode": "vector_entry_point"}})
    _, settings = read_agent(path)
    assert settings.env_kwargs == {"size": 5}
    gym.make(settings.env_id, **settings.env_kwargs).close()
    kept = AgentSettings.of(RecurrentA2C.load(path, env=make_vec_env(SMALL, 2, max_steps=20)))
    assert kept.env_kwargs["max_steps"] == 20
    gym.make(kept.env_id, **kept.env_kwargs).close()


def test_a_policy_is_not_unpickled(agent, tmp_path):
    model, _ = agent
    with pytest.raises(TypeError, match=r"RecurrentA2C\.load\('a\.pt'\)\.policy"):
        type(model.policy).load("a.pt")
    with pytest.raises(TypeError, match=r"RecurrentA2C\.save"):
        model.policy.save(tmp_path / "a.pt")


def test_what_is_written_can_be_read_by_others(agent):
    _, path = agent
    beside = path.with_name("beside")
    beside.touch()
    assert path.stat().st_mode == beside.stat().st_mode


def test_writing_is_all_or_nothing(agent, monkeypatch):
    model, path = agent
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", _no_space)
    with pytest.raises(OSError, match="no space"):
        save_agent(model, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def _no_space(*_):
    raise OSError("no space")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 20_000}, r"core\.w must be float32 of shape \[20000, 20000\], got float32 of shape"),
        ({"hidden_size": 50_000}, "hidden_size must be at most 32768, got 50000"),
        ({"n_actions": 2**63}, "n_actions must be at most 100000"),
        ({"n_steps": 10**10}, "n_steps must be at most 100000"),
        ({"n_envs": 0}, "n_envs must be a whole number above 0, got 0"),
        ({"seed": -1}, "seed must be a whole number from 0 on, got -1"),
        ({"gamma": 10**400}, "gamma must be a number, got 1000"),
        ({"learning_rate": []}, r"a learning_rate that is a schedule must be its start .*, got \[\]"),
        (
            {"learning_rate": [0.1, 0.0, 0.0]},
            r"a learning_rate that is a schedule .*, got \[0\.1, 0\.0, 0\.0\]",
        ),
        ({"observation_dtype": "void"}, "observation_dtype must be a type of numbers.*, got 'void'"),
        ({"observation_low": [0.0]}, "observation_low and observation_high are not those of a space"),
        (
            {"env_kwargs": {"num_envs": 3}},
            "env_kwargs must be the environment's own arguments, got 'num_envs'",
        ),
        ({"core_settings": {"rule": []}}, "describes an agent that cannot be built"),
        ({"core_settings": {"eta": "x" * 10_000}}, "describes an agent that cannot be built"),
    ],
)
def test_what_a_file_says_is_checked_before_anything_is_allocated(agent, change, message):
    _, path = agent
    rewrite(path, agent=change)
    tracemalloc.start()
    with pytest.raises(CheckpointError, match=message) as found:
        RecurrentA2C.load(path)
    assert path.name in str(found.value)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("[" * 10_000, "nested too deeply"),
        ('{"format_version": 1, "agent": ' + "9" * 6000 + "}", "a whole number of thousands of digits"),
        ("[]", r"must be a table of values by name, got \[\]"),
        ('{"format_version": "1"}', "format version must be 1 or more, got '1'"),
    ],
)
def test_settings_that_are_none_are_refused_in_our_own_words(agent, settings, message):
    save_file(load_file(agent[1]), agent[1], {"plastic_maze": settings})
    with pytest.raises(CheckpointError, match=message):
        RecurrentA2C.load(agent[1])


def test_weights_must_be_finite_and_of_their_type(agent):
    _, path = agent
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}  # not the file's own memory
    for name, wrong, message in (
        ("core.w", torch.full((8, 8), torch.nan), r"the tensor core\.w holds numbers that are not finite"),
        (
            "heads.bias",
            torch.full((5,), torch.inf),
            r"the tensor heads\.bias holds numbers that are not finite",
        ),
        (
            "heads.weight",
            torch.ones(5, 8, dtype=torch.int32),
            r"heads\.weight must be float32 .*, got int32 of",
        ),
        ("core.eta", None, "its tensors are not those that were written"),
    ):
        changed = {**tensors, f"policy.{name}": wrong}
        save_file({key: value for key, value in changed.items() if value is not None}, path, _header(path))
        with pytest.raises(CheckpointError, match=message):
            RecurrentA2C.load(path)
    save_file({**tensors, "policy.core.w": tensors["policy.core.w"].half()}, path, _header(path))
    assert RecurrentA2C.load(path).policy.core.w.dtype == torch.float32  # that loses nothing


def _header(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint after one update, in mid-episode."""
    policy = {"core": "plastic", "hidden_size": 4}
    model = RecurrentA2C("RecurrentPolicy", make_vec_env(SMALL, 2), n_steps=5, policy_kwargs=policy, seed=0)
    return save_checkpoint(model.learn(10), tmp_path_factory.mktemp("checkpoint") / "c", seconds=1.0)


def nan(tensor):
    return torch.full_like(tensor, torch.nan)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("optimizer.0.exp_avg", None, "optimizer's 0.exp_avg is missing"),
        ("optimizer.0.exp_avg", nan, "0.exp_avg of the optimizer holds numbers that are not finite"),
        ("optimizer.0.exp_avg", lambda t: t[:1].clone(), r"must be float32 of shape \[4, 4\], got"),
        ("optimizer.0.exp_avg_sq", torch.neg, "0.exp_avg_sq of the optimizer holds negative numbers"),
        ("optimizer.0.exp_avg_sq", torch.Tensor.double, "must be float32 of shape .*, got float64"),
        ("optimizer.0.step", lambda t: t[None][:0], r"0.step of the optimizer must be float32 of shape \[\]"),
        ("optimizer.99.step", torch.ones(()), "the optimizer has 7 parameters, none for '99.step'"),
        ("optimizer.x", torch.ones(()), "the optimizer keeps nothing called 'x'"),
        ("random.torch", lambda t: t[:-1].clone(), "state of a random generator cannot be used"),
        ("random.numpy", lambda t: t * 2**40, "random.numpy must be 624 whole numbers"),
        ("random.numpy", None, "the tensor random.numpy is missing"),
        ("rollout.obs", nan, "rollout.obs holds numbers that are not finite"),
        ("rollout.obs", lambda t: t[:1].clone(), r"rollout.obs must be float32 of shape \[2, 15\]"),
        ("rollout.starts", lambda t: t.float(), "rollout.starts must be bool of shape"),
        ("rollout.state.1", nan, "the tensor rollout.state.1 holds numbers that are not finite"),
        ("rollout.state.0", None, "the tensor rollout.state.0 is missing"),
        ("env.agent", lambda t: t + 1000, r"state\['agent'\] must be free cells"),
        ("env.agent", None, "state must be a dictionary with the keys"),
        ("env.monitor_returns", lambda t: t[:1].clone(), r"monitor_returns must be float64 of shape \[2\]"),
        ("env.monitor_returns", None, "env.monitor_returns is missing"),
        ("training", {"n_updates": None}, "training: n_updates must be a whole number, got None"),
        ("training", {"n_updates": -1}, "n_updates must be a whole number from 0 on, got -1"),
        ("training", {"seconds": float("nan")}, "seconds must be a finite number, 0 or more, got nan"),
        ("training", {"episodes": [{"r": "x"}]}, "'r' of an episode must be a finite number, got 'x'"),
        ("training", {"random_numpy": ["MT19937", 10**9, 0, 0.0]}, "random_numpy must be at most 624"),
        ("training", {"random_python": [3, [1, 2], None]}, "state of a random generator cannot be used"),
    ],
)  # fmt: skip
def test_a_damaged_training_state_is_found_before_training(checkpoint, tmp_path, name, change, message):
    tensors, path = load_file(checkpoint), tmp_path / "c.safetensors"
    header = json.loads(_header(checkpoint)["plastic_maze"])
    if name == "training":
        header["training"].update(change)
    else:
        changed = change(tensors[name]) if callable(change) else change
        tensors = {**tensors, name: changed} if changed is not None else without(tensors, name)
        header["tensors"] = sorted(tensors)
    save_file(tensors, path, {"plastic_maze": json.dumps(header)})
    model = RecurrentA2C.load(path, env=make_vec_env(SMALL, 2))
    with pytest.raises(CheckpointError, match=rf"c\.safetensors is damaged: .*{message}"):
        restore_checkpoint(model, path)


def without(tensors, name):
    return {key: value for key, value in tensors.items() if key != name}


def test_all_sizes_of_an_agent_have_limits():
    def agent(**changes):
        return RecurrentA2C("RecurrentPolicy", make_vec_env(SMALL, 2), **changes)

    with pytest.raises(ValueError, match="n_steps must be at most 100000, got 1000000000000"):
        agent(n_steps=10**12)
    with pytest.raises(ValueError, match="hidden_size must be at most 32768, got 65536"):
        agent(policy_kwargs={"hidden_size": 65536})
    with pytest.raises(
        ValueError, match=r"32,768 neurons would need .* GiB, but this machine has .*; lower the"
    ):
        RecurrentA2C(
            "RecurrentPolicy", make_vec_env(SMALL, 1000), policy_kwargs={"hidden_size": 32_768}, n_steps=10
        )

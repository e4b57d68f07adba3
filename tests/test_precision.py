"""Rollouts and updates are computed in float32, whatever PyTorch has been told to do elsewhere."""

from pathlib import Path

import numpy as np
import pytest
import torch

import agents
from agents import RecurrentA2C, make_vec_env
from agents.cores import make_core
from agents.cores.base import LoopedStepper
from agents.cores.kernels.addresses import address
from memory_tasks.clamped_lstm import ClampedLSTM

T, B, F, N = 9, 3, 5, 7
NAMES = ("plastic", "modulated", "retroactive", "plastic_gru", "retroactive_gru", "rnn", "lstm", "gru")


def bfloat16():
    return torch.autocast("cpu", dtype=torch.bfloat16)


def build(name, **settings):
    torch.manual_seed(0)
    core = make_core(name, F, N, **settings)
    starts = torch.zeros(T, B, dtype=torch.bool)
    starts[4, 1] = True
    return core, torch.randn(T, B, F), core.initial_state(B), starts


def rolled_out(core, x, state, starts):
    """The activity [T, B, N] of a rollout, and the state after it."""
    stepper, activity = core.stepper(state), torch.empty(T, B, N)
    for x_t, starts_t, out in zip(x, starts, activity, strict=True):
        stepper.step(x_t, starts_t if starts_t.any() else None, out)
    return activity, *stepper.state()


def gradients(core, activity):
    core.zero_grad()
    activity.sin().sum().backward()
    return [p.grad.clone() for p in core.parameters()]


def assert_equal(some, others):
    for one, other in zip(some, others, strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_autocast_has_no_say_in_a_core(name):
    """Neither going forward, nor going back, where it was on for one of the two only or for both."""
    core, x, state, starts = build(name)
    rollout = rolled_out(core, x, state, starts)
    activity, last = core.unroll(x, state, starts)
    want = gradients(core, activity)
    with bfloat16():
        assert_equal(rolled_out(core, x, state, starts), rollout)
        assert_equal(gradients(core, core.unroll(x, state, starts)[0]), want)
        assert_equal(gradients(core, core.replay(x, state, starts, rollout[0])), want)
        cast, cast_last = core.unroll(x, state, starts)
    assert_equal((cast, *cast_last), (activity, *last))
    assert_equal(gradients(core, cast), want)
    outside, replayed = core.unroll(x, state, starts)[0], core.replay(x, state, starts, rollout[0])
    with bfloat16():
        assert_equal(gradients(core, outside), want)
        assert_equal(gradients(core, replayed), want)


def test_nor_in_one_that_takes_the_steps_of_pytorch():
    core, x, state, starts = build("plastic_gru", fused=False)
    assert isinstance(core.stepper(state), LoopedStepper)
    want, (unrolled, _) = rolled_out(core, x, state, starts), core.unroll(x, state, starts)
    with bfloat16():
        assert_equal(rolled_out(core, x, state, starts), want)
        assert_equal(core.unroll(x, state, starts)[:1], [unrolled])


def test_nor_where_activity_is_imposed():
    core, x, state, starts = build("plastic")
    clamp = torch.where(torch.rand(T, B, N) < 0.5, torch.nan, 0.3)
    want = gradients(core, core.unroll_clamped(clamp, state, starts)[0] + 0 * core.input(x).sum())
    activity = core.unroll_clamped(clamp, state, starts)[0] + 0 * core.input(x).sum()
    with bfloat16():
        assert_equal(gradients(core, activity), want)
        again = core.unroll_clamped(clamp, state, starts)[0]
    assert_equal([again + 0 * core.input(x).sum()], [activity])


def test_nor_in_the_lstm_whose_cells_are_set():
    torch.manual_seed(0)
    network, x = ClampedLSTM(4, 6), torch.randn(T, B, 4)
    want = gradients(network, network(x))
    with bfloat16():
        assert_equal(gradients(network, network(x)), want)


def trained(core):
    env = make_vec_env("PlasticMazeSmall-v0", 2)
    model = RecurrentA2C(
        "RecurrentPolicy", env, n_steps=20, seed=3, policy_kwargs={"core": core, "hidden_size": 8}
    )
    model.learn(80)
    return [p.detach().clone() for p in model.policy.parameters()]


@pytest.mark.parametrize("core", ["retroactive_gru", "lstm"])
def test_training_gives_the_same_weights_to_the_bit(core):
    want = trained(core)
    with bfloat16():
        got = trained(core)
    assert all(torch.equal(one, other) for one, other in zip(got, want, strict=True))
    torch.set_default_dtype(torch.float64)
    try:
        got = trained(core)
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(one, other) for one, other in zip(got, want, strict=True))


def test_a_shipped_agent_acts_where_float64_is_the_default():
    file = Path(agents.__file__).parent / "trained" / "PlasticMaze-v0" / "gru.safetensors"
    obs = np.random.default_rng(0).random((3, 15), dtype=np.float32)
    want = RecurrentA2C.load(file).predict(obs, deterministic=True)
    torch.set_default_dtype(torch.float64)
    try:
        got = RecurrentA2C.load(file).predict(obs, deterministic=True)
    finally:
        torch.set_default_dtype(torch.float32)
    assert np.array_equal(got[0], want[0])
    assert np.array_equal(got[1], want[1])


@pytest.mark.parametrize("name", NAMES)
def test_a_core_of_float64_runs_as_it_is_defined(name):
    core, x, state, starts = build(name)
    want = core.unroll(x, state, starts)[0]
    core = core.double()
    got, _ = core.unroll(x.double(), tuple(leaf.double() for leaf in state), starts)
    assert got.dtype == torch.float64
    torch.testing.assert_close(got.float(), want)


def test_a_policy_of_float64_is_refused():
    model = RecurrentA2C("RecurrentPolicy", make_vec_env("PlasticMazeSmall-v0", 1))
    model.policy.double()
    with pytest.raises(ValueError, match=r"weights must be float32 for it to act, got torch\.float64"):
        model.learn(1)
    with pytest.raises(ValueError, match=r"weights must be float32"):
        model.predict(np.zeros(15, dtype=np.float32))


@pytest.mark.parametrize(
    ("tensor", "got"),
    [
        (torch.zeros(2, 3, dtype=torch.bfloat16), r"got torch.bfloat16 \[2, 3\] on cpu"),
        (torch.zeros(2, 3, dtype=torch.float64), r"got torch.float64 \[2, 3\] on cpu"),
        (torch.zeros(3, 2).t(), r"got torch.float32 \[2, 3\] on cpu, not contiguous"),
        (torch.zeros(2, 3, device="meta"), r"got torch.float32 \[2, 3\] on meta"),
    ],
)
def test_what_a_kernel_would_misread_has_no_address(tensor, got):
    with pytest.raises(ValueError, match=f"w must be contiguous torch.float32 on the CPU .*{got}"):
        address(tensor, torch.float32, "w")
    assert address(None, torch.float32) == 0
    fine = torch.zeros(2, 3)
    assert address(fine, torch.float32) == fine.data_ptr()


def test_there_is_one_way_from_a_tensor_to_its_address():
    folder = Path(agents.__file__).parent
    ways = ("data_ptr", ".ctypes", "__array_interface__", "dlpack")
    takers = {file.name for file in folder.rglob("*.py") if any(way in file.read_text() for way in ways)}
    assert takers == {"addresses.py"}

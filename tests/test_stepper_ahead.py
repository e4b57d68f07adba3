"""Steps whose work is done ahead by other threads: the numbers of one thread, whatever the threads do."""

import copy
import time

import pytest
import torch

from agents.cores import make_core
from agents.cores.kernels import FusedStepper, get_num_threads, set_num_threads
from agents.cores.kernels import step as step_module

T, B, F, N = 150, 64, 4, 20
CORES = [("plastic", {}), ("plastic", {"rule": "oja"}), ("retroactive", {}), ("retroactive_gru", {})]


@pytest.fixture(autouse=True)
def threads():
    before = get_num_threads()
    yield
    set_num_threads(before)


@pytest.fixture
def helpers(monkeypatch):
    """The futures of all helpers that are called."""
    called = []

    def begin_beside(work, count):
        called.extend(begun := begin(work, count))
        return begun

    begin = step_module.begin_beside
    monkeypatch.setattr(step_module, "begin_beside", begin_beside)
    return called


def build(name="plastic", batch=B, **settings):
    torch.manual_seed(0)
    core = make_core(name, F, N, **settings)
    with torch.no_grad():
        core.w.normal_(std=0.2)
        core.alpha.normal_(std=0.2)
    starts = torch.rand(T, batch) < 0.02
    return core, core.initial_state(batch), torch.randn(T, batch, F), starts


def play(stepper, x, starts, wait=lambda t: None):
    outputs = torch.empty(*x.shape[:2], N)
    for t, out in enumerate(outputs):
        stepper.step(x[t], starts[t], out)
        wait(t)
    return outputs


def everything(stepper, x, starts, wait=lambda t: None):
    return [play(stepper, x, starts, wait), *stepper.state()]


def same(got, want):
    return all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize(("name", "settings"), CORES)
@pytest.mark.parametrize("count", [2, 5])
def test_numbers_do_not_depend_on_threads(name, settings, count, helpers):
    core, state, x, starts = build(name, **settings)
    set_num_threads(1)
    want = everything(core.stepper(state), x, starts)
    assert not helpers
    set_num_threads(count)
    for _ in range(10):
        assert same(everything(core.stepper(state), x, starts), want)
    assert len(helpers) == 10 * (count - 1)


def test_a_caller_may_take_its_time(helpers):
    core, state, x, starts = build()
    set_num_threads(1)
    want = everything(core.stepper(state), x, starts)
    set_num_threads(3)
    stepper = core.stepper(state)

    def wait(t):
        if t == 20:  # until helpers have lost their patience
            for helper in helpers:
                helper.result(timeout=60)
        elif t % 7 == 0:
            time.sleep(1e-4)

    assert same(everything(stepper, x, starts, wait), want)
    assert len(helpers) == 2  # and they are not called again


def test_one_helper_serves_one_stepper_after_another(helpers):
    core, state, x, starts = build()
    set_num_threads(2)
    for _ in range(20):
        everything(core.stepper(state), x[:5], starts[:5])
    for helper in helpers:
        helper.result(timeout=60)
    assert len(helpers) == 20


def test_helpers_leave_a_stepper_that_nobody_asks_any_more(helpers):
    core, state, x, starts = build()
    set_num_threads(2)
    play(core.stepper(state), x[:5], starts[:5])
    (helper,) = helpers
    helper.result(timeout=60)


@pytest.mark.parametrize(("steps", "batch"), [(1, B), (5, 4)])
def test_short_work_is_not_worth_a_helper(steps, batch, helpers):
    core, state, x, starts = build(batch=batch)
    set_num_threads(2)
    everything(core.stepper(state), x[:steps], starts[:steps])
    assert not helpers


def test_copies_and_states_can_be_taken_at_any_time():
    core, state, x, starts = build("retroactive")
    set_num_threads(1)
    want = play(core.stepper(state), x, starts)
    set_num_threads(4)
    for cut in range(2, 40, 3):
        stepper = core.stepper(state)
        assert isinstance(stepper, FusedStepper)
        play(stepper, x[:cut], starts[:cut])
        twin = copy.deepcopy(stepper)
        play(stepper, x[:2], starts[:2])
        assert torch.equal(play(twin, x[cut:50], starts[cut:50]), want[cut:50])
        twin.state()
        assert torch.equal(play(twin, x[50:60], starts[50:60]), want[50:60])

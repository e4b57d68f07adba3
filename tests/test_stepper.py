"""Cores step by step, as rollouts run them: the numbers of `step`, `reset` and `unroll`."""

import copy

import pytest
import torch

from agents.cores import RULES, Core, make_core
from agents.cores.base import LoopedStepper
from agents.cores.kernels import FIXED, FixedStepper, FusedStepper, is_compiled
from agents.cores.product_stepper import ProductStepper

T, B, F, N = 12, 7, 4, 5
PLASTIC = [(name, {"rule": rule}) for name in ("plastic", "plastic_gru") for rule in RULES]
PLASTIC += [("modulated", {}), ("retroactive", {}), ("retroactive_gru", {})]
NAMES = ("plastic", "modulated", "retroactive", "plastic_gru", "retroactive_gru", "rnn", "lstm", "gru")


def build(name, size=N, **settings):
    """A core in which plasticity matters within a few steps; a state that is not zero; inputs; resets."""
    torch.manual_seed(0)
    core = make_core(name, F, size, **settings)
    with torch.no_grad():
        for parameter, value in core.named_parameters():
            if parameter in ("w", "alpha"):
                value.normal_(std=0.8 / size**0.5)
            elif parameter in ("eta", "fan"):
                value.copy_(0.3 + 0.1 * torch.rand_like(value))
    state = tuple(torch.randn_like(leaf) for leaf in core.initial_state(B))
    starts = torch.rand(T, B) < 0.05
    starts[0, 1] = starts[T // 2] = True
    return core, state, torch.randn(T, B, F), starts


def play(stepper, x, starts, size=N):
    outputs = torch.empty(len(x), B, size)
    for x_t, starts_t, out in zip(x, starts, outputs, strict=True):
        stepper.step(x_t, starts_t if starts_t.any() else None, out)
    return outputs


@pytest.mark.parametrize("name", NAMES)
def test_steps_equal_unroll(name):
    core, state, x, starts = build(name)
    kept = tuple(leaf.clone() for leaf in state)
    with torch.no_grad():
        want, want_state = core.unroll(x, state, starts)
    stepper = core.stepper(state)
    torch.testing.assert_close(play(stepper, x, starts), want)
    for got, wanted in zip(stepper.state(), want_state, strict=True):
        torch.testing.assert_close(got, wanted)
        assert not got.requires_grad
    assert all(torch.equal(a, b) for a, b in zip(state, kept, strict=True))


@pytest.mark.parametrize(("name", "settings"), PLASTIC)
@pytest.mark.parametrize("size", [3, 16, 33, 100])
def test_fused_steps_equal_the_plain_definition(name, settings, size):
    core, state, x, starts = build(name, size, **settings)
    stepper = core.stepper(state)
    assert isinstance(stepper, FusedStepper)
    outputs = play(stepper, x, starts, size)
    core.fused = False
    with torch.no_grad():
        want, (_, *want_matrices) = core.unroll(x, state, starts)
    assert (outputs - want).abs().max() < 1e-5
    h, *matrices = stepper.state()
    assert torch.equal(h, outputs[-1])
    for got, wanted in zip(matrices, want_matrices, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("size", [3, 16, 33, 80, 139])
@pytest.mark.parametrize("batch", [1, B, 8])
def test_steps_without_plastic_weights_equal_the_plain_definition(name, size, batch):
    core, _, x, starts = build(name, size)
    state = tuple(torch.randn(batch, size) for _ in core.initial_state(1))
    x, starts = torch.randn(T, batch, F), starts.repeat(1, 2)[:, :batch]
    stepper, plain = core.stepper(state), LoopedStepper(core, state)
    assert isinstance(stepper, FixedStepper)
    for x_t, starts_t in zip(x, starts, strict=True):
        got, want = torch.empty(2, batch, size)
        for one, out in ((stepper, got), (plain, want)):
            one.step(x_t, starts_t if starts_t.any() else None, out)
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)
    for got, want in zip(stepper.state(), plain.state(), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_networks_of_other_numbers_step_without_kernels(name):
    core, _, x, starts = build(name)
    core, x = core.double(), x.double()
    state = tuple(torch.randn(B, N, dtype=torch.float64) for _ in core.initial_state(1))
    stepper = core.stepper(state)
    assert isinstance(stepper, ProductStepper)
    with torch.no_grad():
        want, want_state = core.unroll(x, state, starts)
    for x_t, starts_t, want_t in zip(x, starts, want, strict=True):
        out = torch.empty(B, N, dtype=torch.float64)
        stepper.step(x_t, starts_t if starts_t.any() else None, out)
        torch.testing.assert_close(out, want_t)
    for got, wanted in zip(stepper.state(), want_state, strict=True):
        torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize(("name", "cell"), [("rnn", "tanh"), ("lstm", "lstm"), ("gru", "gru")])
def test_warming_up_compiles_the_kernels_of_networks_without_plastic_weights(name, cell):
    make_core(name, F, N).warm_up(print)
    assert is_compiled(FIXED, cell)
    said = []
    make_core(name, F, N).warm_up(said.append)
    make_core(name, F, N).double().warm_up(said.append)
    assert not said


def test_the_plastic_core_uses_the_kernel_unless_told_not_to():
    assert isinstance(build("plastic")[0].stepper(build("plastic")[1]), FusedStepper)
    core, state, *_ = build("plastic", fused=False)
    assert isinstance(core.stepper(state), LoopedStepper)


@pytest.mark.parametrize("name", NAMES)
def test_asking_for_the_state_changes_nothing(name):
    core, state, x, starts = build(name)
    quiet, asked = core.stepper(state), core.stepper(state)
    begun = asked.state()
    assert all(torch.equal(a, b) for a, b in zip(begun, state, strict=True))
    want, outputs, states = play(quiet, x, starts), [], []
    for x_t, starts_t in zip(x, starts, strict=True):
        outputs.append(play(asked, x_t[None], starts_t[None])[0])
        states.append(asked.state())
    assert torch.equal(torch.stack(outputs), want)
    assert all(torch.equal(a, b) for a, b in zip(quiet.state(), asked.state(), strict=True))
    # What was handed out is not changed by later steps, and is the state that the next steps start from.
    again = core.stepper(states[4])
    torch.testing.assert_close(play(again, x[5:], starts[5:]), want[5:])


def test_a_new_stepper_sees_new_weights():
    core, state, x, starts = build("plastic")
    core.stepper(state).step(x[0], None, torch.empty(B, N))
    with torch.no_grad():
        core.w.add_(1.0)
        want, _ = core.step(x[0], state)
    torch.testing.assert_close(play(core.stepper(state), x[:1], starts[:1] & False)[0], want)


def test_traces_that_begin_beyond_the_bound_stay_there_until_the_first_update():
    core, (h, hebb), x, starts = build("plastic", rule="clip")
    stepper = core.stepper((h, 3 * hebb))
    assert torch.equal(stepper.state()[1], 3 * hebb)
    with torch.no_grad():
        want, _ = core.step(x[0], (h, 3 * hebb))
    torch.testing.assert_close(play(stepper, x[:1], starts[:1] & False)[0], want)
    assert stepper.state()[1].abs().max() == 1


def test_inputs_need_not_be_contiguous():
    core, (h, hebb), x, starts = build("plastic")
    want = play(core.stepper((h, hebb)), x, starts)
    twisted = core.stepper((h.t().contiguous().t(), hebb.transpose(0, 2).contiguous().transpose(0, 2)))
    assert torch.equal(play(twisted, x.transpose(1, 2).contiguous().transpose(1, 2), starts), want)


def test_a_core_of_ones_own_has_a_stepper():
    class Counter(Core):
        def initial_state(self, batch_size):
            return (torch.zeros(batch_size, N),)

        def step(self, x, state):
            return state[0] + 1, (state[0] + 1,)

    stepper = Counter(F, N).stepper((torch.full((B, N), 3.0),))
    starts = torch.zeros(2, B, dtype=torch.bool)
    starts[1, 2] = True
    assert play(stepper, torch.zeros(2, B, F), starts)[:, 2:4, 0].tolist() == [[4, 4], [1, 5]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w": torch.zeros(2, 3)}, "w must have shape"),
        ({"w_in": torch.zeros(2, 4)}, "w_in must have shape"),
        ({"b": torch.zeros(4)}, "b must have shape"),
        ({"rates": [torch.zeros(1)]}, "eta must have shape"),
        ({"state": [torch.zeros(3), torch.zeros(3, 3)]}, "h and w_in must be matrices"),
        ({"state": [torch.zeros(0, 3), torch.zeros(0, 3, 3)]}, "not be empty"),
        ({"state": [torch.zeros(2, 3, dtype=torch.float16), torch.zeros(2, 3, 3)]}, "dtype must be float32"),
        (
            {"state": [torch.zeros(2, 3), torch.zeros(2, 3, 3, dtype=torch.float64)]},
            "hebb must be torch.float32",
        ),
        ({"rule": "hebbian"}, "unknown plasticity rule"),
    ],
)
def test_wrong_inputs_of_a_stepper_are_named(change, message):
    shapes = {"w_in": (3, 4), "b": (3,), "w": (3, 3), "alpha": (3, 3)}
    given = {name: torch.zeros(shape) for name, shape in shapes.items()}
    given |= {"rule": "clip", "rates": [torch.zeros(3)], "state": [torch.zeros(2, 3), torch.zeros(2, 3, 3)]}
    with pytest.raises(ValueError, match=message):
        FusedStepper(**given | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(2, 4)}, "x must have shape"),
        ({"x": torch.zeros(B, F, dtype=torch.float64)}, "x must be"),
        ({"starts": torch.zeros(3, dtype=torch.bool)}, "starts must have shape"),
        ({"starts": torch.zeros(B)}, "starts must be contiguous torch.bool"),
        ({"out": torch.zeros(B, F)}, "out must have shape"),
        ({"out": torch.zeros(N, B).t()}, "out must be contiguous"),
    ],
)
@pytest.mark.parametrize("name", ["plastic", "gru"])
def test_wrong_inputs_of_a_step_are_named(name, change, message):
    core, state, x, starts = build(name)
    with pytest.raises(ValueError, match=message):
        core.stepper(state).step(**{"x": x[0], "starts": starts[0], "out": torch.empty(B, N)} | change)


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_goes_on_apart_from_its_original(name):
    core, state, x, starts = build(name)
    original = core.stepper(state)
    want = play(core.stepper(state), x, starts)
    play(original, x[:5], starts[:5])
    twin = copy.deepcopy(original)
    play(original, x[:2], starts[:2])
    del original
    torch.testing.assert_close(play(twin, x[5:], starts[5:]), want[5:], rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_autograd_knows_of_activity_that_was_overwritten(name):
    """As a rollout buffer's is by the next rollout, too early."""
    core, state, x, starts = build(name)
    known = torch.empty(T, B, N)
    stepper = core.stepper(state)
    for x_t, starts_t, out in zip(x, starts, known, strict=True):
        stepper.step(x_t, starts_t, out)
    outputs = core.replay(x, state, torch.zeros_like(starts), known)
    stepper.step(x[0], None, known[0])
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.square().sum().backward()

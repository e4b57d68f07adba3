"""Every core: one interface, resets inside the recurrence, gradients that agree with finite differences."""

import pytest
import torch

from agents.cores import CORES, RULES, Core, make_core, matched_hidden_size, register_core
from agents.cores.kernels import get_num_threads, set_num_threads
from agents.cores.plastic import plastic_run
from agents.cores.registry import parameter_count
from agents.cores.unrolled import gru_unroll, tanh_unroll

T, B, F, N = 7, 3, 4, 5
NAMES = ("plastic", "modulated", "retroactive", "plastic_gru", "retroactive_gru", "rnn", "lstm", "gru")


def build(name, **settings):
    torch.manual_seed(0)
    core = make_core(name, F, N, **settings)
    if core.plastic_leaves:  # larger than the initial values, so that plasticity matters within a few steps
        with torch.no_grad():
            core.w.normal_(std=0.5)
            core.alpha.normal_(std=0.5)
            for rate in ("eta", "fan"):
                if hasattr(core, rate):
                    getattr(core, rate).fill_(0.3)
    return core


def random_state(core):
    return tuple(torch.randn_like(leaf) * 0.3 for leaf in core.initial_state(B))


@pytest.mark.parametrize("name", NAMES)
def test_unroll_equals_looped_step_with_resets_in_the_middle(name):
    core = build(name)
    x, state = torch.randn(T, B, F), random_state(core)
    starts = torch.zeros(T, B, dtype=torch.bool)
    starts[0, 1] = starts[3, 0] = starts[3, 2] = starts[6, 1] = True
    outputs, last = core.unroll(x, state, starts)

    expected = []
    for x_t, starts_t in zip(x, starts, strict=True):
        state = tuple(leaf.clone() for leaf in state)
        for leaf in state:
            leaf[starts_t] = 0
        output, state = core.step(x_t, state)
        expected.append(output)
    torch.testing.assert_close(outputs, torch.stack(expected))
    for got, want in zip(last, state, strict=True):
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize("name", NAMES)
def test_an_episode_start_forgets_everything(name):
    core = build(name)
    x = torch.randn(T, B, F)
    starts = torch.zeros(T, B, dtype=torch.bool)
    starts[4] = True
    one, _ = core.unroll(x, random_state(core), starts)
    two, _ = core.unroll(x, random_state(core), starts)
    torch.testing.assert_close(one[4:], two[4:])
    assert not torch.allclose(one[:4], two[:4])


@pytest.mark.parametrize("rule", RULES)
def test_gradients_agree_with_finite_differences(rule):
    generator = torch.Generator().manual_seed(1)

    def draw(*shape, scale=1.0):
        return (scale * torch.randn(*shape, generator=generator, dtype=torch.float64)).requires_grad_()

    drive, w, alpha, eta = draw(T, B, N), draw(N, N, scale=0.5), draw(N, N, scale=0.5), draw(N, scale=0.2)
    h, hebb = draw(B, N, scale=0.3), draw(B, N, N, scale=0.3)
    inputs = (drive, w, alpha, eta, h, hebb)
    assert torch.autograd.gradcheck(lambda *tensors: plastic_run(*tensors, rule), inputs)


def test_the_rules_are_the_papers_equations():
    """Two neurons, one step, by hand."""
    drive = torch.tensor([[0.1, -0.2]])
    w = torch.tensor([[0.5, -1.0], [2.0, 0.3]])
    alpha = torch.tensor([[1.0, 0.2], [-0.4, 0.7]])
    h = torch.tensor([[0.6, -0.5]])
    hebb = torch.tensor([[[0.1, 0.2], [0.9, -0.3]]])
    eta = torch.tensor([0.5])
    first = torch.tanh(torch.tensor(0.1 + 0.6 * (0.5 + 1.0 * 0.1) + -0.5 * (2.0 + -0.4 * 0.9)))
    second = torch.tanh(torch.tensor(-0.2 + 0.6 * (-1.0 + 0.2 * 0.2) + -0.5 * (0.3 + 0.7 * -0.3)))
    new = {
        "decay": 0.5 * 0.9 + 0.5 * -0.5 * first,
        "clip": min(0.9 + 0.5 * -0.5 * first, 1.0),
        "oja": 0.9 + 0.5 * first * (-0.5 - 0.9 * first),
    }
    for rule, expected in new.items():
        outputs, _, after = plastic_run(drive[None], w, alpha, eta, h, hebb, rule)
        torch.testing.assert_close(outputs[0, 0], torch.stack([first, second]))
        torch.testing.assert_close(after[0, 1, 0], torch.as_tensor(expected))


def test_clip_keeps_hebb_within_one_and_the_others_may_leave():
    core = build("plastic", rule="clip")
    with torch.no_grad():
        core.eta.fill_(5.0)
    starts = torch.zeros(T, B, dtype=torch.bool)
    _, (_, hebb) = core.unroll(torch.randn(T, B, F), core.initial_state(B), starts)
    assert hebb.abs().max() == 1


def test_plastic_without_plasticity_is_the_rnn():
    plastic, rnn = build("plastic"), build("rnn")
    with torch.no_grad():
        plastic.alpha.zero_()
        plastic.w.copy_(rnn.w)
        plastic.input.load_state_dict(rnn.input.state_dict())
    x, starts = torch.randn(T, B, F), torch.zeros(T, B, dtype=torch.bool)
    one, _ = plastic.unroll(x, plastic.initial_state(B), starts)
    two, _ = rnn.unroll(x, rnn.initial_state(B), starts)
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_matched_sizes_have_about_as_many_parameters(name):
    size = matched_hidden_size(name, 15, 100)
    target = parameter_count("plastic", 15, 100)
    assert abs(parameter_count(name, 15, size) - target) / target < 0.02
    for other in (size - 1, size + 1):
        assert abs(parameter_count(name, 15, other) - target) >= abs(parameter_count(name, 15, size) - target)


def test_a_core_is_matched_with_its_own_settings():
    target = parameter_count("plastic", 15, 100)
    for name in ("plastic_gru", "retroactive"):
        size = matched_hidden_size(name, 15, 100, eta_per="connection")
        count = parameter_count(name, 15, size, eta_per="connection")
        assert abs(count - target) / target < 0.02
        assert size < matched_hidden_size(name, 15, 100)


def test_a_built_in_core_is_not_replaced():
    class GRUCore(Core):
        pass

    GRUCore.__qualname__ = "GRUCore"
    with pytest.raises(ValueError, match=r"'gru' is already taken by agents\.cores\.gated\.GRUCore"):
        register_core("gru")(GRUCore)


def test_a_core_of_ones_own():
    @register_core("leaky")
    class Leaky(Core):
        def __init__(self, input_size, hidden_size, leak=0.5):
            super().__init__(input_size, hidden_size)
            self.input = torch.nn.Linear(input_size, hidden_size)
            self.leak = leak

        def initial_state(self, batch_size):
            return (torch.zeros(batch_size, self.hidden_size),)

        def step(self, x, state):
            h = self.leak * state[0] + torch.tanh(self.input(x))
            return h, (h,)

    try:
        core = make_core("leaky", F, N, leak=0.1)
        starts = torch.ones(T, B, dtype=torch.bool)
        outputs, _ = core.unroll(torch.randn(T, B, F), core.initial_state(B), starts)
        assert outputs.shape == (T, B, N)
        with pytest.raises(ValueError, match=r"already taken by .*Leaky"):
            register_core("leaky")(type("Other", (Leaky,), {}))
    finally:
        del CORES["leaky"]


@pytest.mark.parametrize("rule", RULES)
def test_the_fused_core_agrees_with_the_plain_definition(rule):
    fused, plain = build("plastic", rule=rule), build("plastic", rule=rule, fused=False)
    x, state = torch.randn(T, B, F), random_state(fused)
    starts = torch.zeros(T, B, dtype=torch.bool)
    starts[0, 1] = starts[3, 0] = True
    for core in (fused, plain):
        core.zero_grad()
        outputs, (_, hebb) = core.unroll(x, state, starts)
        (outputs.sum() + hebb.square().sum()).backward()
    for (name, one), two in zip(fused.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(
            one.grad, two.grad, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_written_out_gradients_agree_with_finite_differences():
    generator = torch.Generator().manual_seed(1)

    def draw(*shape):
        return (0.5 * torch.randn(*shape, generator=generator, dtype=torch.float64)).requires_grad_()

    assert torch.autograd.gradcheck(tanh_unroll, (draw(T, B, N), draw(B, N), draw(N, N)))
    assert torch.autograd.gradcheck(gru_unroll, (draw(T, B, 3 * N), draw(B, N), draw(3 * N, N), draw(3 * N)))


@pytest.mark.parametrize("size", [3, 16, 33, 80])
@pytest.mark.parametrize("batch", [1, 7, 8])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_the_kernels_gradients_are_those_of_plain_pytorch(name, size, batch):
    torch.manual_seed(3)
    core, plain = make_core(name, F, size), make_core(name, F, size).double()  # which has no kernel
    plain.load_state_dict(core.state_dict())
    x, grad = torch.randn(250, batch, F), torch.randn(250, batch, size)
    state = tuple(torch.randn(batch, size) for _ in core.initial_state(1))
    starts = torch.zeros(250, batch, dtype=torch.bool)
    starts[100, 0] = True
    with torch.no_grad():
        known, _ = core.unroll(x, state, starts)
    gradients = []
    for network in (core, plain):
        dtype = next(network.parameters()).dtype
        inputs = [tensor.to(dtype, copy=True).requires_grad_() for tensor in (x, *state)]
        outputs = network.replay(inputs[0], tuple(inputs[1:]), starts, known.to(dtype))
        gradients.append(torch.autograd.grad(outputs, [*inputs, *network.parameters()], grad.to(dtype)))
    for got, want in zip(*gradients, strict=True):
        assert (got - want).abs().max() <= 1e-4 * want.abs().max()


def test_gradients_without_plastic_weights_do_not_depend_on_the_number_of_threads():
    core = make_core("gru", F, 33)
    x = torch.randn(20, 11, F)
    threads, results = get_num_threads(), []
    try:
        for count in (1, 3):
            set_num_threads(count)
            outputs, _ = core.run(x, core.initial_state(11))
            results.append(torch.autograd.grad(outputs.square().sum(), core.parameters()))
    finally:
        set_num_threads(threads)
    assert all(torch.equal(one, three) for one, three in zip(*results, strict=True))


def test_the_gru_core_is_pytorchs_gru():
    core = build("gru")
    x, (h0,) = torch.randn(T, B, F), random_state(core)
    want, _ = core.layer(x, h0.unsqueeze(0))
    got, _ = core.run(x, (h0,))
    torch.testing.assert_close(got, want)
    one = torch.autograd.grad(want.square().sum(), core.parameters())
    two = torch.autograd.grad(got.square().sum(), core.parameters())
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_replay_has_the_gradients_of_unroll(name):
    core = build(name)
    x, state = torch.randn(T, B, F), random_state(core)
    starts = torch.zeros(T, B, dtype=torch.bool)
    starts[3, 0] = True
    outputs, _ = core.unroll(x, state, starts)
    replayed = core.replay(x, state, starts, outputs.detach())
    torch.testing.assert_close(replayed, outputs)
    want = torch.autograd.grad(outputs.square().sum(), core.parameters())
    got = torch.autograd.grad(replayed.square().sum(), core.parameters())
    for one, two in zip(got, want, strict=True):
        torch.testing.assert_close(one, two)

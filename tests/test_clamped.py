"""Neurons on which activity is imposed: the core and the kernels against a plain loop."""

import pytest
import torch

from agents.cores import RULES, PlasticCore
from agents.cores.kernels import fused_recurrence
from agents.cores.kernels.imposed import cut_time
from agents.cores.modulated import modulated_rates
from agents.cores.plastic import activity, clamped, plastic_step

NAMES = ("drive", "w", "alpha", "eta", "h0", "hebb0")


def plain_loop(drive, w, alpha, eta, h, hebb, starts, clamp, rule):
    outputs = []
    for drive_t, starts_t, clamp_t in zip(drive, starts, clamp, strict=True):
        free = ~starts_t.unsqueeze(1)
        h, hebb = h * free, hebb * free.unsqueeze(2)
        h, hebb = plastic_step(drive_t, w, alpha, eta, h, hebb, rule, clamp_t)
        outputs.append(h)
    return torch.stack(outputs), hebb


def fused(drive, w, alpha, eta, h, hebb, starts, clamp, rule, known=None):
    h, matrices = fused_recurrence(rule, drive, w, alpha, (eta,), (h, hebb), starts, known, clamp=clamp)
    return (h, *matrices)


def make_inputs(T, B, N, dtype=torch.float32, share=0.5, seed=0):
    """Floating inputs by name, starts and clamp; a `share` of the neurons is clamped in each step."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, dtype=dtype, generator=generator)

    floats = dict(
        zip(
            NAMES,
            (
                normal(T, B, N),
                normal(N, N) * 0.8 / N**0.5,
                normal(N, N) * 0.3 / N**0.5,
                torch.rand(N, dtype=dtype, generator=generator) * 0.1,
                normal(B, N).tanh(),
                (normal(B, N, N) * 0.6).clamp(-1, 1),
            ),
            strict=True,
        )
    )
    starts = torch.rand(T, B, generator=generator) < 0.05
    starts[T // 2, 0] = True
    imposed = torch.rand(T, B, N, generator=generator) < share
    clamp = normal(T, B, N).tanh().masked_fill_(~imposed, torch.nan)
    return floats, starts, clamp


def with_gradients(function, floats, starts, clamp, rule, **known):
    """Values, and the gradients of a random weighing of them, by name."""
    leaves = [x.clone().requires_grad_() for x in floats.values()]
    outputs = function(*leaves, starts, clamp, rule, **known)
    torch.manual_seed(1)
    loss = sum((output * torch.randn_like(output)).sum() for output in outputs)
    gradients = torch.autograd.grad(loss, leaves, materialize_grads=True)
    values = dict(zip(("h", "hebb"), (output.detach() for output in outputs), strict=False))
    return values | dict(zip(NAMES, gradients, strict=True))


def assert_close(actual, expected, tolerance):
    for name, want in expected.items():
        error = (actual[name] - want).abs().max() / want.abs().max().clamp(min=1e-30)
        assert error <= tolerance, f"{name}: {error:.1e}"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("T", "B", "N"), [(60, 3, 33), (23, 5, 100), (9, 1, 16), (1, 2, 7)])
def test_values_and_gradients_equal_the_loop(rule, T, B, N):
    inputs = make_inputs(T, B, N)
    assert_close(with_gradients(fused, *inputs, rule), with_gradients(plain_loop, *inputs, rule), 1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_double_precision_is_exact(rule):
    inputs = make_inputs(40, 3, 21, torch.float64)
    assert_close(with_gradients(fused, *inputs, rule), with_gradients(plain_loop, *inputs, rule), 1e-10)


def clamp_runs(clamp, runs):
    """Clamp all neurons in the steps of the runs [begin, end); elsewhere leave `clamp` as it is."""
    values = torch.linspace(-1.5, 1.5, clamp.numel()).view_as(clamp).sin().to(clamp.dtype)
    imposed = torch.zeros(len(clamp), 1, 1, dtype=torch.bool)
    for begin, end in runs:
        imposed[begin:end] = True
    return torch.where(imposed & clamp.isnan(), values, clamp)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("through", [("h", "hebb"), ("h",)])
@pytest.mark.parametrize(
    "runs",
    [
        [(0, 20), (22, 27), (30, 33)],
        [(1, 5), (6, 40)],
        [(0, 40)],
        [(5, 23), (24, 28), (36, 40)],
    ],
)
def test_stretches_in_which_all_is_clamped(rule, through, runs):
    floats, starts, clamp = make_inputs(40, 3, 18, torch.float64)
    starts[[0, 8, 19, 23], [1, 1, 2, 0]] = True
    clamp = clamp_runs(clamp, runs)
    some = len(through)
    got, want = (
        with_gradients(lambda *x, f=f: f(*x)[:some], floats, starts, clamp, rule) for f in (fused, plain_loop)
    )
    assert_close(got, want, 1e-10)


def test_stretches_in_single_precision_and_with_hebb0_beyond_the_bound():
    floats, starts, clamp = make_inputs(40, 3, 37)
    floats["hebb0"] *= 3
    starts[:3] = False
    for runs in ([(0, 20), (22, 39)], [(1, 30)]):
        inputs = floats, starts, clamp_runs(clamp, runs)
        assert_close(
            with_gradients(fused, *inputs, "clip"), with_gradients(plain_loop, *inputs, "clip"), 1e-4
        )


def test_time_is_cut_where_clamped_stretches_begin_and_end():
    clamp = torch.full((49, 2, 3), torch.nan)
    clamp[2:5] = clamp[6:36] = 0.5  # the first is too short
    clamp[40:, 0] = 0.5
    edges, imposed = cut_time(49, 8, clamp)
    assert edges.tolist() == [0, 6, 30, 36, 44, 49]
    assert imposed.tolist() == [False, True, True, False, False]
    edges, imposed = cut_time(20, 8, None)
    assert edges.tolist() == [0, 8, 16, 20]
    assert not imposed.any()


@pytest.mark.parametrize("rule", RULES)
def test_known_activity_has_the_same_gradients(rule):
    inputs = make_inputs(19, 3, 18, torch.float64)
    values = with_gradients(fused, *inputs, rule)
    h = fused(*inputs[0].values(), *inputs[1:], rule)[0]
    replayed = with_gradients(lambda *x, known: fused(*x, known)[:1], *inputs, rule, known=h)
    want = with_gradients(lambda *x: plain_loop(*x)[:1], *inputs, rule)
    assert torch.equal(replayed["h"], values["h"])
    assert_close({k: replayed[k] for k in want}, want, 1e-10)


@pytest.mark.parametrize("rule", RULES)
def test_the_definition_agrees_with_finite_differences(rule):
    floats, starts, clamp = make_inputs(3, 2, 4, torch.float64)
    leaves = [x.requires_grad_() for x in floats.values()]
    assert torch.autograd.gradcheck(lambda *x: plain_loop(*x, starts, clamp, rule), leaves)


@pytest.mark.parametrize("rule", ["modulated", "retroactive"])
def test_networks_that_gate_their_plasticity(rule):
    """The gates are those that the clamped activity asks for."""
    floats, starts, clamp = make_inputs(25, 3, 20)
    clamp = clamp_runs(clamp, [(2, 14)])
    drive, w, alpha, eta, h0, hebb0 = (x.requires_grad_() for x in floats.values())
    m, m_bias = torch.linspace(-0.3, 0.3, 20).requires_grad_(), torch.tensor([0.1]).requires_grad_()
    fan = torch.linspace(0.1, 0.3, 20).requires_grad_()
    rates = (fan, m, m_bias) if rule == "modulated" else (fan, m, m_bias, eta)
    state = (h0, hebb0) if rule == "modulated" else (h0, hebb0, 0.5 * hebb0.detach())
    got, matrices = fused_recurrence(rule, drive, w, alpha, rates, state, starts, clamp=clamp)

    outputs, (h, hebb, trace) = [], (*state, hebb0)[:3]
    for drive_t, starts_t, clamp_t in zip(drive, starts, clamp, strict=True):
        free = ~starts_t.view(-1, 1, 1)
        h, hebb, trace = h * free[:, 0], hebb * free, trace * free
        pre, h = h, clamped(activity(drive_t, w, alpha, h, hebb), clamp_t)
        products, gates = pre.unsqueeze(2) * h.unsqueeze(1), modulated_rates(h, fan, m, m_bias).unsqueeze(1)
        if rule == "modulated":
            hebb = (hebb + gates * products).clamp(-1, 1)
        else:
            hebb, trace = (hebb + gates * trace).clamp(-1, 1), (1 - eta) * trace + eta * products
        outputs.append(h)
    want = torch.stack(outputs)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
    leaves = (drive, w, alpha, h0, hebb0, *rates)
    one = torch.autograd.grad(got.square().sum() + matrices[0].square().sum(), leaves)
    two = torch.autograd.grad(want.square().sum() + hebb.square().sum(), leaves)
    assert_close(dict(enumerate(one)), dict(enumerate(two)), 1e-4)


def test_activity_is_what_was_imposed_and_free_without():
    floats, starts, clamp = make_inputs(12, 3, 20)
    h, _ = fused(*floats.values(), starts, clamp, "decay")
    imposed = ~clamp.isnan()
    assert torch.equal(h[imposed], clamp[imposed])
    nothing = torch.full_like(clamp, torch.nan)
    free, _ = fused(*floats.values(), starts, nothing, "decay")
    without, _ = fused(*floats.values(), starts, None, "decay")
    assert torch.equal(free, without)
    assert not torch.equal(free, h)


def test_no_gradient_passes_a_clamped_neuron():
    floats, starts, clamp = make_inputs(9, 2, 11)
    gradients = with_gradients(fused, floats, starts, clamp, "decay")
    assert (gradients["drive"][~clamp.isnan()] == 0).all()
    assert (gradients["drive"][clamp.isnan()] != 0).any()


@pytest.mark.parametrize("rule", RULES)
def test_fully_clamped_steps_pass_no_gradient_but_through_hebb(rule):
    floats, starts, clamp = make_inputs(9, 2, 11, torch.float64, share=2.0)
    starts[:] = False
    gradients = with_gradients(fused, floats, starts, clamp, rule)
    for name in ("drive", "w", "alpha"):
        assert (gradients[name] == 0).all(), name
    for name in ("eta", "h0", "hebb0"):
        assert (gradients[name] != 0).any(), name


def test_what_reaches_a_clamped_neuron_does_not_matter_even_if_it_is_nan():
    floats, starts, clamp = make_inputs(4, 1, 5)
    clamp[1, 0, 2] = 0.5
    floats["drive"][1, 0, 2] = torch.nan
    assert_close(
        with_gradients(fused, floats, starts, clamp, "clip"),
        with_gradients(fused, floats | {"drive": floats["drive"].nan_to_num()}, starts, clamp, "clip"),
        0,
    )


def core_pair(rule, **settings):
    """The same core with and without kernels."""
    torch.manual_seed(0)
    kernels = PlasticCore(3, 10, rule=rule, eta=0.1, init_scale=0.3, **settings)
    plain = PlasticCore(3, 10, rule=rule, eta=0.1, init_scale=0.3, fused=False, **settings)
    plain.load_state_dict(kernels.state_dict())
    return kernels, plain


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("driven", [False, True])
def test_the_core_is_the_same_with_and_without_kernels(rule, driven):
    floats, starts, clamp = make_inputs(12, 3, 10)
    results = []
    for core in core_pair(rule):
        drive = floats["drive"].clone().requires_grad_() if driven else None
        state = (floats["h0"], floats["hebb0"])
        outputs, (h, hebb) = core.unroll_clamped(clamp, state, starts, drive)
        assert torch.equal(h, outputs[-1])
        (outputs.square().sum() + hebb.square().sum()).backward()
        grads = [core.w.grad, core.alpha.grad, core.eta.grad, *([drive.grad] if driven else [])]
        results.append([outputs, hebb, *grads])
        assert core.input.weight.grad is None
    for one, two in zip(*results, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_an_eta_per_connection_takes_the_definition():
    floats, starts, clamp = make_inputs(5, 2, 10)
    one, _ = core_pair("decay", eta_per="connection")
    two, _ = core_pair("decay")
    state = (floats["h0"], floats["hebb0"])
    torch.testing.assert_close(
        one.unroll_clamped(clamp, state, starts)[0], two.unroll_clamped(clamp, state, starts)[0]
    )


@pytest.mark.parametrize("fused_core", [True, False])
@pytest.mark.parametrize(
    ("clamp", "starts", "drive", "message"),
    [
        (torch.zeros(4, 10), torch.zeros(4, 2, dtype=torch.bool), None, r"clamp must be \[T, B, N\]"),
        (
            torch.zeros(4, 2, 9),
            torch.zeros(4, 2, dtype=torch.bool),
            None,
            r"clamp must be .*\[4, 2, 10\], got",
        ),
        (torch.zeros(4, 2, 10), torch.zeros(2, 4, dtype=torch.bool), None, r"starts must be bool \[4, 2\]"),
        (
            torch.zeros(4, 2, 10).double(),
            torch.zeros(4, 2, dtype=torch.bool),
            None,
            "clamp must be torch.float32",
        ),
        (torch.zeros(4, 2, 10, requires_grad=True), torch.zeros(4, 2, dtype=torch.bool), None, "gradient"),
        (
            torch.zeros(4, 2, 10),
            torch.zeros(4, 2, dtype=torch.bool),
            torch.zeros(4, 10),
            "drive must have shape",
        ),
    ],
)
def test_the_core_names_wrong_inputs(fused_core, clamp, starts, drive, message):
    core = PlasticCore(3, 10, fused=fused_core)
    with pytest.raises(ValueError, match=message):
        core.unroll_clamped(clamp, core.initial_state(2), starts, drive)


@pytest.mark.parametrize(
    ("clamp", "message"),
    [
        (torch.zeros(4, 2), r"clamp must be torch.float32 \[4, 2, 3\], got torch.float32 \[4, 2\]"),
        (torch.zeros(4, 2, 3, dtype=torch.float64), "clamp must be torch.float32"),
        (torch.zeros(4, 2, 3, requires_grad=True), "clamp must not require a gradient"),
        (torch.zeros(4, 2, 3, device="meta"), "clamp must be torch.float32 on the CPU"),
    ],
)
def test_the_kernels_name_a_wrong_clamp(clamp, message):
    floats, starts, _ = make_inputs(4, 2, 3)
    with pytest.raises(ValueError, match=message):
        fused(*floats.values(), starts, clamp, "decay")


def test_the_neurons_of_a_gru_cannot_be_clamped():
    floats, starts, clamp = make_inputs(4, 2, 3)
    drive, w, alpha, eta, *state = floats.values()
    gates = torch.zeros(2, 3, 3)
    with pytest.raises(ValueError, match="GRU cannot be clamped"):
        fused_recurrence(
            "clip", drive.repeat(1, 1, 3), w, alpha, (eta,), state, starts, w_gates=gates, clamp=clamp
        )

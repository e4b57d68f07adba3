"""Neuromodulated plasticity: the definitions against the equations, the kernels against the definitions."""

import math

import pytest
import torch
from recurrence_material import assert_close, random_starts
from torch import Tensor

from agents.cores import make_core
from agents.cores.kernels import get_num_threads, is_compiled, set_num_threads
from agents.cores.kernels.unroll import fused_recurrence
from agents.cores.modulated import modulated_run, modulated_step, retroactive_run, retroactive_step

STEPS = {"modulated": modulated_step, "retroactive": retroactive_step}
RUNS = {"modulated": modulated_run, "retroactive": retroactive_run}
RATES = {"modulated": ("fan", "m", "m_bias"), "retroactive": ("fan", "m", "m_bias", "eta")}
MATRICES = {"modulated": ("hebb",), "retroactive": ("hebb", "trace")}
RULES = tuple(STEPS)


def make_inputs(rule, T, B, N, dtype=torch.float32, seed=0) -> tuple[dict[str, Tensor], Tensor]:
    """Everything in the order of the definitions, and starts: nothing is zero, hebb is cut, resets occur."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, dtype=dtype, generator=generator)

    starts = random_starts(T, B, generator)
    inputs = {
        "drive": normal(T, B, N),
        "w": normal(N, N) * 0.8 / N**0.5,
        "alpha": normal(N, N) * 0.3 / N**0.5,
        "fan": normal(N) * 0.1,  # larger, and hebb ends within rounding of the bound too often
        "m": normal(N) / N**0.5,
        "m_bias": normal(1),
        "eta": torch.rand(N, dtype=dtype, generator=generator) * 0.3,
        "h": normal(B, N).tanh(),
        "hebb": (normal(B, N, N) * 0.6).clamp(-1, 1),
        "trace": normal(B, N, N) * 0.3,
    }
    wanted = ("drive", "w", "alpha", *RATES[rule], "h", *MATRICES[rule])
    return {name: inputs[name] for name in wanted}, starts


def plain(rule, inputs, starts):
    drive, *rest = inputs.values()
    count = 1 + len(MATRICES[rule])
    weights, state = rest[:-count], rest[-count:]
    outputs = []
    for drive_t, start in zip(drive, starts, strict=True):
        state = [torch.where(start.view(-1, *(1,) * (leaf.dim() - 1)), 0.0, leaf) for leaf in state]
        state = STEPS[rule](drive_t, *weights, *state)
        outputs.append(state[0])
    return torch.stack(outputs), *state[1:]


def fused(rule, inputs, starts, known=None):
    drive, w, alpha, *rest = inputs.values()
    count = len(RATES[rule])
    h, matrices = fused_recurrence(rule, drive, w, alpha, rest[:count], rest[count:], starts, known)
    return h, *matrices


def with_gradients(function, rule, inputs, starts, through=("h", "hebb", "trace")) -> dict[str, Tensor]:
    """The outputs, and the gradients of a random weighing of those named."""
    inputs = {name: x.detach().clone().requires_grad_() for name, x in inputs.items()}
    outputs = dict(zip(("h", *MATRICES[rule]), function(rule, inputs, starts), strict=True))
    torch.manual_seed(1)
    loss = sum((x * torch.randn_like(x)).sum() for name, x in outputs.items() if name in through)
    gradients = torch.autograd.grad(loss, list(inputs.values()))
    named = {f"d{name}": gradient for name, gradient in zip(inputs, gradients, strict=True)}
    return {name: x.detach() for name, x in outputs.items()} | named


def assert_agree(rule, inputs, starts, tolerance, **options) -> None:
    assert_close(
        with_gradients(fused, rule, inputs, starts, **options),
        with_gradients(plain, rule, inputs, starts, **options),
        tolerance,
    )


@pytest.mark.parametrize(
    ("rule", "eta_shape"), [("modulated", ()), *[("retroactive", s) for s in (1, 5, (5, 5))]]
)
def test_the_definitions_have_the_gradients_of_finite_differences(rule, eta_shape):
    inputs, _ = make_inputs(rule, 6, 2, 5, torch.float64)
    if rule == "retroactive":
        inputs["eta"] = torch.rand(eta_shape, dtype=torch.float64) * 0.3
    inputs["hebb"] *= 0.5  # clear of the bound, where there are no finite differences
    tensors = [x.requires_grad_() for x in inputs.values()]
    assert torch.autograd.gradcheck(RUNS[rule], tensors)


def test_the_steps_are_the_papers_equations():
    """Two neurons, one step, by hand: the weight from the second to the first."""
    drive = torch.tensor([[0.1, -0.2]])
    w = torch.tensor([[0.5, -1.0], [2.0, 0.3]])
    alpha = torch.tensor([[1.0, 0.2], [-0.4, 0.7]])
    fan, m, m_bias, eta = (torch.tensor(x) for x in ([0.8, -0.5], [1.5, -0.7], [0.2], [0.25]))
    h = torch.tensor([[0.6, -0.5]])
    hebb = torch.tensor([[[0.1, 0.2], [0.3, -0.3]]])
    trace = torch.tensor([[[0.5, -0.1], [-0.6, 0.4]]])
    first = math.tanh(0.1 + 0.6 * (0.5 + 1.0 * 0.1) + -0.5 * (2.0 + -0.4 * 0.3))
    second = math.tanh(-0.2 + 0.6 * (-1.0 + 0.2 * 0.2) + -0.5 * (0.3 + 0.7 * -0.3))
    signal = math.tanh(first * 1.5 + second * -0.7 + 0.2)

    post, after = modulated_step(drive, w, alpha, fan, m, m_bias, h, hebb)
    torch.testing.assert_close(post, torch.tensor([[first, second]]))
    assert after[0, 1, 0].item() == pytest.approx(0.3 + 0.8 * signal * -0.5 * first, abs=1e-6)

    post, after, trace = retroactive_step(drive, w, alpha, fan, m, m_bias, eta, h, hebb, trace)
    torch.testing.assert_close(post, torch.tensor([[first, second]]))
    assert after[0, 1, 0].item() == pytest.approx(0.3 + 0.8 * signal * -0.6, abs=1e-6), "the trace before"
    assert trace[0, 1, 0].item() == pytest.approx(0.75 * -0.6 + 0.25 * -0.5 * first, abs=1e-6)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("T", "B", "N"), [(250, 1, 16), (250, 5, 33), (250, 3, 100), (9, 70, 20), (8, 2, 1), (1, 3, 7)]
)
def test_values_and_gradients_equal_the_loop(rule, T, B, N):
    assert_agree(rule, *make_inputs(rule, T, B, N), 1e-4)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("T", "B", "N"), [(250, 3, 21), (40, 70, 16)])
def test_double_precision_is_exact(rule, T, B, N):
    assert_agree(rule, *make_inputs(rule, T, B, N, torch.float64), 1e-12)


@pytest.mark.parametrize(
    ("rule", "through"), [(rule, name) for rule in RULES for name in ("h", *MATRICES[rule])]
)
def test_gradient_of_one_output_alone(rule, through):
    inputs, starts = make_inputs(rule, 19, 4, 18, torch.float64)
    starts[-1] = False
    assert_agree(rule, inputs, starts, 1e-12, through=(through,))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_at_the_bound_and_beyond_it(rule, scale):
    """Exactly at the bound gradient passes; what is given beyond it stays until the first update."""
    inputs, starts = make_inputs(rule, 5, 2, 8, torch.float64)
    inputs["hebb"] = torch.full_like(inputs["hebb"], scale)
    inputs["fan"][::2] = 0  # these neurons' weights stay where they are
    starts[:] = False
    assert_agree(rule, inputs, starts, 1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_known_activity_has_the_same_gradients(rule):
    inputs, starts = make_inputs(rule, 21, 5, 18)

    def replay(rule, inputs, starts):
        known = fused(rule, {name: x.detach() for name, x in inputs.items()}, starts)
        return fused(rule, inputs, starts, known[0])[0], *known[1:]

    one = with_gradients(fused, rule, inputs, starts, ("h",))
    two = with_gradients(replay, rule, inputs, starts, ("h",))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("rule", RULES)
def test_results_do_not_depend_on_threads(rule):
    inputs, starts = make_inputs(rule, 30, 70, 24)
    threads = get_num_threads()
    results = []
    try:
        for count in (1, 2, 3, 1):
            set_num_threads(count)
            results.append(with_gradients(fused, rule, inputs, starts))
    finally:
        set_num_threads(threads)
    for other in results[1:]:
        for name, value in other.items():
            assert torch.equal(value, results[0][name]), name


@pytest.mark.parametrize("rule", RULES)
def test_nan_is_seen_and_does_not_outlive_the_episode(rule):
    inputs, starts = make_inputs(rule, 12, 2, 16)
    starts[:] = False
    starts[8, 0] = True
    inputs["drive"][3, 0, 5] = float("nan")
    h, *matrices = fused(rule, inputs, starts)
    assert h[4:8, 0].isnan().all()
    assert h[8:, 0].isfinite().all()
    assert all(matrix.isfinite().all() for matrix in matrices)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ["fan", "m", "m_bias", "hebb"])
def test_wrong_shapes_are_named(rule, name):
    inputs, starts = make_inputs(rule, 4, 2, 3)
    inputs[name] = torch.zeros(2)
    with pytest.raises(ValueError, match=f"{name}0? must have shape"):
        fused(rule, inputs, starts)


def test_an_unknown_rule_is_named():
    inputs, starts = make_inputs("modulated", 4, 2, 3)
    drive, w, alpha, *rest = inputs.values()
    with pytest.raises(ValueError, match=r"unknown plasticity rule 'antihebb'; known rules: .*retroactive"):
        fused_recurrence("antihebb", drive, w, alpha, rest[:3], rest[3:], starts)


# The cores

B, F, N = 3, 4, 6


def build(name, **settings):
    """A core in which plasticity matters within a few steps."""
    torch.manual_seed(0)
    core = make_core(name, F, N, **settings)
    with torch.no_grad():
        core.w.normal_(std=0.5)
        core.alpha.normal_(std=0.5)
        if name != "plastic":
            core.fan.fill_(0.5)
            core.m.normal_()
    return core


def passes(core, T=9):
    """Outputs, last state and gradients of the same sequence for every core."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(T, B, F, generator=generator)
    starts = torch.zeros(T, B, dtype=torch.bool)
    starts[0, 1] = starts[3, 0] = True
    state = tuple(0.3 * torch.randn(leaf.shape, generator=generator) for leaf in core.initial_state(B))
    outputs, last = core.unroll(x, state, starts)
    loss = outputs.sum() + sum(leaf.square().sum() for leaf in last)
    names, parameters = zip(*core.named_parameters(), strict=True)
    return outputs, last, dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("modulated", {}),
        ("retroactive", {}),
        ("retroactive", {"eta_per": "neuron"}),
        ("plastic", {"eta_per": "neuron", "eta": 0.3}),
        ("plastic", {"eta_per": "neuron", "eta": 0.3, "rule": "oja"}),
    ],
)
def test_the_fused_core_agrees_with_the_plain_definition(name, settings):
    one, two = passes(build(name, **settings)), passes(build(name, fused=False, **settings))
    torch.testing.assert_close(one[:2], two[:2], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one[2], two[2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "size"), [(name, size) for name in RULES for size in (3, 16, 33)])
@pytest.mark.parametrize("fused", [True, False])
def test_a_rollouts_steps_equal_unroll(name, size, fused):
    torch.manual_seed(0)
    core = make_core(name, F, size, fused=fused)
    with torch.no_grad():
        core.w.normal_(std=0.8 / size**0.5)
        core.alpha.normal_(std=0.8 / size**0.5)
        core.fan.fill_(0.5)
    x, state = torch.randn(11, 5, F), tuple(torch.randn_like(leaf) for leaf in core.initial_state(5))
    starts = torch.rand(11, 5) < 0.1
    outputs = torch.empty(11, 5, size)
    with torch.no_grad():
        expected, last = core.unroll(x, state, starts)
        stepper = core.stepper(state)
        for x_t, starts_t, out in zip(x, starts, outputs, strict=True):
            stepper.step(x_t, starts_t, out)
    torch.testing.assert_close(outputs, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(stepper.state(), last, rtol=1e-5, atol=1e-6)


def test_a_constant_signal_gives_plastic_clip():
    plastic, modulated = build("plastic", eta=0.3), build("modulated")
    with torch.no_grad():
        modulated.m.zero_()
        modulated.m_bias.fill_(0.5)
        modulated.fan.fill_(0.3 / math.tanh(0.5))
        modulated.input.load_state_dict(plastic.input.state_dict())
        for name in ("w", "alpha"):
            getattr(modulated, name).copy_(getattr(plastic, name))
    one, two = passes(plastic), passes(modulated)
    torch.testing.assert_close(one[:2], two[:2])
    torch.testing.assert_close(one[2]["alpha"], two[2]["alpha"])


@pytest.mark.parametrize("name", ["plastic", "retroactive"])
def test_equal_etas_act_as_one(name):
    results = {per: passes(build(name, eta_per=per, eta=0.3)) for per in ("network", "neuron", "connection")}
    one = results["network"]
    shapes = {per: list(result[2]["eta"].shape) for per, result in results.items()}
    assert shapes == {"network": [1], "neuron": [N], "connection": [N, N]}
    for other in results.values():
        torch.testing.assert_close(other[:2], one[:2], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(other[2]["eta"].sum(), one[2]["eta"].sum(), rtol=1e-4, atol=1e-5)
    assert results["neuron"][2]["eta"].std() > 0


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("plastic", {"eta_per": "layer"}, "unknown eta_per 'layer'; accepted: network, neuron, connection"),
        ("retroactive", {"eta_per": ""}, "unknown eta_per ''; accepted: network, neuron, connection"),
        ("retroactive", {"eta": float("nan")}, "eta must be a finite number, got nan"),
        ("modulated", {"fan": float("inf")}, "fan must be a finite number, got inf"),
        ("modulated", {"init_scale": float("inf")}, "init_scale must be a finite number"),
        ("modulated", {"eta": 0.1}, "'modulated' has no setting 'eta'; it has fan, init_scale, fused"),
    ],
)
def test_bad_settings_are_named(name, settings, message):
    with pytest.raises(ValueError, match=message):
        make_core(name, F, N, **settings)


@pytest.mark.parametrize(
    ("name", "leaves"), [("plastic", (1,)), ("modulated", (1,)), ("retroactive", (1, 2))]
)
def test_plastic_leaves_are_the_matrices(name, leaves):
    core = make_core(name, F, N)
    assert core.plastic_leaves == leaves
    shapes = [tuple(leaf.shape) for leaf in core.initial_state(B)]
    assert shapes == [(B, N), *[(B, N, N)] * len(leaves)]


@pytest.mark.parametrize("name", RULES)
def test_warming_up_compiles(name):
    make_core(name, F, N).warm_up(print)
    assert is_compiled(name)
    said = []
    make_core(name, F, N).warm_up(said.append)
    assert not said

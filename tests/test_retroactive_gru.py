"""The GRU with retroactive plasticity: its definition against the equations, the kernels against that."""

import math

import pytest
import torch
from recurrence_material import assert_close, random_starts
from torch import Tensor

from agents.cores import make_core
from agents.cores.kernels import fused_recurrence
from agents.cores.retroactive_gru import retroactive_gru_run, retroactive_gru_step

STATE = ("h", "hebb", "trace")


def make_inputs(T, B, N, dtype=torch.float32, seed=0) -> tuple[dict[str, Tensor], Tensor]:
    """Everything in the order of the definition, and starts: nothing is zero, hebb is cut, resets occur."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, dtype=dtype, generator=generator)

    starts = random_starts(T, B, generator)
    return {
        "drive": normal(T, B, 3 * N),
        "w": normal(N, N) * 0.8 / N**0.5,
        "alpha": normal(N, N) * 0.3 / N**0.5,
        "fan": normal(N) * 0.1,  # larger, and hebb ends within rounding of the bound too often
        "m": normal(N) / N**0.5,
        "m_bias": normal(1),
        "eta": torch.rand(N, dtype=dtype, generator=generator) * 0.3,
        "w_gates": normal(2, N, N) / N**0.5,
        "h": normal(B, N).tanh(),
        "hebb": (normal(B, N, N) * 0.6).clamp(-1, 1),
        "trace": normal(B, N, N) * 0.3,
    }, starts


def plain(drive, *rest, starts):
    weights, state = rest[:-3], rest[-3:]
    outputs = []
    for drive_t, start in zip(drive, starts, strict=True):
        state = [torch.where(start.view(-1, *(1,) * (leaf.dim() - 1)), 0.0, leaf) for leaf in state]
        state = retroactive_gru_step(drive_t, *weights, *state)
        outputs.append(state[0])
    return torch.stack(outputs), *state[1:]


def fused(drive, w, alpha, fan, m, m_bias, eta, w_gates, *state, starts):
    rates = fan, m, m_bias, eta
    h, matrices = fused_recurrence("retroactive", drive, w, alpha, rates, state, starts, None, w_gates)
    return h, *matrices


def with_gradients(function, inputs, starts) -> dict[str, Tensor]:
    """The outputs, and the gradients of a random weighing of them."""
    inputs = {name: x.detach().clone().requires_grad_() for name, x in inputs.items()}
    outputs = function(*inputs.values(), starts=starts)
    torch.manual_seed(1)
    loss = sum((x * torch.randn_like(x)).sum() for x in outputs)
    gradients = torch.autograd.grad(loss, list(inputs.values()))
    named = {f"d{name}": gradient for name, gradient in zip(inputs, gradients, strict=True)}
    return {name: x.detach() for name, x in zip(STATE, outputs, strict=True)} | named


def assert_agree(inputs, starts, tolerance) -> None:
    assert_close(with_gradients(fused, inputs, starts), with_gradients(plain, inputs, starts), tolerance)


@pytest.mark.parametrize(
    ("T", "B", "N"), [(250, 1, 16), (250, 5, 33), (250, 3, 100), (9, 70, 20), (8, 2, 1), (1, 3, 7)]
)
def test_values_and_gradients_equal_the_loop(T, B, N):
    assert_agree(*make_inputs(T, B, N), 1e-4)


def test_double_precision_is_exact():
    assert_agree(*make_inputs(40, 3, 21, torch.float64), 1e-12)


@pytest.mark.parametrize("eta_shape", [1, 5, (5, 5)])
def test_the_definition_has_the_gradients_of_finite_differences(eta_shape):
    inputs, _ = make_inputs(6, 2, 5, torch.float64)
    inputs["eta"] = torch.rand(eta_shape, dtype=torch.float64) * 0.3
    inputs["hebb"] *= 0.5  # clear of the bound, where there are no finite differences
    tensors = [x.requires_grad_() for x in inputs.values()]
    assert torch.autograd.gradcheck(retroactive_gru_run, tensors)


def test_the_step_is_its_equations():
    """Two neurons, one step, by hand: the weight from the second to the first."""
    drive = torch.tensor([[0.1, -0.2, 0.3, 0.4, -0.5, 0.6]])
    w = torch.tensor([[0.5, -1.0], [2.0, 0.3]])
    alpha = torch.tensor([[1.0, 0.2], [-0.4, 0.7]])
    w_gates = torch.tensor([[[0.2, 0.1], [-0.3, 0.4]], [[0.6, -0.2], [0.5, 0.9]]])
    fan, m, m_bias, eta = (torch.tensor(x) for x in ([0.8, -0.5], [1.5, -0.7], [0.2], [0.25]))
    h = torch.tensor([[0.6, -0.5]])
    hebb = torch.tensor([[[0.1, 0.2], [0.3, -0.3]]])
    trace = torch.tensor([[[0.5, -0.1], [-0.6, 0.4]]])

    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

    # The recurrent sums of the candidate, and the arguments of its gates, of the two neurons.
    sums = (
        0.6 * (0.5 + 1.0 * 0.1) - 0.5 * (2.0 - 0.4 * 0.3),
        0.6 * (-1.0 + 0.2 * 0.2) - 0.5 * (0.3 - 0.7 * 0.3),
    )
    keep = 0.3 + 0.6 * 0.2 + 0.5 * 0.3, 0.4 + 0.6 * 0.1 - 0.5 * 0.4
    ask = -0.5 + 0.6 * 0.6 - 0.5 * 0.5, 0.6 - 0.6 * 0.2 - 0.5 * 0.9
    new = [math.tanh(own + sigmoid(a) * s) for own, a, s in zip((0.1, -0.2), ask, sums, strict=True)]
    z = [sigmoid(k) for k in keep]
    first, second = ((1 - z[i]) * new[i] + z[i] * (0.6, -0.5)[i] for i in range(2))
    signal = math.tanh(first * 1.5 + second * -0.7 + 0.2)

    post, after, trace = retroactive_gru_step(drive, w, alpha, fan, m, m_bias, eta, w_gates, h, hebb, trace)
    torch.testing.assert_close(post, torch.tensor([[first, second]]))
    assert after[0, 1, 0].item() == pytest.approx(0.3 + 0.8 * signal * -0.6, abs=1e-6), "the trace before"
    assert trace[0, 1, 0].item() == pytest.approx(0.75 * -0.6 + 0.25 * -0.5 * first, abs=1e-6)


def test_without_plasticity_it_is_the_plastic_gru_without_plasticity():
    torch.manual_seed(0)
    one, two = make_core("retroactive_gru", 4, 6), make_core("plastic_gru", 4, 6)
    with torch.no_grad():
        one.alpha.zero_()
        two.alpha.zero_()
        shared = {
            name: x for name, x in one.state_dict().items() if name in two.state_dict() and name != "eta"
        }
    two.load_state_dict(shared, strict=False)
    x, starts = torch.randn(9, 3, 4), torch.zeros(9, 3, dtype=torch.bool)
    outputs = [core.unroll(x, core.initial_state(3), starts)[0] for core in (one, two)]
    torch.testing.assert_close(*outputs)


def test_the_fused_core_agrees_with_the_plain_definition():
    results = []
    for fused_core in (True, False):
        torch.manual_seed(0)
        core = make_core("retroactive_gru", 4, 6, fan=0.5, init_scale=0.5, fused=fused_core)
        x, starts = torch.randn(30, 3, 4), torch.rand(30, 3) < 0.1
        outputs, state = core.unroll(x, core.initial_state(3), starts)
        loss = outputs.square().sum() + sum(leaf.square().sum() for leaf in state)
        results.append((outputs, *state, *torch.autograd.grad(loss, list(core.parameters()))))
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)
    assert results[0][1].abs().sum() > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"eta_per": "layer"}, "unknown eta_per 'layer'; accepted: network, neuron, connection"),
        ({"fan": float("inf")}, "fan must be a finite number, got inf"),
        ({"rule": "clip"}, "has no setting 'rule'; it has fan, eta, eta_per, init_scale, fused"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        make_core("retroactive_gru", 4, 6, **settings)

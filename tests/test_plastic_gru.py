"""The GRU with plastic connections: its definition against the equations, the kernels against that."""

import math

import pytest
import torch
from recurrence_material import assert_close, random_starts
from torch import Tensor

from agents.cores import RULES, make_core
from agents.cores.kernels import fused_recurrence, get_num_threads, set_num_threads
from agents.cores.plastic_gru import plastic_gru_run, plastic_gru_step

NAMES = ("drive", "w", "alpha", "eta", "w_gates", "h", "hebb")


def make_inputs(T, B, N, dtype=torch.float32, seed=0) -> tuple[list[Tensor], Tensor]:
    """What :data:`NAMES` says, and starts: nothing is zero, hebb reaches the clip, all resets occur."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, dtype=dtype, generator=generator)

    starts = random_starts(T, B, generator)
    inputs = [
        normal(T, B, 3 * N),
        normal(N, N) * 0.8 / N**0.5,
        normal(N, N) * 0.3 / N**0.5,
        torch.rand(N, dtype=dtype, generator=generator) * 0.1,
        normal(2, N, N) / N**0.5,
        normal(B, N).tanh(),
        (normal(B, N, N) * 0.6).clamp(-1, 1),
    ]
    return inputs, starts


def plain(rule, inputs, starts):
    drive, *weights, h, hebb = inputs
    outputs = []
    for drive_t, start in zip(drive, starts, strict=True):
        h = torch.where(start[:, None], 0.0, h)
        hebb = torch.where(start[:, None, None], 0.0, hebb)
        h, hebb = plastic_gru_step(drive_t, *weights, h, hebb, rule)
        outputs.append(h)
    return torch.stack(outputs), hebb


def fused(rule, inputs, starts):
    drive, w, alpha, eta, w_gates, h, hebb = inputs
    outputs, (hebb,) = fused_recurrence(rule, drive, w, alpha, (eta,), (h, hebb), starts, None, w_gates)
    return outputs, hebb


def with_gradients(function, rule, inputs, starts) -> dict[str, Tensor]:
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    h, hebb = function(rule, inputs, starts)
    torch.manual_seed(1)
    loss = (h * torch.randn_like(h)).sum() + (hebb * torch.randn_like(hebb)).sum()
    gradients = torch.autograd.grad(loss, inputs)
    return {"h": h.detach(), "hebb": hebb.detach()} | {
        f"d{name}": gradient for name, gradient in zip(NAMES, gradients, strict=True)
    }


def assert_agree(rule, inputs, starts, tolerance) -> None:
    assert_close(
        with_gradients(fused, rule, inputs, starts), with_gradients(plain, rule, inputs, starts), tolerance
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("T", "B", "N"),
    [(250, 1, 16), (250, 5, 33), (250, 3, 100), (9, 70, 20), (9, 19, 20), (8, 2, 1), (1, 3, 7)],
)
def test_values_and_gradients_equal_the_loop(rule, T, B, N):
    assert_agree(rule, *make_inputs(T, B, N), 1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_double_precision_is_exact(rule):
    assert_agree(rule, *make_inputs(40, 3, 21, torch.float64), 1e-12)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("eta_shape", [1, 5, (5, 5)])
def test_the_definition_has_the_gradients_of_finite_differences(rule, eta_shape):
    inputs, _ = make_inputs(6, 2, 5, torch.float64)
    inputs[3] = torch.rand(eta_shape, dtype=torch.float64) * 0.3
    inputs[6] *= 0.5  # clear of the bound, where there are no finite differences
    tensors = [x.requires_grad_() for x in inputs]
    assert torch.autograd.gradcheck(lambda *tensors: plastic_gru_run(*tensors, rule), tensors)


def test_the_step_is_its_equations():
    """Two neurons, one step, by hand: the first neuron, and the weight to it from the second."""
    drive = torch.tensor([[0.1, -0.2, 0.3, 0.4, -0.5, 0.6]])
    w = torch.tensor([[0.5, -1.0], [2.0, 0.3]])
    alpha = torch.tensor([[1.0, 0.2], [-0.4, 0.7]])
    w_gates = torch.tensor([[[0.2, 0.1], [-0.3, 0.4]], [[0.6, -0.2], [0.5, 0.9]]])
    h = torch.tensor([[0.6, -0.5]])
    hebb = torch.tensor([[[0.1, 0.2], [0.3, -0.3]]])
    z = 1 / (1 + math.exp(-(0.3 + 0.6 * 0.2 + -0.5 * -0.3)))
    r = 1 / (1 + math.exp(-(-0.5 + 0.6 * 0.6 + -0.5 * 0.5)))
    n = math.tanh(0.1 + r * (0.6 * (0.5 + 1.0 * 0.1) + -0.5 * (2.0 + -0.4 * 0.3)))
    first = (1 - z) * n + z * 0.6
    post, after = plastic_gru_step(drive, w, alpha, torch.tensor([0.25]), w_gates, h, hebb, "decay")
    assert post[0, 0].item() == pytest.approx(first, abs=1e-6)
    assert after[0, 1, 0].item() == pytest.approx(0.75 * 0.3 + 0.25 * -0.5 * first, abs=1e-6)


def test_without_plasticity_it_is_pytorchs_gru():
    torch.manual_seed(0)
    T, B, F, N = 9, 4, 6, 10
    core = make_core("plastic_gru", F, N)
    gru = torch.nn.GRU(F, N)
    with torch.no_grad():
        core.alpha.zero_()
        own, keep, ask = core.input.weight.chunk(3)
        gru.weight_ih_l0.copy_(torch.cat([ask, keep, own]))  # PyTorch's order: reset, update, candidate
        own, keep, ask = core.input.bias.chunk(3)
        gru.bias_ih_l0.copy_(torch.cat([ask, keep, own]))
        gru.weight_hh_l0.copy_(torch.cat([core.w_gates[1].t(), core.w_gates[0].t(), core.w.t()]))
        gru.bias_hh_l0.zero_()
    x = torch.randn(T, B, F)
    outputs, _ = core.unroll(x, core.initial_state(B), torch.zeros(T, B, dtype=torch.bool))
    torch.testing.assert_close(outputs, gru(x)[0])


def test_results_do_not_depend_on_threads():
    inputs, starts = make_inputs(30, 70, 24)
    threads = get_num_threads()
    results = []
    try:
        for count in (1, 3):
            set_num_threads(count)
            results.append(with_gradients(fused, "clip", inputs, starts))
    finally:
        set_num_threads(threads)
    for name, value in results[1].items():
        assert torch.equal(value, results[0][name]), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drive": torch.zeros(4, 2, 3)}, r"drive must have shape \[4, 2, 9\]"),
        ({"w_gates": torch.zeros(3, 3)}, r"w_gates must have shape \[2, 3, 3\]"),
        ({"w_gates": torch.zeros(2, 3, 3, dtype=torch.float64)}, "w_gates must be torch.float32"),
    ],
)
def test_wrong_inputs_are_named(change, message):
    inputs, starts = make_inputs(4, 2, 3)
    changed = [change.get(name, value) for name, value in zip(NAMES, inputs, strict=True)]
    with pytest.raises(ValueError, match=message):
        fused("clip", changed, starts)

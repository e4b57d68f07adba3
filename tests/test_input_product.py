"""What kernels make of features themselves, against the same recurrence given the product."""

import pytest
import torch
from recurrence_material import assert_close, random_starts
from torch import Tensor

from agents.cores.kernels import InputProduct, fused_recurrence, get_num_threads, set_num_threads
from agents.cores.kernels.rules import ALL_RULES, MATRICES, RATES

NAMES = ("x", "w_in", "b", "w", "alpha", "w_gates", "h0")


def make_inputs(rule, gated, T, B, F, N, dtype=torch.float32) -> tuple[dict[str, Tensor], Tensor]:
    """What `NAMES`, `RATES` and `MATRICES` name, and starts."""
    generator = torch.Generator().manual_seed(F)

    def normal(*shape):
        return torch.randn(*shape, dtype=dtype, generator=generator)

    parts = 3 if gated else 1
    inputs = {
        "x": normal(T, B, F),
        "w_in": normal(parts * N, F) / F**0.5,
        "b": normal(parts * N) * 0.3,
        "w": normal(N, N) * 0.8 / N**0.5,
        "alpha": normal(N, N) * 0.3 / N**0.5,
        "w_gates": normal(2, N, N) / N**0.5 if gated else normal(0),
        "h0": normal(B, N).tanh(),
    }
    inputs |= {name: normal(1 if name == "m_bias" else N) * 0.1 for name in RATES[rule]}
    inputs |= {name: (normal(B, N, N) * 0.6).clamp(-1, 1) for name in MATRICES[rule]}
    return inputs, random_starts(T, B, generator)


def run(rule, inputs, starts, as_product, clamp=None, fixed=(), known=None) -> dict[str, Tensor]:
    """Values, and gradients of all but the inputs that are `fixed`."""
    given = {k: v.detach().clone().requires_grad_(k not in fixed) for k, v in inputs.items()}
    x, w_in, b = given["x"], given["w_in"], given["b"]
    state = given["h0"], *(given[name] for name in MATRICES[rule])
    h, matrices = fused_recurrence(
        rule,
        InputProduct(x, w_in, b) if as_product else x @ w_in.t() + b,
        given["w"],
        given["alpha"],
        [given[name] for name in RATES[rule]],
        state,
        starts,
        known,
        given["w_gates"] if len(inputs["w_gates"]) else None,
        clamp,
    )
    torch.manual_seed(1)
    loss = sum((out * torch.randn_like(out)).sum() for out in (h, *matrices))
    trained = {k: v for k, v in given.items() if v.requires_grad and v.numel()}
    gradients = torch.autograd.grad(loss, list(trained.values()))
    values = {"h": h} | {f"{name}_end": m for name, m in zip(MATRICES[rule], matrices, strict=False)}
    return {k: v.detach() for k, v in values.items()} | dict(zip(trained, gradients, strict=True))


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("rule", ALL_RULES)
@pytest.mark.parametrize(("T", "B", "F", "N"), [(20, 5, 15, 17), (9, 1, 1, 8), (11, 3, 40, 5)])
def test_values_and_gradients_are_those_of_the_product(rule, gated, T, B, F, N):
    inputs, starts = make_inputs(rule, gated, T, B, F, N)
    assert_close(run(rule, inputs, starts, True), run(rule, inputs, starts, False), 1e-5)


@pytest.mark.parametrize("F", [3, 4, 7, 8, 16])
def test_any_number_of_features(F):
    inputs, starts = make_inputs("clip", False, 12, 2, F, 6)
    assert_close(run("clip", inputs, starts, True), run("clip", inputs, starts, False), 1e-5)


@pytest.mark.parametrize("gated", [False, True])
def test_over_a_whole_episode(gated):
    inputs, starts = make_inputs("clip", gated, 250, 3, 15, 100)
    assert_close(run("clip", inputs, starts, True), run("clip", inputs, starts, False), 1e-4)


def test_double_precision_is_exact():
    inputs, starts = make_inputs("clip", False, 30, 3, 15, 20, torch.float64)
    assert_close(run("clip", inputs, starts, True), run("clip", inputs, starts, False), 1e-12)


@pytest.mark.parametrize("gated", [False, True])
def test_features_without_gradient_and_known_activity(gated):
    """As in training: what flows to the neurons is not written down."""
    inputs, starts = make_inputs("clip", gated, 30, 4, 15, 20)
    wanted = run("clip", inputs, starts, False, fixed=("x",))
    assert_close(run("clip", inputs, starts, True, fixed=("x",)), wanted, 1e-5)
    known = wanted["h"]
    assert_close(
        run("clip", inputs, starts, True, fixed=("x",), known=known),
        run("clip", inputs, starts, False, fixed=("x",), known=known),
        1e-5,
    )


def test_clamped_neurons_take_no_input():
    inputs, starts = make_inputs("decay", False, 40, 3, 7, 9)
    clamp = torch.full((40, 3, 9), torch.nan)
    clamp[5:30] = 0.5  # for so long that the kernel passes over it at once
    clamp[35:, :, :4] = -0.5
    got = run("decay", inputs, starts, True, clamp)
    assert_close(got, run("decay", inputs, starts, False, clamp), 1e-5)
    assert not got["x"][5:30].any()


def test_results_do_not_depend_on_the_number_of_threads():
    inputs, starts = make_inputs("clip", True, 40, 9, 15, 20)
    before, results = get_num_threads(), []
    try:
        for threads in (1, 3):
            set_num_threads(threads)
            results.append(run("clip", inputs, starts, True))
    finally:
        set_num_threads(before)
    assert_close(results[0], results[1], 0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": torch.zeros(4, 3)}, r"x must be \[T, B, F\]"),
        ({"x": torch.zeros(4, 2, 3, dtype=torch.float16)}, "dtype must be float32"),
        ({"w_in": torch.zeros(6, 4)}, r"w_in must have shape \[6, 3\]"),
        ({"b": torch.zeros(5)}, r"b must have shape \[6\]"),
        ({"b": torch.zeros(6, dtype=torch.float64)}, "b must be torch.float32"),
    ],
)
def test_wrong_inputs_are_named(changed, message):
    inputs, starts = make_inputs("clip", False, 4, 2, 3, 6)
    inputs |= changed
    state = inputs["h0"], inputs["hebb"]
    with pytest.raises(ValueError, match=message):
        fused_recurrence(
            "clip",
            InputProduct(inputs["x"], inputs["w_in"], inputs["b"]),
            inputs["w"],
            inputs["alpha"],
            (inputs["eta"],),
            state,
            starts,
        )

"""The fused kernels against the definition, `plastic_step` in a loop."""

import subprocess
import sys

import pytest
import torch
from llvmlite import binding
from recurrence_material import assert_close, random_starts
from torch import Tensor

from agents.cores.kernels import (
    fused_unroll,
    get_num_threads,
    set_num_threads,
)
from agents.cores.kernels.rules import spacing
from agents.cores.kernels.tiles import padded_sizes
from agents.cores.kernels.vector import LANES
from agents.cores.plastic import plastic_step

RULES = ("decay", "clip", "oja")
NAMES = ("drive", "w", "alpha", "eta", "h0", "hebb0")


def plain_unroll(drive, w, alpha, eta, h, hebb, starts, rule):
    outputs = []
    for drive_t, start in zip(drive, starts, strict=True):
        h = torch.where(start[:, None], 0.0, h)
        hebb = torch.where(start[:, None, None], 0.0, hebb)
        h, hebb = plastic_step(drive_t, w, alpha, eta, h, hebb, rule)
        outputs.append(h)
    return torch.stack(outputs), hebb


def make_inputs(T, B, N, dtype=torch.float32, seed=0) -> list[Tensor]:
    """drive, w, alpha, eta, h0, hebb0, starts: nothing is zero, hebb reaches the clip, all resets occur."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, dtype=dtype, generator=generator)

    starts = random_starts(T, B, generator)
    return [
        normal(T, B, N),
        normal(N, N) * 0.8 / N**0.5,
        normal(N, N) * 0.3 / N**0.5,
        torch.rand(N, dtype=dtype, generator=generator) * 0.1,
        normal(B, N).tanh(),
        (normal(B, N, N) * 0.6).clamp(-1, 1),
        starts,
    ]


def with_gradients(function, inputs, rule, through=("h", "hebb"), seed=1) -> dict[str, Tensor]:
    """Values and the gradients of a random weighing of the outputs named."""
    *floats, starts = inputs
    floats = [x.detach().clone().requires_grad_() for x in floats]
    outputs = dict(zip(("h", "hebb"), function(*floats, starts, rule), strict=True))
    torch.manual_seed(seed)
    loss = sum((outputs[name] * torch.randn_like(outputs[name])).sum() for name in through)
    gradients = torch.autograd.grad(loss, floats)
    return {k: v.detach() for k, v in outputs.items()} | dict(zip(NAMES, gradients, strict=True))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("T", "B", "N"),
    [(250, 1, 16), (250, 5, 33), (250, 3, 100), (9, 70, 20), (9, 19, 20), (8, 2, 1), (1, 3, 7), (30, 2, 257)],
)
def test_values_and_gradients_equal_the_loop(rule, T, B, N):
    inputs = make_inputs(T, B, N)
    assert_close(with_gradients(fused_unroll, inputs, rule), with_gradients(plain_unroll, inputs, rule), 1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_double_precision_is_exact(rule):
    inputs = make_inputs(40, 3, 21, torch.float64)
    assert_close(
        with_gradients(fused_unroll, inputs, rule), with_gradients(plain_unroll, inputs, rule), 1e-12
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("through", [("h",), ("hebb",)])
def test_gradient_of_one_output_alone(rule, through):
    inputs = make_inputs(19, 4, 18, torch.float64)
    inputs[-1][-1] = False
    fused = with_gradients(fused_unroll, inputs, rule, through)
    assert_close(fused, with_gradients(plain_unroll, inputs, rule, through), 1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_one_eta_for_all_and_inputs_without_gradient(rule):
    drive, w, alpha, _, h0, hebb0, starts = make_inputs(12, 3, 10, torch.float64)
    gradients = []
    for function in (fused_unroll, plain_unroll):
        eta = torch.tensor([0.05], dtype=torch.float64, requires_grad=True)
        h, _ = function(drive, w, alpha, eta.expand(10), h0, hebb0, starts, rule)
        h.square().sum().backward()
        gradients.append(eta.grad)
    torch.testing.assert_close(*gradients)


def test_clip_leaves_hebb0_beyond_the_bound_alone_until_the_first_update():
    inputs = make_inputs(5, 2, 8, torch.float64)
    inputs[5] = inputs[5] * 3
    inputs[6][:] = False
    assert_close(
        with_gradients(fused_unroll, inputs, "clip"), with_gradients(plain_unroll, inputs, "clip"), 1e-12
    )


def test_clip_passes_gradient_exactly_at_the_bound():
    inputs = make_inputs(3, 1, 4, torch.float64)
    inputs[5] = torch.ones_like(inputs[5])
    inputs[4] = torch.zeros_like(inputs[4])  # so the first update adds nothing to traces of 1
    inputs[6][:] = False
    assert_close(
        with_gradients(fused_unroll, inputs, "clip"), with_gradients(plain_unroll, inputs, "clip"), 1e-12
    )


@pytest.mark.parametrize("rule", RULES)
def test_non_contiguous_inputs(rule):
    inputs = make_inputs(11, 4, 17)
    twisted = [x.transpose(0, -1).contiguous().transpose(0, -1) if x.dim() > 1 else x for x in inputs]
    twisted[3] = inputs[3].repeat_interleave(2)[::2]
    assert not any(x.is_contiguous() for x in twisted)
    assert_close(with_gradients(fused_unroll, twisted, rule), with_gradients(fused_unroll, inputs, rule), 0)


@pytest.mark.parametrize("rule", RULES)
def test_results_do_not_depend_on_threads(rule):
    inputs = make_inputs(30, 70, 24)
    threads = get_num_threads()
    results = []
    try:
        for count in (1, 2, 3, 1):
            set_num_threads(count)
            results.append(with_gradients(fused_unroll, inputs, rule))
    finally:
        set_num_threads(threads)
    for other in results[1:]:
        for name, value in other.items():
            assert torch.equal(value, results[0][name]), name


@pytest.mark.parametrize("rule", RULES)
def test_nan_and_infinity_are_seen(rule):
    inputs = make_inputs(12, 2, 16)
    inputs[6][:] = False
    inputs[6][8, 0] = True
    inputs[0][3, 0, 5] = float("nan")
    h, hebb = fused_unroll(*inputs, rule)
    assert h[3, 0, 5].isnan()
    assert h[4:8, 0].isnan().all()
    assert h[8:, 0].isfinite().all(), "a new episode is clean"
    assert hebb[0].isfinite().all()
    assert h[:, 1].isfinite().all()
    _, hebb = fused_unroll(*[x[:8] if i in (0, 6) else x for i, x in enumerate(inputs)], rule)
    assert hebb[0].isnan().all()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_infinity_is_as_in_the_loop(rule, value):
    inputs = make_inputs(12, 2, 16)
    inputs[0][3, 0, 5] = value  # tanh makes one of it
    if rule != "oja":  # where the loop takes infinity from infinity
        inputs[5][1, 2, 7] = value
    for got, wanted in zip(fused_unroll(*inputs, rule), plain_unroll(*inputs, rule), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5, equal_nan=True)


def test_tanh_is_accurate_over_its_range():
    x = torch.cat(
        (torch.linspace(-12, 12, 4001), torch.logspace(-30, 0, 999), torch.tensor([torch.inf, -torch.inf]))
    )
    N = len(x)
    zeros = torch.zeros(N, N)
    inputs = (x.view(1, 1, N), zeros, zeros, torch.zeros(N), torch.zeros(1, N), torch.zeros(1, N, N))
    h, _ = fused_unroll(*inputs, torch.ones(1, 1, dtype=torch.bool), "decay")
    torch.testing.assert_close(h.view(N).double(), x.double().tanh(), rtol=1e-6, atol=1e-30)
    assert (h.abs() <= 1).all()
    if binding.get_host_cpu_features().get("fma"):  # without it, a rounding less
        assert (h.view(N)[x >= 8] == 1).all()


def test_denormals_are_flushed_inside_and_only_inside():
    N = 16
    tiny = torch.full((1, N, N), 1e-39)
    zeros = torch.zeros(1, N)
    w = torch.zeros(N, N)
    args = (zeros[None], w, w, torch.full((N,), 0.5), zeros, tiny, torch.zeros(1, 1, dtype=torch.bool))
    _, hebb = fused_unroll(*args, "decay")
    assert (hebb == 0).all()
    assert (tiny * 0.5 != 0).all(), "this thread's own arithmetic is as before"


@pytest.mark.parametrize("n", [1, 64, 96, 100, 128, 400])
def test_matrices_do_not_collide(n):
    rows, size = padded_sizes(n)
    apart = spacing(rows, size)
    assert rows * size <= apart < rows * size + 1024
    assert apart * 4 % 4096 == 1344  # bytes; see `spacing`
    assert apart % LANES == 0


def test_second_derivatives_are_refused():
    inputs = make_inputs(2, 1, 3, torch.float64)
    drive = inputs[0].requires_grad_()
    h, _ = fused_unroll(drive, *inputs[1:], "decay")
    (gradient,) = torch.autograd.grad(h.square().sum(), drive, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: torch.zeros(4, 3)}, "drive must be"),
        ({0: torch.zeros(0, 2, 3)}, "drive must be"),
        ({1: torch.zeros(3, 4)}, "w must have shape"),
        ({2: torch.zeros(2, 3, 3)}, "alpha must have shape"),
        ({3: torch.zeros(1)}, "eta must have shape"),
        ({4: torch.zeros(3, 3)}, "h0 must have shape"),
        ({5: torch.zeros(2, 3)}, "hebb0 must have shape"),
        ({6: torch.zeros(4, 2)}, "starts must be bool"),
        ({6: torch.zeros(2, 4, dtype=torch.bool)}, "starts must be bool"),
        ({6: torch.zeros(4, 2, dtype=torch.bool, device="meta")}, "starts must be bool .* on cpu, got"),
        ({1: torch.zeros(3, 3, dtype=torch.float64)}, "w must be torch.float32"),
        ({0: torch.zeros(4, 2, 3, dtype=torch.float16)}, "dtype must be float32"),
        ({5: torch.zeros(2, 3, 3, device="meta")}, "hebb0 must be"),
        ({7: "hebbian"}, "unknown plasticity rule 'hebbian'"),
    ],
)
def test_wrong_inputs_are_named(change, message):
    arguments = [*make_inputs(4, 2, 3), "clip"]
    for index, value in change.items():
        arguments[index] = value
    with pytest.raises(ValueError, match=message):
        fused_unroll(*arguments)


def test_a_forked_process_has_threads_of_its_own():
    script = """
import os, sys
from agents.cores.kernels.threads import set_num_threads, share_out
set_num_threads(2)
share_out(lambda part: None, 2)
child = os.fork()
done = []
share_out(done.append, 8)
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os._exit(0 if sorted(done) == list(range(8)) else 1)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_kernels_for_registers_of_another_width():
    script = """
import sys
import numba, pytest
from llvmlite import binding
numba.njit(lambda: 0)()  # Numba sees the true features, and only `vector` others
features = binding.get_host_cpu_features()
features["avx512f"] = not features.get("avx512f", False)
binding.get_host_cpu_features = lambda: features
from agents.cores.kernels.vector import LANES
assert LANES == (16 if features["avx512f"] else 8)
sys.exit(pytest.main(["-k", "equal_the_loop and clip", sys.argv[1]]))
"""
    subprocess.run([sys.executable, "-c", script, __file__], check=True, timeout=600)

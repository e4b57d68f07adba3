"""Products that threads share: PyTorch's numbers, whatever the threads and the autograd mode."""

from pathlib import Path

import pytest
import torch

from agents.cores.inputs import InputLayer, input_drive
from agents.cores.kernels import get_num_threads, product, set_num_threads, summed_product
from agents.cores.kernels.shared_products import FEWEST, PARTS

K, M = 7, 5
ROWS = [1, FEWEST - 1, 2 * FEWEST, 2 * FEWEST + 3, (PARTS + 3) * FEWEST + 1]


@pytest.fixture(autouse=True)
def threads():
    before = get_num_threads()
    set_num_threads(3)
    yield
    set_num_threads(before)


def random(*shape):
    return torch.randn(shape, dtype=torch.float64)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("recorded", [False, True])
def test_products_are_pytorchs(rows, recorded):
    torch.manual_seed(0)
    x, w, b, add, y = random(rows, K), random(K, M), random(M), random(rows, M), random(rows, M)
    with torch.set_grad_enabled(recorded):
        torch.testing.assert_close(product(x, w), x @ w)
        torch.testing.assert_close(product(x, w, b), x @ w + b)
        torch.testing.assert_close(product(x, w, add), x @ w + add)
        torch.testing.assert_close(product(x, w.t().contiguous().t()), x @ w)
        torch.testing.assert_close(summed_product(x, y), x.t() @ y)
        strided = torch.cat([y, y], dim=1)[:, 1 : M + 1]
        torch.testing.assert_close(summed_product(x, strided), x.t() @ strided)


def test_products_that_are_recorded_have_gradients():
    x, w = random(2 * FEWEST, K), random(K, M).requires_grad_()
    product(x, w).square().sum().backward()
    got, w.grad = w.grad, None
    (x @ w).square().sum().backward()
    torch.testing.assert_close(got, w.grad)


def test_numbers_do_not_depend_on_threads():
    torch.manual_seed(0)
    x, w, b = torch.randn(6 * FEWEST + 1, K), torch.randn(K, M), torch.randn(M)
    results = []
    for count in (1, 2, 5):
        set_num_threads(count)
        with torch.no_grad():
            results.append((product(x, w, b), summed_product(x, x)))
    for result in results[1:]:
        assert all(torch.equal(one, two) for one, two in zip(result, results[0], strict=True))


def test_input_has_pytorchs_gradients_once_and_twice():
    torch.manual_seed(0)
    T, B = FEWEST, 3
    inputs = [random(T, B, K).requires_grad_(), random(M, K).requires_grad_(), random(M).requires_grad_()]
    weight = random(T, B, M)
    results = []
    for function in (input_drive, torch.nn.functional.linear):
        once = torch.autograd.grad((function(*inputs).sin() * weight).sum(), inputs, create_graph=True)
        loose = torch.autograd.grad((function(*inputs).sin() * weight).sum(), inputs)
        twice = torch.autograd.grad(sum(grad.square().sum() for grad in once), inputs)
        results.append([function(*inputs), *once, *loose, *twice])
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want)


def test_an_input_layer_takes_steps_and_sequences():
    layer, x = InputLayer(K, M), torch.randn(4, 3, K)
    torch.testing.assert_close(layer(x), torch.stack([layer(x_t) for x_t in x]))
    assert layer(x.requires_grad_()).requires_grad


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted as Linux shows them")
def test_no_thread_of_the_kernels_calls_threads_of_pytorch():
    def count():
        return len(list(Path("/proc/self/task").iterdir()))

    set_num_threads(7)  # for which no other test has made a pool
    before = count()
    x, w = torch.randn(PARTS * 1000, 16), torch.randn(16, 100)
    with torch.no_grad():
        for _ in range(10):
            product(x, w)
    assert count() <= before + 6

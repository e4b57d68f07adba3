"""What a neuron makes of its sums, for one row of neurons: the GRU, the LSTM, and what is clamped.

keep = sigmoid(drive[1] + h w_gates[0])                    the update gate, z of `torch.nn.GRU`
ask  = sigmoid(drive[2] + h w_gates[1])                    the reset gate, r
own  = tanh(drive[0] + ask * (h (w + alpha * hebb)))       the candidate, n
h'   = (1 - keep) * own + keep * h

The LSTM is that of `torch.nn.LSTM`: c' = f * c + i * g and h = o * tanh(c').

A clamped neuron makes nothing of them: its activity is given.
"""

from .simd import (
    add_columns,
    every_row,
    fill,
    fma,
    load,
    load_part,
    load_tile,
    row_numbers,
    store,
    where_nan,
)
from .tanh import tanh_row
from .vector import LANES, ROWS, Pointer, Vec, inline

PARTS = {"tanh": 1, "clamped": 1, "gru": 3}
"""How many inputs [N] there are, by cell; "clamped" is "tanh" with activity imposed on some neurons."""


@inline
def add_products(size: int, count: int, w: Pointer, pre: Pointer, sums: Pointer) -> None:
    """In ROWS rows, for `count` samples whose rows lie `size` apart: sums += pre[i] * w."""
    for s in range(0, count - 1, 2):  # two samples at a time, they share what is loaded of w
        first, second = sums + s * size, sums + (s + 1) * size
        now, other = row_numbers(pre + s * size), row_numbers(pre + (s + 1) * size)
        for j in range(0, size, LANES):
            tile = load_tile(w + j * ROWS)
            store(first + j, add_columns(load(first + j), now, tile))
            store(second + j, add_columns(load(second + j), other, tile))
    if count % 2 == 1:
        last, now = sums + (count - 1) * size, row_numbers(pre + (count - 1) * size)
        for j in range(0, size, LANES):
            store(last + j, add_columns(load(last + j), now, load_tile(w + j * ROWS)))


@inline
def sigmoid_row(row: Pointer, size: int) -> None:
    """row[j] = sigmoid(row[j]), by way of the hyperbolic tangent.

    In float32 it is right to 1e-7, not to that share of it: of a gate that is all but shut, below about
    sigmoid(-12), the gradient is rounding.
    """
    half = fill(load(row), 0.5)
    for j in range(0, size, LANES):
        store(row + j, half * load(row + j))
    tanh_row(row, size)
    for j in range(0, size, LANES):
        store(row + j, fma(half, load(row + j), half))


@inline
def candidate_row(own: Pointer, ask: Pointer, sums: Pointer, size: int) -> None:
    """The candidate: own = tanh(own + ask * sums)."""
    for j in range(0, size, LANES):
        store(own + j, fma(load(ask + j), load(sums + j), load(own + j)))
    tanh_row(own, size)


@inline
def gru_row(size: int, sums: Pointer, own: Pointer, keep: Pointer, ask: Pointer, before: Pointer) -> None:
    """From the sums of the recurrent candidate and the gates' arguments: `sums` becomes the activity."""
    sigmoid_row(keep, size)
    sigmoid_row(ask, size)
    candidate_row(own, ask, sums, size)
    for j in range(0, size, LANES):
        n = load(own + j)
        store(sums + j, fma(load(keep + j), load(before + j) - n, n))


@inline
def gru_gradients(
    size: int, d: Pointer, own: Pointer, keep: Pointer, ask: Pointer, sums: Pointer, before: Pointer,
    dkeep: Pointer, dask: Pointer,
) -> None:  # fmt: skip
    """From the gradient `d` of the activity: those of all that enters it.

    `d` becomes the gradient of `sums`, `own` that of its argument, `keep` that of `before` by the direct way;
    dkeep and dask receive those of the gates' arguments.
    """
    one = fill(load(d), 1.0)
    for j in range(0, size, LANES):
        dh, n, z, r = load(d + j), load(own + j), load(keep + j), load(ask + j)
        free = one - z
        dn = dh * free * (one - n * n)
        store(own + j, dn)
        store(d + j, dn * r)
        store(dkeep + j, dh * (load(before + j) - n) * z * free)
        store(dask + j, dn * load(sums + j) * r * (one - r))
        store(keep + j, dh * z)


@inline
def lstm_row(size: int, i: Pointer, f: Pointer, o: Pointer, g: Pointer, c: Pointer) -> None:
    """From the sums of the gates and of the cells' input: `g` becomes the activity, `c` the new cells."""
    for gate in (i, f, o):
        sigmoid_row(gate, size)
    tanh_row(g, size)
    for j in range(0, size, LANES):
        cell = fma(load(f + j), load(c + j), load(i + j) * load(g + j))
        store(c + j, cell)
        store(g + j, cell)
    tanh_row(g, size)
    for j in range(0, size, LANES):
        store(g + j, load(o + j) * load(g + j))


@inline
def lstm_gradients(
    size: int, d: Pointer, dc: Pointer, i: Pointer, f: Pointer, o: Pointer, g: Pointer, c: Pointer,
    before: Pointer,
) -> None:  # fmt: skip
    """From the gradients `d` of activity and `dc` of the cells after a step: those of all that enters it.

    i, f, o and g, the opened gates and the cells' input, become the gradients of their arguments, `dc` that
    of the cells `before`. c, the cells after the step, is overwritten.
    """
    one = fill(load(d), 1.0)
    tanh_row(c, size)
    for j in range(0, size, LANES):
        dh, a, b, e, x, y = load(d + j), load(i + j), load(f + j), load(o + j), load(g + j), load(c + j)
        dy = fma(dh * e, one - y * y, load(dc + j))
        store(o + j, dh * y * e * (one - e))
        store(i + j, dy * x * a * (one - a))
        store(f + j, dy * load(before + j) * b * (one - b))
        store(g + j, dy * a * (one - x * x))
        store(dc + j, dy * b)


@inline
def add_gate_products(
    size: int, w_keep: Pointer, w_ask: Pointer, dkeep: Pointer, dask: Pointer, back: Vec
) -> Vec:
    """In ROWS rows: add what flows back through the weights of the gates to the tile `back`."""
    for j in range(0, size, LANES):
        back = fma(every_row(load(dkeep + j)), load_tile(w_keep + j * ROWS), back)
        back = fma(every_row(load(dask + j)), load_tile(w_ask + j * ROWS), back)
    return back


@inline
def clamp_row(row: Pointer, clamp: Pointer, n: int) -> None:
    """row[j] = clamp[j], but where that is NaN: there the neuron is free."""
    for j in range(0, n, LANES):
        value = load(clamp + j) if j + LANES <= n else load_part(clamp + j, n - j)
        store(row + j, where_nan(value, load(row + j), value))


@inline
def clamp_gradient(row: Pointer, clamp: Pointer, n: int) -> None:
    """row[j] = 0 where `clamp_row` imposed something."""
    zero = fill(load(row), 0.0)
    for j in range(0, n, LANES):
        value = load(clamp + j) if j + LANES <= n else load_part(clamp + j, n - j)
        store(row + j, where_nan(value, load(row + j), zero))

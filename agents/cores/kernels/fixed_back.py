"""The way of a gradient back through the steps of a network without plastic weights.

What a step made of its sums is not kept, but for an LSTM: the activity is known, so all products with it are
computed at once, and the rest is made again here. The sums that activity enters, ENTERED for each neuron, are
in PyTorch's order: of the gates r, z and n, or i, f, g and o.
"""

from collections.abc import Callable

from .cells import candidate_row, gru_gradients, lstm_gradients, sigmoid_row
from .denormals import flush_denormals, restore_denormals
from .fixed_step import ENTERED
from .products import add_product
from .rules import SCALAR_TYPES, pad_row, unpad_row, zero_row
from .simd import fill, fma, load, store
from .tanh import tanh_row
from .vector import LANES, Pointer, inline, pointer

SCRATCH = 8
"""How many rows [size] of working memory a part of the samples needs."""


@inline
def _pad_sum(row: Pointer, a: Pointer, b: Pointer, memory: Pointer, n: int, size: int) -> None:
    """row[:n] = a[:n] + b[:n], and zeros."""
    pad_row(row, a, n, size)
    pad_row(memory, b, n, size)
    for j in range(0, size, LANES):
        store(row + j, load(row + j) + load(memory + j))


def build_way_back(_: str, cell: str, dtype_name: str) -> Callable:
    """The kernel for one cell, as plain Python for `numba.njit`.

    Its arguments are sizes and addresses, of contiguous arrays (address 0: the cell has no use for it).

    sums [T, B, ENTERED, N] become their own gradients. Before, they are: of a GRU what activity adds,
    products and biases; of an LSTM the opened gates and the cells' input; of a tanh RNN anything. given
    [T, B, ENTERED, N], what the input of a GRU adds, becomes the gradient of that. h0 [B, N] and h [T, B, N]
    are the activity, c0 and c the cells. grad_h [T, B, N] is the gradient of the activity, and d_h [B, size]
    is memory for it; d_c [B, size] that of the last cells, and becomes that of the first. w [ENTERED N,
    size], padded with zeros, leads from the sums to the activity before. grad_h0 [B, N] receives the gradient
    of the activity before the first step. scratch [SCRATCH, size] is working memory.
    """
    parts, gru, lstm = ENTERED[cell], cell == "gru", cell == "lstm"
    dtype = SCALAR_TYPES[dtype_name]

    def way_back(
        T: int, B: int, N: int, size: int, first: int, last: int,
        sums_at: int, given_at: int, h0_at: int, h_at: int, c0_at: int, c_at: int,
        grad_h_at: int, d_h_at: int, d_c_at: int, w_at: int, grad_h0_at: int, scratch_at: int,
    ) -> None:  # fmt: skip
        """Samples first .. last."""
        sums, given = pointer(sums_at, dtype), pointer(given_at, dtype)
        h0, h = pointer(h0_at, dtype), pointer(h_at, dtype)
        c0, c = pointer(c0_at, dtype), pointer(c_at, dtype)
        grad_h, d_h, d_c = pointer(grad_h_at, dtype), pointer(d_h_at, dtype), pointer(d_c_at, dtype)
        w, grad_h0, memory = pointer(w_at, dtype), pointer(grad_h0_at, dtype), pointer(scratch_at, dtype)
        before, after, dz, dr = memory, memory + size, memory + 2 * size, memory + 3 * size
        r, z, n, x = memory + 4 * size, memory + 5 * size, memory + 6 * size, memory + 7 * size
        mode = flush_denormals()
        zero_row(d_h + first * size, (last - first) * size)
        for back in range(T):
            t = T - 1 - back
            for s in range(first, last):
                at = t * B + s
                own, d = sums + at * parts * N, d_h + s * size
                pad_row(after, grad_h + at * N, N, size)
                for j in range(0, size, LANES):
                    store(d + j, load(d + j) + load(after + j))
                if gru:
                    drive = given + at * parts * N
                    pad_row(before, h0 + s * N if t == 0 else h + (at - B) * N, N, size)
                    _pad_sum(r, own, drive, after, N, size)
                    _pad_sum(z, own + N, drive + N, after, N, size)
                    pad_row(x, own + 2 * N, N, size)
                    pad_row(n, drive + 2 * N, N, size)
                    sigmoid_row(r, size)
                    sigmoid_row(z, size)
                    candidate_row(n, r, x, size)
                    gru_gradients(size, d, n, z, r, x, before, dz, dr)
                    for target in (own, drive):
                        unpad_row(target, dr, N)
                        unpad_row(target + N, dz, N)
                    unpad_row(own + 2 * N, d, N)
                    unpad_row(drive + 2 * N, n, N)
                    for j in range(0, size, LANES):
                        store(d + j, load(z + j))
                elif lstm:
                    pad_row(before, c0 + s * N if t == 0 else c + (at - B) * N, N, size)
                    pad_row(after, c + at * N, N, size)
                    for part, row in enumerate((r, z, n, x)):
                        pad_row(row, own + part * N, N, size)
                    lstm_gradients(size, d, d_c + s * size, r, z, x, n, after, before)
                    for part, row in enumerate((r, z, n, x)):
                        unpad_row(own + part * N, row, N)
                    zero_row(d, size)
                else:
                    pad_row(after, h + at * N, N, size)
                    for j in range(0, size, LANES):
                        y = load(after + j)
                        store(after + j, load(d + j) * (fill(y, 1.0) - y * y))
                    unpad_row(own, after, N)
                    zero_row(d, size)
            add_product(
                first, last, parts * N, size, sums + t * B * parts * N, parts * N, w, size, d_h, size
            )  # fmt: skip
        for s in range(first, last):
            unpad_row(grad_h0 + s * N, d_h + s * size, N)
        restore_denormals(mode)

    return way_back


def build_cells(_: str, cell: str, dtype_name: str) -> Callable:
    """The kernel that makes the cells of an LSTM again, as plain Python for `numba.njit`.

    Its arguments are sizes and addresses, of contiguous arrays. sums [T, B, 4, N] become the opened gates and
    the cells' input; c0 [B, N] are the cells before the first step, c [T, B, N] receives those after each.
    scratch [SCRATCH, size] is working memory.
    """
    dtype = SCALAR_TYPES[dtype_name]

    def cells(
        T: int, B: int, N: int, size: int, first: int, last: int,
        sums_at: int, c0_at: int, c_at: int, scratch_at: int,
    ) -> None:  # fmt: skip
        """Samples first .. last."""
        sums, c0, c = pointer(sums_at, dtype), pointer(c0_at, dtype), pointer(c_at, dtype)
        memory = pointer(scratch_at, dtype)
        i, f, g, o = memory, memory + size, memory + 2 * size, memory + 3 * size
        cell = memory + 4 * size
        mode = flush_denormals()
        for s in range(first, last):
            pad_row(cell, c0 + s * N, N, size)
            for t in range(T):
                at = t * B + s
                own = sums + at * 4 * N
                for part, row in enumerate((i, f, g, o)):
                    pad_row(row, own + part * N, N, size)
                for gate in (i, f, o):
                    sigmoid_row(gate, size)
                tanh_row(g, size)
                for part, row in enumerate((i, f, g, o)):
                    unpad_row(own + part * N, row, N)
                for j in range(0, size, LANES):
                    store(cell + j, fma(load(f + j), load(cell + j), load(i + j) * load(g + j)))
                unpad_row(c + at * N, cell, N)
        restore_denormals(mode)

    return cells

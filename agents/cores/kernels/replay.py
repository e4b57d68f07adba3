"""Recomputing the traces that the backward pass needs: nothing of them is kept from the forward pass."""

from .modulation import open_gates
from .rules import MODULATED, RETROACTIVE, advance_both, bounded, coefficients, is_gated, pad_row, zero_row
from .simd import add_columns, every_row, fill, fma, load, load_tile, row_numbers, store
from .vector import LANES, ROWS, Pointer, Vec, inline


@inline
def fill_tables(
    rule: int, B: int, N: int, size: int, begin: int, steps: int, sample: int, group: int,
    h0: Pointer, h: Pointer, starts: Pointer, rates: Pointer, eta: Pointer,
    reset: Pointer, pre: Pointer, post: Pointer, c: Pointer, e: Pointer, gate: Pointer,
) -> None:  # fmt: skip
    """One sample's rows for the steps from `begin`: table[k * group * size]. `pre` has also a row k = -1."""
    for k in range(-1, steps):
        t, row = begin + k, k * group * size
        start = t < 0 or starts[t * B + sample] != 0
        if start:
            zero_row(pre + row, size)
        elif t == 0:
            pad_row(pre + row, h0 + sample * N, N, size)
        else:
            pad_row(pre + row, h + ((t - 1) * B + sample) * N, N, size)
        if k >= 0:
            reset[k * group] = 1 if start else 0
            pad_row(post + row, h + (t * B + sample) * N, N, size)
            if is_gated(rule):
                open_gates(size, post + row, rates, gate + row)
            rate = gate + row if rule == MODULATED else eta
            coefficients(rule, post + row, rate, c + row, e + row, size)


@inline
def carry_rows(
    rule: int, steps: int, size: int, group: int, start: Pointer, target: Pointer, trace: int, bound: float,
    reset: Pointer, pre: Pointer, c: Pointer, e: Pointer, gate: Pointer,
) -> None:  # fmt: skip
    """Carry the matrices in ROWS rows from `start` through some steps to `target`.

    trace: how far behind hebb a trace lies.
    bound: where hebb at `start` is to be held.
    """
    for j in range(0, size, LANES):
        at = j * ROWS
        a = load_tile(start + at)
        b = load_tile(start + (trace + at)) if rule == RETROACTIVE else a
        for k in range(steps):
            row = k * group * size
            if reset[k * group] != 0:
                a = b = fill(a, 0.0)
            a = bounded(rule, a, fill(a, bound if k == 0 else 1.0))
            a, b = _advance(rule, a, b, j, pre + row, c + row, e + row, gate + row)
        store(target + at, a)
        if rule == RETROACTIVE:
            store(target + (trace + at), b)


@inline
def replay_rows(
    rule: int, gru: bool, steps: int, size: int, group: int, stride: int, start: Pointer, history: Pointer,
    trace: int, bound: float, reset: Pointer, pre: Pointer, c: Pointer, e: Pointer, gate: Pointer,
    w: Pointer, alpha: Pointer, sums: Pointer,
) -> None:  # fmt: skip
    """As `carry_rows`, but write the matrices before step k to history[k * stride].

    For a GRU, also add what comes in by these rows, pre[i] * (w + alpha * hebb), to each step's row `sums`.
    """
    for j in range(0, size, LANES):
        at = j * ROWS
        a = load_tile(start + at)
        b = load_tile(start + (trace + at)) if rule == RETROACTIVE else a
        wk, al = load_tile(w + at), load_tile(alpha + at)
        for k in range(steps):
            row = k * group * size
            if reset[k * group] != 0:
                a = b = fill(a, 0.0)
            store(history + (k * stride + at), a)
            if rule == RETROACTIVE:
                store(history + (k * stride + trace + at), b)
            a = bounded(rule, a, fill(a, bound if k == 0 else 1.0))
            if gru:
                total = load(sums + (row + j))
                store(sums + (row + j), add_columns(total, row_numbers(pre + row), fma(al, a, wk)))
            a, b = _advance(rule, a, b, j, pre + row, c + row, e + row, gate + row)


@inline
def _advance(
    rule: int, a: Vec, b: Vec, j: int, pre: Pointer, c: Pointer, e: Pointer, gate: Pointer
) -> tuple[Vec, Vec]:
    cj, ej, gj = every_row(load(c + j)), every_row(load(e + j)), every_row(load(gate + j))
    return advance_both(rule, a, b, cj, ej, gj, row_numbers(pre))

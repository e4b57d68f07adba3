"""The fused forward pass: in one walk over a matrix, a step updates the traces and multiplies by them.

The update that step t asks for is made on the way through step t + 1: traces cross the cache once a step.

How far from the floor: at N = 100 a matrix is 700 vectors of 16. Each takes 3 or 4 multiplications or fused
ones and, in groups of four samples, moves 2.5 cache lines between the L1 and the L2 cache. Per step and
sample, 3 are 0.6 us at 3.7 GHz with units for one vector in a cycle (Zen 4). Measured there: 1.0 us.
"""

import math
from collections.abc import Callable

from numba import int64, uint8

from .cells import PARTS, add_products, clamp_row, gru_row
from .denormals import flush_denormals, restore_denormals
from .imposed import pass_forwards, passes_imposed
from .inputs import add_input
from .modulation import open_gates
from .rules import (
    ALL_RULES,
    MATRICES,
    MODULATED,
    RATES,
    RETROACTIVE,
    SCALAR_TYPES,
    advance_both,
    bounded,
    coefficients,
    into_tiles,
    is_gated,
    out_of_tiles,
    pad_row,
    spacing,
    unpad_row,
    zero_row,
)
from .simd import add_columns, every_row, fill, fma, load, load_tile, row_numbers, store
from .tanh import tanh_row
from .vector import LANES, ROWS, Pointer, Vec, inline, pointer


@inline
def _walk_tile(
    rule: int, hebb: Pointer, trace: Pointer, w: Vec, alpha: Vec, z: Pointer, c: Pointer, e: Pointer,
    gate: Pointer, earlier: Vec, now: Vec, limit: Vec,
) -> None:  # fmt: skip
    """Update a tile of hebb (and trace) by `earlier`, then z += now * (w + alpha * hebb)."""
    a = load_tile(hebb)
    b = load_tile(trace) if rule == RETROACTIVE else a
    a, b = advance_both(
        rule, a, b, every_row(load(c)), every_row(load(e)), every_row(load(gate)), earlier
    )  # fmt: skip
    if rule == RETROACTIVE:
        store(trace, b)
    a = bounded(rule, a, limit)
    store(hebb, a)
    store(z, add_columns(load(z), now, fma(alpha, a, w)))


@inline
def walk_rows(
    rule: int, size: int, count: int, state: int, hebb: Pointer, trace: int, w: Pointer, alpha: Pointer,
    z: Pointer, c: Pointer, e: Pointer, gate: Pointer, before: Pointer, pre: Pointer, bound: float,
) -> None:  # fmt: skip
    """In ROWS rows: update hebb (and trace) with before[i], then z += pre[i] * (w + alpha * hebb).

    That for `count` samples, whose matrices lie `state` apart and whose rows lie `size` apart; a trace lies
    `trace` behind hebb. Two samples at a time, they share what is loaded of w and alpha.
    """
    limit = fill(load_tile(w), bound)
    for s in range(0, count - 1, 2):
        o, a0 = s * size, hebb + s * state
        p, a1 = o + size, a0 + state
        earlier0, now0 = row_numbers(before + o), row_numbers(pre + o)
        earlier1, now1 = row_numbers(before + p), row_numbers(pre + p)
        for j in range(0, size, LANES):
            k = j * ROWS
            wk, al = load_tile(w + k), load_tile(alpha + k)
            x, y = o + j, p + j
            _walk_tile(
                rule, a0 + k, a0 + (trace + k), wk, al, z + x, c + x, e + x, gate + x, earlier0, now0, limit
            )  # fmt: skip
            _walk_tile(
                rule, a1 + k, a1 + (trace + k), wk, al, z + y, c + y, e + y, gate + y, earlier1, now1, limit
            )  # fmt: skip
    if count % 2 == 1:
        o, a0 = (count - 1) * size, hebb + (count - 1) * state
        earlier, now = row_numbers(before + o), row_numbers(pre + o)
        for j in range(0, size, LANES):
            k, x = j * ROWS, o + j
            wk, al = load_tile(w + k), load_tile(alpha + k)
            _walk_tile(
                rule, a0 + k, a0 + (trace + k), wk, al, z + x, c + x, e + x, gate + x, earlier, now, limit
            )  # fmt: skip


def build_forward(rule_name: str, cell: str, dtype_name: str) -> Callable:
    """The kernel for one rule and cell, as plain Python for `numba.njit`.

    Its arguments are sizes and addresses. w and alpha [rows, size] are tiled, and so are a GRU's w_gates
    [2, rows, size]; rates [.., size], the rows named in `RATES`, and w_in [F + 1, parts, size] are padded
    with zeros. Contiguous are x [T, B, F], or what reaches the neurons [T, B, parts, N], if the address of
    w_in is 0, h [T, B, N], h0 [B, N], state0 and state_end [.., B, N, N], the matrices named in
    `MATRICES`, starts [T, B], and clamp [T, B, N] of the cell "clamped"; edges and imposed are of
    `cut_time`. For `scratch` see `forward_numbers`.
    """
    rule = ALL_RULES.index(rule_name)
    matrices, eta_row = len(MATRICES[rule_name]), len(RATES[rule_name]) - 1
    parts, gru, clamped = PARTS[cell], cell == "gru", cell == "clamped"
    passes = passes_imposed(rule_name, cell)
    dtype = SCALAR_TYPES[dtype_name]

    def forward(
        T: int, B: int, F: int, N: int, rows: int, size: int, first: int, last: int, group: int,
        segments: int, edges_at: int, imposed_at: int,
        x_at: int, w_in_at: int, w_at: int, alpha_at: int, rates_at: int, w_gates_at: int,
        h0_at: int, state0_at: int, starts_at: int, clamp_at: int,
        h_at: int, state_end_at: int, scratch_at: int,
    ) -> None:  # fmt: skip
        """Samples first .. last, a group at a time: they share the rows of w and alpha in the L1 cache."""
        x, w_in, given = pointer(x_at, dtype), pointer(w_in_at, dtype), w_in_at == 0
        w, alpha = pointer(w_at, dtype), pointer(alpha_at, dtype)
        rates, h0, state0 = pointer(rates_at, dtype), pointer(h0_at, dtype), pointer(state0_at, dtype)
        h, state_end, starts = pointer(h_at, dtype), pointer(state_end_at, dtype), pointer(starts_at, uint8)
        clamp, eta = pointer(clamp_at, dtype), rates + eta_row * size
        edges, imposed = pointer(edges_at, int64), pointer(imposed_at, uint8)
        apart, table = spacing(rows, size), group * size
        state = matrices * apart  # the size of one sample's
        hebb = pointer(scratch_at, dtype)  # [group, matrices, rows, size]
        before = hebb + group * state  # h two steps ago, [group, size] like the rest
        pre, z, c, e = before + table, before + 2 * table, before + 3 * table, before + 4 * table
        gate = before + 5 * table
        own, keep, ask = before + 6 * table, before + 7 * table, before + 8 * table
        tables = before + 9 * table  # what `pass_forwards` needs
        w_keep, w_ask = pointer(w_gates_at, dtype), pointer(w_gates_at, dtype) + rows * size
        mode = flush_denormals()

        for sample in range(first, last, group):
            count = min(group, last - sample)
            for s in range(count):
                for k in range(matrices):
                    source = state0 + (k * B + sample + s) * N * N
                    into_tiles(hebb + (s * state + k * apart), source, N, rows, size)
                pad_row(pre + s * size, h0 + (sample + s) * N, N, size)
                for row in (before, e, gate):  # no update before the first step: c = 1, e = 0, gate = 0
                    zero_row(row + s * size, size)
                for j in range(0, size, LANES):
                    store(c + (s * size + j), fill(load(z), 1.0))
            for number in range(segments + 1):  # the last is the step T, in which an update is left to do
                begin, end = (edges[number], edges[number + 1]) if number < segments else (T, T + 1)
                if passes and number < segments and imposed[number] != 0:
                    fresh = number == 0 or imposed[number - 1] != 0
                    for s in range(count):
                        o = s * size
                        pass_forwards(
                            rule, B, N, rows, size, begin, end, fresh, sample + s, hebb + s * state, clamp,
                            h0, h, starts, rates, eta, pre + o, tables,
                        )  # fmt: skip
                        for row in (before, e, gate):  # no update is left
                            zero_row(row + o, size)
                        for j in range(0, size, LANES):
                            store(c + (o + j), fill(load(z), 1.0))
                    continue
                for t in range(begin, end):
                    bound = math.inf if t == 0 else 1.0
                    for row in (z, own, keep, ask) if gru else (z,):
                        zero_row(row, count * size)
                    if t < T:
                        for part, row in enumerate((own, keep, ask) if gru else (z,)):
                            at = x + (t * B + sample) * F
                            add_input(count, N, size, parts, part, F, at, w_in, given, row)
                    for s in range(count):
                        if t == T:  # nothing but the last update is left to do
                            zero_row(pre + s * size, size)
                        elif starts[t * B + sample + s] != 0:
                            zero_row(hebb + s * state, state)
                            for row in (before, pre, c, e, gate):
                                zero_row(row + s * size, size)
                    for i in range(0, rows, ROWS):
                        walk_rows(
                            rule, size, count, state, hebb + i * size, apart, w + i * size, alpha + i * size,
                            z, c, e, gate, before + i, pre + i, bound,
                        )  # fmt: skip
                        if gru:
                            add_products(size, count, w_keep + i * size, pre + i, keep)
                            add_products(size, count, w_ask + i * size, pre + i, ask)
                    if t == T:
                        break
                    for s in range(count):
                        o = s * size
                        if gru:
                            gru_row(size, z + o, own + o, keep + o, ask + o, pre + o)
                        else:
                            tanh_row(z + o, size)
                        if clamped:
                            clamp_row(z + o, clamp + (t * B + sample + s) * N, N)
                        unpad_row(h + (t * B + sample + s) * N, z + o, N)
                        if is_gated(rule):
                            open_gates(size, z + o, rates, gate + o)
                        coefficients(rule, z + o, gate + o if rule == MODULATED else eta, c + o, e + o, size)
                    before, pre, z = pre, z, before
            for s in range(count):
                for k in range(matrices):
                    target = state_end + (k * B + sample + s) * N * N
                    out_of_tiles(target, hebb + (s * state + k * apart), N, size)
        restore_denormals(mode)

    return forward


def forward_numbers(matrices: int, rows: int, size: int, group: int, longest: int) -> int:
    """How many numbers of working memory the kernel needs, for stretches of at most `longest` steps."""
    tables = (5 * (longest + 2) + 1) * size + longest + 1
    return group * (matrices * spacing(rows, size) + 9 * size) + tables

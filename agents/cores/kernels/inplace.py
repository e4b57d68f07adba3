"""A rollout's steps: each walk over the matrices is done ahead, while the environment is at its own step.

What activity adds to the next sums, and the update of the matrices, do not depend on the next input. So a
step only adds the input to sums that are ready, and releases the walk that makes those of the step after.
Helping threads, if there are any, take it up at once; what is left of it when the next step is asked for, the
asking thread does. Every sample's numbers are the same whoever computes them.

What one processor wrote last, another reads slowly, the more so if they share no cache. So whoever walks also
makes the rows for it; of a step only the activity, and the sums in return, pass from thread to thread.

The matrices stay in tiles from the first step of a rollout to its last. At N = 100 a walk takes 0.9 us a
sample, most of it arithmetic (see `forward`), although the traces of 32 samples come from the L3 cache.
"""

import math
from collections.abc import Callable

from numba import int64, uint8

from .cells import PARTS, add_products, gru_row
from .denormals import flush_denormals, restore_denormals
from .forward import walk_rows
from .inputs import add_input
from .modulation import open_gates
from .rules import (
    ALL_RULES,
    MATRICES,
    MODULATED,
    RATES,
    SCALAR_TYPES,
    coefficients,
    into_tiles,
    is_gated,
    out_of_tiles,
    pad_row,
    spacing,
    unpad_row,
    zero_row,
)
from .simd import fill, load, store
from .tanh import tanh_row
from .turns import all_done, close, finish, give_way, is_closed, release, take
from .vector import LANES, ROWS, pointer

BEGIN, STEP, END, WAIT, HELP = range(5)
"""What the kernel can be asked for: take over a state, go one step, give the state back (and let helpers go),
only wait until nothing is left to do, or help with what is released until there is nothing for long."""

PATIENCE = 4000
"""How often a helper gives way to others and finds nothing to do before it leaves: some milliseconds."""


def build_inplace(rule_name: str, cell: str, dtype_name: str) -> Callable:
    """The kernel for one rule and cell, as plain Python for `numba.njit`.

    Its arguments are a task, sizes and addresses. x [B, F], h [B, N], state [.., B, N, N], the matrices named
    in `MATRICES`, and starts [B] (address 0: none) are contiguous. `weights` are w and alpha [rows, size] in
    tiles, then the rows named in `RATES` and w_in [F + 1, parts, size] of `inputs`, padded with zeros, and a
    GRU's w_gates [2, rows, size] in tiles. `memory` is the kernel's own, kept from call to call; see
    `inplace_numbers`. `turns` are counters, and `give_way_at` a function, see `turns`.
    """
    rule = ALL_RULES.index(rule_name)
    matrices, rate_rows = len(MATRICES[rule_name]), len(RATES[rule_name])
    parts, gru = PARTS[cell], cell == "gru"
    dtype = SCALAR_TYPES[dtype_name]

    def inplace(
        task: int, B: int, F: int, N: int, rows: int, size: int, group: int,
        x_at: int, starts_at: int, h_at: int, state_at: int,
        weights_at: int, memory_at: int, turns_at: int, give_way_at: int,
    ) -> None:  # fmt: skip
        """BEGIN reads h and state; STEP reads x and starts, and writes h; END writes h and state."""
        x, starts = pointer(x_at, dtype), pointer(starts_at, uint8)
        h, plain = pointer(h_at, dtype), pointer(state_at, dtype)
        turns = pointer(turns_at, int64)
        matrix, apart, table = rows * size, spacing(rows, size), B * size
        state = matrices * apart  # the size of one sample's
        w = pointer(weights_at, dtype)
        alpha, rates = w + matrix, w + 2 * matrix
        eta, w_in = rates + (rate_rows - 1) * size, rates + rate_rows * size
        w_keep = w_in + (F + 1) * parts * size
        w_ask = w_keep + matrix
        limit = pointer(memory_at, dtype)  # where hebb is held: nowhere before the first update
        latest = limit + 1  # which half of `activity` is of the last step
        activity = limit + LANES  # [2, B, size], of the last two steps
        z, c, e = activity + 2 * table, activity + 3 * table, activity + 4 * table  # [B, size] like the rest
        gate, own = activity + 5 * table, activity + 6 * table
        keep, ask = activity + 7 * table, activity + 8 * table
        hebb = activity + 9 * table  # [B, matrices, rows, size]
        groups = -(-B // group)
        mode = flush_denormals()

        idle = 0
        while True:
            part = take(turns)
            if part >= 0:
                first = part % groups * group
                last = min(first + group, B)
                pre, before = activity + int(latest[0]) * table, activity + int(1 - latest[0]) * table
                for s in range(first, last):
                    o = s * size
                    for row in (z, keep, ask) if gru else (z,):
                        zero_row(row + o, size)
                    if is_gated(rule):
                        open_gates(size, pre + o, rates, gate + o)
                    coefficients(rule, pre + o, gate + o if rule == MODULATED else eta, c + o, e + o, size)
                    if limit[0] == math.inf:  # the first walk leaves the matrices as they are
                        for row in (e, gate):
                            zero_row(row + o, size)
                        for j in range(o, o + size, LANES):
                            store(c + j, fill(load(c + j), 1.0))
                for i in range(0, rows, ROWS):
                    o = first * size
                    walk_rows(  # samples share the rows of w and alpha in the L1 cache
                        rule, size, last - first, state, hebb + (first * state + i * size), apart,
                        w + i * size, alpha + i * size, z + o, c + o, e + o, gate + o, before + (o + i),
                        pre + (o + i), limit[0],
                    )  # fmt: skip
                    if gru:
                        add_products(size, last - first, w_keep + i * size, pre + (o + i), keep + o)
                        add_products(size, last - first, w_ask + i * size, pre + (o + i), ask + o)
                finish(turns)
                idle = 0
            elif all_done(turns) if task != HELP else is_closed(turns) or idle == PATIENCE:
                break
            else:
                give_way(give_way_at)
                idle += 1

        if task == BEGIN:
            for s in range(B):
                for k in range(matrices):
                    source = plain + (k * B + s) * N * N
                    into_tiles(hebb + (s * state + k * apart), source, N, rows, size)
                pad_row(activity + s * size, h + s * N, N, size)
                zero_row(activity + (table + s * size), size)
            limit[0], latest[0] = math.inf, 0
            release(turns, groups)
        if task == STEP:
            pre, after = activity + int(latest[0]) * table, activity + int(1 - latest[0]) * table
            for s in range(B if starts_at != 0 else 0):
                if starts[s] != 0:
                    zero_row(hebb + s * state, state)
                    for row in (pre, z, keep, ask):
                        zero_row(row + s * size, size)
            for j in range(0, table, LANES):
                store(after + j, load(z + j))
            if gru:
                zero_row(own, table)
            for part, row in enumerate((own, keep, ask) if gru else (after,)):
                add_input(B, N, size, parts, part, F, x, w_in, False, row)
            for s in range(B):
                o = s * size
                if gru:
                    gru_row(size, after + o, own + o, keep + o, ask + o, pre + o)
                else:
                    tanh_row(after + o, size)
                unpad_row(h + s * N, after + o, N)
            limit[0], latest[0] = 1.0, 1 - latest[0]
            release(turns, groups)
        if task == END:
            close(turns)
            pre = activity + int(latest[0]) * table
            for s in range(B):
                unpad_row(h + s * N, pre + s * size, N)
                for k in range(matrices):
                    out_of_tiles(plain + (k * B + s) * N * N, hebb + (s * state + k * apart), N, size)
        restore_denormals(mode)

    return inplace


def inplace_numbers(matrices: int, B: int, rows: int, size: int) -> int:
    """How many numbers of memory the kernel needs."""
    return LANES + B * (matrices * spacing(rows, size) + 9 * size)

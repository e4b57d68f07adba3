"""Stretches of time in which every neuron is clamped, passed with the matrices in registers.

In such a step nothing is summed and dz is zero, so that no part of a matrix waits for another. A tile is
carried through all steps of a stretch before the next is touched, forwards and, with G as in `backward`,
backwards:

    G_t      = c_t[j] G_{t+1}                                        and for clip 0 where A_t was cut
    deta[j] += sum_i G_{t+1}[i,j] dA_{t+1}[i,j] / deta[j]

At N = 1025 such a step takes about a sixth of the time of another.
"""

import math
from itertools import groupby

import torch
from torch import Tensor

from .replay import carry_rows, fill_tables
from .rules import RULES, advance, bounded, eta_slope, is_bounded, pad_row
from .simd import (
    add_columns,
    every_row,
    fill,
    fma,
    load,
    load_tile,
    row_numbers,
    store,
    store_row_sums,
    sum_rows,
    where_equal,
)
from .vector import LANES, ROWS, TILE, Pointer, inline

LONGEST = 24
"""Steps in a stretch; it has tables of as many rows."""

SHORTEST = 4
"""Steps in a row for which it pays, and which keep the number of stretches small."""


def passes_imposed(rule_name: str, cell: str) -> bool:
    """Whether the kernels of this rule and cell have code for such stretches."""
    return cell == "clamped" and rule_name in RULES


def cut_time(T: int, segment: int, clamp: Tensor | None) -> tuple[Tensor, Tensor]:
    """Cut 0 .. T into stretches, clamped all over or not.

    Args:
        T: Steps.
        segment: Steps in a stretch that is not clamped all over; in the others there are at most LONGEST.
        clamp: Activity that is imposed [T, B, N] or NaN; None: nothing is clamped.

    Returns:
        Where the stretches begin and the last one ends, int64 [S + 1], and which are clamped, bool [S].
    """
    clamped = [False] * T if clamp is None else (~clamp.isnan().flatten(1).any(1)).tolist()
    together: list[bool] = []
    for kind, run in groupby(clamped):
        steps = len(list(run))
        together += [kind and steps >= SHORTEST] * steps
    edges, imposed = [0], []
    for kind, run in groupby(together):
        end = edges[-1] + len(list(run))
        while edges[-1] < end:
            edges.append(min(edges[-1] + (LONGEST if kind else segment), end))
            imposed.append(kind)
    return torch.tensor(edges), torch.tensor(imposed)


@inline
def pass_forwards(
    rule: int, B: int, N: int, rows: int, size: int, begin: int, end: int, fresh: bool, sample: int,
    hebb: Pointer, clamp: Pointer, h0: Pointer, h: Pointer, starts: Pointer, rates: Pointer, eta: Pointer,
    last: Pointer, tables: Pointer,
) -> None:  # fmt: skip
    """Carry one sample through a stretch: h and, with all its updates, `hebb`; `last` is its last activity.

    fresh: no update is left from the step before. Of `tables` [.., size] see `forward_numbers`.
    """
    for at in range((begin * B + sample) * N, (end * B + sample) * N, B * N):
        for n in range(N):
            h[at + n] = clamp[at + n]
    first = begin if fresh else begin - 1
    steps = end - first
    table = (steps + 1) * size
    pre = tables + size  # after one row for the step before
    post, c, e, gate = pre + table, pre + 2 * table, pre + 3 * table, pre + 4 * table
    reset = pre + 5 * table
    fill_tables(
        rule, B, N, size, first, steps, sample, 1, h0, h, starts, rates, eta, reset, pre, post, c, e, gate
    )
    bound = math.inf if first == 0 else 1.0
    for i in range(0, rows, ROWS):
        at = i * size
        carry_rows(rule, steps, size, 1, hebb + at, hebb + at, 0, bound, reset, pre + i, c, e, gate)
    pad_row(last, post + (steps - 1) * size, size, size)


@inline
def walk_backwards(
    rule: int, steps: int, size: int, group: int, hebb: Pointer, tiles: Pointer, grad: Pointer,
    at_end: bool, bound: float, reset: Pointer, pre: Pointer, before: Pointer, post: Pointer, c: Pointer,
    e: Pointer, p: Pointer, q: Pointer, deta: Pointer,
) -> None:  # fmt: skip
    """In ROWS rows: turn G after a stretch in `grad` into that before it, write p, add to q and deta.

    p and q are those of the step before the stretch, whose activity is `before`.
    tiles: Room for a tile of hebb at each step.
    at_end: `grad` is the gradient of the state returned, without the effect of the last clip.
    """
    sums = fill(load_tile(grad), 0.0)
    for j in range(0, size, LANES):
        a = load_tile(hebb + j * ROWS)
        zero = fill(a, 0.0)
        for k in range(steps):
            row = k * group * size
            if reset[k * group] != 0:
                a = zero
            store(tiles + k * TILE, a)
            a = bounded(rule, a, fill(a, bound if k == 0 else 1.0))
            cj, ej = every_row(load(c + (row + j))), every_row(load(e + (row + j)))
            a = advance(rule, a, cj, ej, row_numbers(pre + row))
        g, total = load_tile(grad + j * ROWS), zero
        if is_bounded(rule) and at_end:
            g = where_equal(bounded(rule, a, fill(a, 1.0)), a, g)
        for k in range(steps - 1, -1, -1):
            row = k * group * size
            free, limit = load_tile(tiles + k * TILE), fill(a, bound if k == 0 else 1.0)
            a = bounded(rule, free, limit)
            total = fma(
                g, eta_slope(rule, a, row_numbers(pre + row), every_row(load(post + (row + j)))), total
            )
            if k == 0:
                sums = fma(g, every_row(load(e + j)), sums)
            g = where_equal(a, free, g) if is_bounded(rule) else every_row(load(c + (row + j))) * g
            if reset[k * group] != 0:  # nothing flows back beyond an episode's start
                g = zero
        store(grad + j * ROWS, g)
        store(deta + j, load(deta + j) + sum_rows(total))
        store(q + j, add_columns(load(q + j), g, row_numbers(before)))
    store_row_sums(p, sums)

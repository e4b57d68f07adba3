"""What the backward pass does to one step or stretch, in ROWS rows of a matrix; symbols as in `backward`."""

from .modulation import gates_backward
from .rules import (
    DECAY,
    MODULATED,
    OJA,
    RETROACTIVE,
    advance_both,
    bounded,
    is_bounded,
    is_gated,
)
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
    where_equal,
)
from .vector import LANES, ROWS, Pointer, Vec, inline


@inline
def neuron_gradients(
    rule: int, gru: bool, size: int, post: Pointer, rates: Pointer, rate: Pointer, dz: Pointer, p: Pointer,
    q: Pointer, r: Pointer, drates: Pointer, deta: Pointer,
) -> None:  # fmt: skip
    """Turn `dz`, the gradient from outside, into that of tanh's argument (gru: of h); clear q and r."""
    if is_gated(rule):
        gates_backward(rule, size, post, rates, q, r, dz, drates)
    for j in range(0, size, LANES):
        h, qj = load(post + j), load(q + j)
        zero = fill(h, 0.0)
        d = fma(load(rate + j), qj, load(dz + j) + load(p + j))
        change = qj * h
        store(q + j, zero)
        if rule == OJA:
            rh = load(r + j) * h
            d = fma(fill(h, -2.0) * load(rate + j), rh, d)
            change = change - rh * h
        if rule in (OJA, RETROACTIVE):
            store(r + j, zero)
        if rule != MODULATED:
            store(deta + j, load(deta + j) + change)
        store(dz + j, d if gru else d - d * h * h)


@inline
def walk_rows_back(
    rule: int, size: int, hebb: Pointer, earlier: Pointer, trace: int, grad: Pointer, w: Pointer,
    alpha: Pointer, dalpha: Pointer, dz: Pointer, c: Pointer, e: Pointer, gate: Pointer, pre: Pointer,
    before: Pointer, p: Pointer, q: Pointer, r: Pointer, u: Pointer, bound: float, back: Vec,
) -> None:  # fmt: skip
    """In ROWS rows: turn G_{t+1} in `grad` into G_t, write p, add to dalpha, q, r and u.

    p[i] is the sum of what flows back here and of row i of the tile `back`, what comes by other ways.
    q and r are those of step t - 1, r made of the `earlier` matrix (hebb for oja, the trace for retroactive).
    u is what deta of step t lacks. A trace and its gradient lie `trace` behind hebb and `grad`.
    """
    now, then = row_numbers(pre), row_numbers(before)
    limit = fill(now, bound)
    for j in range(0, size, LANES):
        k = j * ROWS
        d, free, g = every_row(load(dz + j)), load_tile(hebb + k), load_tile(grad + k)
        a, al = bounded(rule, free, limit), load_tile(alpha + k)
        # What gathers the products of activity, and its gradient: the trace, or hebb itself.
        gathered = load_tile(hebb + (trace + k)) if rule == RETROACTIVE else a
        dg = load_tile(grad + (trace + k)) if rule == RETROACTIVE else g
        back = fma(d, fma(al, a, load_tile(w + k)), back)
        back = fma(dg, every_row(load(e + j)), back)
        if rule in (DECAY, RETROACTIVE):
            store(u + j, add_columns(load(u + j), dg, gathered))
        d = d * now
        store(dalpha + k, fma(d, a, load_tile(dalpha + k)))
        if rule == RETROACTIVE:
            dg = fma(every_row(load(gate + j)), g, every_row(load(c + j)) * dg)
            store(grad + (trace + k), dg)
        if is_bounded(rule):
            g = where_equal(a, free, fma(d, al, g))
        else:
            g = fma(d, al, every_row(load(c + j)) * g)
        store(grad + k, g)
        store(q + j, add_columns(load(q + j), dg if rule == RETROACTIVE else g, then))
        if rule in (OJA, RETROACTIVE):
            store(r + j, add_columns(load(r + j), g, load_tile(earlier + k)))
    store_row_sums(p, back)


@inline
def add_outer_products(
    steps: int, size: int, pre_table: int, table: int, pre: Pointer, dz: Pointer, dw: Pointer
) -> None:
    """In ROWS rows: dw += the sum over steps of pre (x) dz, whose rows are so far apart."""
    for j in range(0, size, LANES):
        total = load_tile(dw + j * ROWS)
        for k in range(steps):
            total = fma(row_numbers(pre + k * pre_table), every_row(load(dz + (k * table + j))), total)
        store(dw + j * ROWS, total)


@inline
def sum_rows_anew(
    rule: int, last: bool, size: int, hebb: Pointer, trace: int, grad: Pointer, e: Pointer, gate: Pointer,
    pre: Pointer, q: Pointer, r: Pointer, bound: float,
) -> None:  # fmt: skip
    """Add to q and r what `walk_rows_back` of the step after would have, in ROWS rows.

    last: there is none; `grad` is the gradient of the state returned, without the effect of the last clip.
    The update is needed only for hebb where it is cut, in which c has no part.
    """
    now = row_numbers(pre)
    for j in range(0, size, LANES):
        k = j * ROWS
        g, a = load_tile(grad + k), load_tile(hebb + k)
        gathered = load_tile(hebb + (trace + k)) if rule == RETROACTIVE else a
        if is_bounded(rule) and last:
            ej, gj = every_row(load(e + j)), every_row(load(gate + j))
            after, _ = advance_both(rule, bounded(rule, a, fill(a, bound)), gathered, ej, ej, gj, now)
            g = where_equal(bounded(rule, after, fill(g, 1.0)), after, g)
            store(grad + k, g)
        if last:
            dg = load_tile(grad + (trace + k)) if rule == RETROACTIVE else g
            store(q + j, add_columns(load(q + j), dg, now))
        if rule in (OJA, RETROACTIVE):
            store(r + j, add_columns(load(r + j), g, gathered))

"""The fused backward pass: history recomputed in cache, then one walk over a matrix per step.

With A the traces, G_t = dL/dA_t, and the update A_{t+1} = bound(c A_t + pre e) of `rules`:

    dh_t[j]     += eta[j] q_t[j]  and for oja  -2 eta[j] h_t[j] r_t[j]
    dz_t         = dh_t (1 - h_t^2)
    dh_{t-1}[i] += p[i] = sum_j dz_t[j] (w + alpha A_t)[i,j] + e_t[j] G_{t+1}[i,j]
    dalpha      += pre_t[i] dz_t[j] A_t[i,j]
    dw          += pre_t[i] dz_t[j]                                  all steps of a segment at once
    G_t          = c_t[j] G_{t+1} + pre_t[i] dz_t[j] alpha[i,j]      and for clip 0 where A_t was cut
    q_t[j]       = sum_i G_{t+1}[i,j] pre_t[i]
    r_t[j]       = sum_i G_{t+1}[i,j] A_t[i,j]

The walk that makes G_t also sums q_{t-1}. Before it, traces are carried forwards once, keeping the matrix
at the start of each segment; each segment is then replayed from there, the last first. Both carry a tile
through all steps of a segment while it is in registers. What is kept are traces not yet bounded, which tell
where clip cuts.

How far from the floor: at N = 100 a matrix is 700 vectors of 16. The walk does 9 multiply-adds to each, the
two carries 2 each, dw 1: 14, so 4900 cycles of a core with two 512-bit units, 1.2 us at 4 GHz. Measured: 2.4.
"""

import math
from collections.abc import Callable

from numba import uint8

from .denormals import flush_denormals, restore_denormals
from .replay import carry_rows, fill_tables
from .rules import (
    CLIP,
    DECAY,
    OJA,
    RULES,
    SCALAR_TYPES,
    advance,
    bounded,
    into_tiles,
    out_of_tiles,
    pad_row,
    unpad_row,
    zero_row,
)
from .simd import (
    every_row,
    fill,
    fma,
    load,
    load_tile,
    row_numbers,
    store,
    store_row_sums,
    sum_rows,
    zero_outside,
)
from .vector import LANES, ROWS, Pointer, inline, pointer


@inline
def _neurons(
    rule: int,
    size: int,
    dz: Pointer,
    post: Pointer,
    eta: Pointer,
    p: Pointer,
    q: Pointer,
    r: Pointer,
    deta: Pointer,
) -> None:
    """Turn `dz`, which holds the gradient from outside, into that of tanh's argument; clear the sums used."""
    for j in range(0, size, LANES):
        h, rate, qj = load(post + j), load(eta + j), load(q + j)
        zero = fill(h, 0.0)
        d = fma(rate, qj, load(dz + j) + load(p + j))
        change = qj * h
        store(q + j, zero)
        if rule == OJA:
            rh = load(r + j) * h
            d = fma(fill(h, -2.0) * rate, rh, d)
            change = change - rh * h
            store(r + j, zero)
        store(deta + j, load(deta + j) + change)
        store(dz + j, d - d * h * h)


@inline
def _walk_rows(
    rule: int, size: int, hebb: Pointer, earlier: Pointer, grad: Pointer, w: Pointer, alpha: Pointer,
    dalpha: Pointer, dz: Pointer, c: Pointer, e: Pointer, pre: Pointer, before: Pointer,
    p: Pointer, q: Pointer, r: Pointer, bound: float,
) -> None:  # fmt: skip
    """In ROWS rows: turn G_{t+1} in `grad` into G_t, write p, add to dalpha, q and r.

    r is that of step t for decay, and for oja that of step t - 1, made of the `earlier` traces.
    """
    now, then = row_numbers(pre), row_numbers(before)
    limit = fill(now, bound)
    sums = fill(now, 0.0)
    for j in range(0, size, LANES):
        k = j * ROWS
        d, free, g = every_row(load(dz + j)), load_tile(hebb + k), load_tile(grad + k)
        a, al = bounded(rule, free, limit), load_tile(alpha + k)
        sums = fma(d, fma(al, a, load_tile(w + k)), sums)
        sums = fma(g, every_row(load(e + j)), sums)
        if rule == DECAY:
            store(r + j, load(r + j) + sum_rows(g * a))
        d = d * now
        store(dalpha + k, fma(d, a, load_tile(dalpha + k)))
        if rule == CLIP:
            g = zero_outside(fma(d, al, g), free, limit)
        else:
            g = fma(d, al, every_row(load(c + j)) * g)
        store(grad + k, g)
        store(q + j, load(q + j) + sum_rows(g * then))
        if rule == OJA:
            store(r + j, load(r + j) + sum_rows(g * load_tile(earlier + k)))
    store_row_sums(p, sums)


@inline
def _add_outer_products(steps: int, size: int, table: int, pre: Pointer, dz: Pointer, dw: Pointer) -> None:
    """In ROWS rows: dw += the sum over steps of pre (x) dz."""
    for j in range(0, size, LANES):
        total = load_tile(dw + j * ROWS)
        for k in range(steps):
            total = fma(row_numbers(pre + k * table), every_row(load(dz + (k * table + j))), total)
        store(dw + j * ROWS, total)


@inline
def _sum_rows_anew(
    rule: int, last: bool, size: int, hebb: Pointer, grad: Pointer, e: Pointer, pre: Pointer,
    q: Pointer, r: Pointer, bound: float,
) -> None:  # fmt: skip
    """Add to q and r what `_walk_rows` of the step after would have, in ROWS rows.

    last: there is none; `grad` is the gradient of the traces returned, without the effect of the last clip.
    """
    now = row_numbers(pre)
    for j in range(0, size, LANES):
        k = j * ROWS
        g, a = load_tile(grad + k), load_tile(hebb + k)
        if rule == CLIP and last:
            ej = every_row(load(e + j))
            after = advance(rule, bounded(rule, a, fill(a, bound)), ej, ej, now)
            g = zero_outside(g, after, fill(g, 1.0))
            store(grad + k, g)
        if last:
            store(q + j, load(q + j) + sum_rows(g * now))
        if rule == OJA:
            store(r + j, load(r + j) + sum_rows(g * a))


def build_backward(rule_name: str, dtype_name: str) -> Callable:
    """The kernel for one rule, as plain Python for `numba.njit`.

    Its arguments are those of `build_forward` and grad_h [T, B, N], grad_end [B, N, N] (address 0: no
    gradient), dz [T, B, N], grad_h0 [B, N], grad_hebb0 [B, N, N] (address 0: not wanted), and the sums over
    this call's samples dw, dalpha [rows, size], tiled, and deta [size]. For `scratch` see `scratch_numbers`.
    """
    rule = RULES.index(rule_name)
    dtype = SCALAR_TYPES[dtype_name]

    def backward(
        T: int, B: int, N: int, rows: int, size: int, first: int, last: int, group: int, segment: int,
        w_at: int, alpha_at: int, eta_at: int, h0_at: int, hebb0_at: int, starts_at: int, h_at: int,
        grad_h_at: int, grad_end_at: int, dz_at: int, grad_h0_at: int, grad_hebb0_at: int,
        dw_at: int, dalpha_at: int, deta_at: int, scratch_at: int,
    ) -> None:  # fmt: skip
        """Samples first .. last, a group at a time: they share rows of the weights in the L1 cache."""
        w, alpha, eta = pointer(w_at, dtype), pointer(alpha_at, dtype), pointer(eta_at, dtype)
        h0, hebb0, h = pointer(h0_at, dtype), pointer(hebb0_at, dtype), pointer(h_at, dtype)
        starts, dz_out = pointer(starts_at, uint8), pointer(dz_at, dtype)
        grad_h, grad_end = pointer(grad_h_at, dtype), pointer(grad_end_at, dtype)
        grad_h0, grad_hebb0 = pointer(grad_h0_at, dtype), pointer(grad_hebb0_at, dtype)
        dw, dalpha, deta = pointer(dw_at, dtype), pointer(dalpha_at, dtype), pointer(deta_at, dtype)
        matrix, table = rows * size, group * size
        stride = group * matrix
        segments = (T + segment - 1) // segment
        kept = pointer(scratch_at, dtype)  # [segments, group, rows, size]: traces at the start of each
        history = kept + segments * stride  # [segment, group, rows, size]: traces at each step of one
        grad = history + segment * stride  # [group, rows, size]
        pre = grad + stride + table  # [segment, group, size], after one row for the step before the segment
        post, c, e = pre + segment * table, pre + 2 * segment * table, pre + 3 * segment * table
        dz = pre + 4 * segment * table
        p = pre + 5 * segment * table  # [group, size], as the next two
        q, r = p + table, p + 2 * table
        reset = p + 3 * table  # [segment, group]
        mode = flush_denormals()
        zero_row(dw, matrix)
        zero_row(dalpha, matrix)
        zero_row(deta, size)

        for sample in range(first, last, group):
            count = min(group, last - sample)
            for s in range(count):
                into_tiles(kept + s * matrix, hebb0 + (sample + s) * N * N, N, rows, size)
                if grad_end_at != 0:
                    into_tiles(grad + s * matrix, grad_end + (sample + s) * N * N, N, rows, size)
                else:
                    zero_row(grad + s * matrix, matrix)
                for row in (p, q, r):
                    zero_row(row + s * size, size)

            for visit in range(
                2 * segments - 1
            ):  # 0 .. segments - 2 forwards, then segments - 1 .. 0 backwards
                forwards = visit < segments - 1
                number = visit if forwards else 2 * segments - 2 - visit
                begin = number * segment
                steps = min(segment, T - begin)
                start_bound = math.inf if begin == 0 else 1.0
                checkpoint = kept + number * stride
                for s in range(count):
                    o = s * size
                    fill_tables(
                        rule, B, N, size, begin, steps, sample + s, group, h0, h, starts, eta,
                        reset + s, pre + o, post + o, c + o, e + o,
                    )  # fmt: skip
                    for i in range(0, rows, ROWS):
                        at = s * matrix + i * size
                        carry_rows(
                            rule, steps, size, group, stride, checkpoint + at,
                            (checkpoint + stride if forwards else history) + at, not forwards, start_bound,
                            reset + s, pre + (o + i), c + o, e + o,
                        )  # fmt: skip
                if forwards:
                    continue

                at_end = begin + steps == T and grad_end_at != 0
                if rule == OJA or at_end:
                    k = steps - 1
                    for s in range(count):
                        o = k * table + s * size
                        for i in range(0, rows, ROWS):
                            at = s * matrix + i * size
                            _sum_rows_anew(
                                rule, at_end, size, history + (k * stride + at), grad + at, e + o,
                                pre + (o + i), q + s * size, r + s * size, start_bound if k == 0 else 1.0,
                            )  # fmt: skip
                for k in range(steps - 1, -1, -1):
                    t = begin + k
                    for s in range(count):
                        o, row = s * size, k * table + s * size
                        if grad_h_at != 0:
                            pad_row(dz + row, grad_h + (t * B + sample + s) * N, N, size)
                        else:
                            zero_row(dz + row, size)
                        _neurons(rule, size, dz + row, post + row, eta, p + o, q + o, r + o, deta)
                        unpad_row(dz_out + (t * B + sample + s) * N, dz + row, N)
                    for i in range(0, rows, ROWS):
                        for s in range(count):
                            at, o, row = s * matrix + i * size, s * size, k * table + s * size
                            if reset[k * group + s] == 0:
                                _walk_rows(
                                    rule, size, history + (k * stride + at),
                                    history + (max(k - 1, 0) * stride + at),  # k = 0: r is then made anew
                                    grad + at, w + i * size, alpha + i * size, dalpha + i * size,
                                    dz + row, c + row, e + row, pre + (row + i), pre + (row - table + i),
                                    p + (o + i), q + o, r + o, start_bound if k == 0 else 1.0,
                                )  # fmt: skip
                    for s in range(count):
                        if reset[k * group + s] != 0:  # nothing flows back beyond an episode's start
                            zero_row(grad + s * matrix, matrix)
                            zero_row(p + s * size, size)
                        if rule == DECAY or k == 0:
                            for j in range(s * size, (s + 1) * size, LANES):
                                if rule == DECAY:
                                    store(deta + (j - s * size), load(deta + (j - s * size)) - load(r + j))
                                store(r + j, fill(load(r + j), 0.0))
                for s in range(count):
                    o = s * size
                    for i in range(0, rows, ROWS):
                        _add_outer_products(steps, size, table, pre + (o + i), dz + o, dw + i * size)
            for s in range(count):
                if grad_h0_at != 0:
                    unpad_row(grad_h0 + (sample + s) * N, p + s * size, N)
                if grad_hebb0_at != 0:
                    out_of_tiles(grad_hebb0 + (sample + s) * N * N, grad + s * matrix, N, size)
        restore_denormals(mode)

    return backward


def scratch_numbers(T: int, rows: int, size: int, group: int, segment: int) -> int:
    """How many numbers of working memory the kernel needs."""
    matrices = -(-T // segment) + segment + 1
    return group * (matrices * rows * size + (5 * segment + 4) * size + segment)

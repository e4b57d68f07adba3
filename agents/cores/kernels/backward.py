"""The fused backward pass: history recomputed in cache, then one walk over a matrix per step.

With A for hebb, G_t = dL/dA_t, and the update A_{t+1} = bound(c A_t + pre e) of `rules`:

    dh_t[j]     += eta[j] q_t[j]  and for oja  -2 eta[j] h_t[j] r_t[j]
    dz_t         = dh_t (1 - h_t^2)                                  0 where h_t was clamped
    dh_{t-1}[i] += p[i] = sum_j dz_t[j] (w + alpha A_t)[i,j] + e_t[j] G_{t+1}[i,j]
    dalpha      += pre_t[i] dz_t[j] A_t[i,j]
    dw          += pre_t[i] dz_t[j]                                  all steps of a segment at once
    G_t          = c_t[j] G_{t+1} + pre_t[i] dz_t[j] alpha[i,j]      and for clip 0 where A_t was cut
    q_t[j]       = sum_i G_{t+1}[i,j] pre_t[i]
    r_t[j]       = sum_i G_{t+1}[i,j] A_t[i,j]

For modulated the gates g take the place of eta and have the gradient dg_t = q_t h_t. For retroactive, with
the trace R and K_t = dL/dR_t, K stands for G in dh_{t-1} and q, and

    G_t          = G_{t+1} + pre_t[i] dz_t[j] alpha[i,j]             0 where A_t was cut
    K_t          = c_t[j] K_{t+1} + g_t[j] G_{t+1}
    dg_t[j]      = r_t[j] = sum_i G_{t+1}[i,j] R_t[i,j]
    deta[j]     += q_t[j] h_t[j] - sum_i K_{t+1}[i,j] R_t[i,j]       (and for decay, with G and A)

The walk that makes G_t also sums q_{t-1}. Before it, matrices are carried forwards once, keeping those at the
start of each segment; each segment is then replayed from there, the last first. Both carry a tile through all
steps of a segment while it is in registers. Kept is hebb not yet bounded, which tells where it is cut.

How far from the floor: at N = 100 a matrix is 700 vectors of 16. The walk does 9 multiply-adds to each, the
two carries 2 each, dw 1: 14, so 4900 cycles of a core with two 512-bit units, 1.2 us at 4 GHz.
What is measured, and where it goes, is in `benchmarks/results/README.md`.
"""

import math
from collections.abc import Callable

from numba import int64, uint8

from .back_rows import add_outer_products, neuron_gradients, sum_rows_anew, walk_rows_back
from .cells import PARTS, add_gate_products, candidate_row, clamp_gradient, gru_gradients
from .denormals import flush_denormals, restore_denormals
from .imposed import passes_imposed, walk_backwards
from .inputs import add_input, features_row
from .replay import carry_rows, fill_tables, replay_rows
from .rules import (
    ALL_RULES,
    DECAY,
    MATRICES,
    MODULATED,
    OJA,
    RATES,
    RETROACTIVE,
    SCALAR_TYPES,
    into_tiles,
    out_of_tiles,
    pad_row,
    spacing,
    unpad_row,
    zero_row,
)
from .simd import (
    align_stack,
    fill,
    load,
    load_tile,
    store,
)
from .vector import LANES, ROWS, TILE, pointer


def build_backward(rule_name: str, cell: str, dtype_name: str) -> Callable:
    """The kernel for one rule and cell, as plain Python for `numba.njit`.

    Its arguments are those of `build_forward`, the opened gates of a GRU [T, B, 2, N], and grad_h [T, B, N],
    grad_end [.., B, N, N] (address 0: no gradient), dz [T, B, parts, N], grad_h0 [B, N], grad_state0
    [.., B, N, N] (address 0: not wanted), and the sums over this call's samples dw, dalpha [rows, size] and
    dw_in [parts, F + 1 rounded up to ROWS, size] (of no meaning if w_in is not given), in tiles, and drates
    [.., size]. For `scratch` see `backward_numbers`.
    """
    rule = ALL_RULES.index(rule_name)
    matrices, rate_rows = len(MATRICES[rule_name]), len(RATES[rule_name])
    parts, gru, clamped = PARTS[cell], cell == "gru", cell == "clamped"
    passes = passes_imposed(rule_name, cell)
    dtype = SCALAR_TYPES[dtype_name]

    def backward(
        T: int, B: int, F: int, N: int, rows: int, size: int, first: int, last: int, group: int, segment: int,
        longest: int, segments: int, edges_at: int, imposed_at: int,
        x_at: int, w_in_at: int, w_at: int, alpha_at: int, rates_at: int, w_gates_at: int,
        h0_at: int, state0_at: int, starts_at: int, clamp_at: int, h_at: int, opened_at: int,
        grad_h_at: int, grad_end_at: int, dz_at: int, grad_h0_at: int, grad_state0_at: int,
        dw_at: int, dalpha_at: int, drates_at: int, dw_in_at: int, scratch_at: int,
    ) -> None:  # fmt: skip
        """Samples first .. last, a group at a time: they share rows of the weights in the L1 cache."""
        w, alpha, rates = pointer(w_at, dtype), pointer(alpha_at, dtype), pointer(rates_at, dtype)
        h0, state0, h = pointer(h0_at, dtype), pointer(state0_at, dtype), pointer(h_at, dtype)
        starts, dz_out = pointer(starts_at, uint8), pointer(dz_at, dtype)
        grad_h, grad_end = pointer(grad_h_at, dtype), pointer(grad_end_at, dtype)
        grad_h0, grad_state0 = pointer(grad_h0_at, dtype), pointer(grad_state0_at, dtype)
        dw, dalpha, drates = pointer(dw_at, dtype), pointer(dalpha_at, dtype), pointer(drates_at, dtype)
        eta, deta = rates + (rate_rows - 1) * size, drates + (rate_rows - 1) * size
        x, w_in, given = pointer(x_at, dtype), pointer(w_in_at, dtype), w_in_at == 0
        dw_in, opened, clamp = pointer(dw_in_at, dtype), pointer(opened_at, dtype), pointer(clamp_at, dtype)
        w_keep, w_ask = pointer(w_gates_at, dtype), pointer(w_gates_at, dtype) + rows * size
        edges, imposed = pointer(edges_at, int64), pointer(imposed_at, uint8)
        matrix, apart, table = rows * size, spacing(rows, size), group * size
        state = matrices * apart  # the size of one sample's
        stride = group * state
        trace = state - apart  # how far behind hebb a trace lies
        kept = pointer(scratch_at, dtype)  # [segments, group, matrices, rows, size]: at the start of each
        history = kept + segments * stride  # [segment, group, matrices, rows, size]: at each step of one
        grad = history + segment * stride  # [group, matrices, rows, size]
        pre = grad + stride + table  # [longest, group, size], after one row for the step before a stretch
        post, c, e = pre + longest * table, pre + 2 * longest * table, pre + 3 * longest * table
        dz, gate = pre + 4 * longest * table, pre + 5 * longest * table
        p = pre + 6 * longest * table  # [group, size], as the next three
        q, r, u = p + table, p + 2 * table, p + 3 * table
        sums = p + 4 * table  # [longest, group, size], as the next five, of a GRU
        own, keep, ask = sums + longest * table, sums + 2 * longest * table, sums + 3 * longest * table
        dkeep, dask = sums + 4 * longest * table, sums + 5 * longest * table
        tiles = dkeep + 2 * longest * table  # [longest, TILE]
        features, columns = -(-(F + 1) // ROWS) * ROWS, -(-(F + 1) // LANES) * LANES
        seen = tiles + longest * TILE  # [longest, group, columns]: x, and 1
        reset = seen + longest * group * columns  # [longest, group]; last, as the others begin on cache lines
        align_stack()
        mode = flush_denormals()
        zero_row(dw, matrix)
        zero_row(dalpha, matrix)
        zero_row(drates, rate_rows * size)
        if not given:
            zero_row(dw_in, parts * features * size)

        for sample in range(first, last, group):
            count = min(group, last - sample)
            for s in range(count):
                for k in range(matrices):
                    source = (k * B + sample + s) * N * N
                    at = s * state + k * apart
                    into_tiles(kept + at, state0 + source, N, rows, size)
                    if grad_end_at != 0:
                        into_tiles(grad + at, grad_end + source, N, rows, size)
                    else:
                        zero_row(grad + at, matrix)
                for row in (p, q, r, u):
                    zero_row(row + s * size, size)

            for visit in range(
                2 * segments - 1
            ):  # 0 .. segments - 2 forwards, then segments - 1 .. 0 backwards
                forwards = visit < segments - 1
                number = visit if forwards else 2 * segments - 2 - visit
                begin, steps = edges[number], edges[number + 1] - edges[number]
                passed = passes and imposed[number] != 0
                at_end = begin + steps == T and grad_end_at != 0
                start_bound = math.inf if begin == 0 else 1.0
                checkpoint = kept + number * stride
                # A GRU's candidate, which the forward pass computed and did not keep.
                for k in range(0 if forwards or not gru else steps):
                    zero_row(own + k * table, count * size)
                    at = x + ((begin + k) * B + sample) * F
                    add_input(count, N, size, parts, 0, F, at, w_in, given, own + k * table)
                for s in range(count):
                    o = s * size
                    fill_tables(
                        rule, B, N, size, begin, steps, sample + s, group, h0, h, starts, rates, eta,
                        reset + s, pre + o, post + o, c + o, e + o, gate + o,
                    )  # fmt: skip
                    for k in range(0 if forwards or given else steps):
                        at = ((begin + k) * B + sample + s) * F
                        features_row(seen + (k * group + s) * columns, x + at, F)
                    for k in range(0 if forwards or not gru else steps):
                        row, at = k * table + o, (begin + k) * B + sample + s
                        zero_row(sums + row, size)
                        pad_row(keep + row, opened + at * 2 * N, N, size)
                        pad_row(ask + row, opened + (at * 2 + 1) * N, N, size)
                    for i in range(0, rows if forwards or not passed else 0, ROWS):
                        at = s * state + i * size
                        if forwards:
                            carry_rows(
                                rule, steps, size, group, checkpoint + at, checkpoint + (stride + at), trace,
                                start_bound, reset + s, pre + (o + i), c + o, e + o, gate + o,
                            )  # fmt: skip
                        else:
                            replay_rows(
                                rule, gru, steps, size, group, stride, checkpoint + at, history + at, trace,
                                start_bound, reset + s, pre + (o + i), c + o, e + o, gate + o,
                                w + i * size, alpha + i * size, sums + o,
                            )  # fmt: skip
                    for k in range(0 if forwards or not gru else steps):
                        row = k * table + o
                        candidate_row(own + row, ask + row, sums + row, size)
                if forwards:
                    continue
                if passed:
                    for s in range(count):
                        o = s * size
                        zero_row(q + o, size)
                        for i in range(0, rows, ROWS):
                            at = s * state + i * size
                            walk_backwards(
                                rule, steps, size, group, checkpoint + at, tiles, grad + at, at_end,
                                start_bound, reset + s, pre + (o + i), pre + (o - table + i), post + o, c + o,
                                e + o, p + (o + i), q + o, deta,
                            )  # fmt: skip
                        if reset[s] != 0:
                            zero_row(p + o, size)
                        zero_row(u + o, size)
                        for k in range(steps if dz_at != 0 else 0):
                            unpad_row(dz_out + ((begin + k) * B + sample + s) * N, u + o, N)
                    continue
                if rule in (OJA, RETROACTIVE) or at_end:
                    k = steps - 1
                    for s in range(count):
                        o = k * table + s * size
                        for i in range(0, rows, ROWS):
                            at = s * state + i * size
                            sum_rows_anew(
                                rule, at_end, size, history + (k * stride + at), trace, grad + at, e + o,
                                gate + o, pre + (o + i), q + s * size, r + s * size,
                                start_bound if k == 0 else 1.0,
                            )  # fmt: skip
                for k in range(steps - 1, -1, -1):
                    t = begin + k
                    for s in range(count):
                        o, row = s * size, k * table + s * size
                        if grad_h_at != 0:
                            pad_row(dz + row, grad_h + (t * B + sample + s) * N, N, size)
                        else:
                            zero_row(dz + row, size)
                        neuron_gradients(
                            rule, gru, size, post + row, rates, gate + row if rule == MODULATED else eta,
                            dz + row, p + o, q + o, r + o, drates, deta,
                        )  # fmt: skip
                        if clamped:
                            clamp_gradient(dz + row, clamp + (t * B + sample + s) * N, N)
                        at = dz_out + (t * B + sample + s) * parts * N
                        if gru:
                            gru_gradients(
                                size, dz + row, own + row, keep + row, ask + row, sums + row, pre + row,
                                dkeep + row, dask + row,
                            )  # fmt: skip
                        if dz_at != 0:
                            for part, wanted in enumerate((own, dkeep, dask) if gru else (dz,)):
                                unpad_row(at + part * N, wanted + row, N)
                    for i in range(0, rows, ROWS):
                        for s in range(count):
                            at, o, row = s * state + i * size, s * size, k * table + s * size
                            if reset[k * group + s] == 0:
                                back = fill(load_tile(w), 0.0)
                                if gru:
                                    back = add_gate_products(
                                        size, w_keep + i * size, w_ask + i * size, dkeep + row, dask + row,
                                        back,
                                    )  # fmt: skip
                                walk_rows_back(
                                    rule, size, history + (k * stride + at),
                                    history + (max(k - 1, 0) * stride + trace + at),  # k = 0: r is made anew
                                    trace, grad + at, w + i * size, alpha + i * size, dalpha + i * size,
                                    dz + row, c + row, e + row, gate + row, pre + (row + i),
                                    pre + (row - table + i), p + (o + i), q + o, r + o, u + o,
                                    start_bound if k == 0 else 1.0, back,
                                )  # fmt: skip
                    for s in range(count):
                        o = s * size
                        for j in range(0, size if gru else 0, LANES):
                            store(p + (o + j), load(p + (o + j)) + load(keep + (k * table + o + j)))
                        if reset[k * group + s] != 0:  # nothing flows back beyond an episode's start
                            zero_row(grad + s * state, state)
                            zero_row(p + o, size)
                        if rule in (DECAY, RETROACTIVE):
                            for j in range(0, size, LANES):
                                store(deta + j, load(deta + j) - load(u + (o + j)))
                            zero_row(u + o, size)
                        if k == 0:
                            zero_row(r + o, size)
                for s in range(count):
                    o = s * size
                    for i in range(0, rows, ROWS):
                        add_outer_products(
                            steps, size, table, table, pre + (o + i), dz + o, dw + i * size
                        )  # fmt: skip
                    for i in range(0, 0 if given else features, ROWS):
                        for part, row in enumerate((own, dkeep, dask) if gru else (dz,)):
                            add_outer_products(
                                steps, size, group * columns, table, seen + (s * columns + i), row + o,
                                dw_in + (part * features + i) * size,
                            )  # fmt: skip
            for s in range(count):
                if grad_h0_at != 0:
                    unpad_row(grad_h0 + (sample + s) * N, p + s * size, N)
                if grad_state0_at != 0:
                    for k in range(matrices):
                        target = grad_state0 + (k * B + sample + s) * N * N
                        out_of_tiles(target, grad + (s * state + k * apart), N, size)
        restore_denormals(mode)

    return backward


def backward_numbers(
    segments: int, matrices: int, rows: int, size: int, group: int, segment: int, longest: int, F: int
) -> int:
    """How many numbers of working memory the kernel needs."""
    states, columns = segments + segment + 1, -(-(F + 1) // LANES) * LANES
    tables = (12 * longest + 5) * size + longest * (columns + 1)
    return group * (states * matrices * spacing(rows, size) + tables) + longest * TILE

"""The plasticity rules as the kernels see them, and moving rows and matrices in and out of their layout.

All rules are one update with a coefficient c per postsynaptic neuron and step (Miconi, Clune & Stanley 2018):

    hebb' = bound(c[j] * hebb[i, j] + pre[i] * e[j])        e = eta * post

    decay   c = 1 - eta              bound(x) = x
    clip    c = 1                    bound(x) = x held within -1 .. 1
    oja     c = 1 - eta * post**2    bound(x) = x

so that the work per connection is nearly the same for all. Where the network gates its own plasticity by
g[j] (Miconi, Rawal, Clune & Stanley 2019, and `modulation`), either e is gated, or what a trace has gathered:

    modulated     hebb' = bound(hebb + pre[i] * e[j])             e = g * post, bound as for clip
    retroactive   hebb' = bound(hebb + g[j] * trace[i, j])        bound as for clip
                  trace' = c[j] * trace[i, j] + pre[i] * e[j]     c and e as for decay

In a kernel `rule` is a constant.
"""

from numba.core import types
from numba.extending import register_jitable

from .simd import clip, fill, fma, load, load_part, store, store_part
from .vector import LANES, ROWS, Pointer, Vec, inline

RULES = ("decay", "clip", "oja")
"""The rules of plasticity at a rate that is trained."""

ALL_RULES = (*RULES, "modulated", "retroactive")
DECAY, CLIP, OJA, MODULATED, RETROACTIVE = range(5)

RATES = {
    **dict.fromkeys(RULES, ("eta",)),
    "modulated": ("fan", "m", "m_bias"),
    "retroactive": ("fan", "m", "m_bias", "eta"),
}
"""The trained rows [N] that set the rate, by rule; m_bias is one number [1]."""

MATRICES = {rule: ("hebb", "trace") if rule == "retroactive" else ("hebb",) for rule in ALL_RULES}
"""The matrices [N, N] that a sample carries from step to step, by rule."""

SCALAR_TYPES = {"float32": types.float32, "float64": types.float64}


@inline
def is_gated(rule: int) -> bool:
    """Whether the network gates its own plasticity."""
    return rule in (MODULATED, RETROACTIVE)


@inline
def is_bounded(rule: int) -> bool:
    """Whether hebb is held within -1 .. 1."""
    return rule == CLIP or is_gated(rule)


@inline
def advance(rule: int, hebb: Vec, c: Vec, e: Vec, pre: Vec) -> Vec:
    """What gathers the products of activity (hebb or the trace) after an update, before it is bounded."""
    return fma(pre, e, hebb) if rule in (CLIP, MODULATED) else fma(c, hebb, pre * e)


@inline
def eta_slope(rule: int, hebb: Vec, pre: Vec, post: Vec) -> Vec:
    """The derivative of `advance` by eta, of the rules in `RULES`."""
    if rule == CLIP:
        return pre * post
    return pre * post - hebb if rule == DECAY else (pre - hebb * post) * post


@inline
def advance_both(rule: int, hebb: Vec, trace: Vec, c: Vec, e: Vec, gate: Vec, pre: Vec) -> tuple[Vec, Vec]:
    """`hebb`, before it is bounded, and `trace` after an update; without a trace the second is idle."""
    if rule == RETROACTIVE:
        return fma(gate, trace, hebb), advance(rule, trace, c, e, pre)
    return advance(rule, hebb, c, e, pre), trace


@inline
def bounded(rule: int, hebb: Vec, limit: Vec) -> Vec:
    """`hebb` held within -limit .. limit if the rule says so; NaN stays NaN."""
    return clip(hebb, limit) if is_bounded(rule) else hebb


@inline
def coefficients(rule: int, post: Pointer, eta: Pointer, c: Pointer, e: Pointer, size: int) -> None:
    """Write the rows c and e of an update; `eta` is the rate of the products: the gates, if modulated."""
    for j in range(0, size, LANES):
        h, rate = load(post + j), load(eta + j)
        step = rate * h
        one = fill(h, 1.0)
        store(e + j, step)
        if rule in (DECAY, RETROACTIVE):
            store(c + j, one - rate)
        elif rule == OJA:
            store(c + j, one - step * h)
        else:
            store(c + j, one)


@inline
def zero_row(row: Pointer, size: int) -> None:
    """row[:size] = 0, for a multiple of LANES."""
    zero = fill(load(row), 0.0)
    for j in range(0, size, LANES):
        store(row + j, zero)


@inline
def pad_row(row: Pointer, source: Pointer, n: int, size: int) -> None:
    """row[:n] = source[:n], and zeros up to `size`, n rounded up to a multiple of LANES."""
    for j in range(0, size, LANES):
        store(row + j, load(source + j) if j + LANES <= n else load_part(source + j, n - j))


@inline
def unpad_row(target: Pointer, row: Pointer, n: int) -> None:
    """target[:n] = row[:n]."""
    for j in range(0, n, LANES):
        if j + LANES <= n:
            store(target + j, load(row + j))
        else:
            store_part(target + j, load(row + j), n - j)


@register_jitable
def spacing(rows: int, size: int) -> int:
    """How far behind the one before a matrix [rows, size] begins, in numbers.

    Several are walked over together, some of them written. Where addresses differ by a multiple of 4096
    bytes, or by a little less, a processor takes what is to be read for what is just being written, and
    waits. So the next matrix begins 1344 bytes (of float32) beyond such a multiple. Without that the backward
    pass takes up to a tenth longer at N = 64, 96 and 128, and of the rule "retroactive" up to a third.
    """
    numbers = rows * size
    return numbers + (336 - numbers) % 1024


@inline
def into_tiles(tiles: Pointer, matrix: Pointer, n: int, rows: int, size: int) -> None:
    """Copy matrix [n, n] into a tiled matrix [rows, size], with zeros around it."""
    zero_row(tiles, rows * size)
    for i in range(n):
        row = tiles + (i // ROWS * ROWS * size + i % ROWS * LANES)
        for j in range(0, n, LANES):
            source = matrix + (i * n + j)
            store(row + j * ROWS, load(source) if j + LANES <= n else load_part(source, n - j))


@inline
def out_of_tiles(matrix: Pointer, tiles: Pointer, n: int, size: int) -> None:
    """The opposite of `into_tiles`."""
    for i in range(n):
        row = tiles + (i // ROWS * ROWS * size + i % ROWS * LANES)
        for j in range(0, n, LANES):
            unpad_row(matrix + (i * n + j), row + j * ROWS, min(LANES, n - j))

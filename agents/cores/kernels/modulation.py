"""The signal with which a network gates its own plasticity, and the gradient through it.

One number for each sample and step, m_t = tanh(sum_j h_t[j] m[j] + m_bias), of which neuron j makes its gate
g_t[j] = fan[j] m_t (Miconi, Rawal, Clune & Stanley 2019). The gradient of the gates, dg, goes on as

    dm_t     = sum_j fan[j] dg_t[j]            dfan    += m_t dg_t
    ds_t     = dm_t (1 - m_t^2)                dm_bias += ds_t
    dh_t[j] += m[j] ds_t                       dm[j]   += h_t[j] ds_t

Below, `rates` and `drates` begin with the rows fan, m and m_bias, each [size]; of the last only the first
number counts, and the others are 0.
"""

import math
from typing import Any

from .rules import MODULATED
from .simd import fill, fma, load, store
from .vector import LANES, Pointer, call_llvm, inline, intrinsic


@intrinsic
def _sum(typing: Any, vector: Any) -> Any:
    """The sum of a vector's numbers, from the first to the last."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        number = args[0].type.element
        name = f"llvm.vector.reduce.fadd.{vector.suffix}"
        return call_llvm(builder, name, number, [number(0.0), args[0]])

    return vector.dtype(vector), generate


@inline
def _signal(size: int, post: Pointer, rates: Pointer) -> float:
    m, total = rates + size, load(rates + 2 * size)
    for j in range(0, size, LANES):
        total = fma(load(post + j), load(m + j), total)
    return math.tanh(_sum(total))


@inline
def open_gates(size: int, post: Pointer, rates: Pointer, gate: Pointer) -> None:
    """Write the row `gate` of a step, from its activity `post`."""
    signal = _signal(size, post, rates)
    for j in range(0, size, LANES):
        fan = load(rates + j)
        store(gate + j, fan * fill(fan, signal))


@inline
def gates_backward(
    rule: int, size: int, post: Pointer, rates: Pointer, q: Pointer, r: Pointer, dh: Pointer, drates: Pointer
) -> None:
    """Add to `dh` and `drates`. dg is q h for the rule "modulated", r for "retroactive"."""
    signal, total = _signal(size, post, rates), fill(load(post), 0.0)
    for j in range(0, size, LANES):
        dg = load(q + j) * load(post + j) if rule == MODULATED else load(r + j)
        total = fma(load(rates + j), dg, total)
    ds = (1.0 - signal * signal) * _sum(total)
    m, dm, dbias = rates + size, drates + size, drates + 2 * size
    for j in range(0, size, LANES):
        h = load(post + j)
        dg = load(q + j) * h if rule == MODULATED else load(r + j)
        store(drates + j, fma(dg, fill(h, signal), load(drates + j)))
        store(dm + j, fma(h, fill(h, ds), load(dm + j)))
        store(dh + j, fma(load(m + j), fill(h, ds), load(dh + j)))
    dbias[0] += ds

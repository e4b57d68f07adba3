"""Threads that take the parts of a kernel's work in turn, without the interpreter.

Counters in memory say how many parts were ever released, taken and done; they only grow, and are changed
atomically. Nobody releases more parts before all earlier ones are done. So part n is the n-th modulo how many
are released at a time, and who takes it can read all that was written before it was released.
"""

import ctypes
import functools
import sys
from typing import Any

from llvmlite import ir
from numba.core import types

from .vector import Pointer, inline, intrinsic

_APART = 8
"""Counters are this many numbers apart, each on a cache line of its own."""

_RELEASED, _TAKEN, _DONE, _CLOSED = range(0, 4 * _APART, _APART)

TURNS = 4 * _APART
"""How many int64, at first 0, the counters take."""


@intrinsic
def _read(typing: Any, where: Any) -> Any:
    """The number at `where`, after which all is seen that was written before it was."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load_atomic(args[0], "acquire", 8)

    return types.int64(where), generate


@intrinsic
def _add(typing: Any, where: Any, number: Any) -> Any:
    """Add `number` at `where`; who reads the sum sees all that was written before."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.atomic_rmw("add", args[0], args[1], "acq_rel")
        return context.get_dummy_value()

    return types.void(where, types.int64), generate


@intrinsic
def _replace(typing: Any, where: Any, old: Any, new: Any) -> Any:
    """Write `new` at `where` if `old` is there; whether it was."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pair = builder.cmpxchg(*args, "acq_rel", "acquire")
        return builder.extract_value(pair, 1)

    return types.boolean(where, types.int64, types.int64), generate


@intrinsic
def give_way(typing: Any, function: Any) -> Any:
    """Call the function at an address that takes nothing: see `give_way_address`."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@functools.cache
def give_way_address() -> int:
    """Where the system has the function that lets other threads run."""
    if sys.platform == "win32":
        function = ctypes.WinDLL("kernel32").SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


@inline
def release(turns: Pointer, parts: int) -> None:
    """Let `parts` parts be taken; all earlier ones must be done."""
    _add(turns + _RELEASED, parts)


@inline
def take(turns: Pointer) -> int:
    """The number of a part that nobody else has; -1 if there is none."""
    while True:
        number = _read(turns + _TAKEN)
        if number >= _read(turns + _RELEASED):
            return -1
        if _replace(turns + _TAKEN, number, number + 1):
            return number


@inline
def finish(turns: Pointer) -> None:
    """Say that a part is done."""
    _add(turns + _DONE, 1)


@inline
def all_done(turns: Pointer) -> bool:
    """Whether all parts that were released are done."""
    return _read(turns + _DONE) == _read(turns + _RELEASED)


@inline
def close(turns: Pointer) -> None:
    """Say that nothing more will be released for others."""
    _add(turns + _CLOSED, 1)


@inline
def is_closed(turns: Pointer) -> bool:
    """Whether someone has called `close`."""
    return _read(turns + _CLOSED) != 0

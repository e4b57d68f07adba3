"""Numbers below the normal range, in which traces that decay end, and on which many machines are slow."""

import platform
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from .vector import INT32, call_llvm, intrinsic


def _replace_control_register(builder: Any, update: Callable) -> Any:
    """Set the register MXCSR of x86 to update(old) and return the old value; elsewhere do nothing."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return INT32(0)
    place = cgutils.alloca_once(builder, INT32)
    address = builder.bitcast(place, ir.IntType(8).as_pointer())
    call_llvm(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), [address])
    old = builder.load(place)
    builder.store(update(old), place)
    call_llvm(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [address])
    return old


@intrinsic
def flush_denormals(typing: Any) -> Any:
    """Take numbers below the normal range for 0 in this thread; the result is for `restore_denormals`."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _replace_control_register(builder, lambda old: builder.or_(old, INT32(0x8040)))

    return types.uint32(), generate


@intrinsic
def restore_denormals(typing: Any, previous: Any) -> Any:
    """Undo `flush_denormals`."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _replace_control_register(builder, lambda old: args[0])
        return context.get_dummy_value()

    return types.void(types.uint32), generate

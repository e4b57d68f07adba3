"""Compiling the kernels, once per rule and machine, and finding them again on disk."""

import functools
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from llvmlite import binding
from numba.core import types
from numba.core.caching import NullCache

from .backward import build_backward
from .fixed_back import build_cells, build_way_back
from .fixed_step import FIXED, build_step
from .forward import build_forward
from .inplace import build_inplace
from .vector import LANES

BUILDERS: dict[str, Callable[[str, str, str], Callable]] = {
    "forward": build_forward,
    "backward": build_backward,
    "inplace": build_inplace,
    "fixed_step": build_step,
    "fixed_way_back": build_way_back,
    "fixed_cells": build_cells,
}

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_ONE_AT_A_TIME = threading.RLock()
"""Threads that want the same kernel wait for the first, which compiles it."""


def kinds(rule: str, cell: str) -> tuple[str, ...]:
    """The kernels that there are for a rule and a cell."""
    if rule != FIXED:
        return "forward", "backward", "inplace"
    return "fixed_step", "fixed_way_back", *(("fixed_cells",) if cell == "lstm" else ())


@functools.cache
def _digest() -> str:
    """A name for this package's text, LANES and the processor.

    Numba's cache itself looks only at the file of the kernel, and machines of two kinds that write to one
    folder at the same time can take each other's code.
    """
    files = sorted(Path(__file__).parent.glob("*.py"))
    text = b"".join(file.read_bytes() for file in files)
    machine = f"{LANES} {binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
    return hashlib.sha256(text + machine.encode()).hexdigest()[:12]


def can_compile() -> bool:
    """Whether Numba compiles anything: not while the environment variable NUMBA_DISABLE_JIT is set."""
    return not numba.config.DISABLE_JIT  # type: ignore[attr-defined]  # Numba sets it from the environment


def check_compiler() -> None:
    """Raise ValueError unless Numba :func:`can compile <can_compile>`."""
    if not can_compile():
        raise ValueError(
            "the kernels have to be compiled: unset the environment variable NUMBA_DISABLE_JIT, which "
            "forbids it, or do without them (the core's setting fused=False), many times slower"
        )


@functools.cache
def _dispatcher(kind: str, rule: str, cell: str, dtype: str) -> Any:
    """The kernel, not compiled yet.

    Raises:
        ValueError: If Numba is told not to compile.
    """
    check_compiler()
    function = BUILDERS[kind](rule, cell, dtype)
    function.__qualname__ = f"{rule}_{cell}_{dtype}_{_digest()}"  # part of the file name in the cache
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # no directory to write to
        return _dispatcher_without_cache(kind, rule, cell, dtype)


def _dispatcher_without_cache(kind: str, rule: str, cell: str, dtype: str) -> Any:
    return numba.njit(**_OPTIONS)(BUILDERS[kind](rule, cell, dtype))


def _is_kept(dispatcher: Any) -> bool:
    """Whether there is a folder that the kernel can be kept in."""
    return not isinstance(dispatcher._cache, NullCache)


def _signature(dispatcher: Any) -> tuple:
    """All arguments are sizes and addresses."""
    return (types.int64,) * dispatcher.py_func.__code__.co_argcount


@functools.cache
def kernel(kind: str, rule: str, cell: str, dtype: str) -> Callable[..., None]:
    """The compiled kernel; the first call in a process compiles it or reads it from disk.

    Args:
        kind: A key of `BUILDERS`.
        rule: One of `ALL_RULES`, or `FIXED`.
        cell: A key of `PARTS`; for `FIXED` one of `SUMS`.
        dtype: "float32" or "float64".

    Raises:
        ValueError: If Numba is told not to compile.
    """
    with _ONE_AT_A_TIME:
        dispatcher = _dispatcher(kind, rule, cell, dtype)
        if not dispatcher.signatures:
            try:
                dispatcher.compile(_signature(dispatcher))
            except Exception:  # a file of the cache is damaged, or there is no room for a new one
                dispatcher = _dispatcher_without_cache(kind, rule, cell, dtype)
                dispatcher.compile(_signature(dispatcher))
            dispatcher.disable_compile()
        return dispatcher


def compile_kernels(rule: str, cell: str = "tanh") -> None:
    """Make ready all kernels of a rule and cell: seconds once on a machine, then next to nothing.

    Raises:
        ValueError: If Numba is told not to compile.
    """
    for kind in kinds(rule, cell):
        kernel(kind, rule, cell, "float32")


def is_compiled(rule: str, cell: str = "tanh") -> bool:
    """Whether `compile_kernels(rule, cell)` would have nothing to compile.

    Raises:
        ValueError: If Numba is told not to compile.
    """
    for kind in kinds(rule, cell):
        dispatcher = _dispatcher(kind, rule, cell, "float32")
        if dispatcher.signatures:
            continue
        try:
            found = dispatcher._cache.load_overload(_signature(dispatcher), dispatcher.targetctx)
        except Exception:  # no cache, or one that cannot be read
            found = None
        if found is None:
            return False
    return True


def compile_aloud(rule: str, cell: str, say: Callable[[str], None]) -> None:
    """As `compile_kernels`, after telling `say` if there is anything to compile.

    Raises:
        ValueError: If Numba is told not to compile.
    """
    if not is_compiled(rule, cell):
        whose = f"{cell} network" if rule == FIXED else f"rule {rule!r}"
        kept = all(_is_kept(_dispatcher(kind, rule, cell, "float32")) for kind in kinds(rule, cell))
        often = "once, they are kept on disk"
        if not kept:
            often = "each time: no folder to keep them in can be written to, set NUMBA_CACHE_DIR to one"
        say(f"compiling the kernels of the {whose} ({often}) ...")
    compile_kernels(rule, cell)  # also from disk: is_compiled, asked again, would read and keep one more copy

"""Vectors as a Numba type, so that a kernel says what the vector unit does.

Left to itself, LLVM vectorises a loop over many arrays only if it can prove that they do not overlap, and
it may choose half the width of the machine. Here a kernel loads, combines and stores vectors by name; LLVM
splits them into whatever registers there are (of 512, 256 or 128 bits). A vector holds either LANES
numbers, a piece of a row, or a tile of ROWS x LANES numbers, a piece of a matrix.

Vectors are combined with operators (`a * b + c`) and the functions in `simd`. Memory is addressed by
pointers: `pointer(address, dtype)` makes one, `p + n` moves it by n numbers, `p[i]` reads or writes one.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numba
from llvmlite import binding, ir
from numba import extending
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

LANES = 16 if binding.get_host_cpu_features().get("avx512f", False) else 8
"""Numbers in a piece of a row; kernels pad rows to a multiple of it.

A step works on several tiles at once. With AVX-512 they are held in 32 registers of 16 numbers. With AVX2
there are 16 registers of 8, and tiles twice as wide do not fit: the backward pass takes 1.2 to 1.5 times as
long, depending on the rule.
"""

ROWS = 4
"""Rows of a tile; kernels pad columns to a multiple of it."""

TILE = ROWS * LANES
"""Numbers in a tile. In a tiled matrix, tiles lie one behind the other, left to right, then downwards."""

Pointer: TypeAlias = Any
"""In annotations: the address of numbers."""

Vec: TypeAlias = Any
"""In annotations: a vector, of LANES numbers or a tile."""

inline = numba.njit(forceinline=True, error_model="numpy")
"""For the parts of a kernel: always inlined, so that branches on a constant such as the rule vanish."""

intrinsic: Any = extending.intrinsic  # untyped: its declared type does not hide the first argument

INT32 = ir.IntType(32)


class Vector(types.Type):
    """The type of `lanes` numbers of `dtype` held in registers."""

    def __init__(self, dtype: types.Float, lanes: int):
        self.dtype = dtype
        self.lanes = lanes
        self.suffix = f"v{lanes}f{dtype.bitwidth}"  # in names of LLVM functions
        super().__init__(name=f"Vector({dtype}, {lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector):
        element = manager.lookup(vector.dtype).get_value_type()
        super().__init__(manager, vector, ir.VectorType(element, vector.lanes))


def _define_operator(function: Callable, instruction: str) -> None:
    @infer_global(function)
    class _Template(AbstractTemplate):
        def generic(self, args: tuple, kws: dict) -> Any:
            if len(args) == 2 and isinstance(args[0], Vector) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(function, Vector, Vector)
    def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)


_define_operator(operator.add, "fadd")
_define_operator(operator.sub, "fsub")
_define_operator(operator.mul, "fmul")
_define_operator(operator.truediv, "fdiv")


@infer_global(operator.add)
class _PointerPlus(AbstractTemplate):
    def generic(self, args: tuple, kws: dict) -> Any:
        if len(args) == 2 and isinstance(args[0], types.CPointer) and isinstance(args[1], types.Integer):
            return signature(args[0], args[0], types.intp)
        return None


@lower_builtin(operator.add, types.CPointer, types.Integer)
def _pointer_plus(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.gep(args[0], [args[1]])


@intrinsic
def pointer(typing: Any, address: Any, dtype: Any) -> Any:
    """The pointer to numbers of `dtype` at an integer address."""
    result = types.CPointer(dtype.dtype)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(result))

    return result(address, dtype), generate


def call_llvm(builder: Any, name: str, result: Any, args: Sequence) -> Any:
    """Call one of LLVM's own functions."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)

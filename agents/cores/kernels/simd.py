"""What kernels do with vectors: load and store, spread and sum, multiply and clip."""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import types

from .vector import INT32, LANES, ROWS, TILE, Vector, call_llvm, intrinsic


def _pick(builder: Any, vector: Any, lanes: Sequence[int]) -> Any:
    """The vector of the given lanes of another."""
    mask = ir.Constant(ir.VectorType(INT32, len(lanes)), list(lanes))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


def _everywhere(builder: Any, number: Any, lanes: int) -> Any:
    vector = ir.Constant(ir.VectorType(number.type, 1), ir.Undefined)
    return _pick(builder, builder.insert_element(vector, number, INT32(0)), [0] * lanes)


def _read(context: Any, builder: Any, where: Any, vector: Vector) -> Any:
    address = builder.bitcast(where, context.get_value_type(vector).as_pointer())
    return builder.load(address, align=vector.dtype.bitwidth // 8)


def _reader(lanes: int) -> Callable:
    def typed(typing: Any, where: Any) -> Any:
        vector = Vector(where.dtype, lanes)
        return vector(where), lambda context, builder, sig, args: _read(context, builder, args[0], vector)

    return typed


load = intrinsic(_reader(LANES))
load_tile = intrinsic(_reader(TILE))


@intrinsic
def store(typing: Any, where: Any, vector: Any) -> Any:
    """Write a vector to memory."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = builder.bitcast(args[0], args[1].type.as_pointer())
        builder.store(args[1], address, align=where.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(where, vector), generate


@intrinsic
def align_stack(typing: Any) -> Any:
    """Let this function's stack begin on a cache line.

    Registers that LLVM puts on the stack for want of room would each lie across two of them, which costs the
    backward pass of a GRU several percent of its time. LLVM aligns a stack if
    something on it asks for that: here, a variable.
    """

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        with builder.goto_entry_block():
            variable = builder.alloca(INT32)
        variable.align = 64
        kind = ir.FunctionType(ir.VoidType(), [variable.type])
        # An empty instruction that is said to use it; otherwise it would be optimised away.
        builder.call(ir.InlineAsm(kind, "", "r", side_effect=True), [variable])
        return context.get_dummy_value()

    return types.void(), generate


def _first_lanes(builder: Any, count: Any) -> Any:
    """The mask that is true in the first `count` lanes."""
    numbers = ir.Constant(ir.VectorType(count.type, LANES), list(range(LANES)))
    return builder.icmp_signed("<", numbers, _everywhere(builder, count, LANES))


@intrinsic
def load_part(typing: Any, where: Any, count: Any) -> Any:
    """The first `count` numbers of a piece of a row (LANES at most), and zeros; only these are read."""
    vector = Vector(where.dtype, LANES)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        result = context.get_value_type(vector)
        address = builder.bitcast(args[0], result.as_pointer())
        align, zeros = INT32(where.dtype.bitwidth // 8), ir.Constant(result, [0.0] * LANES)
        mask = _first_lanes(builder, args[1])
        return call_llvm(
            builder, f"llvm.masked.load.{vector.suffix}.p0", result, [address, align, mask, zeros]
        )

    return vector(where, types.int64), generate


@intrinsic
def store_part(typing: Any, where: Any, vector: Any, count: Any) -> Any:
    """Write the first `count` numbers of a piece of a row (LANES at most)."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = builder.bitcast(args[0], args[1].type.as_pointer())
        align, mask = INT32(where.dtype.bitwidth // 8), _first_lanes(builder, args[2])
        call_llvm(
            builder, f"llvm.masked.store.{vector.suffix}.p0", ir.VoidType(), [args[1], address, align, mask]
        )
        return context.get_dummy_value()

    return types.void(where, vector, types.int64), generate


@intrinsic
def fill(typing: Any, like: Any, number: Any) -> Any:
    """A number in every lane of a vector like `like`."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _everywhere(builder, args[1], like.lanes)

    return like(like, like.dtype), generate


@intrinsic
def row_numbers(typing: Any, where: Any) -> Any:
    """The tile with where[0] in all of its first row, where[1] in the second, and so on."""
    tile = Vector(where.dtype, TILE)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        numbers = _read(context, builder, args[0], Vector(where.dtype, ROWS))
        return _pick(builder, numbers, [lane // LANES for lane in range(TILE)])

    return tile(where), generate


@intrinsic
def every_row(typing: Any, vector: Any) -> Any:
    """The tile that has the piece of a row in each of its rows."""
    tile = Vector(vector.dtype, TILE)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _pick(builder, args[0], [lane % LANES for lane in range(TILE)])

    return tile(vector), generate


@intrinsic
def add_columns(typing: Any, total: Any, a: Any, b: Any) -> Any:
    """`total`, a piece of a row, and the sums over each column of the products of two tiles."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, *tiles = args
        for start in range(0, TILE, LANES):
            rows = [_pick(builder, tile, range(start, start + LANES)) for tile in tiles]
            x = call_llvm(builder, f"llvm.fmuladd.{total.suffix}", x.type, [*rows, x])
        return x

    return total(total, a, b), generate


@intrinsic
def sum_rows(typing: Any, tile: Any) -> Any:
    """The sums over each column of a tile, a piece of a row."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        (x,) = args
        while x.type.count > LANES:
            half = x.type.count // 2
            x = builder.fadd(_pick(builder, x, range(half)), _pick(builder, x, range(half, 2 * half)))
        return x

    return Vector(tile.dtype, LANES)(tile), generate


@intrinsic
def store_row_sums(typing: Any, where: Any, tile: Any) -> Any:
    """Write the sums over each row of a tile to where[0], where[1], ..."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x = args[1]
        width = LANES
        while width > 1:  # every row is folded in the middle
            width //= 2
            left = [start + lane for start in range(0, x.type.count, 2 * width) for lane in range(width)]
            x = builder.fadd(_pick(builder, x, left), _pick(builder, x, [lane + width for lane in left]))
        address = builder.bitcast(args[0], x.type.as_pointer())
        builder.store(x, address, align=where.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(where, tile), generate


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """A * b + c, with one rounding where the machine can."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return call_llvm(builder, f"llvm.fmuladd.{a.suffix}", args[0].type, args)

    return a(a, b, c), generate


@intrinsic
def clip(typing: Any, x: Any, limit: Any) -> Any:
    """`x` held within -limit .. limit; NaN stays NaN, for which the comparisons are false."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value, high = args
        low = builder.fneg(high)
        value = builder.select(builder.fcmp_ordered("<", value, low), low, value)
        return builder.select(builder.fcmp_ordered(">", value, high), high, value)

    return x(x, limit), generate


@intrinsic
def where_equal(typing: Any, a: Any, b: Any, x: Any) -> Any:
    """`x` where a = b, else 0."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, b, kept = args
        zeros = ir.Constant(kept.type, [0.0] * x.lanes)
        return builder.select(builder.fcmp_ordered("==", a, b), kept, zeros)

    return x(a, b, x), generate


@intrinsic
def where_nan(typing: Any, value: Any, x: Any, y: Any) -> Any:
    """`x` where `value` is NaN, else `y`."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value, x, y = args
        return builder.select(builder.fcmp_ordered("==", value, value), y, x)

    return x(value, x, y), generate

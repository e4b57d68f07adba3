"""A rollout's steps of networks without plastic weights.

The sums of a tanh RNN are [1, size] for each sample. Those of a GRU are [4, size]: of its candidate, its
update gate and its reset gate, which input enters, and then what activity adds to the candidate; so activity
enters the last three. Those of an LSTM are [4, size]: of the input, forget and output gates and of the cells'
input.
"""

from collections.abc import Callable

from numba import uint8

from .cells import gru_row, lstm_row
from .denormals import flush_denormals, restore_denormals
from .products import add_product
from .rules import SCALAR_TYPES, unpad_row, zero_row
from .simd import load, store
from .tanh import tanh_row
from .vector import LANES, pointer

FIXED = "fixed"
"""What stands in the place of a plasticity rule in the names of these kernels."""

SUMS = {"tanh": 1, "gru": 4, "lstm": 4}
"""How many sums [size] a sample has, by cell."""

ENTERED = {"tanh": 1, "gru": 3, "lstm": 4}
"""How many of them input enters (the first), and activity (the last)."""


def build_step(_: str, cell: str, dtype_name: str) -> Callable:
    """The kernel for one cell, as plain Python for `numba.njit`.

    Its arguments are sizes and addresses: x [B, F] and starts [B] (address 0: none) are read, h [B, N] is
    written. `weights` are biases [SUMS, size], and those of input [F, ENTERED, size] and of activity [N,
    ENTERED, size], padded with zeros. `memory` is the kernel's own, kept from call to call: activity
    [B, size], cells [B, size] and sums [B, SUMS, size].
    """
    sums, entered = SUMS[cell], ENTERED[cell]
    gru, lstm = cell == "gru", cell == "lstm"
    dtype = SCALAR_TYPES[dtype_name]

    def step(
        B: int, F: int, N: int, size: int,
        x_at: int, starts_at: int, h_at: int, weights_at: int, memory_at: int,
    ) -> None:  # fmt: skip
        x, starts, h = pointer(x_at, dtype), pointer(starts_at, uint8), pointer(h_at, dtype)
        row, wide = sums * size, entered * size
        b = pointer(weights_at, dtype)
        w_in = b + row
        w = w_in + F * wide
        activity = pointer(memory_at, dtype)
        cells = activity + B * size
        z = cells + B * size
        mode = flush_denormals()
        for s in range(B):
            if starts_at != 0 and starts[s] != 0:
                zero_row(activity + s * size, size)
                zero_row(cells + s * size, size)
            for j in range(0, row, LANES):
                store(z + (s * row + j), load(b + j))
        add_product(0, B, F, wide, x, F, w_in, wide, z, row)
        add_product(0, B, N, wide, activity, size, w, wide, z + (row - wide), row)
        for s in range(B):
            first, last = z + s * row, z + ((s + 1) * row - size)
            if gru:
                gru_row(size, last, first, first + size, first + 2 * size, activity + s * size)
            elif lstm:
                lstm_row(size, first, first + size, first + 2 * size, last, cells + s * size)
            else:
                tanh_row(last, size)
            unpad_row(h + s * N, last, N)
            for j in range(0, size, LANES):
                store(activity + (s * size + j), load(last + j))
        restore_denormals(mode)

    return step


def step_numbers(cell: str, B: int, size: int) -> int:
    """How many numbers of memory the kernel needs."""
    return B * (2 + SUMS[cell]) * size

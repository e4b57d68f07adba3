"""What the input of a step adds to the sums of the neurons: x W_in + b, or given numbers.

The biases are the weights of one more feature, which is 1: W_in is [F + 1, parts, N], the biases last.
"""

from .products import add_product
from .rules import pad_row
from .simd import load, load_part, store
from .vector import LANES, Pointer, inline


@inline
def add_input(
    count: int, n: int, size: int, parts: int, part: int, F: int, x: Pointer, w_in: Pointer, given: bool,
    sums: Pointer,
) -> None:  # fmt: skip
    """For `count` samples, sums[s, :size] += what their neurons have as input number `part`.

    x is [count, F] and w_in [F + 1, parts, size]; or x is what is `given`, [count, parts, n].
    """
    for s in range(count):
        source = x + (s * parts + part) * n if given else w_in + (F * parts + part) * size
        for j in range(0, size, LANES):
            whole = not given or j + LANES <= n
            row = load(source + j) if whole else load_part(source + j, n - j)
            store(sums + (s * size + j), load(sums + (s * size + j)) + row)
    if not given:
        add_product(0, count, F, size, x, F, w_in + part * size, parts * size, sums, size)


@inline
def features_row(row: Pointer, x: Pointer, F: int) -> None:
    """row[:F] = x[:F], row[F] = 1, and zeros up to a multiple of LANES."""
    pad_row(row, x, F, F // LANES * LANES + LANES)
    row[F] = 1.0

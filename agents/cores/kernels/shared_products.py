"""Matrix products with a row for each step and sample: large, and shared out among the kernels' threads.

PyTorch's own threads would wait by spinning, on the processors that the kernels need.
"""

import itertools

import torch
from torch import Tensor

from .threads import share_out

PARTS = 8
"""Rows are cut into at most this many parts, whatever the number of threads: results do not depend on it."""

FEWEST = 500
"""Rows of a part at least."""


def is_shared(rows: Tensor) -> bool:
    """Whether products of rows [R, ..] are worth it, where autograd does not record them."""
    return rows.is_cpu and len(rows) >= 2 * FEWEST


def _parts(rows: Tensor) -> list[slice]:
    R = len(rows)
    count = min(PARTS, R // FEWEST) if is_shared(rows) and not torch.is_grad_enabled() else 1
    edges = [R * k // count for k in range(count + 1)]
    return [slice(*edge) for edge in itertools.pairwise(edges)]


def product(rows: Tensor, weights: Tensor, add: Tensor | None = None) -> Tensor:
    """`rows @ weights + add`: [R, K], [K, M] and [M] or [R, M] (None: nothing) -> [R, M]."""
    parts = _parts(rows)
    if len(parts) == 1:
        return rows @ weights if add is None else torch.addmm(add, rows, weights)
    out = rows.new_empty(len(rows), weights.shape[1])

    def work(k: int) -> None:
        part = parts[k]
        with torch.no_grad():  # which holds for a thread
            if add is None:
                torch.mm(rows[part], weights, out=out[part])
            else:
                torch.addmm(add if add.dim() == 1 else add[part], rows[part], weights, out=out[part])

    share_out(work, len(parts))
    return out


def summed_product(rows: Tensor, others: Tensor) -> Tensor:
    """`rows.t() @ others`: [R, K] and [R, M] -> [K, M]."""
    parts = _parts(rows)
    if len(parts) == 1:
        return rows.t() @ others
    sums = rows.new_empty(len(parts), rows.shape[1], others.shape[1])

    def work(k: int) -> None:
        with torch.no_grad():
            torch.mm(rows[parts[k]].t(), others[parts[k]], out=sums[k])

    share_out(work, len(parts))
    return sums.sum(0)

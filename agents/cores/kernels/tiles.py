"""Weights in the layout of the kernels (see `vector`)."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from .vector import LANES, ROWS


def tiled(matrix: Tensor) -> Tensor:
    """[N, N] -> tiles [rows / ROWS, size / LANES, ROWS, LANES], with zeros around it."""
    n = len(matrix)
    rows, size = padded_sizes(n)
    padded = pad(matrix, (0, size - n, 0, rows - n))
    return padded.view(rows // ROWS, ROWS, size // LANES, LANES).transpose(1, 2).contiguous()


def untiled(tiles: Tensor) -> Tensor:
    """The opposite of `tiled`, with what is around the matrix: any [rows, size]."""
    rows, size = tiles.shape
    return tiles.reshape(rows // ROWS, size // LANES, ROWS, LANES).transpose(1, 2).reshape(rows, size)


def padded_sizes(n: int) -> tuple[int, int]:
    """Rows and columns of a matrix [n, n] in tiles."""
    return -(-n // ROWS) * ROWS, -(-n // LANES) * LANES


def tiled_gates(w_gates: Tensor) -> Tensor:
    """[2, N, N] -> both in tiles."""
    return torch.stack([tiled(gate) for gate in w_gates])

"""What the input contributes to the neurons over a whole sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from agents.cores.kernels import product, summed_product, without_autocast


class _Product(torch.autograd.Function):
    @staticmethod
    @without_autocast
    def forward(ctx: Any, rows: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(rows, weights)
        return product(rows, weights)

    @staticmethod
    @without_autocast
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor]:
        rows, weights = ctx.saved_tensors
        of_rows = product(grad, weights.t()) if ctx.needs_input_grad[0] else None
        return of_rows, summed_product(rows, grad)


def input_drive(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The product x w^T + b, as `torch.nn.functional.linear` has it, forward and backward at half the cost.

    The bias is the weight of one more input, which is 1: so nothing is copied, or summed, for its sake. And
    the gradient of the weights is asked for as [F + 1, M]; BLAS takes twice as long for the tall [M, F].

    Args:
        x: Features [T, B, F].
        w: Weights [M, F].
        b: Biases [M].

    Returns:
        [T, B, M].
    """
    inputs = torch.cat([x, x.new_ones(*x.shape[:2], 1)], dim=2)
    weights = torch.cat([w.t(), b.unsqueeze(0)])
    drive = _Product.apply(inputs.flatten(0, 1), weights)
    return drive.view(*x.shape[:2], len(b))


class InputLayer(nn.Linear):
    """`torch.nn.Linear`, over sequences by :func:`input_drive`."""

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, F] or [T, B, F] -> [B, M] or [T, B, M]."""
        return super().forward(x) if x.dim() == 2 else input_drive(x, self.weight, self.bias)

"""What PyTorch calls of the kernels for networks without plastic weights."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from .compiled import kernel
from .fixed import ENTERED, FIXED, SUMS, step_numbers
from .products import SAMPLES
from .step import checked_step
from .threads import chunks, share_out
from .unroll import dtype_name, padded_sizes


def runs_fixed(weights: Tensor) -> bool:
    """Whether these kernels can run a network with such weights."""
    return weights.device.type == "cpu" and weights.dtype == torch.float32


class FixedStepper:
    """Steps of a network without plastic weights, without gradients.

    It runs on one thread, as `FusedStepper` does.

    Args:
        cell: "tanh", "gru" or "lstm".
        weights: From input, a constant 1 and activity, side by side, to the sums [F + 1 + N, SUMS N], in the
            order that `fixed` gives; copied.
        state: Activity before the first step [B, N], and an LSTM's cells [B, N]; copied.
    """

    def __init__(self, cell: str, weights: Tensor, state: tuple[Tensor, ...]) -> None:
        B, N = state[0].shape
        F = len(weights) - 1 - N
        _, size = padded_sizes(N)
        self._dtype = weights.dtype
        each = pad(weights.detach().view(F + 1 + N, SUMS[cell], N), (0, size - N))
        from_input, b, from_activity = each.split([F, 1, N])
        parts = b, from_input[:, : ENTERED[cell]], from_activity[:, -ENTERED[cell] :]
        self._weights = torch.cat([part.flatten() for part in parts])
        self._memory = weights.new_zeros(step_numbers(cell, B, size))
        own = self._memory[: 2 * B * size].view(2, B, size)[: len(state), :, :N]
        self._state = own.unbind()
        for leaf, given in zip(self._state, state, strict=True):
            leaf.copy_(given.detach())
        self._x_shape, self._h_shape = (B, F), (B, N)
        self._kernel = kernel("fixed_step", FIXED, cell, dtype_name(self._dtype))
        self._sizes = (B, F, N, size)
        self._kept = (self._weights.data_ptr(), self._memory.data_ptr())

    def step(self, x: Tensor, starts: Tensor | None, out: Tensor) -> None:
        """Take a step.

        Args:
            x: Input [B, F].
            starts: Bool [B]; where true, that row of the state is zero before the step. None: nowhere.
            out: Receives the activity after the step [B, N]; contiguous.

        Raises:
            ValueError: If a shape, a dtype, a layout or the device is not accepted.
        """
        x, starts = checked_step(x, starts, out, self._x_shape, self._h_shape, self._dtype)
        starts_at = 0 if starts is None else starts.data_ptr()
        self._kernel(*self._sizes, x.data_ptr(), starts_at, out.data_ptr(), *self._kept)

    def state(self) -> tuple[Tensor, ...]:
        """The state after the last step; the caller owns it."""
        return tuple(leaf.clone() for leaf in self._state)


def fixed_way_back(cell: str, slopes: Tensor, grad: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """Lead the gradient of activity back through the steps of a sequence.

        d_T = grad_T
        d_t = grad_t + d_{t+1} * direct_{t+1} + (d_{t+1} * slopes_{t+1}) w

    Args:
        cell: "tanh" or "gru".
        slopes: How each sum that activity enters answers to a change of the activity after the step
            [T, B, ENTERED, N], and for a GRU, one part more, how the activity before does by the direct way;
            becomes the gradients of the sums. Contiguous.
        grad: Gradient of the activity from outside [T, B, N].
        w: Weights from the sums to the activity before [ENTERED N, N].

    Returns:
        The whole gradient of the activity after each step [T, B, N] (of a tanh RNN not computed: empty), and
        that of the activity before the first [B, N].
    """
    T, B, N = grad.shape
    _, size = padded_sizes(N)
    grad = grad.contiguous()
    total = torch.empty_like(grad) if cell == "gru" else grad.new_empty(0)
    w = pad(w, (0, size - N)).contiguous()
    d_h0, memory = grad.new_empty(B, N), grad.new_empty(B, size)
    run = kernel("fixed_way_back", FIXED, cell, dtype_name(grad.dtype))
    parts = chunks(B, SAMPLES)

    def work(part: int) -> None:
        addresses = (tensor.data_ptr() for tensor in (slopes, grad, total, w, d_h0, memory))
        run(T, B, N, size, *parts[part], *addresses)

    share_out(work, len(parts))
    return total, d_h0

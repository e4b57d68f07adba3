"""What PyTorch calls of the kernels for networks without plastic weights."""

import torch
from torch import Tensor
from torch.autograd.graph import increment_version
from torch.nn.functional import pad

from .addresses import address, addresses
from .compiled import can_compile, kernel
from .fixed_back import SCRATCH
from .fixed_step import ENTERED, FIXED, SUMS, step_numbers
from .products import SAMPLES
from .step import checked_step, step_addresses
from .threads import chunks, scratch, share_out
from .tiles import padded_sizes
from .unroll import dtype_name


def runs_fixed(weights: Tensor) -> bool:
    """Whether these kernels can run a network with such weights; what they do, PyTorch can do too."""
    return weights.device.type == "cpu" and weights.dtype == torch.float32 and can_compile()


class FixedStepper:
    """Steps of a network without plastic weights, without gradients.

    It runs on the caller's thread: waking others would take as long as the step.

    Args:
        cell: "tanh", "gru" or "lstm".
        weights: From input, a constant 1 and activity, side by side, to the sums [F + 1 + N, SUMS N], in the
            order that `fixed_step` gives; copied.
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
        self._kept = self._find()

    def _find(self) -> list[int]:
        return addresses(self._dtype, self._weights, self._memory)

    def __setstate__(self, state: dict[str, object]) -> None:
        """As a copy, whose memory is elsewhere."""
        self.__dict__.update(state)
        self._kept = self._find()

    def step(self, x: Tensor, starts: Tensor | None, out: Tensor) -> None:
        """See :meth:`FusedStepper.step`."""
        x, starts = checked_step(x, starts, out, self._x_shape, self._h_shape)
        self._kernel(*self._sizes, *step_addresses(x, starts, out, self._dtype), *self._kept)
        increment_version(out)

    def state(self) -> tuple[Tensor, ...]:
        """The state after the last step; the caller owns it."""
        return tuple(leaf.clone() for leaf in self._state)


def tanh_way_back(h: Tensor, grad: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """Lead the gradient of activity back through h_t = tanh(sums_t), where sums_t = ... + h_{t-1} w.

    Args:
        h: Activity [T, B, N].
        grad: Its gradient from outside [T, B, N].
        w: Recurrent weights [N, N].

    Returns:
        The gradients of the sums [T, B, N] and of the activity before the first step [B, N].
    """
    d_sums = torch.empty_like(grad, memory_format=torch.contiguous_format)
    return d_sums, _way_back("tanh", d_sums, grad, w.t(), h=h)


def gru_way_back(given: Tensor, sums: Tensor, h0: Tensor, h: Tensor, grad: Tensor, w: Tensor) -> Tensor:
    """Lead the gradient of activity back through a GRU.

    Args:
        given: What the input adds to the gates r, z and n [T, B, 3 N]; becomes the gradient of that.
        sums: What activity adds to them, w h_{t-1} and biases [T, B, 3 N]; becomes the gradient of that.
        h0: Activity before the first step [B, N].
        h: Activity [T, B, N].
        grad: Its gradient from outside [T, B, N].
        w: Recurrent weights [3 N, N].

    Returns:
        The gradient of the activity before the first step [B, N].
    """
    return _way_back("gru", sums, grad, w, given=given, h0=h0, h=h)


def lstm_cells(sums: Tensor, c0: Tensor) -> Tensor:
    """The cells of an LSTM after each step [T, B, N].

    Args:
        sums: Those of the gates i, f, g and o [T, B, 4 N]; become the opened gates (g the cells' input).
        c0: The cells before the first step [B, N].
    """
    T, (B, N) = len(sums), c0.shape
    c = sums.new_empty(T, B, N)
    _share_out("fixed_cells", "lstm", (T, B, N), sums, c0, c)
    return c


def lstm_way_back(
    sums: Tensor, c0: Tensor, c: Tensor, grad: Tensor, d_c: Tensor, w: Tensor
) -> tuple[Tensor, Tensor]:
    """Lead gradients back through an LSTM.

    Args:
        sums: As :func:`lstm_cells` leaves them [T, B, 4 N]; become the gradients of the sums.
        c0: The cells before the first step [B, N].
        c: The cells after each step [T, B, N].
        grad: Gradient of the activity from outside [T, B, N].
        d_c: Gradient of the last cells from outside [B, N].
        w: Recurrent weights [4 N, N].

    Returns:
        The gradients of activity and cells before the first step, [B, N] each.
    """
    N = c.shape[2]
    d_c = pad(d_c, (0, padded_sizes(N)[1] - N)).contiguous()
    return _way_back("lstm", sums, grad, w, c0=c0, c=c, d_c=d_c), d_c[:, :N].contiguous()


def _way_back(
    cell: str,
    sums: Tensor,
    grad: Tensor,
    w: Tensor,
    given: Tensor | None = None,
    h0: Tensor | None = None,
    h: Tensor | None = None,
    c0: Tensor | None = None,
    c: Tensor | None = None,
    d_c: Tensor | None = None,
) -> Tensor:
    T, B, N = grad.shape
    _, size = padded_sizes(N)
    w = pad(w, (0, size - N)).contiguous()
    d_h, grad_h0 = grad.new_empty(B, size), grad.new_empty(B, N)
    activity = None if h0 is None else h0.contiguous(), None if h is None else h.contiguous()
    arrays = sums, given, *activity, c0, c, grad.contiguous(), d_h, d_c, w, grad_h0
    _share_out("fixed_way_back", cell, (T, B, N), *arrays)
    return grad_h0


def _share_out(kind: str, cell: str, sizes: tuple[int, int, int], *arrays: Tensor | None) -> None:
    """Run a kernel over all samples; `arrays` are its arguments but for the scratch, the last."""
    T, B, N = sizes
    _, size = padded_sizes(N)
    dtype = next(array.dtype for array in arrays if array is not None)
    found = addresses(dtype, *arrays)
    run = kernel(kind, FIXED, cell, dtype_name(dtype))
    parts = chunks(B, SAMPLES)

    def work(part: int) -> None:
        memory = scratch(SCRATCH * size, dtype)
        run(T, B, N, size, *parts[part], *found, address(memory, dtype))

    share_out(work, len(parts))

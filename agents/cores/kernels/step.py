"""The recurrence one step after another, for rollouts."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.graph import increment_version
from torch.nn.functional import pad

from .addresses import address, addresses
from .cells import PARTS
from .checks import check_tensors
from .compiled import kernel
from .inplace import BEGIN, END, HELP, STEP, WAIT, inplace_numbers
from .rules import ALL_RULES, MATRICES, RATES
from .threads import begin_beside, get_num_threads
from .tiles import padded_sizes, tiled, tiled_gates
from .turns import TURNS, give_way_address
from .unroll import cell_name, dtype_name

GROUP = 4
"""Samples treated together: they share each row of the weights in the L1 cache."""


class FusedStepper:
    """Steps of a recurrence with plastic connections, without gradients.

    Equal to a loop of `plastic_step`, or of `modulated_step` and `retroactive_step` for the rules of these
    names, with a reset where an episode starts (`agents.cores.plastic` and `agents.cores.modulated`).

    Most of a step is done ahead, by other threads if `set_num_threads` allows them, while the caller is busy
    with the environment (see `inplace`). They come with the second step, and leave when :meth:`state` is
    called or nothing was asked for some milliseconds; then the caller's thread does it all. The numbers are
    the same.

    Args:
        rule: One of `ALL_RULES`.
        w_in: Weights of the input [N, F]; in a GRU [3 N, F], for candidate, update gate and reset gate.
        b: Biases of the input [N] or [3 N].
        w: Fixed weights [N, N], from row i to column j.
        alpha: Plasticity of each connection [N, N].
        rates: What sets the rate of plasticity, as named in `RATES`, [N] each, but m_bias [1].
        state: Activity before the first step [B, N] and the matrices named in `MATRICES` [B, N, N]; copied,
            as all that is given.
        w_gates: Recurrent weights of a GRU's update and reset gate [2, N, N]; None: it is a tanh RNN.

    Raises:
        ValueError: If a shape, a dtype, the device or the rule is not accepted.
    """

    def __init__(
        self,
        rule: str,
        w_in: Tensor,
        b: Tensor,
        w: Tensor,
        alpha: Tensor,
        rates: Sequence[Tensor],
        state: Sequence[Tensor],
        w_gates: Tensor | None = None,
    ) -> None:
        if rule not in ALL_RULES:
            raise ValueError(f"unknown plasticity rule {rule!r}; known rules: {', '.join(ALL_RULES)}")
        h, *matrices = state
        if h.dim() != 2 or w_in.dim() != 2:
            raise ValueError(f"h and w_in must be matrices, got {list(h.shape)} and {list(w_in.shape)}")
        (B, N), F = h.shape, w_in.shape[1]
        cell = cell_name(w_gates)
        parts = PARTS[cell]
        named_rates = dict(zip(RATES[rule], rates, strict=True))
        check_tensors(
            h.dtype,
            h=(h, (B, N)),
            w_in=(w_in, (parts * N, F)),
            b=(b, (parts * N,)),
            w=(w, (N, N)),
            alpha=(alpha, (N, N)),
            **{name: (rate, (1,) if name == "m_bias" else (N,)) for name, rate in named_rates.items()},
            **({} if w_gates is None else {"w_gates": (w_gates, (2, N, N))}),
            **{name: (m, (B, N, N)) for name, m in zip(MATRICES[rule], matrices, strict=True)},
        )
        rows, size = padded_sizes(N)
        with torch.no_grad():
            inputs = torch.cat([w_in.t(), b.unsqueeze(0)]).view(F + 1, parts, N)
            padded = [pad(row, (0, size - row.shape[-1])) for row in (*rates, inputs)]
            gates = [] if w_gates is None else [tiled_gates(w_gates)]
            weights = (tiled(w), tiled(alpha), *padded, *gates)
            self._weights = torch.cat([part.flatten() for part in weights])
        self._memory = h.new_empty(inplace_numbers(len(matrices), B, rows, size))
        self._x_shape, self._h_shape, self._matrices_shape = (B, F), (B, N), (len(matrices), B, N, N)
        self._dtype = h.dtype
        self._kernel = kernel("inplace", rule, cell, dtype_name(h.dtype))
        self._sizes = (B, F, N, rows, size, GROUP)
        self._turns = torch.zeros(TURNS, dtype=torch.int64)
        self._steps = 0
        h = h.contiguous()
        together = torch.stack(matrices) if len(matrices) > 1 else matrices[0].contiguous()
        h_at, together_at = addresses(self._dtype, h, together)
        self._kept = self._find()
        self._kernel(BEGIN, *self._sizes, 0, 0, h_at, together_at, *self._kept)

    def _find(self) -> tuple[int, ...]:
        """Where weights and memory are, and how threads wait."""
        ours = addresses(self._dtype, self._weights, self._memory)
        return *ours, address(self._turns, torch.int64), give_way_address()

    def _help(self) -> None:
        self._kernel(HELP, *self._sizes, 0, 0, 0, 0, *self._kept)

    def __getstate__(self) -> dict[str, object]:
        """For copies: what nobody is writing to."""
        self._kernel(WAIT, *self._sizes, 0, 0, 0, 0, *self._kept)
        return self.__dict__

    def __setstate__(self, state: dict[str, object]) -> None:
        """As a copy, whose memory is elsewhere."""
        self.__dict__.update(state)
        self._kept = self._find()

    def step(self, x: Tensor, starts: Tensor | None, out: Tensor) -> None:
        """Take a step.

        Args:
            x: Input [B, F].
            starts: Bool [B]; where true, that row of the state is zero before the step. None: nowhere.
            out: Receives the activity after the step [B, N]; contiguous.

        Raises:
            ValueError: If a shape, a dtype, a layout or the device is not accepted.
        """
        x, starts = checked_step(x, starts, out, self._x_shape, self._h_shape)
        found = step_addresses(x, starts, out, self._dtype)
        self._steps += 1
        if self._steps == 2:  # who asks for one step only is not worth a helper
            begin_beside(self._help, min(get_num_threads() - 1, self._sizes[0] // (2 * GROUP)))
        self._kernel(STEP, *self._sizes, *found, 0, *self._kept)
        increment_version(out)  # so that autograd knows that it was changed

    def state(self) -> tuple[Tensor, ...]:
        """Activity [B, N] and the matrices [B, N, N] after the last step; the caller owns them."""
        h, matrices = self._weights.new_empty(self._h_shape), self._weights.new_empty(self._matrices_shape)
        self._kernel(END, *self._sizes, 0, 0, *addresses(self._dtype, h, matrices), *self._kept)
        return h, *matrices


def checked_step(
    x: Tensor, starts: Tensor | None, out: Tensor, x_shape: tuple[int, int], h_shape: tuple[int, int]
) -> tuple[Tensor, Tensor | None]:
    """`x` and `starts` of a step, contiguous.

    Raises:
        ValueError: If a shape is not accepted.
    """
    if x.shape != x_shape:
        raise ValueError(f"x must have shape {list(x_shape)}, got {list(x.shape)}")
    if out.shape != h_shape:
        raise ValueError(f"out must have shape {list(h_shape)}, got {list(out.shape)}")
    if starts is None:
        return x.contiguous(), None
    if starts.shape != h_shape[:1]:
        raise ValueError(f"starts must have shape {list(h_shape[:1])}, got {list(starts.shape)}")
    return x.contiguous(), starts.contiguous()


def step_addresses(x: Tensor, starts: Tensor | None, out: Tensor, dtype: torch.dtype) -> tuple[int, int, int]:
    """Where a step's input, starts and output are.

    Raises:
        ValueError: If a dtype, the layout of `out` or a device is not accepted.
    """
    return address(x, dtype, "x"), address(starts, torch.bool, "starts"), address(out, dtype, "out")

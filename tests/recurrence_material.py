"""What the tests of kernels against definitions share."""

import torch
from torch import Tensor


def random_starts(T, B, generator) -> Tensor:
    """Where episodes start [T, B]: in some rows at the first step, in one at the last, in all halfway."""
    starts = torch.rand(T, B, generator=generator) < 0.02
    starts[0, ::2] = True
    starts[-1, -1] = True
    starts[T // 2] = True
    return starts


def assert_close(actual: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    """Errors are relative to the largest number of each tensor."""
    for name, want in expected.items():
        error = (actual[name] - want).abs().max() / want.abs().max().clamp(min=1e-30)
        assert error <= tolerance, f"{name}: {error:.1e}"

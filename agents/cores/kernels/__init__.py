"""Fused CPU kernels for plastic and plain recurrence: the numbers of plain PyTorch, many times faster."""

from .compiled import compile_kernels, is_compiled
from .rnn import fused_rnn_unroll
from .step import FusedStep, fused_step_
from .unroll import fused_unroll

__all__ = ["FusedStep", "compile_kernels", "fused_rnn_unroll", "fused_step_", "fused_unroll", "is_compiled"]

"""Fused CPU kernels of the plastic recurrence: the numbers of plain PyTorch, many times faster."""

from .compiled import compile_kernels, is_compiled
from .step import fused_step_
from .threads import get_num_threads, set_num_threads
from .unroll import fused_replay, fused_unroll

__all__ = [
    "compile_kernels",
    "fused_replay",
    "fused_step_",
    "fused_unroll",
    "get_num_threads",
    "is_compiled",
    "set_num_threads",
]

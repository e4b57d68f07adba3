"""Fused CPU kernels of the plastic recurrence: the numbers of plain PyTorch, many times faster."""

from .compiled import compile_kernels, is_compiled
from .step import FusedStepper
from .threads import get_num_threads, set_num_threads
from .unroll import cell_name, check_clamp, check_starts, fused_recurrence, fused_unroll

__all__ = [
    "FusedStepper",
    "cell_name",
    "check_clamp",
    "check_starts",
    "compile_kernels",
    "fused_recurrence",
    "fused_unroll",
    "get_num_threads",
    "is_compiled",
    "set_num_threads",
]

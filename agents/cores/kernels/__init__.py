"""Fused CPU kernels of the recurrences, plastic or not: the numbers of plain PyTorch, many times faster."""

from .checks import check_clamp, check_starts
from .compiled import check_compiler, compile_aloud, compile_kernels, is_compiled
from .fixed_network import (
    FixedStepper,
    gru_way_back,
    lstm_cells,
    lstm_way_back,
    runs_fixed,
    tanh_way_back,
)
from .fixed_step import FIXED
from .precision import without_autocast
from .shared_products import product, summed_product
from .step import FusedStepper
from .threads import get_num_threads, one_torch_thread, set_num_threads
from .unroll import InputProduct, cell_name, fused_recurrence, fused_unroll

__all__ = [
    "FIXED",
    "FixedStepper",
    "FusedStepper",
    "InputProduct",
    "cell_name",
    "check_clamp",
    "check_compiler",
    "check_starts",
    "compile_aloud",
    "compile_kernels",
    "fused_recurrence",
    "fused_unroll",
    "get_num_threads",
    "gru_way_back",
    "is_compiled",
    "lstm_cells",
    "lstm_way_back",
    "one_torch_thread",
    "product",
    "runs_fixed",
    "set_num_threads",
    "summed_product",
    "tanh_way_back",
    "without_autocast",
]

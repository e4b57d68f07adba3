"""From a tensor to the address of its numbers, for kernels: the only way there is.

A kernel takes whatever lies at an address for what it expects there.
"""

import torch
from torch import Tensor


def address(tensor: Tensor | None, dtype: torch.dtype, name: str = "a tensor") -> int:
    """Where its numbers begin, one behind the other; 0 for None.

    Args:
        tensor: It must outlive the use of its address.
        dtype: What the kernel takes the numbers for.
        name: What an error calls the tensor.

    Raises:
        ValueError: If it has another dtype, is not contiguous or not on the CPU.
    """
    if tensor is None:
        return 0
    if tensor.dtype is not dtype or not tensor.is_cpu or not tensor.is_contiguous():
        layout = "" if tensor.is_contiguous() else ", not contiguous"
        raise ValueError(
            f"{name} must be contiguous {dtype} on the CPU for a kernel to read it, "
            f"got {tensor.dtype} {list(tensor.shape)} on {tensor.device}{layout}"
        )
    return tensor.data_ptr()


def addresses(dtype: torch.dtype, *tensors: Tensor | None) -> list[int]:
    """The :func:`address` of each."""
    return [address(tensor, dtype) for tensor in tensors]

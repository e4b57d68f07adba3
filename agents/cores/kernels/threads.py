"""Sharing samples out among threads, so that results do not depend on how many there are."""

import functools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import torch

CHUNKS = 32
"""A batch is cut into at most this many parts, whatever the number of threads."""

_local = threading.local()
_num_threads = os.cpu_count() or 1


def set_num_threads(count: int) -> None:
    """Use `count` threads for everything: the one setting for kernels, PyTorch and its BLAS.

    The kernels share samples out among `count` threads. PyTorch itself is held to one: the operations
    beside the kernels are too small to gain from more, and its threads wait by spinning, on the processors
    the kernels need.

    Raises:
        ValueError: If `count` is not a positive whole number.
    """
    global _num_threads
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"the number of threads must be a positive whole number, got {count!r}")
    _num_threads = count
    torch.set_num_threads(1)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Hold PyTorch itself to one thread meanwhile, for the reasons that :func:`set_num_threads` gives."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def get_num_threads() -> int:
    """Threads that the kernels use; at first as many as the machine has processors."""
    return _num_threads


def chunks(batch: int, multiple: int) -> list[tuple[int, int]]:
    """Cut 0..batch into at most CHUNKS ranges, each but the last `multiple` times some whole number long."""
    size = -(-batch // (CHUNKS * multiple)) * multiple
    return [(first, min(first + size, batch)) for first in range(0, batch, size)]


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    # Each thread has its own number of threads for PyTorch's operations.
    return ThreadPoolExecutor(
        workers, thread_name_prefix="kernel", initializer=torch.set_num_threads, initargs=(1,)
    )


if hasattr(os, "register_at_fork"):  # a child process has the pool's objects, but not its threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


def begin_beside(work: Callable[[], None], count: int) -> list[Future[None]]:
    """Call work() on `count` other threads, or as many as `set_num_threads` allows, and go on meanwhile."""
    most = min(_num_threads, CHUNKS) - 1  # so that there is one pool, whatever is asked for
    return [_pool(most).submit(work) for _ in range(min(most, count))]


def share_out(work: Callable[[int], None], count: int) -> None:
    """Call work(0) .. work(count - 1), on as many threads as `set_num_threads` says."""
    numbers = iter(range(count))  # next() on it is atomic

    def drain() -> None:
        for number in numbers:
            work(number)

    futures = begin_beside(drain, count - 1)
    try:
        drain()
    finally:
        for future in futures:
            future.result()


def scratch(count: int, dtype: torch.dtype) -> torch.Tensor:
    """This thread's working memory: `count` numbers, kept from call to call."""
    kept = getattr(_local, "scratch", {})
    if dtype not in kept or len(kept[dtype]) < count:
        kept[dtype] = torch.empty(count, dtype=dtype)
        _local.scratch = kept
    return kept[dtype]

"""Sharing samples out among threads, so that results do not depend on how many there are."""

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

CHUNKS = 32
"""A batch is cut into at most this many parts, whatever the number of threads."""

_local = threading.local()


def chunks(batch: int, multiple: int) -> list[tuple[int, int]]:
    """Cut 0..batch into at most CHUNKS ranges, each but the last `multiple` times some whole number long."""
    size = -(-batch // (CHUNKS * multiple)) * multiple
    return [(first, min(first + size, batch)) for first in range(0, batch, size)]


@functools.cache
def _pool(helpers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(helpers, thread_name_prefix="kernel")


def share_out(work: Callable[[int], None], count: int) -> None:
    """Call work(0) .. work(count - 1), on as many threads as `torch.get_num_threads()` says."""
    helpers = min(torch.get_num_threads(), count) - 1
    numbers = iter(range(count))  # next() on it is atomic

    def drain() -> None:
        for number in numbers:
            work(number)

    futures = [_pool(helpers).submit(drain) for _ in range(helpers)]
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

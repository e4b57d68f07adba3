"""Taking times, and saying on what machine they were taken."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from agents.checkpoint import library_versions


def median_seconds(call: Callable[[], object], repeats: int = 7, at_least: float = 0.2) -> float:
    """Median time of one call, in seconds.

    Args:
        call: What to time; it is called once beforehand.
        repeats: Samples of which the median is taken.
        at_least: Each sample calls often enough to last for a `repeats`-th of this, in seconds.
    """
    call()
    began = time.perf_counter()
    call()
    once = max(time.perf_counter() - began, 1e-7)
    loops = max(1, round(at_least / repeats / once))
    samples = []
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(loops):
            call()
        samples.append((time.perf_counter() - began) / loops)
    return statistics.median(samples)


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "processor": _first_line("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": str(os.cpu_count()),
        "memory": _first_line("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.machine()}",
        **library_versions(),
    }


def _first_line(path: str, key: str) -> str:
    file = Path(path)
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")

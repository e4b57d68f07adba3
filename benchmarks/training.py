"""Whole training runs through `train.py`: steps per second and peak memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from agents.metrics import read_metrics

IMPORT_ONLY = "import torch"


def run(arguments: list[str], steps: int) -> tuple[float, float]:
    """Train once; returns steps per second of the whole run and its peak memory in MB.

    Args:
        arguments: For `train.py`.
        steps: Environment steps.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "train.py", "--total-steps", str(steps), "--out", str(out), *arguments]
        peak = _peak_megabytes(command)
        rows = read_metrics(out / "metrics.csv")
    return rows[-1]["time/total_timesteps"] / rows[-1]["time/seconds"], peak


def _peak_megabytes(command: list[str]) -> float:
    """Run `command` under a small parent that reports the largest resident set of its child."""
    program = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *command], check=True, capture_output=True, encoding="utf-8"
    )
    return int(done.stdout) / 1024


def measure(cores: tuple[str, ...], steps: int, repeats: int, threads: int | None) -> list[dict[str, object]]:
    """One row for each core at the default batch, and one for `plastic` at the authors' batch."""
    before = _peak_megabytes([sys.executable, "-c", IMPORT_ONLY])
    settings = [(core, "default", ["--core", core]) for core in cores]
    settings.append(("plastic", "30 x 200 steps", ["--n-envs", "30", "--max-steps", "200"]))
    common = [] if threads is None else ["--threads", str(threads)]
    rows: list[dict[str, object]] = []
    for core, batch, arguments in settings:
        runs = [run([*common, *arguments], steps) for _ in range(repeats)]
        speed = statistics.median(speed for speed, _ in runs)
        rows.append(
            {
                "core": core,
                "batch": batch,
                "steps/s": speed,
                "against the authors' 13 000": speed / 13_000,
                "peak MB above torch": statistics.median(peak for _, peak in runs) - before,
            }
        )
    return rows

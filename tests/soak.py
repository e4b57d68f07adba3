"""Do everything over and over in one process and watch what it holds on to: `python -m tests.soak --help`."""

import gc
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from agents import RecurrentA2C
from agents.cores.kernels import set_num_threads
from agents.evaluation import Task, evaluate
from agents.settings import TrainSettings
from agents.training import train
from benchmarks.timing import machine
from viewer.director import Director
from viewer.recording import GIF_SIZE, record
from viewer.show import make_match
from viewer.still import draw_still, play_to_the_end
from viewer.window import ViewerWindow

SMALL = Task("PlasticMazeSmall-v0", {"max_steps": 20})
QUIET = Console(quiet=True)
CORES = ("plastic", "retroactive_gru", "gru")
WARM_UP = 0.25
"""This part of the time is not judged: libraries fill their caches."""
GROWTH = 20.0
"""MiB an hour by which memory may grow."""


@dataclass(frozen=True)
class Sample:
    """What the process holds."""

    seconds: float
    rounds: int
    memory: float
    """Resident, MiB."""
    threads: int
    """Of the operating system."""
    files: int
    """Open descriptors."""


@dataclass(frozen=True)
class Verdict:
    """What became of one quantity after the warm-up."""

    quantity: str
    first: float
    last: float
    highest: float
    per_hour: float
    """Slope of the straight line through all samples."""
    flat: bool


def one_round(folder: Path, number: int) -> None:
    """Train, evaluate, load and save, draw, play in a window without a display."""
    core = CORES[number % len(CORES)]
    shutil.rmtree(folder, ignore_errors=True)
    settings = TrainSettings(
        env=SMALL.env_id,
        core=core,
        total_steps=480,
        n_envs=4,
        hidden_size=8,
        threads=1,
        out=folder,
        seed=number,
    )
    agent = str(train(settings, QUIET).agent)  # draws the learning curve as well
    evaluate(agent, SMALL, 10, number)
    RecurrentA2C.load(agent).save(folder / "again")
    match = make_match([agent, "planner"], SMALL, number)
    for _ in zip(range(3), record(match, "soak", False, GIF_SIZE), strict=False):
        pass
    draw_still(play_to_the_end(make_match([agent], SMALL, number), greedy=False), folder / "a.svg")
    watch(agent, number)


def watch(agent: str, number: int) -> None:
    """Some steps in a window that no display shows."""
    window = ViewerWindow(Director(make_match([agent], SMALL, number), "soak", False), "soak", Path.cwd())
    try:
        for _ in range(5):
            window.frame(0.2)
    finally:
        window.close()


def sample(began: float, rounds: int) -> Sample:
    """What the process holds now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Sample(
        seconds=round(time.monotonic() - began, 1),
        rounds=rounds,
        memory=round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 2),
        threads=len(os.listdir("/proc/self/task")),
        files=len(os.listdir("/proc/self/fd")),
    )


def soak(minutes: float, rounds: int | None = None) -> list[Sample]:
    """Go round and round for so long, or for so many `rounds`; a sample after each round."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    set_num_threads(1)
    began, samples = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        while len(samples) != rounds and (rounds is not None or time.monotonic() - began < 60 * minutes):
            one_round(Path(folder) / "run", len(samples))
            samples.append(sample(began, len(samples) + 1))
    return samples


def judge(samples: list[Sample]) -> list[Verdict]:
    """Whether each quantity is flat after the warm-up: memory by its slope, the others exactly."""
    kept = samples[int(WARM_UP * len(samples)) :]
    hours = np.array([one.seconds for one in kept]) / 3600
    verdicts = []
    for quantity in ("memory", "threads", "files"):
        values = np.array([float(getattr(one, quantity)) for one in kept])
        slope = float(np.polyfit(hours, values, 1)[0]) if len(kept) > 1 else 0.0
        flat = slope <= GROWTH if quantity == "memory" else bool(values.max() <= values[0])
        numbers = (values[0], values[-1], values.max(), slope)
        verdicts.append(Verdict(quantity, *(round(float(number), 2) for number in numbers), flat))
    return verdicts


def as_table(verdicts: list[Verdict], samples: list[Sample]) -> Table:
    """The verdicts."""
    title = (
        f"{len(samples)} rounds in {samples[-1].seconds / 60:.1f} minutes, judged after {WARM_UP:.0%} of them"
    )
    table = Table("", "first", "last", "highest", "an hour", "", title=title)
    for one in verdicts:
        numbers = (one.first, one.last, one.highest, one.per_hour)
        table.add_row(
            one.quantity, *(f"{number:,.1f}" for number in numbers), "flat" if one.flat else "GROWS"
        )
    return table


def main(minutes: float = 30.0, out: Path | None = Path("benchmarks/results/soak.json")) -> int:
    """Train, evaluate, save, load, draw and play for a while, and see whether memory, threads or files grow.

    Args:
        minutes: How long.
        out: File for the results.
    """
    samples = soak(minutes)
    verdicts = judge(samples)
    Console(soft_wrap=True).print(as_table(verdicts, samples))
    if out is not None:
        shown = samples[:: max(1, len(samples) // 30)]
        result = {
            "machine": machine(),
            "rounds": len(samples),
            "verdicts": [asdict(one) for one in verdicts],
            "samples": [asdict(one) for one in shown],
        }
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if all(one.flat for one in verdicts) else 1


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m tests.soak"))

"""Opens mutated files and counts what happens."""

from __future__ import annotations

import contextlib
import logging
import resource
import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import gymnasium as gym
import numpy as np

from tests.fuzz.kinds import KINDS, Kind

PATIENCE = 5.0
"""Seconds; a file that takes longer hangs."""
MEMORY = 2**30
"""Bytes above what the imports need, which no file may take."""
LONGEST = 800
"""Characters of a sentence."""


class HungError(BaseException):
    """A file took too long; no handler of errors may take it for one."""


@dataclass
class Tally:
    """What the files of a kind came to."""

    kind: str
    outcomes: Counter[str] = field(default_factory=Counter)
    """sentence, accepted; and what must not be: traceback, no sentence, hang."""
    slowest: float = 0.0
    """Seconds."""
    memory: int = 0
    """Most bytes above those before."""
    faults: list[str] = field(default_factory=list)

    @property
    def examples(self) -> int:
        """How many there were."""
        return self.outcomes.total()


def examine(kind: Kind, number: int, sound: bytes, folder: Path, tally: Tally) -> None:
    """Open the file of a kind with this number, and count what happens."""
    path = folder / kind.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(kind.mutate(sound, np.random.default_rng([KINDS.index(kind), number])))
    began, fault = time.monotonic(), ""
    try:
        with _limited_time():
            kind.open(path)
        outcome = "accepted"
    except ValueError as error:
        said = str(error)
        is_sentence = path.name in said and "\n" not in said and len(said) <= LONGEST
        outcome = "sentence" if is_sentence else "no sentence"
        fault = "" if is_sentence else said
    except HungError:
        outcome, fault = "hang", traceback.format_exc()
    except Exception:
        outcome, fault = "traceback", traceback.format_exc()
    tally.outcomes[outcome] += 1
    tally.slowest = max(tally.slowest, time.monotonic() - began)
    if fault:
        tally.faults.append(f"{kind.file}, number {number}: {outcome}\n{fault}")


def run(kinds: tuple[Kind, ...], examples: int, folder: Path, first: int = 0) -> list[Tally]:
    """Open `examples` files, of each kind about as many.

    Args:
        kinds: Those to open.
        examples: How many files.
        folder: Where to write them.
        first: The number of the first; from it each follows.
    """
    tallies = []
    with quiet(), limited_memory():
        for place, kind in enumerate(kinds):
            home = folder / kind.file.replace("/", "-").replace(".", "-")
            path = home / kind.file
            path.parent.mkdir(parents=True, exist_ok=True)
            kind.make(path)
            sound = path.read_bytes()
            kind.open(path)  # which must be sound; and what is imported and compiled, is now
            tally = Tally(kind.file)
            before = reset_peak()
            for number in range(first, first + examples // len(kinds) + (place < examples % len(kinds))):
                examine(kind, number, sound, home, tally)
            tally.memory = max(0, peak() - before)
            if tally.memory > MEMORY:
                tally.faults.append(f"{kind.file}: {tally.memory:,} bytes of memory")
            tallies.append(tally)
    return tallies


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing of what libraries warn of."""
    level = gym.logger.min_level
    gym.logger.min_level = logging.CRITICAL
    logging.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            gym.logger.min_level = level
            logging.disable(logging.NOTSET)


@contextlib.contextmanager
def limited_memory() -> Iterator[None]:
    """Let what asks for far too much fail, rather than the machine."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 4 * MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextlib.contextmanager
def _limited_time() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise HungError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def reset_peak() -> int:
    """Begin anew with :func:`peak`; returns the bytes in use."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """Most bytes of memory that were in use at a time."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

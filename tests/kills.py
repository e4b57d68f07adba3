"""Kill commands with SIGKILL at random moments and let them go on: `python -m tests.kills --help`.

What they compute must be what an undisturbed command computes, to the bit.
"""

import contextlib
import csv
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import tyro
from rich.console import Console
from rich.table import Table

import memory_tasks.__main__ as memory_script
import memory_tasks.training
import memory_tasks.worker
import sweep as sweep_script
import sweeps.process
import sweeps.worker
import train as train_script
from agents.cores.kernels import set_num_threads
from benchmarks.timing import machine
from tests.forked import Forked, ForkedWorker, children

SETTINGS = ["--env", "PlasticMazeSmall-v0", "--n-envs", "4", "--hidden-size", "8", "--threads", "1"]
TOML = """
seeds = 2
[settings]
env = "PlasticMazeSmall-v0"
total_steps = 6400
n_envs = 4
hidden_size = 8
checkpoint_every = 640
[evaluation]
episodes = 20
[entries.plastic]
[entries.gru]
core = "gru"
"""
PATIENCE = 120.0
"""Seconds after which a command counts as hanging."""


@dataclass(frozen=True)
class Kind:
    """A command that can be killed.

    Args:
        name: What it is called in the table.
        begin: Starts it in a new folder, or goes on there; returns the exit code.
        victims: From the command's process, those to kill.
    """

    name: str
    begin: Callable[[Path], int]
    victims: Callable[[int], list[int]] = lambda pid: [pid]


@dataclass
class Tally:
    """What became of the runs of one kind."""

    kind: str
    runs: int = 0
    kills: int = 0
    resumed: int = 0
    """Commands that were started again after a kill."""
    equal: int = 0
    """Runs whose files were in the end those of an undisturbed one."""
    problems: list[str] = field(default_factory=list)


def train_a(core: str) -> Callable[[Path], int]:
    """Train an agent with that core, or go on."""
    new = [*SETTINGS, "--core", core, "--total-steps", "12800", "--checkpoint-every", "640"]

    def begin(folder: Path) -> int:
        begun = (folder / "settings.json").is_file()
        return train_script.main(["--resume", str(folder)] if begun else [*new, "--out", str(folder)])

    return begin


def run_a_sweep(folder: Path) -> int:
    """Work off a small sweep, or go on."""
    folder.mkdir(exist_ok=True)
    (folder / "sweep.toml").write_text(TOML, encoding="utf-8")
    return sweep_script.main([str(folder / "sweep.toml"), "--jobs", "2"])


def run_a_memory_task(folder: Path) -> int:
    """Train two small networks on patterns, or go on."""
    settings = "patterns --size 20 --episodes 600 --runs 2 --test-episodes 20 --jobs 2 --out"
    return memory_script.main([*settings.split(), str(folder)])


def command(pid: int) -> list[int]:
    """The command alone: its workers notice, and stop."""
    return [pid]


def everything(pid: int) -> list[int]:
    """The command and its workers, as when the machine loses power."""
    return [pid, *children(pid)]


def a_worker(pid: int) -> list[int]:
    """One worker: its run fails, the command goes on."""
    return children(pid)[:1]


KINDS = (
    Kind("train: plastic", train_a("plastic")),
    Kind("train: retroactive_gru", train_a("retroactive_gru")),
    Kind("train: lstm", train_a("lstm")),
    *(Kind(f"sweep: {v.__name__}", run_a_sweep, v) for v in (command, everything, a_worker)),
    *(Kind(f"memory task: {v.__name__}", run_a_memory_task, v) for v in (command, everything, a_worker)),
)


def content(folder: Path) -> dict[str, object]:
    """What a command computed: its files by name, without clocks, checkpoints and logs."""
    found: dict[str, object] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.parent.name in ("checkpoints", "tensorboard") or path.suffix == ".log":
            continue
        if path.name == "metrics.csv":
            with path.open(encoding="utf-8", newline="") as file:
                found[name] = [_without_clocks(row) for row in csv.DictReader(file)]
        elif path.name == "evaluation.json":
            found[name] = _without_clocks(json.loads(path.read_text(encoding="utf-8")))
        elif path.suffix == ".safetensors":
            found[name] = path.read_bytes()
        else:
            found[name] = "there"
    return found


def _without_clocks(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if "seconds" not in key and "fps" not in key}


def start(begin: Callable[[Path], int], folder: Path) -> Forked:
    """The command in a process of its own."""
    with folder.with_suffix(".log").open("ab") as log:
        return Forked(lambda: begin(folder), log.fileno())


def undisturbed(begin: Callable[[Path], int], folder: Path) -> tuple[dict[str, object], float]:
    """What a command computes, and the seconds that it takes."""
    began = time.monotonic()
    code = start(begin, folder).wait(PATIENCE)
    if code != 0:
        raise RuntimeError(f"a command ended with {code} undisturbed; see {folder.with_suffix('.log')}")
    return content(folder), time.monotonic() - began


def disturb(
    kind: Kind, folder: Path, seconds: float, kills: int, chance: random.Random, tally: Tally
) -> None:
    """Start the command, kill it so many times, and let it finish; undisturbed it takes `seconds`."""
    tally.runs += 1
    while True:
        process = start(kind.begin, folder)
        killed = False
        if kills:
            time.sleep(chance.uniform(0.0, seconds))
            victims = kind.victims(process.pid) if process.poll() is None else []
            for victim in victims:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
            killed = bool(victims)
        code = process.wait(PATIENCE)
        if not killed:  # nor is it now, if it is over: that moment has passed
            if code != 0:
                tally.problems.append(
                    f"{kind.name}, {folder.name}: code {code}: {_last_line(folder.with_suffix('.log'))}"
                )
            return
        kills -= 1
        tally.kills += 1
        tally.resumed += 1


def _last_line(log: Path) -> str:
    return (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""])[-1]


def difference(found: dict[str, object], wanted: dict[str, object]) -> str:
    """The first files in which they differ; empty if they do not."""
    names = [name for name in {**wanted, **found} if found.get(name) != wanted.get(name)]
    return ", ".join(names[:3])


def measure(kills: int, seed: int, kinds: tuple[Kind, ...], folder: Path) -> list[Tally]:
    """Kill until `kills` have hit, the kinds in turn; folders of runs that went wrong stay."""
    chance = random.Random(seed)
    commands = dict.fromkeys(kind.begin for kind in kinds)
    wanted = {begin: undisturbed(begin, folder / f"undisturbed-{i}") for i, begin in enumerate(commands)}
    tallies = {kind.name: Tally(kind.name) for kind in kinds}
    number = 0
    while sum(tally.kills for tally in tallies.values()) < kills:
        kind = kinds[number % len(kinds)]
        run, tally = folder / f"run-{number}", tallies[kind.name]
        number += 1
        left = kills - sum(tally.kills for tally in tallies.values())
        files, seconds = wanted[kind.begin]
        known = len(tally.problems)
        disturb(kind, run, seconds, min(left, chance.randint(1, 3)), chance, tally)
        apart = difference(content(run), files)
        if apart:
            tally.problems.append(f"{kind.name}, {run.name}: differs in {apart}")
        else:
            tally.equal += 1
        if len(tally.problems) == known:
            shutil.rmtree(run)
    return list(tallies.values())


def as_table(tallies: list[Tally]) -> Table:
    """The tallies, and their sum."""
    table = Table("kind", "runs", "kills", "resumed", "equal", "problems")
    for tally in tallies:
        numbers = (tally.runs, tally.kills, tally.resumed, tally.equal)
        table.add_row(tally.kind, *map(str, numbers), str(len(tally.problems)))
    return table


def main(
    kills: int = 100, seed: int = 0, only: str = "", out: Path | None = Path("benchmarks/results/kills.json")
) -> int:
    """Kill commands at random moments, resume them, and compare with undisturbed ones.

    Args:
        kills: How many.
        seed: Seed of the moments.
        only: Only kinds whose name begins with this.
        out: File for the results.
    """
    prepare()
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    tallies = measure(kills, seed, tuple(kind for kind in KINDS if kind.name.startswith(only)), folder)
    Console(soft_wrap=True).print(as_table(tallies))
    if out is not None:
        result = {"machine": machine(), "kinds": [asdict(tally) for tally in tallies]}
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    problems = [problem for tally in tallies for problem in tally.problems]
    if problems:
        print(*problems, sep="\n")
        print(f"the folders of runs with problems are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def prepare() -> None:
    """Let workers be forked, and memory tasks keep checkpoints often enough to be resumed from them."""
    set_num_threads(1)
    sweeps.process.subprocess.Popen = ForkedWorker
    memory_tasks.training.CHECKPOINT_SECONDS = 0.05


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m tests.kills"))

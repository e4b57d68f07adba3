"""What the scores of a sweep's plastic agents rest on: each plays on with something taken away."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from agents.ablations import Ablations
from agents.checkpoint import read_agent
from agents.cores import make_core
from agents.episode_length import episode_length
from agents.evaluation import Task, evaluate
from agents.plotting import COLOURS, new_figure, plain
from sweeps.plan import Sweep
from sweeps.tables import write_csv

INTACT_LABEL = "intact"


def ablations_file(sweep: Sweep) -> Path:
    """Where the scores are kept, from which figures are drawn."""
    return sweep.report / "ablations.csv"


@dataclass(frozen=True)
class AblationScore:
    """How one agent scored with one thing taken away: a line of ablations.csv."""

    entry: str
    seed: int
    agent: str
    """By which its file is known, see :func:`fingerprint`."""
    ablation: str
    """What was taken away, in words."""
    episodes: int
    mean_return: float
    low: float
    """Bounds of the 95 % confidence interval over episodes."""
    high: float


def ablations_of(steps: int) -> dict[str, Ablations]:
    """The ablations of an episode of `steps` steps, by what they are called in figures."""
    quarter, half = steps // 4, steps // 2
    return {
        INTACT_LABEL: Ablations(),
        "no plasticity (α = 0)": Ablations(no_plasticity=True),
        f"hebb frozen from step {quarter}": Ablations(freeze_hebb=quarter),
        f"hebb wiped at step {half}": Ablations(wipe_hebb=half),
        f"activity wiped at step {half}": Ablations(wipe_hidden=half),
    }


def measure_ablations(sweep: Sweep, episodes: int = 500) -> list[AblationScore]:
    """Let every plastic agent that was kept play with each ablation, on the sweep's fresh episodes.

    Raises:
        ValueError: If no finished run of the sweep has kept a plastic agent.
    """
    scores = []
    steps = _episode_length(sweep.task)
    for name, seed, agent in _plastic_agents(sweep):
        for words, ablations in ablations_of(steps).items():
            played = evaluate(
                agent.as_posix(), sweep.task, episodes, sweep.evaluation.seed, ablations=ablations
            )
            low, high = played.ci95 or (played.mean_return, played.mean_return)
            mean = played.mean_return
            scores.append(AblationScore(name, seed, fingerprint(agent), words, episodes, mean, low, high))
    if not scores:
        raise ValueError(f"{sweep.file}: no finished run has kept an agent with plastic weights")
    return scores


def fingerprint(agent: Path) -> str:
    """A short text that is another one for another file."""
    with agent.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def check_ablations(scores: list[AblationScore], sweep: Sweep) -> None:
    """Check that the agents of the sweep are still those that were ablated.

    Raises:
        ValueError: If one is another, or no longer belongs to the sweep.
    """
    agents = {(run.entry, run.settings.seed): run.folder(sweep.folder).agent for run in sweep.runs()}
    for score in scores:
        agent = agents.get((score.entry, score.seed))
        # An agent that was not kept cannot be another one.
        if agent is None or (agent.is_file() and fingerprint(agent) != score.agent):
            raise ValueError(
                f"{ablations_file(sweep)} is of another agent than {score.entry}/seed-{score.seed} is now; "
                "measure again with --ablate, or delete it"
            )


def write_ablations(file: Path, scores: list[AblationScore]) -> None:
    """Write `file`, a table of comma-separated values."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_csv(file, [asdict(score) for score in scores])


def read_ablations(file: Path) -> list[AblationScore]:
    """Read what :func:`write_ablations` wrote.

    Raises:
        ValueError: If it is not that.
    """
    try:
        with file.open(encoding="utf-8", newline="") as source:
            return [
                AblationScore(
                    row["entry"], int(row["seed"]), row["agent"], row["ablation"], int(row["episodes"]),
                    float(row["mean_return"]), float(row["low"]), float(row["high"]),
                )
                for row in csv.DictReader(source)
            ]  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} is not a table of ablations ({error})") from error


def draw_ablations(scores: list[AblationScore], title: str) -> Figure:
    """A group of bars for each agent, a bar for each ablation, with its confidence interval."""
    entries = list(dict.fromkeys(score.entry for score in scores))
    words = list(dict.fromkeys(score.ablation for score in scores))
    picture = new_figure(max(7.0, 2.2 + 1.7 * len(entries)), 4.2)
    axes = picture.add_subplot()
    width = 0.8 / len(words)
    for number, ablation in enumerate(words):
        chosen = [score for score in scores if score.ablation == ablation]
        x = np.array([entries.index(score.entry) for score in chosen]) + (number + 0.5) * width - 0.4
        y = np.array([score.mean_return for score in chosen])
        errors = np.array([[s.mean_return - s.low, s.high - s.mean_return] for s in chosen]).T
        colour = "#444444" if ablation == INTACT_LABEL else COLOURS[(number - 1) % len(COLOURS)]
        axes.bar(x, y, 0.9 * width, yerr=errors, color=colour, ecolor="black", label=ablation)
    axes.set_xticks(range(len(entries)), entries)
    axes.set_ylabel(f"mean return over {scores[0].episodes} fresh episodes")
    plain(axes)
    axes.grid(axis="x", visible=False)
    picture.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    picture.suptitle(f"{title}: trained agents with something taken away", fontsize=11)
    return picture


def _plastic_agents(sweep: Sweep) -> Iterator[tuple[str, int, Path]]:
    """Entry, seed and file of each entry's first kept agent, where its core has plastic weights and alpha."""
    kept = [run for run in sweep.runs() if run.is_finished(sweep.folder)]
    for name in sweep.entries:
        for run in kept:
            agent = run.folder(sweep.folder).agent
            if run.entry == name and agent.is_file():
                tensors, settings = read_agent(agent)
                if make_core(settings.core, 1, 1).plastic_leaves and "policy.core.alpha" in tensors:
                    yield name, run.settings.seed, agent
                break


def _episode_length(task: Task) -> int:
    env = task.make(1)
    steps = episode_length(env)
    env.close()
    if steps is None:
        raise ValueError(f"{task.env_id} does not say how long an episode is")
    return steps

"""What the scores of a sweep's plastic agents rest on: each plays on with something taken away."""

from __future__ import annotations

import csv
import hashlib
import io
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from agents.ablations import Ablations
from agents.checkpoint import read_agent
from agents.core_colors import core_color
from agents.cores import make_core
from agents.episode_length import episode_length
from agents.evaluation import Task, evaluate
from agents.limits import one_line
from agents.plotting import GREY, new_figure, plain
from agents.plural import counted
from agents.text_file import read_text
from sweeps.plan import Sweep
from sweeps.tables import write_csv

INTACT_LABEL = "intact"
_HATCHES = ("", "///", "...", "xxx")
"""By which bars of agents with the same core are told apart."""


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
    low: float | None
    """Bounds of the 95 % confidence interval over episodes; a single episode has none."""
    high: float | None


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
            low, high = played.ci95 or (None, None)
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
        return [
            AblationScore(
                row["entry"], int(row["seed"]), row["agent"], row["ablation"], int(row["episodes"]),
                float(row["mean_return"]), _bound(row["low"]), _bound(row["high"]),
            )
            for row in csv.DictReader(io.StringIO(read_text(file), newline=""))
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(one_line(f"{file} is not a table of ablations ({error})")) from error


def draw_ablations(scores: list[AblationScore], title: str, cores: Mapping[str, str]) -> Figure:
    """A group of bars for each ablation, a bar for each agent in its core's colour, with its interval.

    Args:
        scores: What agents scored.
        title: What they played.
        cores: The core of each entry.
    """
    entries = list(dict.fromkeys(score.entry for score in scores))
    words = list(dict.fromkeys(score.ablation for score in scores))
    intact = {score.entry: score.mean_return for score in scores if score.ablation == INTACT_LABEL}
    picture = new_figure(max(7.0, 1.5 + len(words) * (0.7 + 0.22 * len(entries))), 4.4)
    axes = picture.add_subplot()
    width = 0.8 / len(entries)
    shared: Counter[str] = Counter()
    for number, entry in enumerate(entries):
        chosen = [score for score in scores if score.entry == entry]
        x = np.array([words.index(score.ablation) for score in chosen]) + (number + 0.5) * width - 0.4
        y = np.array([score.mean_return for score in chosen])
        hatch, color = _HATCHES[shared[cores[entry]] % len(_HATCHES)], core_color(cores[entry])
        shared[cores[entry]] += 1
        axes.bar(x, y, 0.9 * width, color=color, hatch=hatch, edgecolor="white", linewidth=0, label=entry)
        known = [
            (place, score.mean_return, score.low, score.high)
            for place, score in zip(x, chosen, strict=True)
            if score.low is not None and score.high is not None
        ]
        for place, mean, low, high in known:
            axes.errorbar(place, mean, [[mean - low], [high - mean]], color="black", linewidth=1.2)
        if entry in intact:
            axes.hlines(
                [intact[entry]] * len(x), x - 0.45 * width, x + 0.45 * width, color=GREY, linestyle=":"
            )
    axes.set_xticks(range(len(words)), [textwrap.fill(word, 14) for word in words])
    axes.set_ylabel(f"mean return over {counted(scores[0].episodes, 'fresh episode')}")
    plain(axes)
    axes.grid(axis="x", visible=False)
    picture.legend(loc="outside lower center", ncols=min(5, len(entries)), frameon=False, fontsize=9)
    seeds = {score.seed for score in scores}
    of = f"seed {seeds.pop()}" if len(seeds) == 1 else "the first seed that was kept"
    picture.suptitle(
        f"{title}: one trained agent each ({of}), with something taken away\n"
        "black lines: 95 % confidence interval over episodes, not over seeds; dotted: the agent intact",
        fontsize=10,
    )
    return picture


def _bound(cell: str) -> float | None:
    return float(cell) if cell else None


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

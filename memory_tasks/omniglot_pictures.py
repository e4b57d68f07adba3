"""Omniglot's part of a report: accuracy over test characters, test episodes with their answers, weights."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from agents.array_file import read_arrays, write_arrays
from agents.limits import one_line
from agents.plotting import BLUE, VERMILLION, new_figure, save_formats
from agents.plural import counted
from agents.text_file import read_text
from agents.whole_file import write_whole
from memory_tasks.evaluation import ROWS, TEST_SEED
from memory_tasks.folder import trials_in
from memory_tasks.network_file import read_network
from memory_tasks.omniglot import OmniglotTask
from memory_tasks.omniglot_data import SIDE, has_archives
from memory_tasks.omniglot_network import OmniglotNetwork
from sweeps.aggregate import interval_or_none
from sweeps.tables import markdown_table, span, write_csv

if TYPE_CHECKING:
    from memory_tasks.omniglot_experiment import OmniglotExperiment

FIRST, WRONG = 4, 2
"""Episodes of the picture: the first ones of the test, and after them the first ones with a wrong answer."""
COUNTS, ACCURACY, TABLE, EPISODES = "answers.csv", "accuracy.csv", "accuracy.md", "test_episodes"
LEGEND = """\
Accuracy: share of right answers in the test. Its interval is the percentile bootstrap over test characters,
which are drawn again as wholes: it tells how far the accuracy would hold for other characters."""


class Answers(NamedTuple):
    """What a network said in E test episodes."""

    drawings: np.ndarray
    """Shown, then asked: uint8 [E, T, SIDE, SIDE]."""
    labels: np.ndarray
    """The true label of each drawing [E, T]."""
    answers: np.ndarray
    """Labels that the network gave to the last Q [E, Q]."""


@dataclass(frozen=True)
class Counts:
    """Answers to the drawings of a test character, by one network."""

    network: str
    seed: int
    character: int
    asked: int
    right: int


def write_pictures(experiment: OmniglotExperiment, folder: Path, report: Path) -> list[Path]:
    """See :meth:`memory_tasks.experiment.Experiment.pictures`.

    What the networks answer is kept in `report` as answers.csv and test_episodes.npz; without the drawings
    (where they lie is not kept with a run) figures and tables are made from these again.
    """
    trials = [trial for trial in trials_in(folder, experiment) if trial.is_finished(folder)]
    trials = [trial for trial in trials if trial.network_file(folder).is_file()]
    networks = {trial: read_network(trial.network_file(folder))[0] for trial in trials}
    report.mkdir(parents=True, exist_ok=True)
    kept = report / f"{EPISODES}.npz"
    written: list[Path] = []
    if networks and has_archives(experiment.data):
        task = experiment.task()
        counts: list[Counts] = []
        for trial, network in networks.items():
            shown, asked, right = ask(network, task, experiment.test_episodes)
            counts += [
                Counts(trial.network, trial.seed, character, int(asked[character]), int(right[character]))
                for character in range(len(asked))
                if asked[character]
            ]
            if trial is trials[0]:
                write_arrays(kept, shown._asdict())
        write_csv(report / COUNTS, [vars(count) for count in counts])
        written += [report / COUNTS, kept]
    if (report / COUNTS).is_file():
        written += write_accuracy(read_counts(report / COUNTS), experiment, report)
    if kept.is_file():
        written += draw_episodes(Answers(**read_arrays(kept, Answers._fields)), report / EPISODES)
    first = next(iter(networks.values()), None)
    if isinstance(first, OmniglotNetwork):
        written += draw_weights(first, report / "weights")
    return written


def ask(network: nn.Module, task: OmniglotTask, episodes: int) -> tuple[Answers, np.ndarray, np.ndarray]:
    """Ask a network in the same held-out episodes as :func:`memory_tasks.evaluation.held_out_errors`.

    Args:
        network: Trained.
        task: Its task.
        episodes: How many.

    Returns:
        Episodes to draw; how often each test character was asked, and how often the answer was right.
    """
    generator = torch.Generator().manual_seed(TEST_SEED)
    characters = len(task.characters.test)
    asked, right = np.zeros(characters, dtype=int), np.zeros(characters, dtype=int)
    first: list[Answers] = []
    wrong: list[Answers] = []
    network.eval()
    for start in range(0, episodes, ROWS):
        (inputs, targets), character = task.sample_with_classes(
            min(ROWS, episodes - start), generator, held_out=True
        )
        with torch.no_grad():
            answers = network(inputs).argmax(2)
        who = character.gather(1, targets)
        asked += np.bincount(who.flatten(), minlength=characters)
        right += np.bincount(who[answers == targets], minlength=characters)
        seen = _seen(inputs, targets, answers)
        failed = (answers != targets).any(1).numpy()
        for row in range(len(targets)):
            into = first if len(first) < FIRST else wrong
            if len(first) < FIRST or (failed[row] and len(wrong) < WRONG):
                into.append(Answers(*(array[row] for array in seen)))
    return Answers(*(np.stack(arrays) for arrays in zip(*first, *wrong, strict=True))), asked, right


def _seen(inputs: Tensor, targets: Tensor, answers: Tensor) -> Answers:
    pixels, told = inputs[..., : SIDE * SIDE], inputs[..., SIDE * SIDE :]
    drawings = (pixels.transpose(0, 1) * 255).round().to(torch.uint8).view(len(targets), -1, SIDE, SIDE)
    shown = told.argmax(2).T[:, : -targets.shape[1]]
    return Answers(drawings.numpy(), torch.cat([shown, targets], dim=1).numpy(), answers.numpy())


def read_counts(file: Path) -> list[Counts]:
    """Read answers.csv.

    Raises:
        ValueError: If it is not that.
    """
    try:
        return [
            Counts(row["network"], *(int(row[name]) for name in ("seed", "character", "asked", "right")))
            for row in csv.DictReader(io.StringIO(read_text(file), newline=""))
        ]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(one_line(f"{file} is damaged, remove it: {error}")) from error


def accuracy(counts: Sequence[Sequence[Counts]]) -> tuple[float, float | None, float | None]:
    """Median over runs of the share of right answers, and the bounds of its interval over characters.

    Of too few characters there is no interval.

    Args:
        counts: For each run those of all characters that were asked, the same in every run.
    """
    table = np.array([[(count.right, count.asked) for count in run] for run in counts]).swapaxes(0, 1)

    def median(draw: np.ndarray) -> np.ndarray:
        right, asked = draw.sum(axis=0).T
        return np.median(right / asked)

    return float(median(table)), *interval_or_none(table, median)


def write_accuracy(counts: Sequence[Counts], experiment: OmniglotExperiment, report: Path) -> list[Path]:
    """Write accuracy.csv and accuracy.md: a line for each run, and one for the median of a network's runs."""
    runs: dict[str, dict[int, list[Counts]]] = {}
    for count in counts:
        runs.setdefault(count.network, {}).setdefault(count.seed, []).append(count)
    rows: list[dict[str, object]] = []
    cells: list[list[str]] = []
    for network, seeds in runs.items():
        lines = {f"seed {seed}": [run] for seed, run in seeds.items()}
        lines[f"median of {len(seeds)}"] = list(seeds.values())
        for name, chosen in lines.items():
            share, low, high = accuracy(chosen)
            rows.append({"network": network, "run": name, "accuracy": share, "low": low, "high": high})
            cells.append([network, name, _percent(share), span(low, high, _percent)])
    write_csv(report / ACCURACY, rows)
    characters = len({count.character for count in counts})
    lines_of_text = [
        f"# Omniglot: {counted(experiment.ways, 'way')}, {counted(experiment.shots, 'shot')}, "
        f"{counted(characters, 'test character')}",
        "",
        *markdown_table(["network", "run", "accuracy", "95 % interval over characters"], cells),
        "",
        LEGEND,
    ]
    write_whole(report / TABLE, "\n".join(lines_of_text) + "\n")
    return [report / ACCURACY, report / TABLE]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def draw_episodes(seen: Answers, picture: Path) -> list[Path]:
    """Draw test episodes, a row each: what was shown with its label, what was asked with its answer.

    Args:
        seen: The episodes.
        picture: The files to write, without their endings.
    """
    episodes, steps = seen.labels.shape
    queries = seen.answers.shape[1]
    cell = min(0.75, 18 / steps)
    figure = new_figure(0.4 + cell * (steps + 0.5), 0.8 + 1.35 * cell * episodes)
    widths = [1.0] * (steps - queries) + [0.5] + [1.0] * queries
    grid = figure.subplots(episodes, steps + 1, squeeze=False, width_ratios=widths)
    for row, line in enumerate(grid):
        line[steps - queries].set_axis_off()
        places = [*line[: steps - queries], *line[steps - queries + 1 :]]
        for axes, drawing, label in zip(places, seen.drawings[row], seen.labels[row], strict=True):
            axes.imshow(drawing, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.set_title(letter(label), fontsize=9, pad=2)
        true = seen.labels[row, -queries:]
        for axes, label, answer in zip(places[-queries:], true, seen.answers[row], strict=True):
            _mark(axes, label, answer)
    figure.suptitle("shown with their labels, then asked, with the network's answers", fontsize=10)
    figure.supxlabel(
        f"Characters never seen in training: the first {min(FIRST, episodes)} episodes of the test"
        + (
            f",\nthen the first {episodes - FIRST} with a wrong answer (orange)." if episodes > FIRST else "."
        ),
        fontsize=8,
    )
    return save_formats(figure, picture)


def _mark(axes: Axes, label: int, answer: int) -> None:
    """Frame a query: blue if the answer is right, else orange, with the right one beside it."""
    right = label == answer
    text = letter(answer) if right else f"{letter(answer)}, not {letter(label)}"
    axes.set_title(text, fontsize=9, pad=2, color=BLUE if right else VERMILLION)
    for spine in axes.spines.values():
        spine.set(color=BLUE if right else VERMILLION, linewidth=1.0 if right else 2.5)


def letter(label: int) -> str:
    """A label as people write it: A to Z, then A1 ..."""
    turn, place = divmod(int(label), len(ascii_uppercase))
    return ascii_uppercase[place] + (str(turn) if turn else "")


def draw_weights(network: OmniglotNetwork, picture: Path) -> list[Path]:
    """Draw w and alpha, a row for each label, blue below zero, red above; `picture` is without its ending."""
    alpha, eta = network.alpha.detach(), network.eta.item()
    matrices = {"fixed weights w": network.w.detach()}
    if alpha.ndim:
        matrices[f"plasticity alpha (eta = {eta:.3g})"] = alpha
    ways = network.ways
    figure = new_figure(9, len(matrices) * (1.0 + 0.12 * ways) + (0 if alpha.ndim else 0.3))
    grid = figure.subplots(len(matrices), 1, squeeze=False)
    for axes, (title, matrix) in zip(grid[:, 0], matrices.items(), strict=True):
        bound = matrix.abs().max().item()
        drawn = axes.imshow(
            matrix.T.numpy(), cmap="RdBu_r", vmin=-bound, vmax=bound, interpolation="nearest", aspect="auto"
        )
        axes.set(title=title, xlabel="from feature", ylabel="to label", xticks=[])
        axes.set_yticks(range(ways), [letter(label) for label in range(ways)], fontsize=8)
        figure.colorbar(drawn, ax=axes)
    if not alpha.ndim:
        figure.suptitle(f"one alpha = {alpha.item():.3g} for all connections, eta = {eta:.3g}", fontsize=10)
    return save_formats(figure, picture)

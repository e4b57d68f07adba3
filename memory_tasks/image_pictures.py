"""The image task's part of a report: completed images, the weights behind them, and the guess to beat."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from rich.console import Console
from torch import Tensor, nn

from agents.array_file import read_arrays, write_arrays
from agents.plotting import new_figure, save_formats
from agents.text_file import read_json
from memory_tasks.evaluation import TEST_SEED, Evaluation, held_out_errors
from memory_tasks.image_networks import ClampedPlastic
from memory_tasks.images import ImageTask
from memory_tasks.network_file import read_network
from memory_tasks.trial import Trial
from sweeps.json_file import write_json

if TYPE_CHECKING:
    from memory_tasks.images_experiment import ImagesExperiment

EPISODES = 6
"""Columns of the picture."""

_ERASED = "#b7d7ea"
"""The erased half: no grey, so that it is taken for no image."""
_GREY = colormaps["gray"].with_extremes(bad=_ERASED)


def write_pictures(experiment: ImagesExperiment, folder: Path, report: Path) -> list[Path]:
    """Draw the trained networks of the first seed; see :meth:`memory_tasks.experiment.Experiment.pictures`.

    What is drawn, and the error of the best constant guess, is kept in `report` as completions.npz and
    constant_guess.json. Without the images (CIFAR-10, but no --data) these are drawn again.
    """
    trials = {name: Trial(experiment, name, experiment.seed) for name in experiment.networks}
    finished = {name: trial for name, trial in trials.items() if trial.is_finished(folder)}
    stored = {name: trial.network_file(folder) for name, trial in finished.items()}
    networks = {name: read_network(file)[0] for name, file in stored.items() if file.is_file()}
    rows_file, guess_file = report / "completions.npz", report / "constant_guess.json"
    report.mkdir(parents=True, exist_ok=True)
    written = []
    if networks and experiment.has_images:
        task = experiment.task()
        write_arrays(rows_file, completions(task, networks))
        write_json(guess_file, constant_guess(task, experiment.test_episodes))
        written += [rows_file, guess_file]
    if rows_file.is_file() and guess_file.is_file():
        rows = read_arrays(rows_file)
        guess = _read_guess(guess_file)
        errors = {
            name: Evaluation.read(trial.evaluation_file(folder)).error for name, trial in finished.items()
        }
        written += draw_completions(rows, errors, guess, report / "completions")
    for network in networks.values():
        if isinstance(network, ClampedPlastic):
            written += draw_weights(network, report / "weights")
    return written


def _read_guess(file: Path) -> float:
    """The error of the best constant guess, from constant_guess.json."""
    kept = read_json(file)
    best = kept.get("best") if isinstance(kept, dict) else None
    if not isinstance(best, float):
        raise ValueError(f"{file} is damaged: it does not say the error of the best guess; remove it")
    return best


class ConstantGuess(nn.Module):
    """Answers with the same image, whatever was shown.

    Args:
        image: The pixels [P] of the answer.
    """

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.image = image

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs [T, B, N] -> [B, P]."""
        return self.image.expand(inputs.shape[1], -1)


def constant_guess(task: ImageTask, test_episodes: int) -> dict[str, float]:
    """Mean squared errors of the best that can be said without having seen anything.

    Args:
        task: What is guessed.
        test_episodes: Episodes of the test, the same as those of the networks.

    Returns:
        The error of grey everywhere ("zero"), of each pixel's mean over the training images ("mean_image"),
        and the smaller one ("best").
    """
    mean_image = task.mean_image()
    guesses = {"zero": torch.zeros_like(mean_image), "mean_image": mean_image}
    silent = Console(quiet=True)
    errors = {
        name: float(held_out_errors(ConstantGuess(guess), task, test_episodes, silent).mean())
        for name, guess in guesses.items()
    }
    return {name: float(f"{error:.6g}") for name, error in (*errors.items(), ("best", min(errors.values())))}


def completions(task: ImageTask, networks: Mapping[str, nn.Module]) -> dict[str, np.ndarray]:
    """Held-out episodes as rows of images: the images shown, the half given, the answers, the truth.

    Args:
        task: What the episodes are of.
        networks: Trained networks by name; their answers have these names.

    Returns:
        The rows [EPISODES, S, S] by name, from top to bottom; NaN in the erased half.
    """
    generator = torch.Generator().manual_seed(TEST_SEED)
    inputs, targets = task.sample(EPISODES, generator, held_out=True)
    cue = inputs[-1, :, :-1]
    step = task.timing.show + task.timing.blank
    rows = {f"shown {k + 1}": inputs[k * step, :, :-1] for k in range(task.images)}
    rows["half erased"] = cue
    with torch.no_grad():
        rows.update({name: network(inputs) for name, network in networks.items()})
    rows["true"] = torch.where(cue.isnan(), targets, cue)
    return {name: images.reshape(-1, task.size, task.size).numpy() for name, images in rows.items()}


def draw_completions(
    rows: Mapping[str, np.ndarray], errors: Mapping[str, float], guess: float, picture: Path
) -> list[Path]:
    """Draw what :func:`completions` gave, a column for each episode.

    Args:
        rows: Rows of images.
        errors: Mean errors of the networks over all test episodes; their rows say so.
        guess: That of the best constant guess.
        picture: The files to write, without their endings.
    """
    columns = len(next(iter(rows.values())))
    figure = new_figure(1.2 + 0.85 * columns, 0.3 + 0.85 * len(rows))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for line, (label, images) in zip(grid, rows.items(), strict=True):
        for axes, image in zip(line, images, strict=True):
            axes.imshow(image, cmap=_GREY, vmin=-1, vmax=1, interpolation="nearest")
            _bare(axes)
        text = f"completed\nby {label}\nerror {errors[label]:.3f}" if label in errors else label
        line[0].set_ylabel(text, rotation=0, ha="right", va="center", fontsize=9)
    figure.supxlabel(
        "Images never seen in training. Error: mean squared error of the hidden half, in all test episodes;\n"
        f"the best constant guess has {guess:.3f}.",
        fontsize=8,
    )
    return save_formats(figure, picture)


def draw_weights(network: ClampedPlastic, picture: Path) -> list[Path]:
    """Draw w and alpha side by side, blue below zero and red above it; `picture` is without its ending."""
    core = network.core
    matrices = {"fixed weights w": core.w, f"plasticity alpha (eta = {core.eta.item():.3g})": core.alpha}
    figure = new_figure(9.2, 4.2)
    for axes, (title, matrix) in zip(figure.subplots(1, 2), matrices.items(), strict=True):
        values = matrix.detach().numpy()
        bound = float(np.quantile(np.abs(values), 0.999))  # single large entries shall not pale the rest
        drawn = axes.imshow(values, cmap="RdBu_r", vmin=-bound, vmax=bound, interpolation="nearest")
        _bare(axes)
        axes.set(title=title, xlabel="to neuron", ylabel="from neuron")
        figure.colorbar(drawn, ax=axes, shrink=0.8)
    return save_formats(figure, picture)


def _bare(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)

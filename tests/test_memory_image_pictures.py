import json

import numpy as np
import pytest
import torch
from rich.console import Console

from memory_tasks.evaluation import Evaluation, held_out_errors
from memory_tasks.image_networks import ClampedPlastic
from memory_tasks.image_pictures import EPISODES, completions, constant_guess, draw_completions
from memory_tasks.image_sources import shrunk
from memory_tasks.images import normalised
from memory_tasks.images_experiment import ImagesExperiment
from memory_tasks.network_file import write_network
from memory_tasks.trial import Trial, trials
from tests.image_material import colours, noise, small_task, write_cifar


def test_the_constant_guess_is_tested_on_the_episodes_of_the_networks():
    task = small_task()
    guess = constant_guess(task, test_episodes=50)

    class Grey(torch.nn.Module):
        def forward(self, inputs):
            return torch.zeros(inputs.shape[1], 16)

    assert guess["zero"] == pytest.approx(
        held_out_errors(Grey(), task, 50, Console(quiet=True)).mean(), rel=1e-5
    )
    assert guess["best"] == min(guess["zero"], guess["mean_image"]) > 0
    assert guess["mean_image"] != guess["zero"]


def test_completions_are_rows_of_held_out_images_with_the_answers_between():
    rows = completions(small_task(), {"plastic": ClampedPlastic(17)})
    assert list(rows) == ["shown 1", "shown 2", "shown 3", "half erased", "plastic", "true"]
    assert all(images.shape == (EPISODES, 4, 4) for images in rows.values())
    erased = np.isnan(rows["half erased"])
    assert (erased.sum((1, 2)) == 8).all()
    for name in ("plastic", "true"):
        np.testing.assert_array_equal(rows[name][~erased], rows["half erased"][~erased])
    shown = np.stack([rows[f"shown {k}"] for k in (1, 2, 3)])
    assert ((shown == rows["true"]).all((2, 3)).sum(0) == 1).all()
    pool = normalised(shrunk(noise(5, 2), 4)).view(-1, 4, 4).numpy()
    assert (rows["true"][:, None] == pool).all((2, 3)).any(1).all()


def test_a_picture_of_completions_names_its_rows_and_their_errors(tmp_path):
    rows = completions(small_task(images=1), {"plastic": ClampedPlastic(17)})
    files = draw_completions(rows, {"plastic": 0.0123}, 0.1789, tmp_path / "picture")
    assert [file.name for file in files] == ["picture.png", "picture.svg"]
    assert all(file.stat().st_size > 0 for file in files)


@pytest.fixture
def folder(tmp_path):
    """The runs of an experiment on CIFAR-10, and it."""
    data = tmp_path / "data"
    write_cifar(data, "data_batch_1.bin", colours(9, 1))
    write_cifar(data, "test_batch.bin", colours(5, 2))
    experiment = ImagesExperiment(
        data=data, size=4, show=2, blank=1, cycles=1, recall=1, test_episodes=30, seed=7, runs=2
    )
    out = tmp_path / "out"
    for trial in trials(experiment):
        write_network(experiment.network(trial.network), trial, trial.network_file(out))
        evaluation = Evaluation(
            network=trial.network, seed=trial.seed, error_name="error", error=0.25, ci95=(0.2, 0.3),
            test_episodes=9, parameters=9, seconds=0.0, settings={},
        )  # fmt: skip
        evaluation.write(trial.evaluation_file(out))
    return out, experiment


def names(files):
    return {file.name for file in files}


PICTURES = {"completions.png", "completions.svg", "weights.png", "weights.svg"}


def test_the_report_has_completions_weights_and_the_guess_to_beat(folder):
    out, experiment = folder
    report = out / "report"
    files = experiment.pictures(out, report)
    assert names(files) == PICTURES | {"completions.npz", "constant_guess.json"}
    assert all(file.parent == report and file.stat().st_size > 0 for file in files)
    guess = json.loads((report / "constant_guess.json").read_text())
    assert guess == constant_guess(experiment.task(), 30)


def test_without_the_images_what_was_kept_is_drawn_again(folder):
    out, experiment = folder
    report = out / "report"
    without = ImagesExperiment(source="cifar10", size=4, seed=7)
    assert names(without.pictures(out, report)) == {"weights.png", "weights.svg"}
    experiment.pictures(out, report)
    before = (report / "completions.svg").read_bytes()
    (report / "completions.svg").unlink()
    assert names(without.pictures(out, report)) == PICTURES
    assert (report / "completions.svg").read_bytes() == before


def test_runs_that_are_not_finished_have_no_pictures(folder):
    out, experiment = folder
    for name in experiment.networks:
        Trial(experiment, name, 7).evaluation_file(out).unlink()
    assert experiment.pictures(out, out / "report") == []

"""Training on episodes: lines, checkpoints, going on, and what is left at the end."""

import csv
import io
import json
import math
from dataclasses import replace

import pytest
import torch
from rich.console import Console

import memory_tasks.training as training_module
from agents.a2c import TrainingDivergedError
from agents.checkpoint_file import CheckpointError, read_file
from agents.metrics import read_metrics
from agents.training import TrainingStopped
from memory_tasks.bits_experiment import BitsExperiment
from memory_tasks.evaluation import Evaluation, held_out_errors
from memory_tasks.network_file import read_network
from memory_tasks.trial import COLUMNS, Trial
from memory_tasks.worker import work

EXPERIMENT = BitsExperiment(
    networks=("plastic",), episodes=60, test_episodes=30, size=10, rnn_free=5, lstm_cells=12
)
TRIAL = Trial(EXPERIMENT, "plastic", 3)


def silent():
    return Console(file=io.StringIO())


def untimed(trial, out):
    return [
        {k: v for k, v in row.items() if k != "seconds"}
        for row in read_metrics(trial.metrics_file(out), COLUMNS)
    ]


class Interrupted(training_module.Training):
    """Asks itself to stop after so many updates, again and again."""

    every = 17

    def update(self):
        super().update()
        self.stop_asked = self.done % self.every == 0


class KilledError(Exception):
    pass


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    work(TRIAL, out, silent())
    return out


def weights(trial, out):
    return read_file(trial.network_file(out))[0]


def assert_same_run(trial, one, two):
    assert untimed(trial, one) == untimed(trial, two)
    for name, tensor in weights(trial, one).items():
        assert torch.equal(tensor, weights(trial, two)[name]), name
    results = [Evaluation.read(trial.evaluation_file(out)) for out in (one, two)]
    assert replace(results[0], seconds=0) == replace(results[1], seconds=0)


def test_a_finished_trial_leaves_its_files(finished):
    folder = finished / "plastic" / "seed-3"
    assert {file.name for file in folder.iterdir()} == {
        "metrics.csv",
        "network.safetensors",
        "evaluation.json",
    }
    assert TRIAL.is_finished(finished)
    rows = read_metrics(TRIAL.metrics_file(finished), COLUMNS)
    assert [row["episodes"] for row in rows] == list(range(1, 61))
    for row in rows:
        assert row["min_error"] == row["error"] == row["max_error"]  # a line for each episode
    progress = TRIAL.progress(finished)
    assert (progress.done, progress.trained) == (60, True)
    assert progress.result == f"{rows[-1]['error']:.4f}"


def test_lines_tell_of_all_episodes_since_the_one_before(tmp_path, monkeypatch):
    monkeypatch.setattr(training_module, "LOGGED_LINES", 6)
    work(TRIAL, tmp_path, silent())
    few = untimed(TRIAL, tmp_path)
    monkeypatch.setattr(training_module, "LOGGED_LINES", 1000)
    work(TRIAL, tmp_path / "all", silent())
    every = untimed(TRIAL, tmp_path / "all")
    assert [row["episodes"] for row in few] == [10, 20, 30, 40, 50, 60]
    for row, begin in zip(few, range(0, 60, 10), strict=True):
        errors = [line["error"] for line in every[begin : begin + 10]]
        assert row["error"] == pytest.approx(sum(errors) / 10, rel=1e-4)
        assert (row["min_error"], row["max_error"]) == (min(errors), max(errors))
        losses = [line["loss"] for line in every[begin : begin + 10]]
        assert row["loss"] == pytest.approx(sum(losses) / 10, rel=1e-4)


def test_the_evaluation_says_what_was_tested(finished):
    values = json.loads(TRIAL.evaluation_file(finished).read_text())
    assert (values["network"], values["seed"], values["test_episodes"]) == ("plastic", 3, 30)
    assert values["parameters"] == 2 * 11 * 11 + 1
    assert values["ci95"][0] <= values["error"] <= values["ci95"][1]
    assert values["settings"]["task"] == "bits"
    assert values["settings"]["size"] == 10
    assert not {"out", "data"} & set(values["settings"])
    network, trial = read_network(TRIAL.network_file(finished))
    assert trial == TRIAL
    errors = held_out_errors(network, EXPERIMENT.task(), 30, silent())
    assert values["error"] == pytest.approx(errors.mean(), rel=1e-5)
    with pytest.raises(ValueError, match="is not the evaluation of a network"):
        Evaluation.read(TRIAL.metrics_file(finished))


@pytest.mark.parametrize("network", ["plastic", "rnn", "lstm"])
def test_stopped_and_taken_up_again_it_is_the_same_run(network, tmp_path, monkeypatch):
    trial = Trial(EXPERIMENT, network, 3)
    monkeypatch.setattr(training_module, "LOGGED_LINES", 6)  # stops fall between two lines
    work(trial, tmp_path / "whole", silent())
    with monkeypatch.context() as patch:
        patch.setattr(training_module, "Training", Interrupted)
        for stop in (17, 34, 51):
            with pytest.raises(TrainingStopped):
                work(trial, tmp_path, silent())
            assert read_file(trial.checkpoint_file(tmp_path))[1]["training"]["episodes"] == stop
    console = silent()
    work(trial, tmp_path, console)
    assert "resuming at episode 51" in console.file.getvalue()
    assert_same_run(trial, tmp_path, tmp_path / "whole")


def test_a_killed_run_goes_on_from_its_last_checkpoint(finished, tmp_path, monkeypatch):
    class Mortal(training_module.Training):
        def save(self, file):
            if self.done <= 40:
                super().save(file)

        def update(self):
            if self.done == 50:
                raise KilledError
            super().update()

    with monkeypatch.context() as patch:
        patch.setattr(training_module, "Training", Mortal)
        patch.setattr(training_module, "CHECKPOINT_SECONDS", 0.0)
        with pytest.raises(KilledError):
            work(TRIAL, tmp_path, silent())
    assert len(untimed(TRIAL, tmp_path)) == 50  # ten more than the checkpoint knows of
    work(TRIAL, tmp_path, silent())
    assert_same_run(TRIAL, tmp_path, finished)


def test_a_loss_that_is_no_number_stops_the_run_and_the_checkpoint_stays_good(tmp_path, monkeypatch):
    class Diverging(training_module.Training):
        def update(self):
            if self.done == 20:
                with torch.no_grad():
                    self.network.core.w[0, 0] = math.nan
            super().update()

    monkeypatch.setattr(training_module, "Training", Diverging)
    monkeypatch.setattr(training_module, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(TrainingDivergedError, match="training diverged at episode 20: loss nan"):
        work(TRIAL, tmp_path, silent())
    tensors, header = read_file(TRIAL.checkpoint_file(tmp_path))
    assert header["training"]["episodes"] == 20
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    assert not TRIAL.network_file(tmp_path).exists()


def test_damaged_and_foreign_files_are_named(finished, tmp_path):
    checkpoint = TRIAL.checkpoint_file(tmp_path)
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(TRIAL.network_file(finished).read_bytes())
    with pytest.raises(CheckpointError, match="is damaged: training cannot go on from it"):
        work(TRIAL, tmp_path, silent())
    checkpoint.write_bytes(b"\x80pickle")
    with pytest.raises(CheckpointError, match="is a pickle or zip archive"):
        work(TRIAL, tmp_path, silent())
    with pytest.raises(CheckpointError, match="there is no agent file"):
        read_network(tmp_path / "nowhere.safetensors")


def test_seeds_differ_in_weights_and_episodes():
    task = EXPERIMENT.task()
    one, two = (training_module.Training(replace(TRIAL, seed=seed), task) for seed in (3, 4))
    assert not torch.equal(one.network.core.w, two.network.core.w)
    assert not torch.equal(*(task.sample(1, run.generator).inputs for run in (one, two)))


def test_the_learning_rate_follows_its_schedule_and_the_last_batch_is_what_is_left(tmp_path):
    class Falling(BitsExperiment):
        def rate_factor(self, progress):
            return 1 - progress

    experiment = Falling(episodes=10, batch=4, lr=0.5, size=10)
    training = training_module.Training(Trial(experiment, "plastic", 0), experiment.task())
    rates, counts = [], []
    while training.done < 10:
        before = training.done
        training.update()
        counts.append(training.done - before)
        rates.append(training.optimizer.param_groups[0]["lr"])
    assert counts == [4, 4, 2]
    assert rates == pytest.approx([0.5, 0.3, 0.1])
    assert len(training.errors) == len(training.losses) == 10


def test_a_plastic_network_learns_to_complete_patterns(tmp_path):
    experiment = BitsExperiment(networks=("plastic",), episodes=1500, lr=1e-3, test_episodes=200, size=20)
    trial = Trial(experiment, "plastic", 0)
    work(trial, tmp_path, silent())
    assert Evaluation.read(trial.evaluation_file(tmp_path)).error < 0.1  # chance: 0.25


def test_metrics_have_the_trials_columns(finished):
    with TRIAL.metrics_file(finished).open(newline="") as file:
        assert tuple(csv.DictReader(file).fieldnames) == COLUMNS

import csv

import numpy as np
import pytest
import torch
from rich.console import Console

from memory_tasks import omniglot_pictures
from memory_tasks.evaluation import held_out_errors
from memory_tasks.network_file import read_network, write_network
from memory_tasks.omniglot_data import SIDE
from memory_tasks.omniglot_experiment import OmniglotExperiment
from memory_tasks.omniglot_network import OmniglotNetwork
from memory_tasks.trial import trials
from tests.omniglot_material import make_archives


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    return make_archives(tmp_path_factory.mktemp("omniglot"))


@pytest.fixture
def finished(archives, tmp_path):
    """Three runs of an experiment, without training."""
    experiment = OmniglotExperiment(ways=3, test_episodes=30, runs=3, data=archives)
    for trial in trials(experiment):
        torch.manual_seed(trial.seed)
        write_network(experiment.network("plastic"), trial, trial.network_file(tmp_path))
        trial.evaluation_file(tmp_path).write_text("{}")
    return experiment


def test_pictures_and_tables_of_finished_runs(finished, tmp_path):
    report = tmp_path / "report"
    files = finished.pictures(tmp_path, report)
    names = {file.name for file in files}
    assert names == {
        "answers.csv", "accuracy.csv", "accuracy.md", "test_episodes.npz", "test_episodes.png",
        "test_episodes.svg", "weights.png", "weights.svg",
    }  # fmt: skip
    assert all(file.stat().st_size for file in files)
    with (report / "accuracy.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["seed 0", "seed 1", "seed 2", "median of 3"]
    shares = [float(row["accuracy"]) for row in rows]
    assert shares[3] == sorted(shares[:3])[1]
    for row in rows:
        assert float(row["low"]) < float(row["accuracy"]) < float(row["high"])
    network, _ = read_network(trials(finished)[0].network_file(tmp_path))
    errors = held_out_errors(network, finished.task(), 30, Console(quiet=True))
    assert shares[0] == pytest.approx(1 - errors.mean(), abs=1e-5)
    assert f"{shares[0]:.2%}" in (report / "accuracy.md").read_text()


def test_without_the_drawings_the_report_is_made_from_what_was_kept(finished, tmp_path):
    report = tmp_path / "report"
    finished.pictures(tmp_path, report)
    before = {name: (report / name).read_bytes() for name in ("accuracy.md", "test_episodes.png")}
    for name in before:
        (report / name).unlink()
    moved = OmniglotExperiment(ways=3, test_episodes=30, runs=3, data=tmp_path / "gone")
    moved.pictures(tmp_path, report)
    assert {name: (report / name).read_bytes() for name in before} == before
    (report / "answers.csv").write_text("network,seed\nplastic,x\n")
    with pytest.raises(ValueError, match=r"answers.csv is damaged"):
        moved.pictures(tmp_path, report)


def test_without_runs_there_is_nothing_to_draw(archives, tmp_path):
    assert OmniglotExperiment(data=archives).pictures(tmp_path, tmp_path / "report") == []


def test_of_too_few_characters_there_is_no_interval():
    counts = [omniglot_pictures.Counts("plastic", 0, character, 10, 9) for character in range(3)]
    assert omniglot_pictures.accuracy([counts]) == (0.9, None, None)


def test_the_interval_is_over_characters():
    def run(seed, shares):
        return [
            omniglot_pictures.Counts("plastic", seed, c, 100, round(100 * s)) for c, s in enumerate(shares)
        ]

    same = omniglot_pictures.accuracy([run(0, [0.9] * 10)])
    assert same == (0.9, 0.9, 0.9)
    share, low, high = omniglot_pictures.accuracy([run(0, [1.0] * 5 + [0.5] * 5)])
    assert share == 0.75
    # 10 characters of deviation 0.25: the standard error is 0.079.
    assert 0.12 < share - low < 0.19
    assert 0.12 < high - share < 0.19
    assert omniglot_pictures.accuracy([run(s, [v] * 4) for s, v in enumerate((0.2, 0.9, 0.8))])[0] == 0.8


def test_a_shared_alpha_and_many_labels_can_be_drawn(tmp_path):
    files = omniglot_pictures.draw_weights(OmniglotNetwork(20, 20, True), tmp_path / "weights")
    assert all(file.stat().st_size for file in files)
    assert [omniglot_pictures.letter(n) for n in (0, 25, 26)] == ["A", "Z", "A1"]


def test_wrong_answers_are_marked(tmp_path):
    labels = np.array([[0, 1, 0, 1]] * 5)
    drawings = np.zeros((5, 4, SIDE, SIDE), dtype=np.uint8)
    right = omniglot_pictures.Answers(drawings, labels, labels[:, 2:])
    wrong = omniglot_pictures.Answers(drawings, labels, 1 - labels[:, 2:])
    for seen, marked in ((right, False), (wrong, True)):
        _, svg = omniglot_pictures.draw_episodes(seen, tmp_path / "episodes")
        assert (omniglot_pictures.VERMILLION.lower() in svg.read_text()) == marked

"""The memory tasks as a user meets them: one command trains, is stopped, goes on, and draws."""

import csv
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from filelock import FileLock
from matplotlib.colors import to_hex

from agents.core_colors import core_color
from memory_tasks import figures
from memory_tasks.__main__ import main
from memory_tasks.bits_experiment import BitsExperiment
from memory_tasks.experiment import Experiment
from memory_tasks.experiments import EXPERIMENTS, from_settings, settings_of
from memory_tasks.folder import ignored, read_settings, trials_in
from memory_tasks.patterns_experiment import PatternsExperiment
from memory_tasks.report import Score, write_report
from memory_tasks.results import WINDOW, Curve, read_results
from memory_tasks.trial import Trial, trials

SMALL = ["--size", "10", "--rnn-free", "3", "--lstm-cells", "12", "--test-episodes", "20"]


def bits(out, *more, episodes=40, networks=("plastic",)):
    return ["bits", "--out", str(out), "--episodes", str(episodes), "--networks", *networks, *SMALL, *more]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two networks of two seeds each; what was printed."""
    out = tmp_path_factory.mktemp("runs") / "bits"
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert main(bits(out, "--runs", "2", "--seed", "5", "--jobs", "2", networks=("plastic", "rnn"))) == 0
    return out, printed.getvalue()


def times(folder):
    return {file: file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file()}


def test_one_command_trains_tests_and_reports(trained):
    out, printed = trained
    assert "bits: 2 networks x 2 seeds, 0 of 4 runs finished" in printed
    assert "rnn/seed-6: finished" in printed
    assert f"figures and tables are in {out / 'report'}" in printed
    for network in ("plastic", "rnn"):
        for seed in (5, 6):
            files = {file.name for file in (out / network / f"seed-{seed}").iterdir()}
            assert files == {"metrics.csv", "evaluation.json", "network.safetensors"}
    names = {f"{name}.{ending}" for name in ("learning_curves", "extremes") for ending in ("png", "svg")}
    assert {file.name for file in (out / "report").iterdir()} == names | {
        "scores.md",
        "scores.csv",
        "runs.csv",
    }
    text = (out / "report" / "scores.md").read_text()
    assert "# bits: share of wrong bits" in text
    assert "Unfinished" not in text
    with (out / "report" / "runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["network"], row["seed"]) for row in rows] == [
        ("plastic", "5"), ("plastic", "6"), ("rnn", "5"), ("rnn", "6"),
    ]  # fmt: skip
    evaluation = json.loads((out / "rnn" / "seed-6" / "evaluation.json").read_text())
    assert float(rows[3]["error"]) == evaluation["error"]


def test_no_file_names_this_machine(trained):
    out, _ = trained
    for file in out.rglob("*"):
        if file.is_file() and file.suffix != ".png":
            assert str(out.parent) not in file.read_bytes().decode(errors="ignore"), file


def test_what_git_is_offered(trained):
    out, _ = trained
    subprocess.run(["git", "init", "-q", out], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"], cwd=out, capture_output=True, text=True
    )
    shutil.rmtree(out / ".git")
    offered = listed.stdout.split()
    assert {name for name in offered if name.endswith(".safetensors")} == {
        "plastic/seed-5/network.safetensors",
        "rnn/seed-5/network.safetensors",
    }
    assert {Path(name).suffix for name in offered} <= {
        "", ".csv", ".json", ".safetensors", ".md", ".png", ".svg",
    }  # fmt: skip


def test_large_networks_are_not_offered(tmp_path):
    experiment = BitsExperiment(networks=("plastic", "rnn"))
    made = trials(experiment)
    for trial, size in zip(made, (1000, 2_000_000), strict=True):
        trial.network_file(tmp_path).parent.mkdir(parents=True)
        trial.network_file(tmp_path).write_bytes(bytes(size))
    lines = ignored(tmp_path, made, 0).splitlines()
    assert "!/plastic/seed-0/network.safetensors" in lines
    assert "!/rnn/seed-0/network.safetensors" not in lines


def test_the_same_command_again_trains_nothing_and_a_larger_one_the_rest(trained, tmp_path, capfd):
    out = tmp_path / "bits"
    shutil.copytree(trained[0], out)
    before = {name: times(out / name) for name in ("plastic", "rnn")}
    more = ("--seed", "5", "--jobs", "2")
    assert main(bits(out, "--runs", "2", *more, networks=("plastic", "rnn"))) == 0
    assert "4 of 4 runs finished" in capfd.readouterr().out
    assert {name: times(out / name) for name in before} == before
    assert main(bits(out, "--runs", "3", *more)) == 0
    assert "2 of 3 runs finished" in capfd.readouterr().out
    assert times(out / "rnn") == before["rnn"]
    assert {path.name for path in (out / "plastic").iterdir() if path.is_dir()} == {
        "seed-5",
        "seed-6",
        "seed-7",
    }
    assert {trial.name for trial in trials_in(out, read_settings(out))} == {
        "plastic/seed-5", "plastic/seed-6", "plastic/seed-7", "rnn/seed-5", "rnn/seed-6",
    }  # fmt: skip


def test_a_folder_of_other_settings_is_refused(trained, capsys):
    out, _ = trained
    before = times(out)
    assert main(bits(out, episodes=41)) == 2
    assert f"error: {out} was made with episodes = 40, not 41" in capsys.readouterr().err
    assert main(bits(out, "--lr", "0.001")) == 2
    assert "lr = None, not 0.001" in capsys.readouterr().err
    assert main(["patterns", "--out", str(out)]) == 2
    assert "was made with task = 'bits', not 'patterns'" in capsys.readouterr().err
    assert times(out) == before


def test_a_command_that_is_refused_changes_nothing(trained, tmp_path, capsys):
    out = tmp_path / "bits"
    shutil.copytree(trained[0], out)
    (out / "plastic" / "seed-5").rename(out / "plastic" / "seed-5-old")
    assert [trial.name for trial in trials_in(out, read_settings(out)) if trial.network == "plastic"] == [
        "plastic/seed-6"
    ]
    before = (out / "settings.json").read_text()
    with FileLock(out / ".lock"):
        assert main(bits(out, "--runs", "3", "--seed", "7")) == 2
    assert f"another command is training {out}" in capsys.readouterr().err
    assert (out / "settings.json").read_text() == before


def test_bad_settings_are_named_before_any_work(tmp_path, capsys):
    assert main(bits(tmp_path / "new", "--size", "7")) == 2
    assert "error: --size must be an even number above 0, got 7" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    assert main(bits(tmp_path / "mine")) == 2
    assert "exists already and is no folder of these tasks" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["nonsense"])
    assert stopped.value.code == 2


def test_the_report_is_drawn_from_the_files_alone(trained, tmp_path, capsys):
    out = tmp_path / "copy"
    shutil.copytree(trained[0], out)
    shutil.rmtree(out / "report")
    (out / "plastic" / "seed-6" / "evaluation.json").unlink()
    for file in out.rglob("*.safetensors"):
        file.unlink()
    assert main(["report", str(out)]) == 0
    text = (out / "report" / "scores.md").read_text()
    assert "**Unfinished**, not part of this: plastic/seed-6." in text
    assert main(["report", str(tmp_path)]) == 2
    assert "there are no runs in" in capsys.readouterr().err
    shutil.rmtree(out / "plastic")
    shutil.rmtree(out / "rnn")
    assert main(["report", str(out)]) == 2
    assert "is finished yet: there is nothing to report" in capsys.readouterr().err


def test_a_failed_run_is_named_and_does_not_stop_the_rest(trained, tmp_path, capfd):
    out = tmp_path / "bits"
    shutil.copytree(trained[0], out)
    shutil.rmtree(out / "rnn" / "seed-6")
    (out / "rnn" / "seed-6").write_text("in the way")
    arguments = bits(out, "--runs", "2", "--seed", "5", networks=("plastic", "rnn"))
    assert main(arguments) == 1
    printed, errors = capfd.readouterr()
    assert "1 of 4 runs failed:" in errors
    assert "rnn/seed-6: [Errno 17] File exists" in errors
    assert f"log: {out / 'rnn' / 'seed-6.log'}" in errors
    assert f"figures and tables are in {out / 'report'}" in printed


def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(tmp_path):
    out = tmp_path / "bits"
    arguments = bits(out, "--jobs", "1", episodes=20_000)
    trial = Trial(BitsExperiment(episodes=20_000), "plastic", 0)
    script = subprocess.Popen(
        [sys.executable, "-m", "memory_tasks", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    end = time.monotonic() + 120
    while trial.progress(out).done == 0:
        assert time.monotonic() < end
        time.sleep(0.05)
    script.send_signal(signal.SIGINT)
    printed, _ = script.communicate(timeout=120)
    assert script.returncode == 130, printed
    assert "Traceback" not in printed
    assert "stopped. Go on with: python -m memory_tasks bits --out" in printed
    assert trial.checkpoint_file(out).is_file()
    assert not trial.network_file(out).exists()


def test_settings_survive_json_without_paths():
    experiment = BitsExperiment(lr=0.5, networks=("rnn", "lstm"), out=Path("somewhere"), jobs=3, size=12)
    values = json.loads(json.dumps(settings_of(experiment)))
    assert values["task"] == "bits"
    assert "out" not in values
    assert from_settings(values, "x") == BitsExperiment(lr=0.5, networks=("rnn", "lstm"), jobs=3, size=12)
    trial = Trial(PatternsExperiment(show=3), "plastic", 7)
    assert Trial.from_json(trial.to_json()) == trial
    for cls in EXPERIMENTS.values():
        default = cls()
        assert from_settings(settings_of(default), "x") == default


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "chess"}, "x: unknown task 'chess'; accepted: patterns, bits, images, omniglot"),
        ({"task": ["bits"]}, "x: unknown task"),
        ({"sise": 4}, "x accepts no 'sise'"),
        ({"size": "large"}, "x: size must be a whole number, got 'large'"),
    ],
)
def test_damaged_settings_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        from_settings({**settings_of(BitsExperiment()), **change}, "x")


def test_settings_that_are_no_object_are_named():
    with pytest.raises(ValueError, match=r"x: settings must be an object, got \[\]"):
        from_settings([], "x")


def test_data_is_found_by_the_worker_and_in_no_file(tmp_path):
    @dataclass(frozen=True, kw_only=True)
    class WithData(BitsExperiment):
        name: ClassVar[str] = "with data"
        data: Path | None = None

    experiment = WithData(data=Path("here"), out=tmp_path)
    assert settings_of(experiment, paths=True)["data"] == str(Path("here").absolute())
    assert "data" not in settings_of(experiment)


def curve(errors, episodes=10):
    count = len(errors)
    points = np.arange(1, count + 1)
    errors = np.array(errors, dtype=float)
    return Curve(points * episodes, points * 2.0, errors, errors, errors)


def test_milestones_are_those_of_the_smoothed_error():
    errors = [0.5, 0.0, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.25]
    found = curve(errors)
    assert WINDOW == 5
    assert found.smoothed[:3].tolist() == pytest.approx([0.5, 0.25, 1 / 3])
    assert found.smoothed[4:].tolist() == pytest.approx([0.4, 0.3, 0.3, 0.2, 0.1, 0.05])
    assert found.reached(0.1) == (90, 18.0)
    assert found.reached(0.25) == (80, 16.0)  # not in the second line, where there is no whole window
    assert found.reached(0.01) is None
    assert found.error_at(3.9) == pytest.approx(0.5)
    assert found.error_at(1000) == pytest.approx(0.05)
    assert found.error_at(1.9) is None  # before the first line
    assert curve([0.0, 0.0]).reached(0.1) is None


def test_scores_say_who_has_reached_the_milestone(trained):
    results = read_results(trained[0])
    assert results.common_seconds == min(
        np.median([run.curve.seconds[-1] for run in runs]) for runs in results.networks.values()
    )
    score = Score.of(results.networks["plastic"], results)
    assert (score.runs, score.reached, score.reached_episodes) == (2, 0, None)
    assert score.best <= score.error <= score.worst
    assert (score.low, score.high) == (None, None)  # of two runs there is no interval
    assert score.parameters == 2 * 11**2 + 1


def test_figures_show_networks_in_their_colours_and_name_every_line(trained):
    results = read_results(trained[0])
    (axes,) = figures.learning_curves(results).axes
    colours = [core_color(name) for name in ("plastic", "rnn")]
    assert [to_hex(line.get_color()).upper() for line in axes.get_lines()[:2]] == colours
    assert {text.get_text() for text in axes.texts} == {"plastic", "rnn", "milestone, 0.05"}
    panels = figures.extremes(results).axes
    assert [to_hex(panel.get_lines()[0].get_color()).upper() for panel in panels] == colours
    fewer = replace(results, networks={"rnn": results.networks["rnn"][:1]})
    assert figures.extremes(fewer).axes[0].get_title() == "rnn, 1 run"


def test_a_task_adds_its_own_pictures(trained, tmp_path, monkeypatch):
    out = tmp_path / "copy"
    shutil.copytree(trained[0], out)
    drawn = []

    def pictures(self, folder, report):
        drawn.append((folder, report, self.networks))
        return [report / "own.png"]

    monkeypatch.setattr(BitsExperiment, "pictures", pictures)
    assert write_report(out)[-1] == out / "report" / "own.png"
    # All networks of the folder, though the command named one.
    assert write_report(out, replace(read_settings(out), networks=("rnn",)))[-1] == out / "report" / "own.png"
    assert drawn == [(out, out / "report", ("plastic", "rnn"))] * 2
    assert Experiment.pictures(BitsExperiment(), out, out) == []

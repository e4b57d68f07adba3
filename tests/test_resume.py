"""Runs that are stopped or killed, and go on to the same numbers."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from filelock import FileLock
from rich.console import Console
from safetensors.torch import load_file
from stable_baselines3.common.vec_env import DummyVecEnv
from test_checkpoint import NUMBERS

from agents.metrics import MetricsFile, read_metrics
from agents.run_folder import RunFolder
from agents.settings import TrainSettings
from agents.training import RunRecorder, TrainingStopped, train
from tests.command_line import run

SMALL = "PlasticMazeSmall-v0"
QUIET = Console(quiet=True)
SETTINGS = TrainSettings(
    env=SMALL,
    total_steps=1920,
    n_envs=3,
    hidden_size=8,
    threads=1,
    checkpoint_every=480,
    log_interval=1,
    lr=1e-3,
    **NUMBERS,
)


def numbers(folder):
    """What a run computed: its metrics without the clock, and its weights."""
    rows = [
        {name: value for name, value in row.items() if name not in ("time/seconds", "time/fps")}
        for row in read_metrics(folder.metrics_file)
    ]
    return rows, load_file(folder.agent)


def assert_same_numbers(one, two):
    assert numbers(one)[0] == numbers(two)[0]
    assert_same_weights(one, two)


def assert_same_weights(one, two):
    first, second = numbers(one)[1], numbers(two)[1]
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(("core", "scale"), [("plastic", 1.0), ("gru", 1.0), ("plastic_gru", 0.25)])
def test_a_resumed_run_gives_the_numbers_of_an_uninterrupted_one(tmp_path, core, scale):
    settings = replace(SETTINGS, core=core, recurrent_lr_scale=scale)
    whole = train(replace(settings, out=tmp_path / "whole"), QUIET)
    cut = train(replace(settings, out=tmp_path / "cut"), QUIET)
    # As after a crash: the last checkpoints were never written, later lines of the metrics were.
    cut.agent.unlink()
    for steps in (960, 1440, 1920):
        cut.checkpoint(steps).unlink()
    assert cut.last_checkpoint() == cut.checkpoint(480)
    resumed = train(TrainSettings(resume=cut.path), QUIET)
    assert_same_numbers(whole, resumed)


def test_a_run_stopped_before_its_first_update_resumes_to_the_same_numbers(tmp_path, monkeypatch):
    whole = train(replace(SETTINGS, out=tmp_path / "whole"), QUIET)
    begin = RunRecorder._on_training_start
    monkeypatch.setattr(RunRecorder, "_on_training_start", _stop_at_once)
    with pytest.raises(TrainingStopped):
        train(replace(SETTINGS, out=tmp_path / "cut"), QUIET)
    monkeypatch.setattr(RunRecorder, "_on_training_start", begin)
    cut = RunFolder(tmp_path / "cut")
    assert cut.last_checkpoint() == cut.checkpoint(0)
    resumed = train(TrainSettings(resume=cut.path), QUIET)
    assert_same_numbers(whole, resumed)


def _stop_at_once(recorder):
    recorder._saved_at = 0
    recorder.stop_asked = True


def test_a_run_killed_with_kill_9_resumes(tmp_path):
    out = tmp_path / "kills.json"
    printed = run("-m", "tests.kills", "--kills", 1, "--only", "train: plastic", "--out", out)
    assert "differs" not in printed
    (kind,) = json.loads(out.read_text(encoding="utf-8"))["kinds"]
    assert kind["kills"] == kind["resumed"] == 1
    assert kind["equal"] == kind["runs"] >= 1


def test_ctrl_c_saves_and_says_how_to_resume(tmp_path):
    folder = RunFolder(tmp_path / "run")
    command = [sys.executable, "train.py", "--env", SMALL, "--total-steps", "50000000", "--hidden-size", "8"]
    command += ["--threads", "1", "--out", str(folder.path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (folder.metrics_file.is_file() and len(folder.metrics_file.read_text().splitlines()) > 1):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"python train.py --resume {folder.path}" in output
    assert folder.last_checkpoint() is not None


def test_a_run_outside_the_maze_goes_on_with_new_episodes(tmp_path, monkeypatch):
    """Not with those that it began with."""
    asked = []
    settings = replace(SETTINGS, env="CartPole-v1", n_steps=20, total_steps=240, checkpoint_every=60, seed=5)
    folder = train(replace(settings, out=tmp_path / "run"), QUIET)
    folder.agent.unlink()
    folder.checkpoint(240).unlink()
    at = int(folder.last_checkpoint().stem)
    seed = DummyVecEnv.seed
    monkeypatch.setattr(DummyVecEnv, "seed", lambda env, seed_: (asked.append(seed_), seed(env, seed_))[1])
    train(TrainSettings(resume=folder.path), QUIET)
    assert asked[-1] == 5 + at
    assert folder.agent.is_file()


def test_a_run_goes_on_without_the_files_that_a_crash_has_spoilt(tmp_path, capsys):
    """To the same weights: an older checkpoint does, each keeps the settings, lines of metrics are lost."""
    whole = train(replace(SETTINGS, out=tmp_path / "whole"), QUIET)
    spoilt = RunFolder(tmp_path / "spoilt")
    shutil.copytree(whole.path, spoilt.path)
    spoilt.agent.unlink()
    spoilt.settings_file.write_text("")
    spoilt.checkpoint(1920).write_bytes(b"")
    spoilt.checkpoint(1440).write_bytes(spoilt.checkpoint(1440).read_bytes()[:-100])
    spoilt.metrics_file.unlink()
    (spoilt.checkpoints / ".000000001920.safetensors.tmp").touch()  # of a process that was killed
    train(TrainSettings(resume=spoilt.path), Console(soft_wrap=True))
    said = capsys.readouterr().out
    for steps in (1920, 1440):
        assert f"warning: {spoilt.checkpoint(steps)} is damaged" in said
    assert f"going on from an older checkpoint, {spoilt.checkpoint(960)}" in said
    assert (
        f"metrics begin anew, those up to here are lost: there are no metrics at {spoilt.metrics_file}"
        in said
    )
    assert_same_weights(whole, spoilt)
    assert spoilt.settings() == whole.settings()
    assert [row["time/total_timesteps"] for row in numbers(spoilt)[0]] == [1200, 1440, 1680, 1920]
    assert not list(spoilt.path.glob("**/.*.tmp"))


def test_what_cannot_go_on_says_what_can_be_done(tmp_path):
    folder = RunFolder(tmp_path / "run")
    train(replace(SETTINGS, total_steps=480, out=folder.path), QUIET)
    folder.agent.unlink()
    folder.checkpoint(480).write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"000000000480\.safetensors is damaged.* none can be used: the run .*anew"
    ):
        train(TrainSettings(resume=folder.path), QUIET)
    folder.settings_file.write_text("[" * 10_000)
    with pytest.raises(
        ValueError, match=r"settings\.json is damaged: .* nested too deeply; no checkpoint keeps"
    ):
        train(TrainSettings(resume=folder.path), QUIET)


def test_metrics_of_another_kind_are_put_aside(tmp_path):
    said = []
    file = tmp_path / "metrics.csv"
    file.write_text("something,else\n1,2\n")
    MetricsFile(file, 100, said.append).close()
    assert read_metrics(file) == []
    assert (tmp_path / "metrics.csv.damaged").read_text() == "something,else\n1,2\n"
    assert "is now metrics.csv.damaged" in said[0]


def test_two_commands_do_not_train_the_same_run(tmp_path):
    folder = train(replace(SETTINGS, out=tmp_path / "run"), QUIET)
    folder.agent.unlink()
    before = folder.metrics_file.read_text()
    with (
        FileLock(folder.checkpoints / ".lock"),
        pytest.raises(ValueError, match="another command is training the run in"),
    ):
        train(TrainSettings(resume=folder.path), QUIET)
    assert folder.metrics_file.read_text() == before
    assert not folder.agent.exists()
    train(TrainSettings(resume=folder.path), QUIET)
    assert folder.agent.is_file()


def test_what_is_no_run_cannot_be_resumed(tmp_path):
    with pytest.raises(ValueError, match="there is no run in"):
        train(TrainSettings(resume=tmp_path), QUIET)

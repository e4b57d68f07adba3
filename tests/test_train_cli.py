"""`train.py` as a user meets it."""

import json
import shutil
import sys
from pathlib import Path

import gymnasium as gym
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import train
from agents.settings import import_packages
from tests.command_line import QUICK, run


def test_a_run_leaves_everything_in_its_folder(trained):
    files = {"settings.json", "metrics.csv", "agent.safetensors", "learning_curve.png"}
    assert {path.name for path in trained.iterdir()} == files | {"tensorboard", "checkpoints"}
    assert json.loads((trained / "settings.json").read_text())["total_steps"] == 480
    assert Image.open(trained / "learning_curve.png").size[0] > 500


def test_a_used_folder_is_never_overwritten(trained, tmp_path, refused):
    before = (trained / "metrics.csv").read_bytes()
    assert "exists already; choose another folder" in refused(train.main, *QUICK, "--out", trained)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.json").write_bytes((trained / "settings.json").read_bytes())
    said = refused(train.main, *QUICK, "--out", tmp_path / "run")
    assert f"exists already; go on with it (--resume {tmp_path / 'run'})" in said
    assert (trained / "metrics.csv").read_bytes() == before


def test_a_finished_run_has_nothing_left_to_do_but_what_is_missing(trained, tmp_path, capsys):
    run_folder = tmp_path / "run"
    shutil.copytree(trained, run_folder)
    picture = (run_folder / "learning_curve.png").read_bytes()
    before = (run_folder / "agent.safetensors").stat().st_mtime_ns
    assert train.main(["--resume", str(run_folder)]) == 0
    assert "is finished, 480 steps" in capsys.readouterr().out
    (run_folder / "learning_curve.png").unlink()  # as if killed before it was drawn
    assert train.main(["--resume", str(run_folder)]) == 0
    assert (run_folder / "learning_curve.png").read_bytes() == picture
    assert (run_folder / "agent.safetensors").stat().st_mtime_ns == before


def test_a_resumed_run_keeps_its_settings(trained, refused):
    said = refused(train.main, "--resume", trained, "--lr", "0.1", "--core", "gru", "--size", "7")
    assert "--resume goes on with the run's own settings, which cannot be changed: " in said
    assert "changed: --core gru, --lr 0.1, --size 7" in said
    # A flag's own default is asked for as well; what the run has already is no change.
    assert "changed: --total-steps 30000000" in refused(
        train.main, "--resume", trained, "--total-steps", "30000000"
    )
    assert train.main(["--resume", str(trained), "--total-steps", "480"]) == 0


def test_divergence_ends_the_run_with_a_message(tmp_path, capsys):
    code = train.main([*QUICK, "--lr", "1e30", "--total-steps", "24000", "--out", str(tmp_path / "run")])
    assert code == 1
    assert "training diverged at step" in capsys.readouterr().err


def test_kernels_that_cannot_be_compiled_are_found_before_the_folder_is_made(tmp_path, monkeypatch, refused):
    def without_a_compiler(core, say):
        raise ValueError("the kernels have to be compiled")

    monkeypatch.setattr("agents.cores.plastic.PlasticCore.warm_up", without_a_compiler)
    assert "the kernels have to be compiled" in refused(train.main, *QUICK, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_help_says_what_each_setting_is():
    for script in ("train.py", "evaluate.py"):
        text = run(script, "--help")
        assert "--env" in text
        assert "Gymnasium id" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--env", "PlasticMaze-v9"], "unknown environment 'PlasticMaze-v9'"),
        (["--core", "plastik"], "unknown core 'plastik' (did you mean 'plastic'?); known cores: gru, lstm, "),
        (["--core", "lsmt"], "(did you mean 'lstm'?)"),
        (["--rule", "Oja"], "unknown plasticity rule 'Oja' (did you mean 'oja'?)"),
        (["--rule", "hebbian"], "unknown plasticity rule 'hebbian'; known rules: decay, clip, oja"),
        (["--eta-per", "synapse"], "unknown eta_per 'synapse'; accepted: network, neuron, connection"),
        (["--core", "lstm", "--rule", "clip"], "--rule is not a setting of the core 'lstm'"),
        (["--size", "8"], "--size must be"),
        (["--size", "-5"], "size must be"),
        (["--size", "1"], "size must be"),
        (["--max-steps", "0"], "--max-steps must be"),
        (["--wall-penalty", "nan"], "--wall-penalty must be"),
        (["--total-steps", "0"], "--total-steps must be a whole number above 0, got 0"),
        (["--total-steps", "2.5"], "must be a whole number such as 300000, 300k, 25M or 1e6, got '2.5'"),
        (["--n-steps", "1e"], "must be a whole number such as 300000, 300k, 25M or 1e6, got '1e'"),
        (["--total-timesteps", "25M", "--n-steps", "0"], "--n-steps must be a whole number above 0, got 0"),
        (["--learning_rate=0"], "--lr must be a finite number above 0, got 0.0"),
        (["--n-envs", "-1"], "--n-envs must be a whole number above 0, got -1"),
        (["--n-envs", "1000000000"], "--n-envs must be at most 100000, got 1000000000"),
        (["--hidden-size", "65536"], "--hidden-size must be at most 32768, got 65536"),
        (["--n-steps", "1000000000000"], "--n-steps must be at most 100000, got 1000000000000"),
        (["--threads", "1000000000"], "--threads must be at most 1024"),
        (["--total-steps", "1" + 16 * "0"], "--total-steps must be at most"),
        (["--n-steps", "100000", "--n-envs", "100000"], "would need"),
        (["--size", "100001"], "--size must be at most 51, got 100001"),
        (["--max-steps", "1000000000000"], "--max-steps must be at most 100000, got 1000000000000"),
        (["--hidden-size", "0"], "--hidden-size must be a whole number above 0"),
        (["--threads", "0"], "--threads must be a whole number above 0"),
        (["--recurrent-lr-scale", "0"], "--recurrent-lr-scale must be a finite number above 0, got 0.0"),
        (["--lr", "nan"], "--lr must be a finite number above 0, got nan"),
        (["--lr", "inf"], "--lr must be a finite number above 0, got inf"),
        (["--eta", "nan"], "--eta must be a finite number, got nan"),
        (["--core", "rnn", "--init-scale", "inf"], "--init-scale must be a finite number, got inf"),
        (["--core", "gru", "--init-scale", "0.1"], "--init-scale is not a setting of the core 'gru'"),
        (["--gamma", "1.5"], "--gamma must be a number from 0 to 1, got 1.5"),
        (["--seed", "-1"], "--seed must be a whole number from 0"),
        (["--env", "CartPole-v1", "--size", "7"], "--size is not an argument of CartPole-v1, got 7"),
        (
            ["--env", "mine:Own-v0"],
            "write 'Own-v0' and import mine first (on the command line: --packages mine)",
        ),
        (["--env", "FrozenLake-v1"], "observation space must be a flat Box"),
        (["--env", "FrozenLake-v1", "--core", "gru"], "observation space must be a flat Box"),
        (["--env", "Blackjack-v1", "--core", "gru"], "observation space must be a flat Box"),
        (
            ["--env", "plastic_maze:PlasticMaze-v0"],
            "write 'PlasticMaze-v0'",
        ),
        (
            ["--packages", "./my_cores.py"],
            "--packages must be names of modules (my_cores, not ./my_cores.py)",
        ),
        (["--wall-penalty", "-0.1"], "--wall-penalty is a price and must be 0 or more, got -0.1"),
        (["--out", "/proc/nowhere"], "cannot be written"),
        (["--out", "pyproject.toml"], "exists already"),
        (["--resume", "tests"], "there is no run in tests"),
        (["--device", "tpu9"], "device"),
    ],
)
def test_bad_training_input_is_named_before_any_work(arguments, message, tmp_path, refused):
    given = [] if {"--out", "--resume"} & set(arguments) else ["--out", tmp_path / "run"]
    assert message in refused(train.main, *given, *arguments)
    assert not (tmp_path / "run").exists()


def test_a_core_of_ones_own_trains_and_plays(tmp_path, monkeypatch):
    readme = Path("README.md").read_text().split("### A core of your own")[1]
    (tmp_path / "my_cores.py").write_text(readme.split("```python")[1].split("```")[0])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    own = ["--packages", "my_cores"]
    run("train.py", *QUICK, *own, "--core", "leaky", "--out", tmp_path / "run")
    run("evaluate.py", tmp_path / "run", *own, "--episodes", 3)
    assert "unknown core 'leaky'" in run("evaluate.py", tmp_path / "run", "--episodes", 3, code=2)


def test_modules_in_the_current_folder_are_found(tmp_path, monkeypatch):
    (tmp_path / "my_own_module.py").write_text("FOUND = True\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    import_packages(("my_own_module",))
    assert sys.modules.pop("my_own_module").FOUND


def test_an_environment_that_lacks_something_is_named(monkeypatch, refused):
    def lacking(**kwargs):
        raise gym.error.DependencyNotInstalled("Box2D is not installed")

    gym.register("Lacking-v0", lacking)
    try:
        said = refused(train.main, "--env", "Lacking-v0")
    finally:
        gym.registry.pop("Lacking-v0")
    assert "Lacking-v0 cannot be made: Box2D is not installed" in said


def test_nothing_saved_is_said(trained, tmp_path, refused, capsys, monkeypatch):
    monkeypatch.setattr(train, "train", interrupted)
    assert train.main([*QUICK, "--out", str(tmp_path / "new")]) == 130
    assert "stopped. Nothing has been saved yet." in capsys.readouterr().out
    monkeypatch.undo()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "settings.json").touch()
    said = refused(train.main, *QUICK, "--out", tmp_path / "new")
    assert "has lost its settings and cannot go on: delete it, or choose another folder" in said


def test_a_run_stopped_before_its_first_checkpoint_can_be_resumed(tmp_path, capsys, monkeypatch):
    """It begins anew; one that is stopped while kernels are compiled leaves nothing."""
    out = ["--out", str(tmp_path / "run")]
    monkeypatch.setattr("agents.cores.plastic.PlasticCore.warm_up", interrupted)
    assert train.main([*QUICK, *out]) == 130
    assert "Nothing has been saved yet." in capsys.readouterr().out
    assert not (tmp_path / "run").exists()
    monkeypatch.undo()
    monkeypatch.setattr("agents.training.MetricsFile", interrupted)
    assert train.main([*QUICK, *out]) == 130
    assert f"stopped. Go on with: python train.py --resume {tmp_path / 'run'}" in capsys.readouterr().out
    monkeypatch.undo()
    assert train.main(["--resume", str(tmp_path / "run")]) == 0
    assert train.main([*QUICK, "--out", str(tmp_path / "whole")]) == 0
    agents = [tmp_path / name / "agent.safetensors" for name in ("run", "whole")]
    assert load_file(agents[0]).keys() == load_file(agents[1]).keys()
    assert all(torch.equal(a, b) for a, b in zip(*(load_file(a).values() for a in agents), strict=True))


def interrupted(*_):
    raise KeyboardInterrupt

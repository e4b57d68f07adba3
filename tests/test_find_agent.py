import numpy as np
import pytest

from agents.checkpoint import read_agent
from agents.evaluation import Task, evaluate, load_agent
from agents.find_agent import TRAINED, find_agent, short_names, trained_agent, trained_cores

FILES = sorted(TRAINED.glob("*/*.safetensors"))


def test_there_is_a_trained_agent_for_the_default_maze():
    assert "plastic" in trained_cores("PlasticMaze-v0")
    assert find_agent("plastic") == trained_agent("plastic", "PlasticMaze-v0")


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_trained_agent_is_what_its_name_says_and_beats_chance(file):
    tensors, settings = read_agent(file)
    assert settings.core == file.stem
    assert settings.env_id == file.parent.name
    assert find_agent(file.stem, settings.env_id) == file
    assert all(np.isfinite(tensor.numpy()).all() for tensor in tensors.values())
    task = Task(settings.env_id, settings.env_kwargs)
    scores = evaluate(file.stem, task, 32, seed=0)
    assert scores.ci95[0] > 2 * evaluate("random", task, 32, seed=0).mean_return


def test_the_environment_decides_which_agent_plays():
    env = Task("PlasticMaze-v0", {}).make(2)
    assert load_agent("plastic", env).policy.core_name == "plastic"
    env.close()
    with pytest.raises(
        ValueError, match="there is no pretrained 'plastic' for CartPole-v1, only for PlasticMaze-v0, "
    ):
        find_agent("plastic", "CartPole-v1")
    with pytest.raises(ValueError, match="no agent at nobody; give a run folder, an agent file, a player"):
        find_agent("nobody", "CartPole-v1")
    with pytest.raises(ValueError, match=r"trained already for PlasticMaze-v0 \(.*plastic.*\), a player"):
        find_agent("nobody")
    with pytest.raises(ValueError, match="no agent at runs/lstm"):  # a run that is not there, not a core
        find_agent("runs/lstm")


def test_a_path_goes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plastic").mkdir()
    with pytest.raises(ValueError, match="plastic holds neither a finished agent nor a checkpoint"):
        find_agent("plastic")


def test_short_names_are_as_long_as_tells_runs_apart(tmp_path):
    for run in ("gru/seed-0", "rnn/seed-0"):
        (tmp_path / run / "checkpoints").mkdir(parents=True)
        (tmp_path / run / "agent.safetensors").touch()
        (tmp_path / run / "checkpoints" / "000000000100.safetensors").touch()
    gru, rnn = (str(tmp_path / name / "seed-0") for name in ("gru", "rnn"))
    assert short_names([gru]) == ["seed-0"]
    assert short_names([gru, rnn, "oracle"]) == ["gru/seed-0", "rnn/seed-0", "oracle"]
    assert short_names([f"{gru}/agent.safetensors", rnn]) == ["gru/seed-0", "rnn/seed-0"]
    assert short_names([f"{gru}/checkpoints/000000000100.safetensors"]) == ["seed-0"]
    assert short_names(["plastic", "plastic"]) == ["plastic", "plastic"]

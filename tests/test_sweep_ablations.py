import csv
from dataclasses import replace

import pytest
from matplotlib.colors import to_hex

import sweep as command
from agents.core_colors import core_color
from agents.evaluation import evaluate
from sweeps.ablations import (
    AblationScore,
    check_ablations,
    draw_ablations,
    measure_ablations,
    read_ablations,
    write_ablations,
)
from sweeps.plan import read_sweep
from tests.sweep_file import write


@pytest.fixture(scope="module")
def ablated(tmp_path_factory):
    """The folder of a small sweep of plastic and rnn, trained and ablated."""
    folder = tmp_path_factory.mktemp("sweep")
    assert command.main([str(write(folder)), "--ablate", "--jobs", "1"]) == 0
    return folder


def test_plastic_agents_are_ablated_and_others_are_left_alone(ablated):
    scores = read_ablations(ablated / "report" / "ablations.csv")
    assert {score.entry for score in scores} == {"plastic"}
    assert [score.ablation for score in scores] == [
        "intact",
        "no plasticity (α = 0)",
        "hebb frozen from step 20",
        "hebb wiped at step 40",
        "activity wiped at step 40",
    ]
    sweep = read_sweep(ablated / "sweep.toml")
    agent = sweep.runs()[0].folder(ablated).agent
    again = evaluate(agent.as_posix(), sweep.task, 500, sweep.evaluation.seed)
    assert scores[0].mean_return == pytest.approx(again.mean_return, rel=1e-5)
    assert scores[0].low < scores[0].mean_return < scores[0].high


def test_a_core_without_alpha_is_left_alone(ablated, monkeypatch):
    """Its plastic weights can be wiped, but there is no alpha to set to zero."""
    monkeypatch.setattr("agents.cores.rnn.RNNCore.plastic_leaves", (0,))
    scores = measure_ablations(read_sweep(ablated / "sweep.toml"), episodes=2)
    assert {score.entry for score in scores} == {"plastic"}


def test_the_figure_is_drawn_again_from_the_table_alone(ablated):
    figure = ablated / "report" / "ablations.png"
    figure.unlink(missing_ok=True)
    (ablated / "plastic" / "seed-0" / "agent.safetensors").unlink(missing_ok=True)
    assert command.main([str(ablated / "sweep.toml"), "--report"]) == 0
    assert figure.stat().st_size > 0


def test_a_sweep_without_kept_agents_says_so(ablated, capsys):
    (ablated / "plastic" / "seed-0" / "agent.safetensors").unlink(missing_ok=True)
    scores = ablated / "report" / "scores.md"
    scores.unlink()
    assert command.main([str(ablated / "sweep.toml"), "--ablate"]) == 1
    said = capsys.readouterr().err
    assert "no ablations: " in said
    assert "no finished run has kept an agent with plastic weights" in said
    assert scores.is_file()  # all else is reported


def test_a_bar_for_each_score_with_its_interval(tmp_path):
    scores = [
        AblationScore(e, 0, "0f", a, 9, v, v - 1, v + 2) for e, a, v in (("x", "intact", 5), ("x", "less", 3))
    ]
    picture = draw_ablations(scores, "a title", {"x": "gru"})
    bars = picture.axes[0].patches
    assert [bar.get_height() for bar in bars] == [5, 3]
    assert {to_hex(bar.get_facecolor()).upper() for bar in bars} == {core_color("gru")}
    assert "one trained agent each (seed 0)" in picture.get_suptitle()
    assert "95 % confidence interval over episodes" in picture.get_suptitle()
    write_ablations(tmp_path / "new" / "a.csv", scores)
    assert read_ablations(tmp_path / "new" / "a.csv") == scores
    (tmp_path / "b.csv").write_text("entry,seed\nx,0\n")
    with pytest.raises(ValueError, match="is not a table of ablations"):
        read_ablations(tmp_path / "b.csv")
    assert list(csv.DictReader((tmp_path / "new" / "a.csv").open()))[1]["high"] == "5"


def test_a_single_episode_has_no_interval(tmp_path):
    scores = [AblationScore("x", 0, "0f", "intact", 1, 5, None, None)]
    assert draw_ablations(scores, "a title", {"x": "gru"}).axes[0].get_ylabel().endswith("1 fresh episode")
    write_ablations(tmp_path / "a.csv", scores)
    assert read_ablations(tmp_path / "a.csv") == scores


def test_a_table_of_other_agents_is_refused(ablated, tmp_path):
    sweep = read_sweep(ablated / "sweep.toml")
    scores = read_ablations(ablated / "report" / "ablations.csv")
    check_ablations(scores, sweep)
    agent = sweep.runs()[0].folder(ablated).agent
    agent.write_bytes(b"another")
    with pytest.raises(ValueError, match=r"is of another agent than plastic/seed-0 is now; measure again"):
        check_ablations(scores, sweep)
    agent.unlink()
    check_ablations(scores, sweep)
    with pytest.raises(ValueError, match="another agent than lstm/seed-0"):
        check_ablations([replace(scores[0], entry="lstm")], sweep)

"""Scores of several sweeps over the setting in which their tasks differ."""

import csv
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from test_sweep_report import make_run

from agents.core_colors import core_color
from sweeps.compare import draw, main, points, read_sweeps
from sweeps.plan import read_sweep

TOML = """
seeds = 2
[settings]
env = "{env}"
{task}
total_steps = 1000
n_envs = 2
hidden_size = 4
[evaluation]
episodes = 8
[entries.plastic]
[entries.gru]
core = "gru"
[entries.lstm]
core = "lstm"
"""


def sweep_of(folder, scores, task, env="PlasticMazePairs-v0"):
    """A sweep of which the named entries have two finished runs, 5 below and above the given score."""
    folder.mkdir()
    file = folder / "sweep.toml"
    file.write_text(TOML.format(env=env, task=task))
    for run in read_sweep(file).runs():
        if run.entry in scores:
            score = scores[run.entry] - 5 + 10 * run.settings.seed
            make_run(run, folder, speed=100, score=score, hits=np.full(300, 0.1))
    return str(file)


def test_scores_over_a_setting_and_their_ratio_to_the_best_of_others(tmp_path, capsys):
    eight = sweep_of(tmp_path / "eight", {"plastic": 90, "gru": 50, "lstm": 60}, "n_cues = 8")
    one = sweep_of(tmp_path / "one", {"plastic": 100, "gru": 200}, "n_cues = 1")
    out = tmp_path / "out"
    assert main([eight, one, "--over", "n_cues", "--against", "gru", "lstm", "--out", str(out)]) == 0
    assert f"4 figures and tables are in {out}" in capsys.readouterr().out
    with (out / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = [(r["entry"], r["n_cues"], float(r["iqm"]), float(r["ratio"])) for r in rows]
    assert found == [
        ("plastic", "1", 100, 0.5), ("plastic", "8", 90, 1.5), ("gru", "1", 200, 1),
        ("gru", "8", 50, pytest.approx(5 / 6, rel=1e-5)), ("lstm", "8", 60, 1),
    ]  # fmt: skip
    assert all(float(row["worst"]) < float(row["iqm"]) < float(row["best"]) for row in rows)
    assert {row["low"] for row in rows} == {""}  # of two runs there is no interval
    text = (out / "scores.md").read_text(encoding="utf-8")
    assert text.startswith("|  | pairs to remember | runs |")
    assert "| as a multiple of that of the best of gru, lstm |" in text
    assert "| plastic | 8 | 2 | 90.0 |  | 85.0 to 95.0 |" in text
    assert {file.name for file in out.iterdir()} > {"comparison.png", "comparison.svg"}


def test_the_figure_names_its_axes_and_labels_a_core_where_it_was_run(tmp_path):
    files = [
        Path(sweep_of(tmp_path / "one", {"plastic": 100, "gru": 50}, "n_cues = 1")),
        Path(sweep_of(tmp_path / "two", {"gru": 40}, "n_cues = 2")),
    ]
    results = read_sweeps(files, "n_cues")
    returns, ratios = draw(points(results, ["gru"]), results, "n_cues", ["gru"]).axes
    assert returns.get_xlabel() == "pairs to remember"
    assert ratios.get_ylabel() == "return as a multiple of gru's"
    at = {text.get_text(): text.xy for text in returns.texts}
    assert at["plastic"] == (1, 100)  # not at the right margin, as gru and the planner
    assert [at[name][0] for name in ("gru", "planner")] == [1.0, 1.0]  # of the axes' width
    assert [to_hex(line.get_color()).upper() for line in returns.get_lines()[:2]] == [
        core_color("plastic"), core_color("gru"),
    ]  # fmt: skip


def test_where_a_file_does_not_set_it_the_environments_own_value_counts(tmp_path):
    scores, out = {"plastic": 100, "gru": 50}, tmp_path / "out"
    files = [sweep_of(tmp_path / "one", scores, "n_cues = 1"), sweep_of(tmp_path / "own", scores, "")]
    assert main([*files, "--over", "n_cues", "--against", "gru", "--out", str(out)]) == 0
    with (out / "scores.csv").open() as file:
        assert [row["n_cues"] for row in csv.DictReader(file)] == ["1", "3", "1", "3"]


def test_an_entry_may_have_nothing_to_be_compared_with(tmp_path):
    out = tmp_path / "out"
    files = [
        sweep_of(tmp_path / "one", {"plastic": 100, "gru": 50}, "n_cues = 1"),
        sweep_of(tmp_path / "two", {"plastic": 90, "lstm": 50}, "n_cues = 2"),
    ]
    assert main([*files, "--over", "n_cues", "--against", "gru", "--out", str(out)]) == 0
    with (out / "scores.csv").open() as file:
        found = [(row["entry"], row["n_cues"], row["ratio"]) for row in csv.DictReader(file)]
    assert found == [("plastic", "1", "2"), ("plastic", "2", ""), ("gru", "1", "1"), ("lstm", "2", "")]
    assert (out / "comparison.png").exists()


def test_what_cannot_be_compared_is_named(tmp_path, capsys):
    scores = {"plastic": 100, "gru": 50}
    one, same, unset, other = (
        sweep_of(tmp_path / "one", scores, "n_cues = 1"),
        sweep_of(tmp_path / "same", scores, "n_cues = 1"),
        sweep_of(tmp_path / "unset", scores, "", env="PlasticMaze-v0"),
        sweep_of(tmp_path / "other", scores, "n_cues = 2\ncue_size = 8", env="PlasticMaze-v0"),
    )

    def error_of(*files, against="gru", over="n_cues"):
        rest = ["--over", over, "--against", against, "--out", str(tmp_path / "out")]
        assert main([*files, *rest]) == 2
        return capsys.readouterr().err

    assert "needs the files of two sweeps or more, got 1" in error_of(one)
    assert f"{same} has n_cues = 1, as another of the files has" in error_of(one, same)
    message = f"neither {unset} nor PlasticMaze-v0 itself sets 'n_cues' to a number; they set "
    assert message in error_of(one, unset)
    assert "different environments: PlasticMaze-v0, PlasticMazePairs-v0" in error_of(one, other)
    two = sweep_of(tmp_path / "two", scores, "n_cues = 2")
    assert "no sweep has a finished run of 'lstm'; there are plastic, gru" in error_of(
        one, two, against="lstm"
    )
    large = sweep_of(tmp_path / "large", scores, "n_cues = 4\nsize = 9\nmax_steps = 100")
    assert "the sweeps differ in more than n_cues: in size, max_steps" in error_of(one, large)
    more = sweep_of(tmp_path / "more", {}, "n_cues = 5")
    Path(more).write_text(Path(more).read_text().replace("episodes = 8", "episodes = 9"))
    assert "differ in more than n_cues: in episodes" in error_of(one, more)
    assert "cannot be read" in error_of(one, str(tmp_path / "none.toml"))
    assert not (tmp_path / "out").exists()

"""Figures and tables of a sweep hold the right numbers."""

import csv
import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from agents.core_colors import core_color
from agents.evaluation import Scores, Task, evaluate
from agents.metrics import COLUMNS
from agents.yardstick import Yardstick
from sweeps import aggregate, figures, report, tables
from sweeps.plan import read_sweep
from sweeps.report import write_report
from sweeps.results import SMOOTHED, FinishedRun, read_results
from sweeps.run_evaluation import EvaluationSettings, RunEvaluation, evaluate_player
from sweeps.score import MOST, Score
from sweeps.statistic import MEDIAN

TOML = """
seeds = {seeds}
[settings]
env = "PlasticMazeSmall-v0"
total_steps = 1000
n_envs = 2
hidden_size = 4
[evaluation]
episodes = 8
[entries.plastic]
[entries.gru]
core = "gru"
"""
T = 80  # steps of an episode


def make_run(run, sweep, speed, score, hits):
    """The files of a finished run whose return rises by 1 every 100 steps."""
    folder = run.folder(sweep)
    folder.path.mkdir(parents=True)
    folder.keep_settings(run.settings)
    with folder.metrics_file.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for step in range(100, 1001, 100):
            time = {"time/total_timesteps": step, "time/seconds": step / speed}
            writer.writerow({**time, "rollout/ep_rew_mean": step / 100 + score})
    scores = Scores("made up", score, (score - 1, score + 1), [score] * 8, 5.0, 4.0, [1.0] * 4, 0)
    file = run.evaluation_file(sweep)
    RunEvaluation(run.task.env_id, {}, run.evaluation, 4, 100, scores, list(hits)).write(file)


@pytest.fixture
def sweep(tmp_path):
    """Four runs of plastic with scores 10, 20, 30, 100, and one of gru with 40."""
    (tmp_path / "sweep.toml").write_text(TOML.format(seeds=4))
    sweep = read_sweep(tmp_path / "sweep.toml")
    for run in sweep.runs():
        if run.entry == "plastic":
            score = (10, 20, 30, 100)[run.settings.seed]
            make_run(run, tmp_path, speed=100, score=score, hits=np.full(T, 0.1))
        elif run.settings.seed == 0:
            make_run(run, tmp_path, speed=50, score=40, hits=np.linspace(0, 0.5, T))
    return sweep


def test_interquartile_mean_leaves_out_a_quarter_at_either_end():
    values = np.array([[9.0, 0], [1, 0], [2, 8], [1000, 0]])
    np.testing.assert_allclose(aggregate.interquartile_mean(values), [5.5, 0])
    assert aggregate.interquartile_mean(np.array([1.0, 2, 9])) == 4  # of three none is left out
    eight = np.array([0.0, 0, 3, 4, 5, 6, 99, 99])
    assert aggregate.interquartile_mean(eight) == 4.5


def test_median_and_quartiles():
    summary = aggregate.median_and_quartiles(np.arange(5.0)[:, None] * [1, 10])
    np.testing.assert_array_equal([summary.low, summary.centre, summary.high], [[1, 10], [2, 20], [3, 30]])


def test_bootstrap_interval_is_that_of_a_normal_mean():
    values = np.random.default_rng(3).normal(7, 2, size=400)
    low, high = aggregate.bootstrap_interval(values, lambda drawn: drawn.mean(axis=0))
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_few_runs_have_no_interval_but_a_lowest_and_a_highest(runs):
    """Quartiles and bootstrap of so few are interpolated between them: no "95 %" of anything."""
    values = np.array([[3.0, 30], [1, 10], [9, 90]][:runs])
    assert aggregate.bootstrap_interval(values, aggregate.interquartile_mean) is None
    assert aggregate.interval_or_none(values[:, 0], np.mean) == (None, None)
    for summary in (aggregate.median_and_quartiles(values), aggregate.iqm_and_interval(values)):
        np.testing.assert_array_equal(summary.low, values.min(axis=0))
        np.testing.assert_array_equal(summary.high, values.max(axis=0))


def test_interval_of_equal_runs_is_a_point():
    summary = aggregate.iqm_and_interval(np.full((6, 2), 3.0))
    np.testing.assert_array_equal([summary.low, summary.centre, summary.high], np.full((3, 2), 3.0))


def test_the_interval_is_that_of_the_interquartile_mean():
    """Against all ways of drawing four runs from four."""
    scores = np.array([10.0, 20, 30, 100])
    every = aggregate.interquartile_mean(np.array(list(product(scores, repeat=4))).T)
    summary = aggregate.iqm_and_interval(scores)
    assert [summary.low, summary.high] == pytest.approx(np.quantile(every, [0.025, 0.975]), abs=2.5)
    assert summary.high > 80  # where the mean's interval ends below


def test_curves_meet_on_a_grid_on_which_none_has_ended():
    times, values = [np.array([1.0, 2]), np.array([0.0, 4])], [np.array([10.0, 20]), np.array([0.0, 40])]
    grid = aggregate.common_grid(times, 3)
    np.testing.assert_array_equal(grid, [1, 1.5, 2])
    np.testing.assert_array_equal(aggregate.on_grid(times, values, grid), [[10, 15, 20], [10, 15, 20]])


def test_hits_are_counted_in_windows():
    hits = np.stack([np.arange(25.0), np.ones(25)])
    x, rate = figures._windowed(hits, 10)
    np.testing.assert_array_equal(x, [5, 15])
    np.testing.assert_array_equal(rate, [[45, 145], [10, 10]])
    x, so_far = figures._cumulated(hits[1:])
    np.testing.assert_array_equal(so_far[0], x)


def test_tables_hold_the_numbers_of_the_runs(sweep):
    write_report(sweep)
    with (sweep.report / "scores.csv").open() as file:
        rows = {row["entry"]: row for row in csv.DictReader(file)}
    planner = evaluate("planner", sweep.task, 8, 1_000_000)
    assert list(rows) == ["plastic", "gru", "random", "planner", "oracle"]
    assert float(rows["planner"]["iqm"]) == pytest.approx(planner.mean_return, rel=1e-4)
    plastic = rows["plastic"]
    assert [float(plastic[name]) for name in ("iqm", "median", "worst", "best")] == [25, 25, 10, 100]
    assert float(plastic["share"]) == pytest.approx(25 / planner.mean_return, rel=1e-4)
    assert float(plastic["low"]) < 25 < float(plastic["high"])
    assert float(plastic["share_high"]) == pytest.approx(
        float(plastic["high"]) / planner.mean_return, rel=1e-4
    )
    assert float(plastic["share_low"]) == pytest.approx(float(plastic["low"]) / planner.mean_return, rel=1e-4)
    assert [float(plastic[name]) for name in ("first_hit", "later_hit", "seconds")] == [5, 4, 10]
    assert float(plastic["last_return"]) == 35  # each run ends 10 above its score
    assert plastic["steps_to_most"] == "inf"  # the returns above end at 110
    assert rows["planner"]["steps_to_most"] == ""
    assert rows["gru"]["low"] == ""  # a single run tells nothing about others
    text = (sweep.report / "scores.md").read_text()
    assert "| plastic | 4 | 4 | 100 | 25.0 |" in text
    assert "**Unfinished**: this is over the runs that are finished (plastic: 4 of 4, gru: 1 of 4)" in text
    assert str(sweep.folder) not in text
    with (sweep.report / "runs.csv").open() as file:
        assert [float(row["mean_return"]) for row in csv.DictReader(file)] == [10, 20, 30, 100, 40]


def test_steps_to_a_return_are_those_of_the_smoothed_curve():
    returns = np.concatenate([np.full(20, 5.0), np.full(20, 9.0)])
    returns[7] = 30  # a lucky line: the mean of ten is 7.5
    run = FinishedRun(0, 100 * np.arange(1, 41), np.arange(40.0), returns, evaluation=None)
    assert run.steps_to(7.5) == 800 + 200  # ten lines are needed
    assert run.steps_to(8.6) == 100 * 29  # one of the ten is old
    assert run.steps_to(9.0) == 100 * 30
    assert run.steps_to(9.1) == np.inf


def test_fewer_lines_than_are_averaged_do_not_say_when_a_return_was_reached(sweep):
    run = FinishedRun(0, np.arange(SMOOTHED - 1), np.arange(9.0), np.full(SMOOTHED - 1, 5.0), evaluation=None)
    assert run.steps_to(1.0) is None
    entry = read_results(sweep).entries[1]
    few = replace(entry, runs=(replace(run, evaluation=entry.runs[0].evaluation),))
    assert Score.of(few, Yardstick("planner", 1.0)).steps_to_most is None


@pytest.mark.parametrize("mean_return", [0.0, -2.0])
def test_there_is_no_share_of_a_player_that_gains_nothing(mean_return, sweep):
    score = Score.of(read_results(sweep).entries[0], Yardstick("planner", mean_return))
    assert (score.share, score.share_low, score.share_high, score.steps_to_most) == (None,) * 4
    assert score.low is not None


def test_the_oracle_is_the_yardstick_where_no_planner_can_play(sweep):
    results = read_results(sweep)
    oracle = results.references["oracle"]
    assert results.yardstick.player == "planner"
    without = replace(results, references={"oracle": oracle})
    assert without.yardstick == Yardstick("oracle", oracle.scores.mean_return)
    assert replace(results, references={}).yardstick is None
    assert report._markdown(sweep, without, []).splitlines()[4].count("| share of the oracle |") == 1


def test_the_last_return_is_that_of_the_last_tenth():
    run = FinishedRun(0, np.arange(21), np.arange(21.0), np.arange(21.0), evaluation=None)
    assert run.last_return == 19  # of three lines: a part of one counts as one


def test_steps_to_most_of_the_planner_are_those_of_the_median_run(sweep):
    entry = read_results(sweep).entries[0]  # means of the ten lines: 15.5, 25.5, 35.5, 105.5
    assert Score.of(entry, Yardstick("planner", 20 / MOST)).steps_to_most == 1000
    assert Score.of(entry, Yardstick("planner", 30 / MOST)).steps_to_most == np.inf  # two never come there
    assert Score.of(entry, None).steps_to_most is None


def test_figures_hold_the_numbers_of_the_runs(sweep):
    results = read_results(sweep)
    (steps,) = figures.learning_curves(results, MEDIAN).axes
    plastic, gru, *references = steps.get_lines()
    np.testing.assert_allclose(plastic.get_xdata()[[0, -1]], [1e-4, 1e-3])  # millions
    np.testing.assert_allclose(plastic.get_ydata()[[0, -1]], [1 + 25, 10 + 25])  # median over runs
    np.testing.assert_allclose(gru.get_ydata()[-1], 50)
    planner = results.references["planner"].scores.mean_return
    assert planner in [line.get_ydata()[0] for line in references]
    said = {text.get_text() for text in steps.texts}
    assert said == {"plastic (4 runs)", "gru (1 run)", "random", "planner"}

    so_far, rate = figures.within_episode(results, MEDIAN).axes
    np.testing.assert_allclose(so_far.get_lines()[0].get_ydata()[-1], 8)  # 80 steps with 0.1 hits each
    np.testing.assert_allclose(rate.get_lines()[0].get_ydata(), 1)
    np.testing.assert_allclose(rate.get_lines()[1].get_ydata().sum(), 20, atol=0.01)


def test_a_core_has_its_colour_in_every_figure(sweep):
    results = read_results(sweep)
    (curves,) = figures.learning_curves(results, MEDIAN).axes
    (scores,) = figures.final_scores(results).axes
    so_far, _ = figures.within_episode(results, MEDIAN).axes
    colours = [core_color(name) for name in ("plastic", "gru")]
    for axes in (curves, so_far):
        assert [to_hex(line.get_color()).upper() for line in axes.get_lines()[:2]] == colours
    by_row = {line.get_ydata()[0]: to_hex(line.get_color()).upper() for line in scores.get_lines()[:-2]}
    assert by_row[0.0] == core_color("gru")  # the better one is on top
    assert by_row[1.0] == core_color("plastic")
    assert [label.get_text() for label in scores.get_yticklabels()] == ["gru (1 run)", "plastic (4 runs)"]


def test_of_many_entries_each_core_has_a_panel_with_its_best(sweep):
    results = read_results(sweep)
    plastic, gru = results.entries

    def scoring(number):
        run = gru.runs[0]
        scores = replace(run.evaluation.scores, mean_return=float(number))
        evaluation = replace(run.evaluation, scores=scores)
        return replace(gru, name=f"gru-{number}", runs=(replace(run, evaluation=evaluation),))

    count = figures.MOST_LINES + 3
    many = replace(results, entries=(plastic, *map(scoring, range(count))))
    first, second = figures.grouped(many.entries)
    assert (first.title, first.names) == ("plastic", ["plastic"])
    assert second.title == f"gru, the best {figures.MOST_LINES} of {count}"
    assert second.names == [str(number) for number in range(count - 1, 2, -1)]
    curves = figures.learning_curves(many, MEDIAN)
    assert [axes.get_title() for axes in curves.axes] == [first.title, second.title]
    assert len(curves.axes[1].get_lines()) == figures.MOST_LINES + 2  # planner, random
    picture = figures.final_scores(many)
    assert picture.get_figheight() < 8
    so_far, _ = figures.within_episode(many, MEDIAN).axes
    assert {text.get_text() for text in so_far.texts} == {
        "plastic (4 runs)", f"gru-{count - 1} (1 run)", "planner", "random",
    }  # fmt: skip


def test_single_runs_are_drawn_once_and_without_a_band(sweep):
    results = read_results(sweep)
    alone = replace(results, entries=(results.entries[1],))
    assert figures.learning_curves(alone, MEDIAN).get_suptitle() == "PlasticMazeSmall-v0\none run"
    assert figures.final_scores(alone).get_suptitle() == "PlasticMazeSmall-v0\none run"


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([1], "one run"),
        ([1, 1], "one run each"),
        ([3, 3], "median of 3 runs each, band: lowest to highest run"),
        ([1, 2], "median of 1 to 2 runs, band: lowest to highest run"),
        ([15], "median of 15 runs, band: quartiles"),
        ([1, 5], "median of 1 to 5 runs, band: quartiles"),
        ([2, 5], "median of 2 to 5 runs, band: quartiles (of fewer than 4 runs: lowest to highest)"),
    ],
)
def test_a_heading_says_of_how_many_runs_it_is(counts, words):
    assert MEDIAN.heading(counts) == words


def test_cells_of_tables():
    assert [tables.percent(share) for share in (-0.001, 0.0, 0.5, None)] == ["0%", "0%", "50%", ""]
    assert [tables.number(value) for value in (-0.01, -0.26)] == ["0.0", "-0.3"]


def test_episodes_shorter_than_a_window_are_one_window(sweep):
    results = read_results(sweep)
    short = [
        replace(run, evaluation=replace(run.evaluation, hits_per_step=[1.0] * 4))
        for run in results.entries[1].runs
    ]
    few = replace(results, entries=(replace(results.entries[1], runs=tuple(short)),), references={})
    _, rate = figures.within_episode(few, MEDIAN).axes
    assert rate.get_ylabel() == "hits in 4 steps"
    np.testing.assert_array_equal(rate.get_lines()[0].get_xydata(), [[2, 4]])


def test_report_writes_pictures_and_repeats_itself(sweep):
    files = write_report(sweep)
    pictures = {file.stem for file in files if file.suffix == ".png"}
    assert pictures == {"learning_curves", "learning_curves_iqm", "within_episode", "final_scores"}
    assert all(Image.open(file).size[0] > 500 for file in files if file.suffix == ".png")
    assert all("<svg" in file.read_text()[:600] for file in files if file.suffix == ".svg")
    before = {file: file.read_bytes() for file in sweep.report.iterdir()}
    write_report(sweep)
    assert {file: file.read_bytes() for file in sweep.report.iterdir()} == before


def test_weights_are_drawn_from_the_agent_of_the_first_seed(sweep):
    import torch

    from agents import RecurrentA2C, make_vec_env

    run = sweep.runs()[0]
    policy = {"core": "plastic", "hidden_size": 4}
    model = RecurrentA2C("RecurrentPolicy", make_vec_env("PlasticMazeSmall-v0", 2), policy_kwargs=policy)
    with torch.no_grad():
        model.policy.core.w[1, 2] = -0.5
    model.save(run.folder(sweep.folder).agent)
    plastic, gru = read_results(sweep).entries
    w, alpha, *_ = figures.weights(plastic).axes
    drawn = w.get_images()[0]
    assert drawn.get_array()[1, 2] == -0.5
    assert drawn.norm.vmin == -drawn.norm.vmax  # white is zero
    np.testing.assert_array_equal(alpha.get_images()[0].get_array(), model.policy.core.alpha.detach().numpy())
    assert figures.weights(gru) is None


def test_nothing_finished_is_said(tmp_path):
    (tmp_path / "sweep.toml").write_text(TOML.format(seeds=1))
    with pytest.raises(ValueError, match=r"no run of .* is finished yet"):
        write_report(read_sweep(tmp_path / "sweep.toml"))


def test_evaluation_gives_the_numbers_of_evaluate_and_can_be_read_back(tmp_path):
    task, settings = Task("PlasticMazeSmall-v0", {}), EvaluationSettings(200, 7)
    played = evaluate_player("planner", task, settings)
    assert played.scores == evaluate("planner", task, 200, 7)
    assert sum(played.hits_per_step) == pytest.approx(sum(played.scores.hits_per_quarter))
    played.write(tmp_path / "a.json")
    read = RunEvaluation.read(tmp_path / "a.json")
    assert read.task == task
    assert read.settings == settings
    assert read.scores.mean_return == pytest.approx(played.scores.mean_return, abs=1e-4)
    assert len(json.loads((tmp_path / "a.json").read_text())["hits_per_step"]) == T


def test_a_damaged_evaluation_is_named(tmp_path):
    file = Path(tmp_path / "a.json")
    file.write_text('{"env": 1}')
    with pytest.raises(ValueError, match=r"a\.json is not the evaluation of a run"):
        RunEvaluation.read(file)

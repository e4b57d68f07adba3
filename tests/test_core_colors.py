"""One colour a core, in every figure."""

import csv
import itertools

import pytest

from agents.core_colors import OTHERS, core_color
from agents.cores import CORES, register_core
from agents.cores.registry import COLORS
from agents.cores.rnn import RNNCore
from agents.metrics import COLUMNS
from agents.plotting import GREY, plot_learning_curve
from agents.yardstick import Yardstick


def test_no_two_colours_are_the_same():
    colours = [core_color(name) for name in COLORS] + list(OTHERS)
    assert len({colour.upper() for colour in colours}) == len(colours) >= 12


def test_every_shipped_core_has_a_colour_of_its_own():
    shipped = {name for name, core in CORES.items() if core.__module__.startswith("agents.")}
    assert shipped <= COLORS.keys()


def test_a_core_without_a_colour_has_one_that_follows_from_its_name():
    assert core_color("leaky") == core_color("leaky") in OTHERS
    assert {core_color("".join(name)) for name in itertools.product("abc", repeat=2)} == set(OTHERS)


def test_a_core_of_ones_own_may_bring_its_colour():
    try:
        register_core("coloured", color="#12aB9f")(type("Coloured", (RNNCore,), {}))
        assert core_color("coloured") == "#12aB9f"
    finally:
        CORES.pop("coloured", None)
        COLORS.pop("coloured", None)


@pytest.mark.parametrize("color", ["green", "#12", "#1234567", ""])
def test_a_colour_that_is_none_is_refused(color):
    with pytest.raises(ValueError, match='color must be written "#RRGGBB"'):
        register_core("coloured", color=color)


def test_the_learning_curve_of_a_run_has_the_colour_that_is_given(tmp_path):
    rows = [{"time/total_timesteps": step, "rollout/ep_rew_mean": step / 10} for step in (100, 200)]
    with (tmp_path / "metrics.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    figure = tmp_path / "curve.svg"
    plot_learning_curve(tmp_path / "metrics.csv", figure, "gru", core_color("gru"), Yardstick("planner", 9.0))
    text = figure.read_text(encoding="utf-8").upper()
    assert f"STROKE: {core_color('gru')}" in text
    assert f"STROKE: {GREY}" in text
    assert "STROKE: #D55E00" not in text  # no other core's

"""Confidence intervals of means, and shares of a reference."""

import numpy as np
import pytest

from agents.intervals import mean_interval, t_quantile
from agents.shares import share_of


@pytest.mark.parametrize(
    ("freedom", "level", "wanted"),
    [
        (1, 0.95, 12.706),
        (2, 0.95, 4.303),
        (3, 0.95, 3.182),
        (4, 0.95, 2.776),
        (9, 0.95, 2.262),
        (30, 0.95, 2.042),
        (99, 0.95, 1.984),
        (120, 0.95, 1.980),
        (100_000, 0.95, 1.960),
        (1, 0.5, 1.000),
        (4, 0.99, 4.604),
        (7, 0.9, 1.895),
    ],
)
def test_quantiles_are_those_of_published_tables(freedom, level, wanted):
    assert t_quantile(freedom, level) == pytest.approx(wanted, abs=6e-4)


@pytest.mark.parametrize("count", [2, 5])
def test_intervals_hold_the_true_mean_as_often_as_they_say(count):
    draws = np.random.default_rng(0).normal(7, 2, size=(600, count))
    held = [low < 7 < high for low, high in map(mean_interval, draws)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_single_and_equal_values():
    assert mean_interval(np.array([3.0])) is None
    assert mean_interval(np.full(4, 3.0)) == (3, 3)


def test_there_are_no_shares_of_nothing():
    assert share_of(3.0, 12.0) == 0.25
    assert share_of(0.0, 12.0) == 0
    assert [share_of(-3.0, whole) for whole in (None, 0.0, -2.0)] == [None] * 3

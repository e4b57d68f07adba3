"""Lines in the colours of their cores, and their names."""

import numpy as np

from agents.core_colors import core_color
from agents.plotting import new_figure
from sweeps.aggregate import Summary
from sweeps.curves import MOST_LINES, Curve, _apart, draw_curves, looks


def test_labels_move_apart_and_no_more_than_needed():
    assert _apart([0, 10, 20], 5) == [0, 10, 20]
    np.testing.assert_allclose(_apart([0, 10, 10, 30], 4), [0, 8, 12, 30])
    np.testing.assert_allclose(_apart([0, 0, 1, 1], 2), [-2.5, -0.5, 1.5, 3.5])


def test_lines_have_the_colours_of_their_cores_and_those_of_one_core_differ():
    first, *others = looks(["gru", *["rnn"] * MOST_LINES])
    assert (first.color, first.style, first.shade) == (core_color("gru"), "-", 0)
    assert {look.color for look in others} == {core_color("rnn")}
    assert len({(look.style, look.shade) for look in others}) == MOST_LINES


def test_a_line_of_a_single_point_can_be_seen():
    axes = new_figure(4, 3).add_subplot()
    one, two = np.array([5.0]), np.array([5.0, 6.0])
    ends = draw_curves(
        axes, [Curve("a", "gru", one, Summary(one, one, one)), Curve("b", "rnn", two, Summary(two, two, two))]
    )
    assert [line.get_marker() for line in axes.get_lines()] == ["o", ""]
    assert [end.value for end in ends.values()] == [5, 6]

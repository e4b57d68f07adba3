"""What tests of many mazes share."""

from typing import Any

import numpy as np

SMALL = {"size": 3, "max_steps": 7, "wall_penalty": 0.3}
EVERYTHING = {
    "size": 7,
    "max_steps": 50,
    "n_cues": 4,
    "cue_size": 2,
    "layout": "random",
    "goal_switch": True,
    "wall_penalty": 0.2,
}


def assert_same(one: Any, two: Any) -> None:
    """Equal dictionaries of dictionaries of arrays."""
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            assert_same(one[key], two[key])
    else:
        np.testing.assert_array_equal(one, two)


def compare(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> None:
    """Ours are dense where Gymnasium has arrays of objects, with zeros where it has None."""
    for one, two in zip(ours[:-1], theirs[:-1], strict=True):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)
    compare_infos(ours[-1], theirs[-1])


def compare_infos(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if isinstance(value, dict):
            compare_infos(ours[key], value)
        elif value.dtype == object:
            for one, two in zip(ours[key], value, strict=True):
                np.testing.assert_array_equal(one, np.zeros_like(one) if two is None else two)
        else:
            np.testing.assert_array_equal(ours[key], value)

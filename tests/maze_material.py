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

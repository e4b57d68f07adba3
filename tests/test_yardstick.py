"""What training is compared with, on the progress line and in the learning curve."""

from collections import deque
from types import SimpleNamespace

import pytest
from rich.console import Console

from agents.evaluation import Task, evaluate
from agents.progress import ProgressLine
from agents.yardstick import PLANNER_SIZE, Yardstick, yardstick

SMALL = Task("PlasticMazeSmall-v0", {})


def test_the_planner_where_there_is_one_soon_else_the_oracle():
    found = yardstick(SMALL, 20)
    assert found == Yardstick("planner", evaluate("planner", SMALL, 20, seed=0).mean_return)
    assert yardstick(Task("PlasticMazeRandom-v0", {}), 20).player == "oracle"
    assert yardstick(Task("PlasticMaze-v0", {"size": PLANNER_SIZE + 2}), 20).player == "oracle"
    assert yardstick(Task("CartPole-v1", {}), 20) is None
    with pytest.raises(ValueError, match="size must be odd"):
        yardstick(Task("PlasticMaze-v0", {"size": 4}), 20)


@pytest.mark.parametrize(
    ("compared", "status"),
    [
        (Yardstick("planner", 20.0), "return 5.0 (25% of the planner)"),
        (Yardstick("oracle", 0.0), "return 5.0"),
        (None, "return 5.0"),
    ],
)
def test_the_progress_line_names_its_yardstick(compared, status):
    line = ProgressLine(Console(quiet=True), compared)
    line.model = SimpleNamespace(ep_info_buffer=deque([{"r": 4.0}, {"r": 6.0}]))
    assert line._status() == status

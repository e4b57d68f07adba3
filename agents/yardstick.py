"""What the return of an agent in training is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from agents.evaluation import Task, evaluate
from agents.shares import share_of
from agents.vec_env import find_spec

PLANNER_SIZE = 11
"""The largest mazes in which the planner is asked: in larger ones its tables alone take half a minute."""


PLAYERS = ("planner", "oracle")
"""Who measures agents: the planner, or the oracle where no planner can play."""
_SEES = {"planner": "sees what the agent sees", "oracle": "is told the goal"}


@dataclass(frozen=True)
class Yardstick:
    """A reference player's mean return."""

    player: str
    mean_return: float

    @property
    def label(self) -> str:
        """For a figure: "oracle (is told the goal)"."""
        return f"{self.player} ({_SEES[self.player]})"

    def share(self, mean_return: float) -> str:
        """A mean return as a share of this one: "71% of the planner"; empty where there are no shares."""
        share = share_of(mean_return, self.mean_return)
        return "" if share is None else f"{share:z.0%} of the {self.player}"


def yardstick(task: Task, episodes: int = 512) -> Yardstick | None:
    """The planner's mean return in `task`; the oracle's where the planner cannot play, or not soon.

    Args:
        task: Where.
        episodes: How many are played.

    Returns:
        None outside this project's mazes.
    """
    if not task.is_maze:
        return None
    size = {**find_spec(task.env_id).kwargs, **task.env_kwargs}["size"]
    for player in PLAYERS if size <= PLANNER_SIZE else PLAYERS[1:]:
        try:
            return Yardstick(player, evaluate(player, task, episodes, seed=0).mean_return)
        except ValueError:  # the planner does not play between random walls
            if player == PLAYERS[-1]:
                raise
    return None

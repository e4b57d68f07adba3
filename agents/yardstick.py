"""What the return of an agent in training is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from agents.evaluation import Task, evaluate
from agents.vec_env import find_spec

PLANNER_SIZE = 11
"""The largest mazes in which the planner is asked: in larger ones its tables alone take half a minute."""


@dataclass(frozen=True)
class Yardstick:
    """A reference player's mean return."""

    player: str
    mean_return: float

    def share(self, mean_return: float) -> str:
        """A mean return as a share of the yardstick's: "71% of the planner"; empty if that is nothing."""
        return f"{mean_return / self.mean_return:.0%} of the {self.player}" if self.mean_return > 0 else ""


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
    for player in ("planner", "oracle") if size <= PLANNER_SIZE else ("oracle",):
        try:
            return Yardstick(player, evaluate(player, task, episodes, seed=0).mean_return)
        except ValueError:  # the planner does not play between random walls
            if player == "oracle":
                raise
    return None

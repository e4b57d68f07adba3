"""A Gymnasium maze that needs memory: Miconi, Clune & Stanley (2018), Differentiable plasticity, ICML.

Importing the package registers its ids; `gymnasium.make("plastic_maze:PlasticMaze-v0")` imports it on the
way.
"""

from typing import Any

from gymnasium.envs.registration import register

from plastic_maze.bounds import score_bound
from plastic_maze.env import PlasticMazeEnv
from plastic_maze.layouts import MazeLayout, pillar_layout
from plastic_maze.memoryless import MemorylessPlayer, best_memoryless
from plastic_maze.planner import Belief, PlannerPlayer
from plastic_maze.reference import OraclePlayer, RandomPlayer
from plastic_maze.rules import MazeRules
from plastic_maze.vector_env import PlasticMazeVectorEnv

__version__ = "0.1.0"

__all__ = [
    "ENVIRONMENTS",
    "Belief",
    "MazeLayout",
    "MazeRules",
    "MemorylessPlayer",
    "OraclePlayer",
    "PlannerPlayer",
    "PlasticMazeEnv",
    "PlasticMazeVectorEnv",
    "RandomPlayer",
    "__version__",
    "best_memoryless",
    "pillar_layout",
    "score_bound",
]

ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "PlasticMaze-v0": {"size": 9, "max_steps": 250, "wall_penalty": 0.1},
    "PlasticMazeLarge-v0": {"size": 11, "max_steps": 200, "wall_penalty": 0.0},
    "PlasticMazeSmall-v0": {"size": 5, "max_steps": 80, "wall_penalty": 0.0},
    "PlasticMazePairs-v0": {"size": 7, "max_steps": 300, "wall_penalty": 0.0, "n_cues": 3, "cue_size": 8},
    "PlasticMazeRandom-v0": {"size": 9, "max_steps": 250, "wall_penalty": 0.1, "layout": "random"},
    "PlasticMazeReversal-v0": {"size": 9, "max_steps": 250, "wall_penalty": 0.1, "goal_switch": True},
}
"""The registered ids and their arguments. The maze ends its episodes itself, so Gymnasium sets no limit."""

for _id, _kwargs in ENVIRONMENTS.items():
    register(
        id=_id,
        entry_point="plastic_maze.env:PlasticMazeEnv",
        vector_entry_point="plastic_maze.vector_env:PlasticMazeVectorEnv",
        kwargs=_kwargs,
    )

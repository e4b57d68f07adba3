"""Reference scores of the registered mazes: `python -m plastic_maze` prints them as a Markdown table.

Scores are mean returns; in parentheses, the standard error of what is measured or estimated. With the
defaults it takes a few minutes, most of them for the bound of random walls.
"""

import argparse
import os
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plastic_maze import (
    ENVIRONMENTS,
    OraclePlayer,
    PlannerPlayer,
    PlasticMazeVectorEnv,
    RandomPlayer,
    score_bound,
)

COLUMNS = ("id", "random", "planner", "bound", "oracle")
MOST = 100_000


def main(arguments: list[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m plastic_maze", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="the mazes; by default all of them")
    parser.add_argument("--episodes", type=_count, default=4096, help="of each player (default: 4096)")
    parser.add_argument(
        "--layouts", type=_count, default=1000, help="behind the bound of random walls (default: 1000)"
    )
    given = parser.parse_args(arguments)
    for name in given.ids:
        if name not in ENVIRONMENTS:
            parser.error(f"unknown maze {name!r}, there are {', '.join(ENVIRONMENTS)}")
    try:
        for row in (COLUMNS, ("---",) * len(COLUMNS)):
            _show(row)
        for name in given.ids or ENVIRONMENTS:
            _show(_row(name, given.episodes, given.layouts))
    except BrokenPipeError:  # nobody reads on; nor should Python's last flush complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _row(name: str, episodes: int, layouts: int) -> tuple[str, ...]:
    env = PlasticMazeVectorEnv(episodes, **ENVIRONMENTS[name])
    players: list[Any] = [RandomPlayer(), OraclePlayer(env)]
    planner = ""
    if not env.rules.random_walls:  # the planner needs walls that it knows
        planner = _measured(_returns(env, PlannerPlayer(env)))
    random, oracle = (_measured(_returns(env, player)) for player in players)
    return f"`{name}`", random, planner, _score(*score_bound(env.rules, layouts=layouts)), oracle


def _returns(env: PlasticMazeVectorEnv, player: Any) -> NDArray[np.float64]:
    """Return of one episode in each environment, [num_envs]."""
    observation, _ = env.reset(seed=0)
    total, state = np.zeros(env.num_envs), None
    for _ in range(env.max_steps):
        actions, state = player.predict(observation, state)
        observation, rewards, *_ = env.step(actions)
        total += rewards
    return total


def _measured(values: NDArray[np.float64]) -> str:
    return _score(values.mean(), values.std(ddof=1) / len(values) ** 0.5)


def _score(mean: float, standard_error: float) -> str:
    return f"{mean:.1f} ({standard_error:.1f})" if standard_error else f"{mean:.1f}"


def _show(cells: tuple[str, ...]) -> None:
    print("|", " | ".join(cells), "|", flush=True)


def _count(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"must be a whole number from 2 to {MOST}, got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

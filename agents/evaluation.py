"""Playing episodes and what is measured in them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv

from agents.a2c import RecurrentA2C
from agents.ablations import AblatedPlayer, Ablations, MovingGoalVecEnv
from agents.episode_length import episode_length
from agents.find_agent import find_agent
from agents.finite import not_finite
from agents.intervals import mean_interval
from agents.policy import check_spaces
from agents.vec_env import GymnasiumVecEnv, env_spec, find_spec, make_vec_env
from plastic_maze import OraclePlayer, PlannerPlayer, PlasticMazeVectorEnv, RandomPlayer
from plastic_maze.validation import whole_number

REFERENCES = ("random", "planner", "oracle")
"""Players with a name; the best comes last."""
INTACT = Ablations()
"""Nothing is ablated."""
ROWS = 128
"""Episodes played side by side; what sampling agents score depends on it, so it is fixed."""


class Player(Protocol):
    """Whatever chooses actions as SB3's models do."""

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions for observations [B, F], and the player's state."""
        ...


@dataclass(frozen=True)
class Episodes:
    """Whole episodes, one in each column; episodes and steps are counted from 0."""

    rewards: np.ndarray
    """[T, E], as the environment gave them; zeros after an episode's end"""
    lengths: np.ndarray
    """[E], steps"""

    @property
    def returns(self) -> np.ndarray:
        """[E], undiscounted."""
        return self.rewards.sum(axis=0)

    @property
    def hits(self) -> np.ndarray:
        """[T, E], true where the goal was entered: in the maze only that pays."""
        return self.rewards > 0

    def check_finite(self) -> None:
        """Check the rewards, of which an environment may have given any.

        Raises:
            ValueError: Naming the first that is not a finite number, its episode and its step.
        """
        fault = not_finite(self.rewards.T)
        if fault is not None:
            episode, t = fault
            raise ValueError(
                f"in episode {episode} the reward of step {t} is {self.rewards[t, episode]}; "
                "only finite rewards can be scored"
            )


@dataclass(frozen=True)
class Scores:
    """What an agent did over a number of episodes. The last four are for the maze only."""

    agent: str
    mean_return: float
    ci95: tuple[float, float] | None
    """95 % confidence interval of the mean return (Student's t); None for a single episode."""
    returns: list[float]
    steps_to_first_hit: float | None = None
    """Mean over the episodes with a hit."""
    steps_per_later_hit: float | None = None
    """Mean number of steps from one hit to the next, over all such legs that were completed."""
    hits_per_quarter: list[float] | None = None
    """Mean number of hits in each quarter of the episode."""
    episodes_without_hit: int | None = None

    @classmethod
    def of(cls, agent: str, episodes: Episodes, maze: bool) -> Scores:
        """Measure `episodes` that `agent` played.

        Raises:
            ValueError: If a reward is not a finite number.
        """
        episodes.check_finite()
        returns = episodes.returns
        count = len(returns)
        scores = cls(agent, float(returns.mean()), mean_interval(returns), [float(r) for r in returns])
        if not maze:
            return scores
        times = [np.flatnonzero(column) + 1 for column in episodes.hits.T]
        legs = np.concatenate([np.diff(t) for t in times])
        first = [int(t[0]) for t in times if len(t)]
        quarters = np.array_split(episodes.hits.sum(axis=1) / count, 4)
        return replace(
            scores,
            steps_to_first_hit=float(np.mean(first)) if first else None,
            steps_per_later_hit=float(legs.mean()) if len(legs) else None,
            hits_per_quarter=[float(q.sum()) for q in quarters],
            episodes_without_hit=count - len(first),
        )


@dataclass(frozen=True)
class Task:
    """The environment an evaluation plays in.

    Args:
        env_id: Gymnasium id.
        env_kwargs: Keyword arguments of the environment.
        goal: In the maze, (row, col) of the goal in every episode; None: drawn from the seed.
    """

    env_id: str
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    goal: tuple[int, int] | None = None

    @property
    def is_maze(self) -> bool:
        """Whether this is one of this project's mazes."""
        return str(find_spec(self.env_id).vector_entry_point).startswith("plastic_maze.")

    def make(self, rows: int, move_goal: int | None = None, **extra: Any) -> VecEnv:
        """`rows` environments.

        Args:
            rows: How many.
            move_goal: The step before which the goal moves in every episode of the maze; None: it does not.
            extra: Further keyword arguments of the environment.

        Raises:
            ValueError: If the id or an argument is not accepted.
        """
        env = make_vec_env(self.env_id, rows, **self.env_kwargs, **extra)
        if move_goal is not None:
            if not (self.is_maze and isinstance(env, GymnasiumVecEnv)):
                raise ValueError(f"move_goal is for this project's mazes only, not for {self.env_id}")
            env = MovingGoalVecEnv(env.env, move_goal)
        if self.goal is not None:
            if not self.is_maze:
                raise ValueError(f"a goal can be set in the maze only, not in {self.env_id}")
            env.set_options({"goal": self.goal})
        return env


def make_player(name: str, env: VecEnv, seed: int = 0, ablations: Ablations = INTACT) -> Player:
    """The player called `name`: one of :data:`REFERENCES`, or a trained agent.

    Args:
        name: Its name, or what :func:`agents.find_agent.find_agent` accepts.
        env: Where it will play.
        seed: For "random".
        ablations: What is taken away from an agent; their steps have been checked.

    Raises:
        ValueError: If there is no such player, or it cannot play in `env`, or cannot be ablated so.
    """
    if name in REFERENCES and ablations.of_agent:
        raise ValueError(
            f"{', '.join(ablations.of_agent)}: only a trained agent can be ablated, not the {name}"
        )
    if name == "random":
        check_spaces(env.observation_space, env.action_space)  # an agent could not play elsewhere either
        assert isinstance(env.action_space, spaces.Discrete)
        return RandomPlayer(int(env.action_space.n), seed)
    if name in REFERENCES:
        if not (isinstance(env, GymnasiumVecEnv) and isinstance(env.env, PlasticMazeVectorEnv)):
            raise ValueError(f"the {name} plays in this project's mazes only")
        return OraclePlayer(env.env) if name == "oracle" else PlannerPlayer(env.env)
    agent = load_agent(name, env)
    return AblatedPlayer(agent, ablations) if ablations.of_agent else agent


def load_agent(name: str, env: VecEnv) -> RecurrentA2C:
    """The agent called `name` (see :func:`agents.find_agent.find_agent`), to play in `env`.

    Raises:
        ValueError: If there is none, or it does not fit `env`.
    """
    spec = env_spec(env)
    return RecurrentA2C.load(find_agent(name, spec and spec[0]), env=env)


def play(
    player: Player,
    env: VecEnv,
    episodes: int,
    seed: int,
    deterministic: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Episodes:
    """Play episodes number 0 to `episodes` - 1; episode j is drawn from seed `seed` + j, for every player.

    The random generators of Python, NumPy and PyTorch are afterwards as they were before.

    Args:
        player: Who plays.
        env: Where; its rows play side by side.
        episodes: E, how many.
        seed: Of the episodes, and of the player's own choices.
        deterministic: Passed to the player.
        progress: Called with the number of finished episodes after each batch.

    Raises:
        ValueError: If a number is not accepted, or an observation is not finite. Rewards are returned as they
            are.
    """
    episodes, seed = whole_number("episodes", episodes, minimum=1), whole_number("seed", seed, minimum=0)
    options = env._options[0]
    batches = []
    with seeded(seed):
        for begin in range(0, episodes, env.num_envs):
            env.seed(seed + begin)
            env.set_options(options)
            batches.append(_play_once(player, env, deterministic, begin))
            progress(min(begin + env.num_envs, episodes))
    horizon = max(len(batch.rewards) for batch in batches)
    padded = [np.pad(batch.rewards, ((0, horizon - len(batch.rewards)), (0, 0))) for batch in batches]
    rewards, lengths = np.concatenate(padded, axis=1), np.concatenate([batch.lengths for batch in batches])
    return Episodes(rewards[:, :episodes], lengths[:episodes])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The random generators of Python, NumPy and PyTorch seeded, and then back where they were."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - SB3 seeds these
    set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002 - as above
        torch.set_rng_state(before[2])


def _play_once(player: Player, env: VecEnv, deterministic: bool, first: int) -> Episodes:
    """One episode in each row, the top one being number `first`."""
    obs = env.reset()
    state = None
    starts = np.ones(env.num_envs, dtype=bool)
    going_on = np.ones(env.num_envs, dtype=bool)
    rewards: list[np.ndarray] = []
    lengths = np.zeros(env.num_envs, dtype=np.int64)
    while going_on.any():
        _check_observations(obs, going_on, first, len(rewards))
        actions, state = player.predict(obs, state, starts, deterministic)
        obs, reward, starts, _ = env.step(actions)
        rewards.append(np.where(going_on, reward, 0.0))
        lengths += going_on
        going_on &= ~starts
    return Episodes(np.stack(rewards), lengths)


def _check_observations(obs: Any, going_on: np.ndarray, first: int, step: int) -> None:
    fault = not_finite(np.where(going_on[:, None], obs, 0))
    if fault is not None:
        row, entry = fault
        raise ValueError(
            f"in episode {first + row} entry {entry} of the observation before step {step} is "
            f"{obs[row, entry]}; a player needs finite observations"
        )


def evaluate(
    name: str,
    task: Task,
    episodes: int,
    seed: int,
    deterministic: bool = False,
    ablations: Ablations = INTACT,
) -> Scores:
    """Scores of the player called `name` (see :func:`make_player`) in `task`.

    Raises:
        ValueError: If the task, the player or an ablation is not accepted; nothing has been played then.
    """
    env = task.make(min(whole_number("episodes", episodes, minimum=1), ROWS), ablations.move_goal)
    try:
        ablations.check(episode_length(env))
        player = make_player(name, env, seed, ablations)
        return Scores.of(name, play(player, env, episodes, seed, deterministic), task.is_maze)
    finally:
        env.close()


def references(task: Task) -> list[str]:
    """Those of :data:`REFERENCES` that can play in `task`."""
    env, found = task.make(1), []
    for name in REFERENCES:
        try:
            make_player(name, env)
        except ValueError:  # not this project's maze, or one that the planner cannot know
            continue
        found.append(name)
    env.close()
    return found


def oracle_return(task: Task, episodes: int = 512) -> float | None:
    """The oracle's mean return in `task`, or None where there is no oracle."""
    return evaluate("oracle", task, episodes, seed=0).mean_return if task.is_maze else None


def report(
    scores: Scores,
    references: list[Scores],
    task: Task,
    episodes: int,
    seed: int,
    ablations: Ablations = INTACT,
    intact: Scores | None = None,
) -> dict[str, Any]:
    """Everything measured, for JSON; `intact` are the same agent's scores without the `ablations`."""
    return {
        "env": task.env_id,
        "env_kwargs": task.env_kwargs,
        "goal": task.goal,
        "episodes": episodes,
        "seed": seed,
        "ablations": ablations.given,
        **asdict(scores),
        "intact": None if intact is None else asdict(intact),
        "reference": {other.agent: asdict(other) for other in references},
    }

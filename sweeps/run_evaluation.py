"""evaluation.json: what a player did on the sweep's fresh episodes, small enough to be kept for every run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agents.a2c import RecurrentA2C
from agents.evaluation import ROWS, Scores, Task, make_player, play
from agents.limits import EPISODES, check_whole
from agents.settings import check_seed
from agents.text_file import read_json
from agents.typed_values import from_table
from sweeps.json_file import write_json


@dataclass(frozen=True)
class EvaluationSettings:
    """The episodes of the final evaluation; none of them is seen in training."""

    episodes: int = 1000
    """How many."""
    seed: int = 1_000_000
    """Episode j is drawn from this seed + j."""

    def check(self) -> None:
        """Check the values.

        Raises:
            ValueError: Naming the setting, its value and what is accepted.
        """
        check_whole("episodes", self.episodes, 1, EPISODES)
        check_seed("seed", self.seed)


@dataclass(frozen=True)
class RunEvaluation:
    """A player's scores, and where in the episode they were made."""

    env: str
    env_kwargs: dict[str, Any]
    settings: EvaluationSettings
    neurons: int | None
    """Of a trained agent's core."""
    parameters: int | None
    """Trained numbers of a trained agent, core and heads."""
    scores: Scores
    """As evaluate.py reports them; numbers are rounded to four digits after the point."""
    hits_per_step: list[float] | None
    """[T], the mean number of hits at each step of the episode; in the maze only."""

    @property
    def task(self) -> Task:
        """The task it was played in."""
        return Task(self.env, self.env_kwargs)

    def write(self, file: Path) -> None:
        """Write `file`, whole or not at all."""
        write_json(file, _rounded(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> RunEvaluation:
        """Read what :meth:`write` wrote.

        Raises:
            ValueError: If it is not that.
        """
        try:
            return from_table(cls, read_json(file), "it")
        except ValueError as error:
            raise ValueError(f"{file} is not the evaluation of a run ({error})") from error


def evaluate_player(name: str, task: Task, settings: EvaluationSettings) -> RunEvaluation:
    """Let the player called `name` (see :func:`agents.evaluation.make_player`) play the sweep's episodes.

    Raises:
        ValueError: If it cannot play in `task`.
    """
    env = task.make(min(settings.episodes, ROWS))
    try:
        player = make_player(name, env, settings.seed)
        episodes = play(player, env, settings.episodes, settings.seed)
    finally:
        env.close()
    policy = player.policy if isinstance(player, RecurrentA2C) else None
    return RunEvaluation(
        env=task.env_id,
        env_kwargs=task.env_kwargs,
        settings=settings,
        neurons=None if policy is None else policy.hidden_size,
        parameters=None if policy is None else sum(p.numel() for p in policy.parameters()),
        scores=Scores.of(name, episodes, task.is_maze),
        hits_per_step=episodes.hits.mean(axis=1).tolist() if task.is_maze else None,
    )


def _rounded(value: Any) -> Any:
    """`value` with every float in it rounded to four digits after the point."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value

"""From what a user calls an agent to its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.checkpoint_file import SUFFIX, with_suffix
from agents.run_folder import RunFolder
from agents.settings import DEFAULT_ENV
from commands.spelling import did_you_mean

TRAINED = Path(__file__).parent / "trained"
"""Agents that come with the package: TRAINED/ENV/CORE.safetensors."""

_PLAYERS = ("random", "planner", "oracle", "human")
"""Those who are no agents."""


def trained_agent(core: str, env_id: str) -> Path:
    """Where the package's agent with that core for that environment is, if it has one."""
    return TRAINED / env_id / f"{core}{SUFFIX}"


def trained_cores(env_id: str) -> list[str]:
    """Names of the agents that come with the package for an environment."""
    return sorted(file.stem for file in trained_agent("any", env_id).parent.glob(f"*{SUFFIX}"))


def find_agent(name: str, env_id: str | None = None) -> Path:
    """The file of the agent that `name` stands for.

    Args:
        name: A file, a run (its final agent, or else its last checkpoint), or the core of an agent that comes
            with the package.
        env_id: The environment for which the package's agent is wanted; by default the one of the settings.

    Raises:
        ValueError: If there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        folder = RunFolder(path)
        found = folder.agent if folder.agent.is_file() else folder.last_checkpoint()
        if found is None:
            raise ValueError(f"{path} holds neither a finished agent nor a checkpoint")
        return found
    env_id = env_id or DEFAULT_ENV
    trained = trained_agent(name, env_id)
    if trained.is_file():
        return trained
    with_ending = with_suffix(path)
    if with_ending.is_file():
        return with_ending
    elsewhere = sorted(file.parent.name for file in TRAINED.glob(f"*/{path.name}{SUFFIX}"))
    if elsewhere and path.name == name:
        raise ValueError(
            f"there is no pretrained {name!r} for {env_id}, only for {', '.join(elsewhere)}; "
            f"to play here with one of those, give its file, {trained_agent(name, elsewhere[0])}"
        )
    known = trained_cores(env_id)
    ready = f"one that is trained already for {env_id} ({', '.join(known)}), " if known else ""
    meant = did_you_mean(name, [*known, *_PLAYERS])
    raise ValueError(
        f"there is no agent at {path}{meant}; give a run folder, an agent file, {ready}"
        "a player ('random', 'planner', 'oracle'), or 'human' to play yourself"
    )


def short_names(players: Sequence[str]) -> list[str]:
    """What players are called beside each other: of a run's path the end, as much as tells runs apart.

    An agent or checkpoint in a run's folder has the run's name.
    """
    runs = [_run_path(Path(name)) for name in players]
    for length in range(1, max(len(run.parts) for run in runs) + 1):
        ends = [Path(*run.parts[-length:]).as_posix() for run in runs]
        if len(set(ends)) == len(set(runs)):
            break
    # A name that is no text in this locale is kept with surrogates, which cannot be drawn or written.
    shown = (end.removesuffix(SUFFIX).encode(errors="surrogateescape") for end in ends)
    return [name.decode(errors="replace") for name in shown]


def _run_path(path: Path) -> Path:
    if not path.exists():  # a core's or a reference player's name
        return path
    path = path.resolve()
    if path.name == f"agent{SUFFIX}":
        return path.parent
    return path.parent.parent if path.parent.name == "checkpoints" else path

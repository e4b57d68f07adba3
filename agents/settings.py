"""The settings of a training run, one help line each: what `train.py --help` shows."""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro

from agents.cores import core_settings
from agents.cores.hebbian import check_eta_per
from agents.cores.plastic import check_rule
from agents.typed_values import from_table
from agents.vec_env import find_spec

DEFAULT_ENV = "PlasticMaze-v0"


def _axis(title: str) -> dict[str, str]:
    """A number that tasks can be compared over, and what a figure's axis calls it."""
    return {"axis": title}


@dataclass(frozen=True)
class MazeSettings:
    """Departures from what the environment's id stands for; none by default."""

    size: int | None = field(default=None, metadata=_axis("squares along one side of the maze"))
    """Squares along one side of the maze, odd."""
    max_steps: int | None = field(default=None, metadata=_axis("steps in an episode"))
    """Steps in an episode."""
    goal_reward: float | None = field(default=None, metadata=_axis("reward for entering the goal"))
    """Reward for entering the goal."""
    wall_penalty: float | None = field(default=None, metadata=_axis("penalty for walking into a wall"))
    """Price of walking into a wall, 0 or more."""
    n_cues: int | None = field(default=None, metadata=_axis("pairs to remember"))
    """Pairs of a cue and a goal in an episode."""
    cue_size: int | None = field(default=None, metadata=_axis("entries of a cue"))
    """Entries of a cue."""
    layout: Literal["pillars", "random"] | None = None
    """Walls: pillars, or drawn anew in each episode."""
    goal_switch: bool | None = None
    """Whether the goal moves once in each episode."""

    @classmethod
    def axis_title(cls, name: str) -> str:
        """What a figure's axis calls the setting `name`; of another environment's, its name in words."""
        titles = {setting.name: setting.metadata.get("axis") for setting in dataclasses.fields(cls)}
        return titles.get(name) or name.replace("_", " ")

    def kwargs(self) -> dict[str, Any]:
        """The ones that were given, as keyword arguments of the environment."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclass(frozen=True)
class TrainSettings:
    """Train an agent with A2C and watch its return rise."""

    env: str = DEFAULT_ENV
    """Gymnasium id of the environment."""
    core: str = "plastic"
    """Recurrent core: plastic, modulated, retroactive, plastic_gru, retroactive_gru, rnn, lstm, gru, or one
    you registered."""
    total_steps: int = 30_000_000
    """Environment steps to train for, over all environments together."""
    n_envs: int = 32
    """Environments that play at the same time."""
    hidden_size: int = 100
    """Neurons of the plastic core; other cores are sized to match it (see --match)."""
    match: Literal["parameters", "neurons"] = "parameters"
    """What other cores share with a plastic core of --hidden-size: the number of parameters (of the cores,
    without the actor's and critic's heads) or of neurons."""
    rule: str | None = None
    """Plasticity rule of the cores plastic and plastic_gru: decay, clip (the default) or oja."""
    eta: float | None = None
    """Plasticity rate at the start of training, in retroactive cores of the trace (default: their own)."""
    eta_per: str | None = None
    """What has a trained plasticity rate of its own: network, neuron or connection (slow: no kernel)."""
    fan: float | None = None
    """What neurons make of the modulating signal at the start of training, in cores that have one."""
    init_scale: float | None = None
    """Where w and alpha start: uniform in [0, this), GRUs: alpha; by default each core's own start."""
    fused: bool | None = None
    """False: plastic cores run as defined in plain PyTorch, many times slower than in the fused kernels."""
    lr: float = 2e-3
    """Adam's learning rate."""
    recurrent_lr_scale: float = 1.0
    """Learning rate of the core's recurrent weights, as a share of --lr."""
    anneal_lr: bool = True
    """Let the learning rate fall linearly to zero."""
    n_steps: int | None = None
    """Steps of each environment in an update; by default whole episodes."""
    gamma: float = 0.95
    """Discount factor."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation."""
    ent_coef: float = 0.01
    """Weight of the entropy bonus."""
    vf_coef: float = 0.5
    """Weight of the value loss."""
    max_grad_norm: float = 0.5
    """The gradient's norm is cut to this."""
    reward_scale: float = 0.1
    """Factor on rewards inside the losses; reported returns are never scaled."""
    seed: int = 0
    """Seed of every random generator."""
    threads: int | None = None
    """Threads for all computation; by default one for each core of the machine."""
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    """Where the network is computed; auto takes a GPU if there is one."""
    packages: tuple[str, ...] = ()
    """Python modules to import first, which register cores or environments of your own."""
    out: Path | None = None
    """Folder of the run; by default runs/ENV-CORE-sSEED."""
    resume: Path | None = None
    """Go on with the run in this folder; its own settings count (but --packages are to be named again)."""
    checkpoint_every: int = 2_000_000
    """Environment steps between two checkpoints."""
    log_interval: int = 10
    """Updates between two lines of metrics.csv."""
    maze: Annotated[MazeSettings, tyro.conf.arg(name="")] = field(default_factory=MazeSettings)

    def check(self) -> None:
        """Check everything that can be known before any work is done.

        Raises:
            ValueError: Naming the setting, its value and what is accepted.
        """
        for name in ("total_steps", "n_envs", "hidden_size", "checkpoint_every", "log_interval"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "a whole number above 0")
        for name in ("n_steps", "threads"):
            value = getattr(self, name)
            _check(name, value, value is None or value >= 1, "a whole number above 0")
        for name in ("gamma", "gae_lambda"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "a number from 0 to 1")
        for name in ("ent_coef", "vf_coef"):
            value = getattr(self, name)
            _check(name, value, math.isfinite(value) and value >= 0, "a finite number, 0 or more")
        for name in ("lr", "recurrent_lr_scale", "max_grad_norm", "reward_scale"):
            value = getattr(self, name)
            _check(name, value, math.isfinite(value) and value > 0, "a finite number above 0")
        check_seed("--seed", self.seed)
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ValueError("--device cuda needs a GPU that PyTorch can use; there is none")
        find_spec(self.env)
        accepted = core_settings(self.core)
        if self.rule is not None:
            check_rule(self.rule)
        if self.eta_per is not None:
            check_eta_per(self.eta_per)
        for name, value in self.core_settings().items():
            flag = "--" + name.replace("_", "-")
            if name not in accepted:
                raise ValueError(f"{flag} is not a setting of the core {self.core!r}")
            if isinstance(value, float):
                _check(name, value, math.isfinite(value), "a finite number")

    def check_resume(self, own: TrainSettings) -> None:
        """Check that nothing is asked for that a resumed run's `own` settings would overrule.

        Raises:
            ValueError: Naming what it is.
        """
        fields = [
            field.name for field in dataclasses.fields(self) if field.name not in ("resume", "packages")
        ]
        asked, kept = ({name: getattr(one, name) for name in fields} for one in (self, own))
        for values in (asked, kept):
            values |= dataclasses.asdict(values.pop("maze"))
        given = [f"--{name.replace('_', '-')} {asked[name]}" for name in asked if asked[name] != kept[name]]
        if given:
            raise ValueError(
                f"--resume goes on with the run's own settings, which cannot be changed: {', '.join(given)}"
            )

    def core_settings(self) -> dict[str, str | float]:
        """The given settings of the core itself."""
        names = ("rule", "eta", "eta_per", "fan", "init_scale", "fused")
        given = {name: getattr(self, name) for name in names}
        return {name: value for name, value in given.items() if value is not None}

    def folder(self) -> Path:
        """The run's folder."""
        return self.out or Path("runs") / f"{self.env.replace('/', '-')}-{self.core}-s{self.seed}"

    def to_json(self) -> str:
        """As text, for the run's folder."""
        return json.dumps(dataclasses.asdict(self), indent=2, default=str)

    @classmethod
    def from_json(cls, text: str) -> TrainSettings:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: If it is not that.
        """
        try:
            settings = from_table(cls, json.loads(text), "it")
        except ValueError as error:
            raise ValueError(f"settings.json is not of a run ({error})") from error
        # What is imported is for the command line alone to say.
        return dataclasses.replace(settings, packages=())


def import_packages(names: tuple[str, ...]) -> None:
    """Import modules for what they register.

    Raises:
        ValueError: If one is no module's name or cannot be found.
    """
    if names and os.getcwd() not in sys.path:  # a script's own folder is there, the current one is not
        sys.path.append(os.getcwd())
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise ValueError(f"--packages takes names of modules (my_cores, not ./my_cores.py), got {name!r}")
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ValueError(f"--packages {name}: {error}; it must be installed or in this folder") from error


def check_seed(name: str, seed: int, count: int = 1) -> None:
    """Raise ValueError unless `seed` and the `count` - 1 numbers after it can be seeds, below 2**32."""
    if not 0 <= seed <= 2**32 - count:
        raise ValueError(f"{name} must be a whole number from 0 to {2**32 - count}, got {seed}")


def _check(name: str, value: object, accepted: bool, what: str) -> None:
    if not accepted:
        raise ValueError(f"--{name.replace('_', '-')} must be {what}, got {value!r}")

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
from agents.limits import COUNT, NEURONS, ROWS, STEPS, WORKERS, check_whole
from agents.typed_values import from_table
from agents.vec_env import find_spec
from commands.count import Count, OptionalCount
from commands.flags import flag

DEFAULT_ENV = "PlasticMaze-v0"


def _axis(title: str) -> dict[str, str]:
    """A number that tasks can be compared over, and what a figure's axis calls it."""
    return {"axis": title}


@dataclass(frozen=True)
class MazeSettings:
    """Changes to the maze that the environment's id stands for; none by default."""

    size: int | None = field(default=None, metadata=_axis("squares along one side of the maze"))
    """Squares along one side of the maze; odd."""
    max_steps: OptionalCount = field(default=None, metadata=_axis("steps in an episode"))
    """Steps in an episode."""
    goal_reward: float | None = field(default=None, metadata=_axis("reward for reaching the goal"))
    """Reward for reaching the goal."""
    wall_penalty: float | None = field(default=None, metadata=_axis("penalty for walking into a wall"))
    """Penalty for walking into a wall, 0 or more."""
    n_cues: int | None = field(default=None, metadata=_axis("pairs to remember"))
    """How many pairs of a cue and a goal an episode has."""
    cue_size: int | None = field(default=None, metadata=_axis("length of a cue"))
    """Length of a cue: how many numbers it consists of."""
    layout: Literal["pillars", "random"] | None = None
    """Walls: regular pillars, or random walls that are resampled every episode."""
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
    """Train an agent with A2C and watch its return rise.

    Counts may be written as 300k, 25M or 1e6. Stable-Baselines3's --learning-rate, --total-timesteps and
    --n-timesteps are understood as well, and so is --num-envs.
    """

    env: str = DEFAULT_ENV
    """Gymnasium id of the environment."""
    core: str = "plastic"
    """plastic, modulated, retroactive, plastic_gru, retroactive_gru, rnn, lstm, gru, or one of your own."""
    total_steps: Count = 30_000_000
    """Environment steps to train for, summed over all environments."""
    n_envs: int = 32
    """How many environments run in parallel."""
    hidden_size: int = 100
    """Neurons in the plastic core; other cores are sized to match it (see --match)."""
    match: Literal["parameters", "neurons"] = "parameters"
    """Whether other cores match the plastic core of --hidden-size in parameters (without heads) or size."""
    rule: str | None = None
    """Plasticity rule of the plastic and plastic_gru cores: decay, clip (the default) or oja."""
    eta: float | None = None
    """Initial plasticity rate, in retroactive cores that of the trace (default: the core's own)."""
    eta_per: str | None = None
    """Which parts learn a plasticity rate of their own: network, neuron or connection (slow: no kernel)."""
    fan: float | None = None
    """Initial gain of each neuron's response to the modulatory signal (modulated and retroactive cores)."""
    init_scale: float | None = None
    """Upper end of the uniform initial w and alpha (GRUs: alpha only), from 0; default: the core's own."""
    fused: bool | None = None
    """False: compute plastic cores in plain PyTorch, many times slower than the fused kernels."""
    lr: float = 2e-3
    """Adam's learning rate."""
    recurrent_lr_scale: float = 1.0
    """Learning rate of the core's recurrent weights, as a fraction of --lr."""
    anneal_lr: bool = True
    """Decrease the learning rate linearly to zero."""
    n_steps: OptionalCount = None
    """Steps each environment takes per update; by default whole episodes."""
    gamma: float = 0.95
    """Discount factor."""
    gae_lambda: float = 0.95
    """Lambda of generalized advantage estimation."""
    ent_coef: float = 0.01
    """Weight of the entropy bonus."""
    vf_coef: float = 0.5
    """Weight of the value loss."""
    max_grad_norm: float = 0.5
    """Maximum gradient norm (gradients are clipped to this)."""
    reward_scale: float = 0.1
    """Factor applied to rewards in the losses; reported returns are not scaled."""
    seed: int = 0
    """Seed of all random number generators."""
    threads: int | None = None
    """Threads used for all computation; by default one per CPU core."""
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    """Where the network is computed; auto uses a GPU if there is one."""
    packages: tuple[str, ...] = ()
    """Python modules to import first, which register cores or environments of your own."""
    out: Path | None = None
    """Folder of the run; by default runs/ENV-CORE-sSEED."""
    resume: Path | None = None
    """Continue the run in this folder with the run's own settings (only --packages must be given again)."""
    checkpoint_every: Count = 2_000_000
    """Environment steps between checkpoints."""
    log_interval: int = 10
    """Updates between lines of metrics.csv."""
    maze: Annotated[MazeSettings, tyro.conf.arg(name="")] = field(default_factory=MazeSettings)

    def check(self) -> None:
        """Check everything that can be known before any work is done.

        Raises:
            ValueError: Naming the setting, its value and what is accepted.
        """
        for name, most in (
            ("total_steps", COUNT),
            ("n_envs", ROWS),
            ("hidden_size", NEURONS),
            ("checkpoint_every", COUNT),
            ("log_interval", COUNT),
            ("n_steps", STEPS),
            ("threads", WORKERS),
        ):
            value = getattr(self, name)
            if value is not None:
                check_whole(name, value, 1, most)
        for name in ("gamma", "gae_lambda"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "a number from 0 to 1")
        for name in ("ent_coef", "vf_coef"):
            value = getattr(self, name)
            _check(name, value, math.isfinite(value) and value >= 0, "a finite number, 0 or more")
        for name in ("lr", "recurrent_lr_scale", "max_grad_norm", "reward_scale"):
            value = getattr(self, name)
            _check(name, value, math.isfinite(value) and value > 0, "a finite number above 0")
        check_seed("seed", self.seed)
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ValueError("device cuda needs a GPU that PyTorch can use; there is none")
        find_spec(self.env)
        accepted = core_settings(self.core)
        if self.rule is not None:
            check_rule(self.rule)
        if self.eta_per is not None:
            check_eta_per(self.eta_per)
        for name, value in self.core_settings().items():
            if name not in accepted:
                raise ValueError(f"{name} is not a setting of the core {self.core!r}")
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
        given = [f"{flag(name)} {asked[name]}" for name in asked if asked[name] != kept[name]]
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

    def values(self) -> dict[str, Any]:
        """As JSON can hold them, for the run's folder and its checkpoints."""
        values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self), default=str))
        return values

    @classmethod
    def from_values(cls, values: Any, where: str) -> TrainSettings:
        """Read what :meth:`values` gave.

        Args:
            values: By name, as JSON gives them.
            where: What errors call them.

        Raises:
            ValueError: If they are not the settings of a run.
        """
        # What is imported is for the command line alone to say.
        return dataclasses.replace(from_table(cls, values, where), packages=())


def import_packages(names: tuple[str, ...]) -> None:
    """Import modules for what they register.

    Raises:
        ValueError: If one is no module's name or cannot be found.
    """
    if names and os.getcwd() not in sys.path:  # a script's own folder is there, the current one is not
        sys.path.append(os.getcwd())
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise ValueError(f"packages must be names of modules (my_cores, not ./my_cores.py), got {name!r}")
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ValueError(f"packages {name}: {error}; it must be installed or in this folder") from error


def check_seed(name: str, seed: int, count: int = 1) -> None:
    """Raise ValueError unless `seed` and the `count` - 1 numbers after it can be seeds, below 2**32."""
    if not 0 <= seed <= 2**32 - count:
        raise ValueError(f"{name} must be a whole number from 0 to {2**32 - count}, got {seed}")


def _check(name: str, value: object, accepted: bool, what: str) -> None:
    if not accepted:
        raise ValueError(f"{name} must be {what}, got {value!r}")

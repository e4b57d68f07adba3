"""A training run from its settings to its folder."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Protocol

from rich.console import Console
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat
from stable_baselines3.common.utils import LinearSchedule, safe_mean

from agents.a2c import RecurrentA2C
from agents.alone import alone_in
from agents.checkpoint import restore_checkpoint, save_checkpoint
from agents.checkpoint_file import CheckpointError
from agents.core_colors import core_color
from agents.cores import matched_hidden_size
from agents.cores.kernels import set_num_threads
from agents.evaluation import Task, oracle_return
from agents.limits import one_line
from agents.metrics import MetricsFile
from agents.plotting import plot_learning_curve
from agents.policy import check_spaces
from agents.progress import ProgressLine
from agents.run_folder import RunFolder
from agents.settings import TrainSettings, import_packages
from agents.shares import share_of
from agents.whole_file import remove_unfinished
from agents.yardstick import Yardstick, yardstick
from commands.signals import HANGUP, stop_signals


class TrainingStopped(Exception):  # noqa: N818 - not an error: the user asked for it
    """The user stopped the run; it was saved and can be resumed."""


class RunRecorder(BaseCallback):
    """Writes checkpoints between updates, and what the log needs beside SB3's own values.

    Args:
        folder: The run's folder.
        settings: Of the run.
        oracle: The oracle's mean return, if there is an oracle.
        seconds: Training time before this process.
    """

    def __init__(
        self, folder: RunFolder, settings: TrainSettings, oracle: float | None, seconds: float
    ) -> None:
        super().__init__()
        self.folder = folder
        self.settings = settings
        self.oracle = oracle
        self.stop_asked = False
        self._seconds_before = seconds
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Training time since the run began, over all its processes."""
        return self._seconds_before + time.monotonic() - self._began

    def save(self) -> None:
        """Write a checkpoint now."""
        assert isinstance(self.model, RecurrentA2C)
        file = self.folder.checkpoint(self.model.num_timesteps)
        save_checkpoint(self.model, file, self.seconds, self.settings.values())
        self._saved_at = self.model.num_timesteps

    def _on_training_start(self) -> None:
        self._saved_at = self.model.num_timesteps

    def _on_rollout_start(self) -> None:
        # Between two updates: the only moment at which a run can be cut and joined without a seam.
        if self.stop_asked:
            self.save()
            raise TrainingStopped
        if self.model.num_timesteps - self._saved_at >= self.settings.checkpoint_every:
            self.save()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        self.logger.record("time/seconds", round(self.seconds, 3), exclude="tensorboard")
        episodes = self.model.ep_info_buffer
        share = share_of(safe_mean([episode["r"] for episode in episodes]), self.oracle) if episodes else None
        if share is not None:
            self.logger.record("rollout/oracle_share", share)


def train(settings: TrainSettings, console: Console) -> RunFolder:
    """Train as `settings` say; returns the folder of the run.

    A run that is finished but for its figure is given that.

    Raises:
        ValueError: If a setting, the folder or a checkpoint cannot be used, or another command is there.
        TrainingStopped: If the user stopped the run.
        TrainingDivergedError: If the loss is no longer a number.
    """
    import_packages(settings.packages)
    folder = model = None
    if settings.resume is not None:
        folder, settings = open_run(settings.resume)
    else:
        settings.check()
    set_num_threads(settings.threads or os.cpu_count() or 1)
    task = Task(settings.env, settings.maze.kwargs())
    if folder is not None and folder.is_finished():
        steps = f"{settings.total_steps:,} steps"
        console.print(f"the run in {folder.path} is finished, {steps}", highlight=False)
        return folder
    oracle, reference = oracle_return(task), yardstick(task)
    if folder is None:
        RunFolder(settings.folder()).check_free()
        model = new_model(settings, task)  # first: a run that cannot be trained leaves no folder
        _make_ready(model, settings, settings.folder(), console)
        folder = RunFolder.create(settings)
    folder.checkpoints.mkdir(exist_ok=True)
    with alone_in(folder.checkpoints, f"the run in {folder.path}"):
        if not folder.agent.is_file():  # else the run was killed when only its figure was left to draw
            _train_in(folder, settings, task, model, oracle, reference, console)
        title = f"{settings.env}, {settings.core} core"
        plot_learning_curve(folder.metrics_file, folder.figure, title, core_color(settings.core), reference)
    return folder


def open_run(path: Path) -> tuple[RunFolder, TrainSettings]:
    """The run in the folder `path`, to go on with, and its settings.

    Raises:
        ValueError: If there is none, or its settings or its environment cannot be used here.
    """
    folder, settings = RunFolder.open(path)
    try:
        settings.check()
        Task(settings.env, settings.maze.kwargs()).make(1).close()
    except ValueError as error:
        why = one_line(f"the run cannot go on with its {folder.settings_file}: {error}")
        raise ValueError(why) from error
    return folder, settings


def _train_in(
    folder: RunFolder,
    settings: TrainSettings,
    task: Task,
    model: RecurrentA2C | None,
    oracle: float | None,
    reference: Yardstick | None,
    console: Console,
) -> None:
    """Train `model`, or if there is none go on where the run in `folder` was; write the agent."""

    def say(message: str) -> None:
        console.print(message, highlight=False)

    seconds = 0.0
    if model is None:
        for place in (folder.path, folder.checkpoints):
            remove_unfinished(place)
        folder.keep_settings(settings)
        model, seconds = _go_on(folder, settings, task, say)
        _make_ready(model, settings, folder.path, console)
    recorder = RunRecorder(folder, settings, oracle, seconds)
    files = [MetricsFile(folder.metrics_file, model.num_timesteps, say), *_tensorboard(folder, console)]
    model.set_logger(Logger(str(folder.path), files))
    remaining = settings.total_steps - model.num_timesteps
    assert model.env is not None
    with (
        closing(model.env),
        closing(model.logger),
        stopping_by_signal(recorder, console),
        closing(ProgressLine(console, reference)) as line,
    ):
        if remaining > 0:
            model.learn(
                remaining,
                [recorder, line],
                log_interval=settings.log_interval,
                reset_num_timesteps=False,  # would begin new episodes; a new model begins them anyway
            )
            recorder.save()
    model.save(folder.agent)


def _go_on(
    folder: RunFolder, settings: TrainSettings, task: Task, say: Callable[[str], None]
) -> tuple[RecurrentA2C, float]:
    """The model of a run as its latest usable checkpoint has it, and the training time until then.

    Raises:
        CheckpointError: If there are checkpoints, but none can be used.
    """
    checkpoints = folder.checkpoint_files()
    if not checkpoints:  # the run was stopped before its first one
        return new_model(settings, task), 0.0
    damaged: list[CheckpointError] = []
    for checkpoint in checkpoints:
        try:
            model = RecurrentA2C.load(checkpoint, task.make(settings.n_envs), settings.device)
            seconds = restore_checkpoint(model, checkpoint)
        except CheckpointError as error:
            damaged.append(error)
            continue
        for reason in damaged:
            say(f"warning: {reason}")
        if damaged:
            say(f"going on from an older checkpoint, {checkpoint}")
        return model, seconds
    raise CheckpointError(
        f"{damaged[0]}; of the {len(damaged)} checkpoints in {folder.checkpoints} none can be used: "
        "the run cannot go on; delete its folder and train anew"
    )


def _make_ready(model: RecurrentA2C, settings: TrainSettings, folder: Path, console: Console) -> None:
    """Say what is trained, and do now what would make the first step slow."""
    _say_what_runs(settings, model, folder, console)
    model.policy.core.warm_up(lambda message: console.print(message, highlight=False))


def _tensorboard(folder: RunFolder, console: Console) -> list[KVWriter]:
    """The writer of TensorBoard events; none where TensorBoard could not use the name of the folder."""
    path = str(folder.tensorboard.absolute())
    try:
        path.encode()
    except UnicodeEncodeError:  # bytes that are no text in this locale, which Python keeps as surrogates
        console.print(
            f"no TensorBoard events are written: the name of {path} is not readable as text here "
            f"(encoding {sys.getfilesystemencoding()})",
            highlight=False,
            markup=False,
        )
        return []
    return [TensorBoardOutputFormat(path)]


def new_model(settings: TrainSettings, task: Task) -> RecurrentA2C:
    """An untrained agent in its environments.

    Raises:
        ValueError: If a setting is not accepted.
    """
    env = task.make(settings.n_envs)
    check_spaces(env.observation_space, env.action_space)
    size = settings.hidden_size
    if settings.core != "plastic" and settings.match == "parameters":
        (features,) = env.observation_space.shape or ()
        size = matched_hidden_size(settings.core, features, size, **settings.core_settings())
    return RecurrentA2C(
        "RecurrentPolicy",
        env,
        learning_rate=LinearSchedule(settings.lr, 0.0, 1.0) if settings.anneal_lr else settings.lr,
        n_steps=settings.n_steps,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        ent_coef=settings.ent_coef,
        vf_coef=settings.vf_coef,
        max_grad_norm=settings.max_grad_norm,
        reward_scale=settings.reward_scale,
        stats_window_size=max(100, settings.n_envs),
        policy_kwargs={
            "core": settings.core,
            "hidden_size": size,
            "core_settings": settings.core_settings(),
            "recurrent_lr_scale": settings.recurrent_lr_scale,
        },
        seed=settings.seed,
        device=settings.device,
    )


def _say_what_runs(settings: TrainSettings, model: RecurrentA2C, folder: Path, console: Console) -> None:
    count = sum(p.numel() for p in model.policy.parameters())
    doing = f"resuming at step {model.num_timesteps:,}" if model.num_timesteps else "training"
    console.print(
        f"{settings.env}: {doing}, {settings.core} core with {model.policy.hidden_size} neurons, "
        f"{count:,} parameters, {settings.n_envs} environments -> {folder}",
        highlight=False,
    )


class Stoppable(Protocol):
    """A run that looks now and then whether it shall stop."""

    stop_asked: bool


@contextmanager
def stopping_by_signal(run: Stoppable, console: Console) -> Iterator[None]:
    """Let Ctrl-C stop the run after the current update; a second one stops it at once.

    So do a TERM signal and the end of the terminal, see :func:`commands.signals.stop_signals`.
    """

    def ask(number: int, frame: FrameType | None) -> None:
        if run.stop_asked and number != HANGUP:
            raise KeyboardInterrupt
        if not run.stop_asked:
            run.stop_asked = True
            console.print("stopping after this update ...", highlight=False)

    signals = stop_signals()
    before = [signal.signal(number, ask) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)

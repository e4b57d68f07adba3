"""The kinds of files that are read, a small sound one of each, and what opens it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents import RecurrentA2C, make_vec_env
from agents.a2c import TrainingDivergedError
from agents.array_file import read_arrays, write_arrays
from agents.checkpoint import restore_checkpoint, save_agent, save_checkpoint
from agents.evaluation import Scores
from agents.metrics import COLUMNS, MetricsFile, read_metrics
from agents.plotting import plot_learning_curve
from agents.settings import TrainSettings
from agents.training import open_run
from evaluate import EvaluateSettings
from memory_tasks.evaluation import Evaluation
from memory_tasks.experiments import settings_of
from memory_tasks.folder import read_settings
from memory_tasks.network_file import read_network, write_network
from memory_tasks.omniglot_pictures import read_counts
from memory_tasks.patterns_experiment import PatternsExperiment
from memory_tasks.training import Training
from memory_tasks.trial import Trial
from sweeps.ablations import AblationScore, read_ablations, write_ablations
from sweeps.plan import read_sweep
from sweeps.run_evaluation import EvaluationSettings, RunEvaluation
from tests.fuzz.mutations import Mutation, csv_file, flip, json_file, tensor_file, toml_file
from tests.sweep_file import TOML

SMALL = "PlasticMazeSmall-v0"
STEPS, ROWS = 5, 2
TRIAL = Trial(
    PatternsExperiment(
        size=4, patterns=1, show=1, blank=0, cycles=1, recall=1, episodes=8, batch=2, test_episodes=2
    ),
    "plastic",
    0,
)


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    file: str
    """Its name."""
    mutate: Mutation
    make: Callable[[Path], object]
    """Writes a sound one to the path."""
    open: Callable[[Path], object]
    """Reads it, and goes on from there as far as something in it could matter."""


def _model() -> RecurrentA2C:
    policy = {"core": "plastic", "hidden_size": 4}
    model = RecurrentA2C(
        "RecurrentPolicy", make_vec_env(SMALL, ROWS), n_steps=STEPS, policy_kwargs=policy, seed=0
    )
    return model.learn(STEPS * ROWS)


def _play(path: Path) -> None:
    task = EvaluateSettings(str(path)).task()
    env = task.make(ROWS)
    try:
        agent = RecurrentA2C.load(path, env=env)
        obs, state = env.reset(), None
        for _ in range(3):
            actions, state = agent.predict(obs, state)
            obs, *_ = env.step(actions)
    finally:
        env.close()
    assert all(bool(parameter.isfinite().all()) for parameter in agent.policy.parameters())


def _train_on(path: Path) -> None:
    model = RecurrentA2C.load(path, env=make_vec_env(SMALL, ROWS))
    restore_checkpoint(model, path)
    with suppress(TrainingDivergedError):  # weights may be as large as they like
        model.learn(1, reset_num_timesteps=False)


def _metrics(path: Path) -> None:
    content = io.StringIO(newline="")
    writer = csv.DictWriter(content, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(dict.fromkeys(COLUMNS, step) for step in (100, 200, 300))
    path.write_text(content.getvalue())


def _read_metrics(path: Path) -> None:
    copy = path.with_name("resumed.csv")
    copy.write_bytes(path.read_bytes())
    MetricsFile(copy, 200).close()
    assert all("time/total_timesteps" in row for row in read_metrics(copy))
    plot_learning_curve(path, path.with_name("curve.png"), "curve", "black", None)


def _evaluation(path: Path) -> None:
    scores = Scores("one", 1.0, (0.5, 1.5), [1.0, 1.0], 5.0, 4.0, [1.0] * 4, 0)
    RunEvaluation(SMALL, {}, EvaluationSettings(2), 4, 100, scores, [0.5, 1.0]).write(path)


def _training() -> Training:
    training = Training(TRIAL, TRIAL.experiment.task())
    training.update()
    return training


def _restore(path: Path) -> None:
    training = Training(TRIAL, TRIAL.experiment.task())
    training.restore(path)
    if training.done < TRIAL.total:
        with suppress(TrainingDivergedError):
            training.update()


def _memory_evaluation(path: Path) -> None:
    Evaluation("plastic", 0, "error", 0.5, (0.4, 0.6), 2, 50, 1.0, settings_of(TRIAL.experiment)).write(path)


KINDS = (
    Kind("agent.safetensors", tensor_file, lambda path: save_agent(_model(), path), _play),
    Kind(
        "000000000010.safetensors", tensor_file, lambda path: save_checkpoint(_model(), path, 1.0), _train_on
    ),
    Kind(
        "settings.json",
        json_file,
        lambda path: path.write_text(json.dumps(TrainSettings(env=SMALL).values())),
        lambda path: open_run(path.parent),
    ),
    Kind("metrics.csv", csv_file, _metrics, _read_metrics),
    Kind("sweep.toml", toml_file, lambda path: path.write_text(TOML.format(seeds=1, steps=960)), read_sweep),
    Kind("evaluation.json", json_file, _evaluation, RunEvaluation.read),
    Kind(
        "ablations.csv",
        csv_file,
        lambda path: write_ablations(path, [AblationScore("a", 0, "f", "none", 2, 1.0, 0.5, 1.5)] * 2),
        read_ablations,
    ),
    Kind(
        "network.safetensors",
        tensor_file,
        lambda path: write_network(TRIAL.experiment.network("plastic"), TRIAL, path),
        read_network,
    ),
    Kind("checkpoint.safetensors", tensor_file, lambda path: _training().save(path), _restore),
    Kind(
        "memory/settings.json",
        json_file,
        lambda path: path.write_text(json.dumps(settings_of(TRIAL.experiment))),
        lambda path: read_settings(path.parent),
    ),
    Kind("memory/evaluation.json", json_file, _memory_evaluation, Evaluation.read),
    Kind(
        "answers.csv",
        csv_file,
        lambda path: path.write_text("network,seed,character,asked,right\nplastic,0,1,2,1\n"),
        read_counts,
    ),
    Kind(
        "arrays.npz", flip, lambda path: write_arrays(path, {"a": np.eye(4), "b": np.arange(9)}), read_arrays
    ),
)

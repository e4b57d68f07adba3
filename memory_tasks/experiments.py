"""All experiments by name, and their settings as JSON."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from agents.limits import shown
from agents.typed_values import checked, hints_of
from memory_tasks.bits_experiment import BitsExperiment
from memory_tasks.experiment import Experiment
from memory_tasks.images_experiment import ImagesExperiment
from memory_tasks.omniglot_experiment import OmniglotExperiment
from memory_tasks.patterns_experiment import PatternsExperiment

EXPERIMENTS: dict[str, type[Experiment]] = {
    cls.name: cls for cls in (PatternsExperiment, BitsExperiment, ImagesExperiment, OmniglotExperiment)
}
"""The subcommands of the command line."""


def settings_of(experiment: Experiment, paths: bool = False) -> dict[str, Any]:
    """What an experiment is, as JSON can hold it: its task's name and its settings.

    Args:
        experiment: The experiment.
        paths: With its paths, made absolute. They are for a process on this machine, never for a file.
    """
    values: dict[str, Any] = {"task": experiment.name}
    for field in fields(experiment):
        value = getattr(experiment, field.name)
        if field.name in path_settings(type(experiment)):
            if paths and value is not None and field.name != "out":
                values[field.name] = str(value.absolute())
        else:
            values[field.name] = value
    return json.loads(json.dumps(values))


def from_settings(values: Any, where: str) -> Experiment:
    """Read what :func:`settings_of` gave.

    Args:
        values: By name.
        where: What errors call them.

    Raises:
        ValueError: If they are not the settings of an experiment.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{where}: settings must be an object, got {shown(values)}")
    name = values.get("task")
    if not isinstance(name, str) or name not in EXPERIMENTS:
        raise ValueError(f"{where}: unknown task {shown(name)}; accepted: {', '.join(EXPERIMENTS)}")
    cls = EXPERIMENTS[name]
    given = {key: value for key, value in values.items() if key != "task"}
    experiment = cls(**checked(given, hints_of(cls), where))
    try:
        experiment.check()
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return experiment


def path_settings(cls: type[Experiment]) -> set[str]:
    """The settings that say where something is on this machine."""
    return {name for name, hint in hints_of(cls).items() if hint in (Path, Path | None)}

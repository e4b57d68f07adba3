"""network.safetensors: a trained network, and in its header what it was trained for."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from agents.checkpoint_file import CheckpointError, TensorFile, open_file, tensor_group, write_file
from agents.limits import check_whole, shown
from agents.tensor_checks import check_forms, check_tensors, forms_of
from memory_tasks.experiments import from_settings, settings_of
from memory_tasks.trial import Trial


def write_network(network: nn.Module, trial: Trial, file: Path) -> None:
    """Write the network of `trial`."""
    header = {"settings": settings_of(trial.experiment), "network": trial.network, "seed": trial.seed}
    write_file(file, {f"network.{name}": value for name, value in network.state_dict().items()}, header)


def read_network(file: Path) -> tuple[nn.Module, Trial]:
    """The network in a file, and the trial of which it is the outcome (without paths).

    Raises:
        CheckpointError: If there is none, or it cannot be used.
    """
    stored = open_file(file)
    try:
        trial = _trial(stored)
        with torch.device("meta"):  # before anything is allocated
            wanted = forms_of(trial.experiment.network(trial.network).state_dict())
        check_forms(tensor_group(stored.forms, "network."), wanted)
        network = trial.experiment.network(trial.network)
        tensors = tensor_group(stored.tensors(), "network.")
        check_tensors(tensors, network.state_dict())
        network.load_state_dict(tensors)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{file} is not a network of these tasks, or is damaged ({error})") from error
    return network.eval(), trial


def _trial(file: TensorFile) -> Trial:
    """The trial that a file's header describes.

    Raises:
        ValueError: If it describes none.
    """
    experiment = from_settings(file.settings.get("settings"), "settings")
    network, seed = file.settings.get("network"), file.settings.get("seed")
    if not isinstance(network, str) or network not in experiment.known_networks:
        raise ValueError(f"unknown network {shown(network)} for {experiment.name}")
    check_whole("seed", seed, 0, 2**32 - 1)
    assert isinstance(seed, int)
    return Trial(experiment, network, seed)

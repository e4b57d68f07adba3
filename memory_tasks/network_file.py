"""network.safetensors: a trained network, and in its header what it was trained for."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from agents.checkpoint_file import CheckpointError, read_file, tensor_group, write_file
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
    tensors, header = read_file(file)
    try:
        trial = Trial(from_settings(header["settings"], str(file)), header["network"], header["seed"])
        network = trial.experiment.network(trial.network)
        network.load_state_dict(tensor_group(tensors, "network."))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{file} is not a network of these tasks, or is damaged ({error})") from error
    return network.eval(), trial

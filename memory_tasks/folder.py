"""The folder of an experiment: settings.json, NETWORK/seed-SEED/, report/."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agents.alone import LOCK
from agents.checkpoint_file import SUFFIX
from agents.text_file import read_json
from memory_tasks.experiment import Experiment
from memory_tasks.experiments import from_settings, settings_of
from memory_tasks.trial import Trial
from sweeps.json_file import write_json

SETTINGS = "settings.json"
MAY_DIFFER = ("networks", "runs", "seed", "jobs")
"""Settings that say which trials there are and how they are worked on, but nothing of what a trial is."""
SMALL = 1_000_000
"""Bytes; a network up to this size is worth keeping in a repository."""
_IGNORED = f"""\
# What need not be committed: networks but small ones of the first seed, and what unfinished runs leave.
/.lock
*.log
*.tmp
*{SUFFIX}
"""


def make_folder(experiment: Experiment, out: Path) -> None:
    """Make the folder `out`, if it is missing.

    Raises:
        ValueError: If it was made with other settings or for something else, or cannot be made.
    """
    if (out / SETTINGS).is_file():
        _settings_with_earlier(experiment, out)
    elif out.exists() and (not out.is_dir() or any(path.name != LOCK for path in out.iterdir())):
        raise ValueError(f"{out} exists already and is no folder of these tasks; give another one with --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the runs cannot be written to {out}: {error.strerror}") from error


def write_settings(experiment: Experiment, out: Path) -> None:
    """Keep the settings in `out`; nobody else may work there meanwhile.

    Raises:
        ValueError: If the folder was made with other settings, or cannot be written.
    """
    try:
        write_json(out / SETTINGS, _settings_with_earlier(experiment, out))
    except OSError as error:
        raise ValueError(f"the runs cannot be written to {out}: {error.strerror}") from error


def _settings_with_earlier(experiment: Experiment, out: Path) -> dict[str, Any]:
    """The settings of `experiment`, to whose networks belong those trained before."""
    now = settings_of(experiment)
    if (out / SETTINGS).is_file():
        before = settings_of(read_settings(out))
        for name, was in before.items():
            if name not in MAY_DIFFER and was != now.get(name):
                raise ValueError(
                    f"{out} was made with {name} = {was!r}, not {now.get(name)!r}; give another folder "
                    "with --out, or move this one away"
                )
        now["networks"] = [*before["networks"], *(n for n in now["networks"] if n not in before["networks"])]
    return now


def read_settings(out: Path) -> Experiment:
    """The experiment of a folder, without its paths.

    Raises:
        ValueError: If there is none, or its settings are damaged.
    """
    file = out / SETTINGS
    if not file.exists():
        raise ValueError(f"there are no runs in {out} (it has no {SETTINGS})")
    return from_settings(read_json(file), str(file))


def trials_in(out: Path, experiment: Experiment) -> list[Trial]:
    """The trials that have been begun in a folder, network by network, by their seeds."""
    return [
        Trial(experiment, network, seed)
        for network in experiment.networks
        for seed in sorted(
            int(path.name[5:])
            for path in (out / network).glob("seed-*")
            if re.fullmatch(r"seed-\d+", path.name) and path.is_dir()
        )
    ]


def ignored(out: Path, trials: Sequence[Trial], first: int) -> str:
    """The folder's .gitignore: of the networks there are now, it keeps the small ones of seed `first`."""
    kept = [
        f"!/{trial.name}/{trial.network_file(out).name}\n"
        for trial in trials
        if trial.seed == first
        and trial.network_file(out).is_file()
        and trial.network_file(out).stat().st_size < SMALL
    ]
    return _IGNORED + "".join(kept)

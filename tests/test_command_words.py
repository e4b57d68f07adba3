"""Words on the command line: counts, names of settings, what was meant, help."""

import inspect
import itertools
from dataclasses import dataclass, field

import pytest

import evaluate
import memory_tasks.__main__ as memory_script
import sweep
import train
from agents.settings import TrainSettings
from agents.typed_values import from_table
from commands.count import read_count
from commands.flags import PEERS, in_flags, in_own_names
from commands.spelling import did_you_mean


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("300", 300),
        ("300_000", 300_000),
        ("1e6", 10**6),
        ("25M", 25 * 10**6),
        ("1.5k", 1500),
        ("2g", 2 * 10**9),
    ],
)
def test_counts(text, count):
    assert read_count(text) == count
    assert train._parsed(["--total-steps", text, "--max-steps", text], TrainSettings()).total_steps == count


@pytest.mark.parametrize("text", ["1.5", "M", "", "nan", "inf", "1e400", "1e999999999", "k25"])
def test_no_counts(text):
    with pytest.raises(ValueError, match="must be a whole number such as"):
        read_count(text)


def test_a_table_may_hold_a_count_as_a_number_with_an_exponent():
    assert from_table(TrainSettings, {"total_steps": 1e6}, "it").total_steps == 10**6
    with pytest.raises(ValueError, match=r"total_steps must be a whole number, got 1\.5"):
        from_table(TrainSettings, {"total_steps": 1.5}, "it")


def test_names_that_peers_give_to_settings():
    given = ["--learning-rate", "0.1", "--num_envs=3", "--out", "--x"]
    assert in_own_names(given) == ["--lr", "0.1", "--n-envs=3", "--out", "--x"]
    flags = {f"--{name.replace('_', '-')}" for name in TrainSettings.__dataclass_fields__}
    assert not flags & set(PEERS)
    assert set(PEERS.values()) <= flags
    settings = train._parsed(
        ["--num-envs", "3", "--n-timesteps", "2k", "--learning-rate", "1"], TrainSettings()
    )
    assert (settings.n_envs, settings.total_steps, settings.lr) == (3, 2000, 1.0)


def test_what_was_meant():
    assert did_you_mean("lsmt", ["lstm", "gru"]) == " (did you mean 'lstm'?)"
    assert did_you_mean("PLASTIC-gru", ["plastic", "plastic_gru"]) == " (did you mean 'plastic_gru'?)"
    assert did_you_mean("transformer", ["lstm", "gru"]) == ""


@dataclass(frozen=True)
class Inner:
    wipe_hebb: int | None = 3


@dataclass(frozen=True)
class Outer:
    n_steps: int = 5
    size: int | None = None
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize(
    ("sentence", "on_the_command_line"),
    [
        ("n_steps must be 3, not n_steps", "--n-steps must be 3, not n_steps"),
        ("wipe_hebb, n_steps: no", "--wipe-hebb, --n-steps: no"),
        ("size must be odd", "size must be odd"),  # it was not given: that of a file
        ("the agent is none", "the agent is none"),
    ],
)
def test_an_error_names_a_setting_as_it_was_given(sentence, on_the_command_line):
    assert in_flags(sentence, Outer()) == on_the_command_line


@pytest.mark.parametrize(
    ("main", "arguments"),
    [(train.main, []), (evaluate.main, []), (sweep.main, [])]
    + [(memory_script.main, [task]) for task in ("patterns", "bits", "images", "omniglot")],
)
def test_each_setting_has_one_line_of_help(main, arguments, capsys, monkeypatch):
    """Tyro would break a line where the source does."""
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    lines = [line for line in said[said.index(" options ") :].splitlines() if line.strip(" ─│╰╯-+|")][1:]
    starts = [line[2:].startswith("-") for line in lines]
    assert all(one or two for one, two in itertools.pairwise(starts)), lines


def test_the_description_is_not_indented(capsys):
    with pytest.raises(SystemExit):
        train.main(["--help"])
    said = capsys.readouterr().out
    assert inspect.getdoc(TrainSettings).split(".")[0] in said
    assert "\n    Counts" not in said

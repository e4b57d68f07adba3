"""The TOML file of a sweep: what it makes of its runs, and what is refused before any work."""

import os
import sys

import pytest

import sweep as sweep_script
from sweeps.plan import Run, read_sweep
from tests.sweep_file import TOML, write


def test_the_log_has_about_two_hundred_lines(tmp_path):
    def interval(**change):
        return read_sweep(write(tmp_path, **change)).entries["rnn"].log_interval

    assert interval(steps=6_400_000) == 25  # 5000 updates of 16 x 80 steps
    assert interval(steps=960) == 1
    assert interval(text=TOML.replace("n_envs", "log_interval = 7\nn_envs"), steps=6_400_000) == 7


def test_a_run_reaches_its_worker_unchanged(tmp_path):
    text = TOML.replace("n_envs", 'packages = ["json"]\nsize = 7\nn_envs')
    for run in read_sweep(write(tmp_path, text)).runs(keep=True):
        assert Run.from_json(run.to_json()) == run


def test_packages_are_imported_only_where_something_is_trained(tmp_path, monkeypatch, refused):
    (tmp_path / "module_of_a_sweep.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    text = TOML.replace("n_envs", 'packages = ["module_of_a_sweep"]\nn_envs')
    (tmp_path / "sweep").mkdir()
    file = write(tmp_path / "sweep", text)
    assert "nothing to report" in refused(sweep_script.main, file, "--report")
    assert "module_of_a_sweep" not in sys.modules
    read_sweep(file)
    assert sys.modules.pop("module_of_a_sweep")


def test_only_regular_files_are_read(tmp_path, refused):
    os.mkfifo(tmp_path / "sweep.toml")
    for path in (tmp_path / "sweep.toml", "/dev/zero", tmp_path):
        assert f"{path} is not a regular file" in refused(sweep_script.main, path)
    with (tmp_path / "large.toml").open("wb") as file:
        file.truncate(2**40)
    assert "has 1,099,511,627,776 bytes, more than" in refused(sweep_script.main, tmp_path / "large.toml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("total_steps", "total_step"), "[settings] accepts no 'total_step' (did you mean 'total_steps'?)"),
        (("total_steps = 960", "total_steps = 3.5"), "total_steps must be a whole number, got 3.5"),
        (("total_steps = 960", "total_steps = true"), "total_steps must be a whole number, got True"),
        (("total_steps = 960", 'lr = "fast"'), "lr must be a number, got 'fast'"),
        (("total_steps = 960", "anneal_lr = 1"), "anneal_lr must be true or false, got 1"),
        (("total_steps = 960", 'match = "size"'), "match must be one of 'parameters', 'neurons', got 'size'"),
        (("total_steps = 960", "packages = [1]"), "packages must be a list, each entry text, got [1]"),
        (("total_steps = 960", 'packages = ["no_such_thing"]'), "No module named 'no_such_thing'"),
        (("total_steps = 960", "total_steps = 0"), "total_steps must be a whole number above 0, got 0"),
        (("total_steps = 960", "size = 4"), "[entries.plastic]: size must be"),
        (("n_envs = 16", "n_envs = 1000000000"), "n_envs must be at most 100000, got 1000000000"),
        (("hidden_size = 8", "hidden_size = 65536"), "hidden_size must be at most 32768, got 65536"),
        (("total_steps = 960", "seed = 4"), "accepts no 'seed': seeds, at the top of the file"),
        (("total_steps = 960", "threads = 2"), "accepts no 'threads': each run of a sweep has one thread"),
        (("PlasticMazeSmall-v0", "PlasticMaze-v9"), "unknown environment 'PlasticMaze-v9'"),
        (('core = "rnn"', 'core = "rnm"'), "[entries.rnn]: unknown core 'rnm' (did you mean 'rnn'?)"),
        (('core = "rnn"', 'core = "rnn"\nrule = "clip"'), "rule is not a setting of the core 'rnn'"),
        (('core = "rnn"', "size = 7"), "[entries.rnn]: size belongs to [settings]"),
        (("[entries.rnn]", '[entries."a/b"]'), "the entry 'a/b' cannot name a folder"),
        (("[entries.rnn]", "[entries.report]"), "the entry 'report' cannot name a folder"),
        (("[entries.", "[entry."), "accepts no 'entry'; accepted: seeds, [settings], "),
        (("seeds = 1", "seeds = 0"), "seeds must be how many (from 1 to 10000: 0, 1, 2 ...) or a list"),
        (("seeds = 1", "seeds = [1, 1]"), "seeds must be how many (from 1 to 10000: 0, 1, 2 ...) or a list"),
        (("seeds = 1", "seeds = 4294967295"), "2 ...) or a list of different whole numbers"),
        (("seeds = 1", "seeds = [true]"), "got [True]"),
        (("seeds = 1", ""), "seeds must be how many (from 1 to 10000: 0, 1, 2 ...) or a list"),
        (("episodes = 20", "episodes = 0"), "[evaluation] episodes must be a whole number above 0, got 0"),
        (("episodes = 20", "games = 20"), "[evaluation] accepts no 'games'; accepted: episodes, seed"),
        (("[settings]", "[settings"), "is not valid TOML"),
    ],
)  # fmt: skip
def test_a_bad_file_is_named_before_any_work(change, message, tmp_path, capsys):
    file = write(tmp_path)
    text = file.read_text()
    assert change[0] in text
    file.write_text(text.replace(*change))
    assert sweep_script.main([str(file)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert str(file) in said
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.toml"], "nowhere.toml cannot be read: there is no such file"),
        (["sweep.toml", "--jobs", "0"], "--jobs must be a whole number above 0, got 0"),
        (["sweep.toml", "--address", "auto"], "--address auto is for --backend ray only"),
    ],
)
def test_bad_arguments_are_named(arguments, message, capsys):
    assert sweep_script.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_an_entry_may_have_fewer_seeds_than_the_others(tmp_path):
    sweep = read_sweep(write(tmp_path, seeds=[7, 8, 9], more="seeds = 2\n"))
    names = ["plastic/seed-7", "rnn/seed-7", "plastic/seed-8", "rnn/seed-8", "plastic/seed-9"]
    assert [run.name for run in sweep.runs()] == names
    for given in ("4", "0", "[7]", "true"):
        file = write(tmp_path, seeds=3, more=f"seeds = {given}\n")
        with pytest.raises(ValueError, match=r"entries.rnn\]: seeds must be how many .* from 1 to 3, got"):
            read_sweep(file)

"""A sweep as a user meets it: one command trains, is stopped, goes on, and says what failed."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from filelock import FileLock
from rich.console import Console

import sweep as sweep_script
from agents.evaluation import evaluate
from agents.metrics import COLUMNS, read_metrics
from sweeps.board import Board
from sweeps.driver import Failure, SweepStopped, WorkerLostError, drive
from sweeps.local import LocalBackend
from sweeps.mirror import Changes, Mirror
from sweeps.plan import read_sweep
from sweeps.run_evaluation import RunEvaluation
from sweeps.session import write_ignored
from sweeps.worker import work
from tests.sweep_file import TOML, write

LONG = TOML.replace(
    'core = "rnn"', 'core = "rnn"\ntotal_steps = 1280'
)  # one run that can be stopped, one short


def run_script(*arguments, code=0):
    command = [sys.executable, "sweep.py", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def times(folder):
    """When each file of the folder was last written."""
    return {file: file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file()}


class Silent:
    """An audience that does nothing."""

    def started(self, run): ...
    def finished(self, run): ...
    def failed(self, failure): ...
    def lost(self, run): ...
    def stopping(self): ...
    def refresh(self): ...


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep of two entries and two seeds, one of which cannot be trained; what it printed."""
    folder = tmp_path_factory.mktemp("sweeps")
    more = "[entries.broken]\nlr = 1e30\ntotal_steps = 24_000\n"
    text = TOML.replace("[entries.rnn]", "[entries.lstm]").replace('"rnn"', '"lstm"')
    file = write(folder, text, seeds="[3]", more=more)
    return folder, file, run_script(file, code=1)


def test_a_failed_run_is_named_and_does_not_stop_the_rest(swept):
    folder, _, printed = swept
    assert "1 of 3 runs failed:" in printed
    assert "broken/seed-3: training diverged at step" in printed
    assert f"log: {folder / 'broken' / 'seed-3.log'}" in printed
    assert "training diverged" in (folder / "broken" / "seed-3.log").read_text()
    assert {path.parent.parent.name for path in folder.rglob("evaluation.json")} == {"plastic", "lstm"}


def test_a_finished_run_leaves_what_is_worth_keeping(swept):
    folder, file, _ = swept
    run = folder / "plastic" / "seed-3"
    files = {"settings.json", "metrics.csv", "evaluation.json", "agent.safetensors", "learning_curve.png"}
    assert {path.name for path in run.iterdir()} == files
    settings = json.loads((run / "settings.json").read_text())
    assert (settings["seed"], settings["threads"], settings["out"]) == (3, 1, "plastic/seed-3")
    assert (folder / "report" / "learning_curves.svg").is_file()
    sweep = read_sweep(file)
    evaluation = RunEvaluation.read(run / "evaluation.json")
    scores = evaluate(str(run), sweep.task, 20, 500)
    assert evaluation.scores.returns == pytest.approx(scores.returns, abs=1e-3)
    assert sum(evaluation.hits_per_step) == pytest.approx(sum(scores.hits_per_quarter), abs=0.01)


def test_git_is_offered_the_agents_of_the_first_seed_only(tmp_path):
    (tmp_path / ".gitignore").write_text(sweep_script.IGNORED.format(first=3))
    for name in (
        "a/seed-3/agent.safetensors",
        "a/seed-4/agent.safetensors",
        "a/seed-4/metrics.csv",
        "a/seed-4.log",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"], cwd=tmp_path, capture_output=True, text=True
    )
    offered = set(listed.stdout.split())
    assert offered == {".gitignore", "a/seed-3/agent.safetensors", "a/seed-4/metrics.csv"}


def test_finished_runs_are_not_touched_again(swept):
    folder, file, _ = swept
    before = {name: times(folder / name) for name in ("plastic", "lstm")}
    printed = run_script(file, code=1)  # the broken one is tried again
    assert "2 of 3 runs finished" in printed
    assert {name: times(folder / name) for name in before} == before
    (folder / "report" / "scores.csv").unlink()
    assert sweep_script.main([str(file), "--report"]) == 0
    assert {name: times(folder / name) for name in before} == before
    assert (folder / "report" / "scores.csv").is_file()


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def same_curve(run, folder, other):
    """Whether two folders hold the same training, but for the time it took."""
    one, two = (read_metrics(run.folder(f).metrics_file) for f in (folder, other))
    timed = ("time/seconds", "time/fps")
    strip = lambda rows: [{k: v for k, v in row.items() if k not in timed} for row in rows]  # noqa: E731
    return strip(one) == strip(two)


def test_stopped_and_taken_up_again_it_is_the_same_sweep(tmp_path):
    folders = [tmp_path / name for name in ("stopped", "whole")]
    for folder in folders:
        folder.mkdir()
        write(folder, LONG, steps=128_000)
    folder, file = folders[0], folders[0] / "sweep.toml"
    runs = read_sweep(file).runs()
    script = subprocess.Popen(
        [sys.executable, "sweep.py", file, "--jobs", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(lambda: runs[0].folder(folder).last_checkpoint() is not None)
    script.send_signal(signal.SIGINT)
    printed, _ = script.communicate(timeout=120)
    assert script.returncode == 130, printed
    assert f"stopped. Go on with: python sweep.py {file}" in printed
    kept = int(runs[0].folder(folder).last_checkpoint().stem)
    assert kept < 128_000
    assert not runs[1].folder(folder).path.exists()

    run_script(file)
    assert f"resuming at step {kept:,}" in runs[0].log(folder).read_text()
    assert drive(runs[:1], folders[1], LocalBackend(folders[1], 1), Silent(), pause=0.02) == []
    assert same_curve(runs[0], *folders)
    one, two = (RunEvaluation.read(runs[0].evaluation_file(folder)) for folder in folders)
    assert one == two


def test_a_killed_worker_fails_alone_and_its_run_goes_on_next_time(tmp_path):
    runs = read_sweep(write(tmp_path, LONG, steps=128_000)).runs()

    class Killing(LocalBackend):
        killed = None

        def start(self, run):
            worker = super().start(run)
            if self.killed is None:
                self.killed = worker
            return worker

    class Killer(Silent):
        def refresh(self):
            if backend.killed.poll() is None and runs[0].folder(tmp_path).last_checkpoint() is not None:
                os.kill(backend.killed.pid, signal.SIGKILL)

    backend = Killing(tmp_path, 2)
    (failure,) = drive(runs, tmp_path, backend, Killer(), pause=0.02)
    assert failure.run == runs[0]
    assert failure.why == "ended by signal 9"
    assert [run.is_finished(tmp_path) for run in runs] == [False, True]
    before = times(runs[1].folder(tmp_path).path)

    unfinished = [run for run in runs if not run.is_finished(tmp_path)]
    assert drive(unfinished, tmp_path, LocalBackend(tmp_path, 2), Silent(), pause=0.02) == []
    assert runs[0].is_finished(tmp_path)
    assert "resuming at step" in runs[0].log(tmp_path).read_text()
    assert times(runs[1].folder(tmp_path).path) == before


def test_a_worker_stops_when_the_driver_is_no_more(tmp_path):
    file = write(tmp_path, steps=10_000_000)
    run = read_sweep(file).runs()[0]
    script = subprocess.Popen([sys.executable, "sweep.py", file, "--jobs", "1"], stdout=subprocess.DEVNULL)
    wait_for(lambda: run.folder(tmp_path).last_checkpoint() is not None)
    script.kill()
    script.wait()
    wait_for(lambda: "stopping after this update" in run.log(tmp_path).read_text())
    wait_for(lambda: _is_still(tmp_path))


def _is_still(folder):
    before = times(folder)
    time.sleep(0.5)
    return times(folder) == before


def test_two_commands_do_not_train_the_same_sweep(tmp_path, capsys):
    file = write(tmp_path)
    with FileLock(tmp_path / ".lock"):
        assert sweep_script.main([str(file)]) == 2
    assert f"another command is training {file}" in capsys.readouterr().err
    assert not (tmp_path / "plastic").exists()


def test_what_is_not_a_run_is_left_alone(tmp_path, capsys):
    file = write(tmp_path)
    mine = tmp_path / "plastic" / "seed-0" / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.touch()
    assert sweep_script.main([str(file)]) == 2
    said = capsys.readouterr().err
    assert f"{mine.parent} is in the way: it is not the folder of a run; move it away" in said
    assert mine.is_file()
    (tmp_path / ".gitignore").write_text("mine\n")
    write_ignored(tmp_path, sweep_script.IGNORED)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


class Scripted:
    """A backend whose workers do what they are told: exit codes, or "lost"."""

    def __init__(self, answers, slots=1):
        self.answers, self._slots, self.started = answers, slots, []

    def slots(self):
        return self._slots

    def start(self, run):
        self.started.append(run.name)
        return self.Worker(self.answers[run.name].pop(0))

    class Worker:
        def __init__(self, answer):
            self.answer, self.asked = answer, False

        def poll(self):
            if self.answer == "lost":
                raise WorkerLostError("gone")
            return 130 if self.asked else self.answer

        def stop(self):
            self.asked = True

        def kill(self):
            self.answer = -9


def test_a_lost_run_is_begun_again_but_not_for_ever(tmp_path):
    runs = read_sweep(write(tmp_path)).runs()
    backend = Scripted({"plastic/seed-0": ["lost"] * 9, "rnn/seed-0": ["lost", "lost", 0]})
    (failure,) = drive(runs, tmp_path, backend, Silent(), pause=0)
    assert failure.run.name == "plastic/seed-0"
    assert failure.why == "lost its machine 5 times (gone)"
    assert backend.started.count("plastic/seed-0") == 5
    assert backend.started.count("rnn/seed-0") == 3


def test_no_more_runs_at_a_time_than_there_are_slots(tmp_path):
    runs = read_sweep(write(tmp_path, seeds=3)).runs()
    backend = Scripted({run.name: [None] for run in runs}, slots=4)

    class Stops(Silent):
        def refresh(self):
            raise KeyboardInterrupt

    with pytest.raises(SweepStopped):
        drive(runs, tmp_path, backend, Stops(), pause=0)
    assert backend.started == ["plastic/seed-0", "rnn/seed-0", "plastic/seed-1", "rnn/seed-1"]


def test_results_of_other_settings_are_not_mixed_in(swept, capsys):
    folder, file, _ = swept
    text = file.read_text()
    try:
        file.write_text(text.replace("n_envs = 16", "n_envs = 15"))
        assert sweep_script.main([str(file)]) == 2
        assert "was trained with n_envs = 16, the sweep now says 15" in capsys.readouterr().err
        file.write_text(text.replace("episodes = 20", "episodes = 21"))
        read_sweep(file)  # with its agent each run can play again
        agent = folder / "plastic" / "seed-3" / "agent.safetensors"
        agent.rename(folder / "away")
        assert sweep_script.main([str(file)]) == 2
        assert "its agent, which could play again, is no longer there" in capsys.readouterr().err
        (folder / "away").rename(agent)
    finally:
        file.write_text(text)


def test_keep_keeps_checkpoints_and_tensorboard_events(tmp_path, monkeypatch):
    (run, _) = read_sweep(write(tmp_path)).runs(keep=True)
    monkeypatch.chdir(tmp_path)
    work(run, Console(file=io.StringIO()))
    assert run.is_finished(tmp_path)
    folder = run.folder(tmp_path)
    assert folder.last_checkpoint() is not None
    assert list(folder.tensorboard.iterdir())

    # Killed between its agent and its figure:
    agent, curve = folder.agent.read_bytes(), folder.figure.read_bytes()
    folder.figure.unlink()
    run.evaluation_file(tmp_path).unlink()
    work(run, Console(file=io.StringIO()))
    assert run.is_finished(tmp_path)
    assert (folder.agent.read_bytes(), folder.figure.read_bytes()) == (agent, curve)


def test_a_run_ended_before_its_first_checkpoint_begins_anew(tmp_path, monkeypatch):
    (run, _) = read_sweep(write(tmp_path)).runs()
    monkeypatch.chdir(tmp_path)
    folder = run.folder(tmp_path)
    folder.checkpoints.mkdir(parents=True)
    folder.keep_settings(run.settings)
    folder.metrics_file.touch()
    work(run, Console(file=io.StringIO()))
    assert run.is_finished(tmp_path)


def test_a_mirror_brings_what_changed_and_of_the_checkpoints_the_last(tmp_path):
    (run, _) = read_sweep(write(tmp_path)).runs()
    there, here = tmp_path / "there", tmp_path / "here"
    mirror, folder = Mirror(run, there), run.folder(there)

    def files():
        return {
            path.relative_to(here).as_posix(): path.read_text() for path in here.rglob("*") if path.is_file()
        }

    for path in (
        folder.settings_file,
        folder.checkpoint(1),
        folder.checkpoint(2),
        folder.tensorboard / "events",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old")
    run.log(there).write_text("started")
    mirror.changes().apply(here)
    at = "plastic/seed-0"
    always = {f"{at}.log": "started", f"{at}/settings.json": "old"}
    assert files() == {**always, f"{at}/checkpoints/000000000002.safetensors": "old"}
    folder.checkpoint(3).write_text("new")
    changes = mirror.changes()
    assert set(changes.written) == {f"{at}/checkpoints/000000000003.safetensors"}
    changes.apply(here)
    assert files() == {**always, f"{at}/checkpoints/000000000003.safetensors": "new"}
    shutil.rmtree(folder.checkpoints)
    mirror.changes().apply(here)
    assert files() == always
    assert not run.folder(here).checkpoints.exists()
    assert mirror.changes() == Changes({}, ())


@pytest.mark.parametrize("terminal", [False, True])
def test_the_board_says_how_far_each_run_is(terminal, tmp_path):
    runs = read_sweep(write(tmp_path, seeds=2, steps=4000)).runs()
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=120)
    with Board(console, tmp_path, len(runs), runs[1:], every=0.0) as board:
        board.started(runs[1])
        metrics = runs[1].folder(tmp_path).metrics_file
        metrics.parent.mkdir(parents=True)
        with metrics.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            for step in (500, 1000):
                time = {"time/total_timesteps": step, "time/seconds": step / 50}
                writer.writerow({**time, "rollout/ep_rew_mean": 12.34})
        board._shown = 0.0  # long ago
        board.refresh()
        said = output.getvalue()
        for part in ("rnn/seed-0", "1,000", "12.3", "50", "1:00"):  # 3000 steps left at 50 a second
            assert part in said
        # Two more runs of 4000 steps wait: 11 000 steps at 50 a second.
        assert "1 of 4 runs finished, 1 running, 2 waiting, about 3:40 left" in said
        board.failed(Failure(runs[1], "it broke", tmp_path))
    assert "rnn/seed-0: FAILED: it broke" in output.getvalue()

"""Commands in surroundings that are not kind to them: nobody listens, the locale knows ASCII only, ..."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from agents.checkpoint import read_agent
from agents.find_agent import short_names
from agents.run_folder import RunFolder
from agents.settings import TrainSettings
from agents.training import RunRecorder, TrainingStopped, train
from commands.streams import DroppingFile
from sweeps.session import stop_gently
from tests.command_line import QUICK, SMALL

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
NO_BACKEND = {"MPLBACKEND": "module://matplotlib_inline.not_installed"}
ROOT = Path(__file__).parent.parent


def text(number, encoding="utf-8"):
    return io.TextIOWrapper(DroppingFile(number), encoding, "backslashreplace", write_through=True)


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:  # the test has closed it
            continue


def test_a_run_survives_its_surroundings(tmp_path):
    """Its reader goes away, its folder's name is no text in the locale, matplotlib's backend is missing."""
    out = tmp_path / "ü"
    command = [sys.executable, "-X", "dev", "-X", "warn_default_encoding", "train.py", *QUICK, "--out", out]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **ASCII, **NO_BACKEND}
    )
    run.stdout.close()
    said = run.stderr.read().decode()
    assert run.wait() == 0, said
    ours = [line for line in said.splitlines() if str(ROOT) in line and "site-packages" not in line]
    assert not [line for line in ours if "Warning" in line]
    assert "error" not in said
    read_agent(RunFolder(out).agent)
    assert RunFolder(out).figure.is_file()
    kept = json.loads(RunFolder(out).settings_file.read_text(encoding="utf-8"))["out"]
    assert os.fsencode(out) == kept.encode(errors="surrogateescape")
    assert short_names([kept]) == ["ü"]


def test_what_nobody_reads_is_dropped(pipe):
    reader, writer = pipe
    stream = text(writer)
    print("heard", file=stream)
    assert os.read(reader, 100) == b"heard\n"
    os.close(reader)
    console = Console(file=stream)
    for _ in range(3):
        console.print("unheard")  # rich would end the program
        print("unheard", file=stream, flush=True)


def test_a_full_disk_and_a_closed_descriptor_end_nothing(pipe):
    with open("/dev/full", "wb") as full:
        print("lost", file=text(full.fileno()), flush=True)
    os.close(pipe[1])
    print("lost", file=text(pipe[1]), flush=True)


def test_a_pipe_that_does_not_block_gets_everything(pipe):
    reader, writer = pipe
    os.set_blocking(writer, False)
    whole = b"x" * 300_000
    read = []
    listener = threading.Thread(target=lambda: read.append(Path(f"/proc/self/fd/{reader}").read_bytes()))
    listener.start()
    assert DroppingFile(writer).write(whole) == len(whole)
    os.close(writer)
    listener.join(10)
    assert read == [whole]


def test_what_a_terminal_cannot_show_is_written_as_escapes(pipe):
    print("± \udcfc", file=text(pipe[1], "ascii"))
    assert os.read(pipe[0], 100) == b"\\xb1 \\udcfc\n"


def test_a_closed_terminal_stops_a_run_which_keeps_a_checkpoint(tmp_path, monkeypatch):
    """The signal comes twice: from the terminal and from the shell."""

    def hang_up(recorder):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
        return True

    before = signal.getsignal(signal.SIGHUP)
    monkeypatch.setattr(RunRecorder, "_on_step", hang_up)
    settings = TrainSettings(env=SMALL, total_steps=4800, n_envs=3, hidden_size=8, out=tmp_path / "run")
    with pytest.raises(TrainingStopped):
        train(settings, Console(quiet=True))
    assert RunFolder(tmp_path / "run").last_checkpoint() is not None
    assert signal.getsignal(signal.SIGHUP) is before


def test_nohup_outlives_the_terminal_and_a_sweep_is_interrupted_once(monkeypatch):
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    try:
        stop_gently()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        stop_gently()  # as under nohup: the signal is ignored already
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)

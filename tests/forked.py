"""Commands in copies of this process, which has imported everything already."""

import contextlib
import io
import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path


class Forked:
    """A call in a process of its own: what `subprocess.Popen` is to a command, less the time for imports.

    Args:
        call: Returns the exit code, or ends with SystemExit.
        log: A file descriptor for what is printed.
        cwd: Its current folder.
        stdin: Whether to give it a standard input, at :attr:`stdin`.
    """

    def __init__(self, call, log, cwd=".", stdin=False):
        reader, writer = os.pipe() if stdin else (os.open(os.devnull, os.O_RDONLY), None)
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            for old, new in ((reader, 0), (log, 1), (log, 2)):
                os.dup2(old, new)
            os.closerange(3, 100)  # above all the other end of our own standard input
            os._exit(_run(call, cwd))
        os.close(reader)
        self.stdin = None if writer is None else os.fdopen(writer, "wb")
        self.returncode = None

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("a forked process", timeout)
            time.sleep(0.005)
        return self.returncode

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class ForkedWorker(Forked):
    """In place of the `subprocess.Popen` of `sweeps.process`: a worker."""

    def __init__(self, command, stdin, stdout, stderr, cwd, env, start_new_session):
        _, _, module = command
        super().__init__(lambda: runpy.run_module(module, run_name="__main__"), stdout.fileno(), cwd, True)


def _run(call, cwd):
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(number, mode, closefd=False), "utf-8", line_buffering=True)
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    os.chdir(cwd)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        code = call()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else 0


def children(pid):
    """The processes that `pid` has started and that live."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []

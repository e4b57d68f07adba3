"""What tests of the command line share."""

import subprocess
import sys

SMALL = "PlasticMazeSmall-v0"
QUICK = ["--env", SMALL, "--total-steps", "480", "--n-envs", "3", "--hidden-size", "8", "--threads", "1"]
"""A run of a second or two."""


def run(*arguments, code=0):
    """Run a script of the project; returns what it printed."""
    done = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr

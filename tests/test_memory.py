"""Freed memory stays with the process."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import numpy as np
from agents.memory import keep_freed_memory

keep_freed_memory()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(2**20) for _ in range(4)]  # 32 MB, which is 8192 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print([faults() for _ in range(5)][-1])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it speaks to glibc")
def test_what_is_freed_need_not_be_asked_for_again():
    answer = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert int(answer.stdout) < 100

"""Compiling the kernels: what is kept on disk, who does it at the same time, and where it cannot be done."""

import functools
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numba
import pytest
from numba.core import caching

import train
from agents.cores.kernels import compile_aloud, compile_kernels, compiled, is_compiled

QUICKEST = ("fixed_cells", "fixed", "lstm", "float32")


@pytest.fixture
def new_process(monkeypatch, tmp_path):
    """Let `compiled` forget its kernels, as a new process would; its cache is an empty folder at first."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def forget():
        for name in ("_dispatcher", "kernel"):
            monkeypatch.setattr(compiled, name, functools.cache(getattr(compiled, name).__wrapped__))

    forget()
    return forget


def test_compiled_kernels_are_found_by_the_next_process():
    compile_kernels("clip")
    assert is_compiled("clip")
    script = "from agents.cores.kernels import is_compiled; print(is_compiled('clip'))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "True"


@pytest.mark.parametrize("damage", ["nbi", "nbc"])
def test_a_damaged_cache_is_done_without(new_process, tmp_path, damage):
    compiled.kernel(*QUICKEST)
    files = list(tmp_path.rglob(f"*.{damage}"))
    assert files
    for file in files:
        file.write_bytes(file.read_bytes()[:3])
    new_process()
    assert compiled.kernel(*QUICKEST).signatures


def test_a_full_disk_is_done_without(new_process, monkeypatch):
    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", full)
    assert compiled.kernel(*QUICKEST).signatures


def test_where_nothing_can_be_written_it_says_so_and_compiles(new_process, monkeypatch):
    """A read-only installation, and a home that is read-only too."""

    def read_only(self):
        raise PermissionError("read-only file system")

    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", read_only)
    assert compiled.kernel(*QUICKEST).signatures
    monkeypatch.setattr(compiled, "kinds", lambda rule, cell: QUICKEST[:1])
    new_process()
    said = []
    compile_aloud("fixed", "lstm", said.append)
    assert said == [
        "compiling the kernels of the lstm network (each time: no folder to keep them in can be written to, "
        "set NUMBA_CACHE_DIR to one) ..."
    ]


def test_two_threads_can_want_a_kernel_at_once(new_process):
    start = threading.Barrier(4)

    def want(_):
        start.wait()
        return compiled.kernel(*QUICKEST)

    with ThreadPoolExecutor(4) as pool:
        assert all(kernel.signatures for kernel in pool.map(want, range(4)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked, so that PyTorch is loaded once")
def test_eight_processes_can_compile_into_one_empty_cache_at_once(tmp_path):
    """Each gets the right kernel, and a ninth finds it there."""
    (tmp_path / "doubling.py").write_text("""
from numba import float32
from agents.cores.kernels.simd import load, store
from agents.cores.kernels.vector import pointer
def build(rule, cell, dtype):
    def double(at: int) -> None:
        numbers = pointer(at, float32)
        store(numbers, load(numbers) + load(numbers))
    return double
""")
    script = """
import os, numba, torch, doubling
from agents.cores.kernels import compiled
from agents.cores.kernels.addresses import address
compiled.BUILDERS["double"] = doubling.build
def compile():
    kernel = compiled.kernel("double", "no", "cell", "float32")
    numbers = torch.arange(compiled.LANES, dtype=torch.float32)
    kernel(address(numbers, torch.float32))
    assert numbers.tolist() == [2 * n for n in range(compiled.LANES)]
    return sum(kernel.stats.cache_hits.values())
numba.njit(lambda: 0)()  # what Numba needs to compile anything is made once
wait, go = os.pipe()
children = []
for _ in range(8):
    children.append(os.fork())
    if not children[-1]:
        os.close(go)
        os.read(wait, 1)  # returns in all of them at once, when the other end is closed
        compile()
        os._exit(0)
os.close(go)
print([os.waitpid(child, 0)[1] for child in children], compile())
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == f"{[0] * 8} 1", done.stderr


NO_COMPILER = "the kernels have to be compiled: unset the environment variable NUMBA_DISABLE_JIT"


def test_without_a_compiler_it_says_so_and_runs_what_needs_none():
    script = """
import torch
from agents.cores import make_core
from agents.cores.kernels import compile_aloud, compile_kernels, compiled, is_compiled
for call in (
    lambda: is_compiled("clip"),
    lambda: compile_kernels("clip"),
    lambda: compile_aloud("clip", "tanh", print),
    lambda: compiled.kernel("inplace", "clip", "tanh", "float32"),
    lambda: make_core("plastic", 3, 4).check(),
):
    try:
        print("no error", call())
    except ValueError as error:
        print(error)
for name in ("plastic", "rnn", "gru", "lstm"):
    core = make_core(name, 3, 4, **({"fused": False} if name == "plastic" else {}))
    core.check()
    core.warm_up(print)
    x, state, starts = torch.randn(5, 2, 3), core.initial_state(2), torch.zeros(5, 2, dtype=torch.bool)
    activity, stepper = torch.empty(5, 2, 4), core.stepper(state)
    for x_t, out in zip(x, activity):
        stepper.step(x_t, None, out)
    replayed = core.replay(x, state, starts, activity)
    replayed.sum().backward()
    unrolled, _ = core.unroll(x, state, starts)
    print(*(torch.allclose(other, activity, atol=1e-5) for other in (replayed, unrolled)))
"""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout.splitlines()
    assert [line.startswith(NO_COMPILER) for line in said[:5]] == [True] * 5, done.stderr
    assert said[5:] == ["True True"] * 4, done.stderr


def test_a_run_without_a_compiler_leaves_no_folder(refused, monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    quick = ("--env", "PlasticMazeSmall-v0", "--n-envs", 1, "--hidden-size", 8)
    assert f"error: {NO_COMPILER}" in refused(train.main, *quick, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()

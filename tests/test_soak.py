"""What a process does over and over must not make it grow; `python -m tests.soak` does so for long."""

import gc

from agents.cores import make_core
from tests.soak import Sample, judge, soak


def test_warming_up_again_reads_no_kernel_again():
    """Numba never gives back what it has read."""

    def modules():
        gc.collect()
        return sum(type(thing).__name__ == "ModuleRef" for thing in gc.get_objects())

    core = make_core("plastic", 15, 8)
    core.warm_up(print)
    before = modules()
    core.warm_up(print)
    assert modules() == before


def test_a_round_leaves_neither_files_nor_threads_behind():
    samples = soak(minutes=1, rounds=2)
    assert [one.rounds for one in samples] == [1, 2]
    assert samples[0].files == samples[1].files
    assert samples[0].threads >= samples[1].threads


def test_what_grows_is_told_from_what_is_flat():
    def verdicts(memory, files):
        samples = [Sample(60.0 * i, i, 500 + memory * i, 1, 20 + files * i) for i in range(20)]
        return {one.quantity: one.flat for one in judge(samples)}

    assert verdicts(0.1, 0) == {"memory": True, "threads": True, "files": True}
    assert verdicts(1.0, 1) == {"memory": False, "threads": True, "files": False}

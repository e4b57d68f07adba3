"""The benchmarks run; what they measure is not a matter for tests."""

from agents.cores import make_core
from benchmarks import environment, recurrence
from benchmarks.__main__ import as_table, main, plot_scaling
from benchmarks.timing import machine, median_seconds


def test_times_are_medians_of_single_calls():
    calls = []
    seconds = median_seconds(lambda: calls.append(0), repeats=3, at_least=0.003)
    assert 0 < seconds < 0.001
    assert len(calls) > 5


def test_bad_settings_are_named(refused):
    assert "--threads must be a whole number above 0, got -1" in refused(main, "--threads", "-1")
    assert "--out must name a folder, but README.md is a file" in refused(main, "--out", "README.md")


def test_passes_tables_and_pictures(tmp_path):
    assert environment.vector_steps_per_second(2) > 0
    assert min(recurrence.passes(make_core("plastic", 15, 4), recurrence.noise(3, 2))) > 0
    assert min(recurrence.plain_passes(make_core("plastic", 15, 4, fused=False), recurrence.noise(3, 2))) > 0
    rows = [{"grows": "N", "N": n, "forward+backward ms": float(n)} for n in (1, 2)]
    plot_scaling(rows, {"N": 1.0}, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").stat().st_size > 0
    assert as_table("a title", rows).row_count == 2
    assert machine()["cores"]

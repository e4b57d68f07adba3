"""Files in which something is wrong: a fixed few of those of `python -m tests.fuzz`."""

from tests.fuzz.kinds import KINDS
from tests.fuzz.run import PATIENCE, run


def test_damaged_files_are_read_or_refused_with_a_sentence_that_names_them(tmp_path):
    tallies = run(KINDS, 12 * len(KINDS), tmp_path)
    assert not [fault for tally in tallies for fault in tally.faults]
    assert all(tally.examples == 12 and tally.outcomes["sentence"] for tally in tallies)
    assert max(tally.slowest for tally in tallies) < PATIENCE

"""Damaged and hostile files, by the thousand: `python -m tests.fuzz --help`."""

"""Counts in words: "1 episode", "200 episodes"."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`number` and `noun`, which takes an s unless there is exactly one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

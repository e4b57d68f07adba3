"""Scores as shares of what a reference player scores."""

from __future__ import annotations


def share_of(score: float, whole: float | None) -> float | None:
    """What share of `whole` a score is.

    Returns:
        None where `whole` is not known or not above 0: of that there are no shares.
    """
    return None if whole is None or whole <= 0 else score / whole

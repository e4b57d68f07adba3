"""An episode as frames, without a window."""

from __future__ import annotations

from collections.abc import Iterator

from numpy import uint8
from numpy.typing import NDArray

from viewer.match import Match
from viewer.screen import Screen, as_array, draw_screen

GIF_SIZE = (880, 550)
"""Width and height of GIFs, pixels."""
FILM_SIZE = (1280, 800)
"""Width and height of films and single frames, pixels."""


def record(match: Match, heading: str, greedy: bool, size: tuple[int, int]) -> Iterator[NDArray[uint8]]:
    """Play the match's first episode from its start, and draw it on scales that fit all of it.

    Args:
        match: Who plays; nobody at the keyboard.
        heading: What stands above it.
        greedy: Take the likeliest actions rather than sampled ones.
        size: Width and height of the frames, pixels.

    Yields:
        A frame before the first step and after each, uint8 [height, width, 3].
    """
    scales = match.scales(greedy)
    status = "greedy" if greedy else "sampled"
    while True:
        heading_now = f"{heading}, episode of seed {match.seed}"
        yield as_array(draw_screen(Screen(match.moments, heading_now, status, scales), size))
        if not match.step(greedy):
            return

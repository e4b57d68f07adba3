"""The random stream of an episode, as a pure function.

Draw `k` of episode `e` of an environment seeded `s` is `f(s, e, k)`: no generator is stored, the draws of any
number of environments are one array expression, and an episode is named for good by the pair (seed, episode).

NumPy does not promise that the streams of its `Generator` stay the same from one version to the next.
SplitMix64 is a few lines of integer arithmetic whose result is the same on every machine, so it stands here
in full.

Source:
    Steele, Lea & Flood (2014), Fast Splittable Pseudorandom Number Generators, OOPSLA.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

SEEDS = 2**64
"""There are so many seeds, from 0."""


def _word(number: int) -> Words:
    # NumPy takes a 0-d array faster than a scalar, which shows when few environments draw.
    return np.array(number, dtype=np.uint64)


_GAMMA = _word(0x9E3779B97F4A7C15)
_ONE = _word(1)
_HALF_WORD = _word(32)
_SHIFTS = _word(30), _word(27), _word(31)
_FACTORS = _word(0xBF58476D1CE4E5B9), _word(0x94D049BB133111EB)


class Stream(IntEnum):
    """Independent streams of draws within one episode.

    A new one gets the next free number, so that the others stay as they are.
    """

    GOAL = 0
    TELEPORT = 1
    PAIR = 2
    CUE = 3
    SWITCH_TIME = 4
    SWITCH_GOAL = 5
    DOOR_WEIGHT = 6
    DOOR_OPENING = 7


_FIRST = [_word(stream << 32) for stream in Stream]
"""The number of each stream's first draw."""


def splitmix64(seed: Words, index: Words) -> Words:
    """Output number `index` (from 0) of the SplitMix64 generator that starts at `seed`.

    Args:
        seed: uint64, at least one-dimensional (the arithmetic wraps around, of which NumPy warns for
            scalars).
        index: uint64 of a shape that broadcasts with `seed`.

    Returns:
        64 random bits each, uint64.
    """
    z = seed + (index + _ONE) * _GAMMA
    z = (z ^ (z >> _SHIFTS[0])) * _FACTORS[0]
    z = (z ^ (z >> _SHIFTS[1])) * _FACTORS[1]
    return z ^ (z >> _SHIFTS[2])


def episode_key(seed: Words, episode: Words) -> Words:
    """The key under which the draws of an episode are found.

    Args:
        seed: Seeds of the environments, uint64 [N].
        episode: Episodes since the seed was set, uint64 [N].

    Returns:
        Keys, uint64 [N].
    """
    return splitmix64(seed, episode)


def draw(
    key: Words, stream: Stream, index: NDArray[np.intp], bound: int | NDArray[np.intp]
) -> NDArray[np.intp]:
    """Draw integers from 0 up to, not including, `bound`.

    The upper 32 bits are scaled to the bound; no value is likelier than another by more than bound / 2**32.

    Args:
        key: From `episode_key`, uint64 [N].
        stream: What the numbers are for.
        index: Which draw of the stream, from 0, int [N] or of a shape that broadcasts with it; below 2**32.
        bound: Positive, below 2**32; one for all, or int [N].

    Returns:
        The draws, int [N].
    """
    counter = index.astype(np.uint64) + _FIRST[stream]
    bits = splitmix64(key, counter) >> _HALF_WORD
    return ((bits * np.uint64(bound)) >> _HALF_WORD).astype(np.intp)


def draw_distinct(key: Words, stream: Stream, count: int, bound: int | NDArray[np.intp]) -> NDArray[np.intp]:
    """Draw `count` different integers from 0 up to, not including, `bound`; every order is equally likely.

    Number k is drawn among those that are left, and counts past the earlier ones.

    Args:
        key: From `episode_key`, uint64 [N].
        stream: What the numbers are for; draws 0 ... count - 1 of it are used.
        count: At least 1, at most `bound`.
        bound: One for all, or int [N].

    Returns:
        The draws, int [N, count].
    """
    drawn = np.empty((len(key), count), dtype=np.intp)
    for k in range(count):
        number = draw(key, stream, np.array([k]), bound - k)
        for earlier in np.sort(drawn[:, :k], axis=1).T:
            number += number >= earlier
        drawn[:, k] = number
    return drawn

"""Numbers that are not finite: where they are."""

from __future__ import annotations

import numpy as np


def not_finite(array: np.ndarray) -> tuple[int, ...] | None:
    """The index of the first entry of `array` that is NaN or infinite; None if there is none."""
    finite = np.isfinite(array)
    return None if finite.all() else tuple(np.argwhere(~finite)[0].tolist())

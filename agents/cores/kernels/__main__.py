"""Compile all kernels now, on all processors: `python -m agents.cores.kernels`.

Nobody has to: each is compiled when it is first needed, and kept on disk. But the tests need them all, and
processes that run side by side would compile the same ones at the same time.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

from .cells import PARTS
from .compiled import kernel, kinds
from .fixed_step import FIXED, SUMS
from .rules import ALL_RULES


def main() -> None:
    """Compile what is not on disk yet."""
    cells = {**dict.fromkeys(ALL_RULES, PARTS), FIXED: SUMS}
    wanted = [(kind, rule, cell) for rule in cells for cell in cells[rule] for kind in kinds(rule, cell)]
    wanted.sort()  # "backward" first: it takes longest
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(_compile, *zip(*wanted, strict=True)):
            pass


def _compile(kind: str, rule: str, cell: str) -> None:
    kernel(kind, rule, cell, "float32")


if __name__ == "__main__":
    main()

"""Where the walls are: wall grids and what follows from them.

A square is named in one of two ways: by its `(row, col)`, counted from 0 with the border included, or by its
flat *cell* index `row * side + col`. Arrays of environments hold cells; people are shown rows and columns.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plastic_maze.validation import LARGEST_SIZE, whole_number

NUM_ACTIONS = 4
"""0 up, 1 down, 2 left, 3 right."""

MOVES = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
"""What each action adds to (row, col)."""

SMALLEST_SIZE = 3


@dataclass(frozen=True, eq=False)
class MazeLayout:
    """A wall grid, and everything the rules look up in it. All arrays are read-only.

    Attributes:
        walls: bool [side, side], True is wall. Odd side, closed border, free centre, every free square within
            reach.

    Raises:
        ValueError: If `walls` is not such a grid.
    """

    walls: NDArray[np.bool_]

    def __post_init__(self) -> None:
        walls = np.array(self.walls)
        shape_is_right = walls.ndim == 2 and walls.shape[0] == walls.shape[1] >= 5 and walls.shape[0] % 2 == 1
        if walls.dtype != np.bool_ or not shape_is_right:
            raise ValueError(
                "walls must be a square bool array with an odd side of at least 5, "
                f"got {walls.dtype} with shape {walls.shape}"
            )
        object.__setattr__(self, "walls", _frozen(walls))
        if not (walls[0].all() and walls[-1].all() and walls[:, 0].all() and walls[:, -1].all()):
            raise ValueError("walls must be True all along the border, got a gap in it")
        if walls.ravel()[self.centre] or len(self.free) < 2:
            raise ValueError("walls must leave the centre and at least one more square free")
        if np.any(self._geodesic(np.array([self.centre]))[0, self.free] < 0):
            raise ValueError("walls must let the agent reach every free square, got one that is cut off")

    def __reduce__(self) -> tuple[Any, ...]:
        return MazeLayout, (self.walls,)  # A copy is built anew, so its arrays are read-only too.

    @property
    def side(self) -> int:
        """Squares along one side, border included."""
        return len(self.walls)

    @property
    def size(self) -> int:
        """Squares along one side of the interior."""
        return self.side - 2

    @property
    def num_cells(self) -> int:
        """Squares in all, walls included: cells are 0 ... num_cells - 1."""
        return self.walls.size

    @property
    def centre(self) -> int:
        """The cell in the middle, where every episode starts."""
        return self.num_cells // 2

    @cached_property
    def free(self) -> NDArray[np.intp]:
        """The F cells that are not wall, ascending, [F]."""
        return _frozen(np.flatnonzero(~self.walls))

    @cached_property
    def free_but_centre(self) -> NDArray[np.intp]:
        """The free cells other than the centre, ascending, [F - 1]."""
        return _frozen(self.free[self.free != self.centre])

    @cached_property
    def free_rank(self) -> NDArray[np.intp]:
        """Position of each cell in `free`, -1 for a wall, [num_cells]."""
        rank = np.full(self.num_cells, -1, dtype=np.intp)
        rank[self.free] = np.arange(len(self.free))
        return _frozen(rank)

    @cached_property
    def coordinates(self) -> NDArray[np.intp]:
        """(row, col) of each cell, [num_cells, 2]."""
        return _frozen(np.stack(np.divmod(np.arange(self.num_cells), self.side), axis=1).astype(np.intp))

    @cached_property
    def next_cell(self) -> NDArray[np.intp]:
        """Cell reached from each cell by each action, [num_cells, 4]; a move into a wall stays."""
        here = np.arange(self.num_cells)[:, None]
        there = here + MOVES @ (self.side, 1)
        # Only a wall of the border has a neighbour outside the grid, and nobody stands there.
        there = np.where(self.walls.ravel()[here], here, there)
        return _frozen(np.where(self.walls.ravel()[there], here, there).astype(np.intp))

    @cached_property
    def views(self) -> NDArray[np.bool_]:
        """Walls in the 3x3 squares around each cell, row-major, [num_cells, 9]; outside the grid is wall."""
        padded = np.pad(self.walls, 1, constant_values=True)
        patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
        return _frozen(patches.reshape(self.num_cells, 9).copy())

    @cached_property
    def distances(self) -> NDArray[np.intp]:
        """Steps on a shortest path between two cells, [num_cells, num_cells]; -1 from or to a wall."""
        distances = np.full((self.num_cells, self.num_cells), -1, dtype=np.intp)
        distances[self.free] = self._geodesic(self.free)
        return _frozen(distances)

    def _geodesic(self, starts: NDArray[np.intp]) -> NDArray[np.intp]:
        """Steps from each start to each cell, [len(starts), num_cells]; -1 where there is no path."""
        distances = np.full((len(starts), self.num_cells), -1, dtype=np.intp)
        frontier = np.zeros(distances.shape, dtype=np.bool_)
        frontier[np.arange(len(starts)), starts] = True
        steps = 0
        while frontier.any():
            distances[frontier] = steps
            # Moves can be undone, so a cell borders the frontier if one of its own moves leads there.
            frontier = frontier[:, self.next_cell].any(axis=2) & (distances < 0)
            steps += 1
        return distances


def pillar_layout(size: int) -> MazeLayout:
    """Build the maze of Miconi, Clune & Stanley (2018): a room with a pillar on every other square.

    With the border counted, (row, col) is wall where both are even, save for the centre, which is always
    free.

    Args:
        size: Squares along one side of the interior, odd, from 3 (which leaves a bare room of 3x3) to
            `LARGEST_SIZE`.

    Returns:
        The layout; the same object whenever the size is the same.

    Raises:
        ValueError: If `size` is not such a number.
    """
    size = whole_number("size", size, SMALLEST_SIZE, LARGEST_SIZE)
    if size % 2 == 0:
        raise ValueError(f"size must be odd, so that there is a square in the centre, got {size!r}")
    return _pillar_layout(size)


@cache
def _pillar_layout(size: int) -> MazeLayout:
    side = size + 2
    rows, cols = np.indices((side, side))
    walls = (rows % 2 == 0) & (cols % 2 == 0)
    walls[[0, -1]] = True
    walls[:, [0, -1]] = True
    walls[side // 2, side // 2] = False
    return MazeLayout(walls)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array

"""Random walls, resampled for each episode, for N environments at once.

The squares of the pillar room fall into three kinds. With the border counted, a square whose row and column
are both odd is a *room*, always free; one with exactly one odd coordinate lies between two rooms and is a
*door*; the others are pillars. A layout is drawn by shutting doors:

1. Every door gets a random weight. The doors of the lightest spanning tree over the rooms stay open, so that
   every room can be reached.
2. Each other door stays open by a chance of one in `DOORS_PER_OPENING`, and becomes wall otherwise.
3. Where the centre is a pillar that was left out (interior 3, 7, 11 ...), the four doors beside it stay open.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from plastic_maze.layouts import MOVES, MazeLayout, pillar_layout
from plastic_maze.randomness import Stream, draw

Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

DOORS_PER_OPENING = 4
"""One in so many of the doors that are not needed stays open."""

_WEIGHTS = 2**31
_HEAVIER_THAN_ALL = np.uint32(2**32 - 1)


@dataclass(frozen=True, eq=False)
class RoomLattice:
    """The rooms and doors of the pillar room with R rooms and D doors.

    Attributes:
        walls: Wall where a square is neither room, door nor centre, bool [num_cells].
        rooms: Cells, int [R].
        doors: Cells, int [D].
        ends: The two rooms on either side of each door, as places in `rooms`, int [2, D].
        kept: Doors that stay open in every layout, bool [D].
    """

    walls: Bools
    rooms: Ints
    doors: Ints
    ends: Ints
    kept: Bools

    @property
    def always_free(self) -> Bools:
        """Cells that are free in every layout, bool [num_cells]."""
        free = ~self.walls
        free[self.doors[~self.kept]] = False
        return free

    @property
    def fewest_free(self) -> int:
        """No layout has fewer free cells: at least the rooms and a tree of doors are open."""
        return max(2 * len(self.rooms) - 1, int(self.always_free.sum()))


@cache
def room_lattice(size: int) -> RoomLattice:
    """The lattice within `pillar_layout(size)`.

    Raises:
        ValueError: If `size` is not an odd integer of at least 3.
    """
    layout = pillar_layout(size)
    row_is_odd, col_is_odd = layout.coordinates.T % 2 == 1
    free = ~layout.walls.ravel()
    rooms = np.flatnonzero(free & row_is_odd & col_is_odd)
    doors = np.flatnonzero(free & (row_is_odd != col_is_odd))
    place = np.full(layout.num_cells, -1, dtype=np.intp)
    place[rooms] = np.arange(len(rooms))
    aside = np.where(row_is_odd[doors], 1, layout.side)
    beside_centre = np.isin(doors, layout.centre + MOVES @ (layout.side, 1))
    centre_was_pillar = not row_is_odd[layout.centre]
    return RoomLattice(
        walls=~free,
        rooms=rooms,
        doors=doors,
        ends=place[np.stack([doors - aside, doors + aside])],
        kept=beside_centre & centre_was_pillar,
    )


def draw_walls(size: int, key: NDArray[np.uint64]) -> Bools:
    """Draw the walls of N episodes.

    Args:
        size: Squares along one side of the interior.
        key: From `episode_key`, uint64 [N].

    Returns:
        True is wall, bool [N, num_cells].
    """
    lattice = room_lattice(size)
    every_door = np.arange(len(lattice.doors))[:, None]
    weight = draw(key, Stream.DOOR_WEIGHT, every_door, _WEIGHTS).astype(np.uint32)
    is_open = draw(key, Stream.DOOR_OPENING, every_door, DOORS_PER_OPENING) == 0
    is_open |= lattice.kept[:, None]
    _open_spanning_trees(lattice, weight, is_open)
    walls = np.repeat(lattice.walls[None], len(key), axis=0)
    walls[:, lattice.doors] = ~is_open.T
    return walls


def _open_spanning_trees(lattice: RoomLattice, weight: NDArray[np.uint32], is_open: Bools) -> None:
    """Open the doors of the lightest spanning tree in `is_open` [D, N], by the algorithm of Prim.

    The tree grows from the first room, each time through the lightest door on its edge.
    """
    one, other = lattice.ends
    every = np.arange(weight.shape[1])
    reached = np.zeros((len(lattice.rooms), len(every)), dtype=np.bool_)
    reached[0] = True
    for _ in range(len(lattice.rooms) - 1):
        on_edge = reached[one] != reached[other]
        lightest = np.where(on_edge, weight, _HEAVIER_THAN_ALL).argmin(axis=0)
        is_open[lightest, every] = True
        reached[one[lightest], every] = True
        reached[other[lightest], every] = True


def layout_of(walls: Bools) -> MazeLayout:
    """The layout with these walls, bool [num_cells]; the same object if they are met again soon."""
    return _layout_of(walls.tobytes())


@lru_cache(maxsize=64)
def _layout_of(walls: bytes) -> MazeLayout:
    cells = np.frombuffer(walls, dtype=np.bool_)
    side = round(len(cells) ** 0.5)
    return MazeLayout(cells.reshape(side, side))

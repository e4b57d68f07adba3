import copy
import pickle

import numpy as np
import pytest

from plastic_maze import MazeLayout, pillar_layout

SEVEN = """\
#########
#.......#
#.#.#.#.#
#.......#
#.#...#.#
#.......#
#.#.#.#.#
#.......#
#########"""


@pytest.mark.parametrize(("size", "free"), [(3, 9), (5, 21), (7, 41), (9, 65), (11, 97)])
def test_number_of_free_squares(size: int, free: int) -> None:
    layout = pillar_layout(size)
    assert len(layout.free) == free
    assert layout.size == size
    assert layout.walls.shape == (size + 2, size + 2)
    assert layout.coordinates[layout.centre].tolist() == [(size + 1) // 2] * 2


def test_the_centre_loses_its_pillar() -> None:
    letters = np.where(pillar_layout(7).walls, "#", ".")
    assert "\n".join("".join(row) for row in letters) == SEVEN


@pytest.mark.parametrize("size", [9, 11])
def test_walls_follow_the_text(size: int) -> None:
    walls = pillar_layout(size).walls
    middle = (size + 1) // 2
    for row in range(size + 2):
        for col in range(size + 2):
            border = row in (0, size + 1) or col in (0, size + 1)
            pillar = row % 2 == 0 and col % 2 == 0 and (row, col) != (middle, middle)
            assert walls[row, col] == (border or pillar)


@pytest.mark.parametrize("size", [8, 0, 1, 2, -9, 9.0, "9", None, True])
def test_bad_sizes(size: object) -> None:
    with pytest.raises(ValueError, match="size must be"):
        pillar_layout(size)  # type: ignore[arg-type]


def test_numpy_integers_are_sizes() -> None:
    assert pillar_layout(np.int64(9)) is pillar_layout(9)  # type: ignore[arg-type]


def test_distances_are_those_of_a_breadth_first_search() -> None:
    layout = pillar_layout(7)
    walls, side = layout.walls.ravel(), layout.side
    for start in layout.free.tolist():
        found, queue = {start: 0}, [start]
        for cell in queue:
            for there in (cell - side, cell + side, cell - 1, cell + 1):
                if not walls[there] and there not in found:
                    found[there] = found[cell] + 1
                    queue.append(there)
        expected = [found.get(cell, -1) for cell in range(layout.num_cells)]
        assert layout.distances[start].tolist() == expected


def test_views_are_the_squares_around() -> None:
    layout = pillar_layout(5)
    for cell in layout.free:
        row, col = layout.coordinates[cell]
        expected = layout.walls[row - 1 : row + 2, col - 1 : col + 2].ravel()
        np.testing.assert_array_equal(layout.views[cell], expected)


def test_arrays_are_read_only_even_in_copies() -> None:
    layout = pillar_layout(5)
    assert layout is pillar_layout(5)
    for one in (layout, copy.deepcopy(layout), pickle.loads(pickle.dumps(layout))):
        for name in ("walls", "free", "free_rank", "coordinates", "next_cell", "views", "distances"):
            np.testing.assert_array_equal(getattr(one, name), getattr(layout, name))
            with pytest.raises(ValueError, match="read-only"):
                getattr(one, name).flat[0] = 0


def test_a_layout_does_not_share_the_array_it_was_made_from() -> None:
    walls = pillar_layout(5).walls.copy()
    layout = MazeLayout(walls)
    walls[:] = True
    assert len(layout.free) == 21


def test_bad_walls() -> None:
    good = pillar_layout(5).walls
    open_border, closed_centre, cut_off = good.copy(), good.copy(), good.copy()
    open_border[0, 3] = False
    closed_centre[3, 3] = True
    cut_off[[1, 2], [2, 1]] = True
    for walls, message in [
        (good.astype(int), "square bool array"),
        (good[:, :-1], "square bool array"),
        (good[:-1, :-1], "odd side"),
        (open_border, "border"),
        (closed_centre, "centre"),
        (cut_off, "cut off"),
    ]:
        with pytest.raises(ValueError, match=message):
            MazeLayout(walls)

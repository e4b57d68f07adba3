"""Where an agent may be that was put down anywhere and sees the nine squares around it.

Such an agent keeps a *belief*: the set of cells it may be on. Landing is equally likely everywhere and moves
are certain, so all cells of the set are equally likely, always. The cells of a belief look alike, hence it is
known beforehand which moves would end at a wall, and any other move shifts the whole set by one square. What
is seen then splits the set: one belief for each different view. With a goal, its cell drops out on the way,
since entering it is noticed.

The beliefs that can come up are few, and finding the best moves is a shortest-path problem over them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from plastic_maze.layouts import NUM_ACTIONS, MazeLayout

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]

_AHEAD_IN_VIEW = [1, 7, 3, 5]  # Up, down, left and right of the middle of a 3x3 view.
_CODE = 2 ** np.arange(9)  # A view as a number.


class Views:
    """The different 3x3 views of a layout, numbered.

    Args:
        layout: The walls.
    """

    def __init__(self, layout: MazeLayout) -> None:
        codes = layout.views[layout.free] @ _CODE
        different, number = np.unique(codes, return_inverse=True)
        self.count = len(different)
        self.of_cell = np.full(layout.num_cells, -1, dtype=np.intp)  # -1 for walls
        self.of_cell[layout.free] = number
        self._of_code = np.full(2**9, -1, dtype=np.intp)
        self._of_code[different] = np.arange(self.count)

    def seen(self, walls: NDArray[np.float32]) -> Ints:
        """Numbers of views [N, 9], int [N]; -1 for one that the layout does not have."""
        return self._of_code[walls.astype(np.intp) @ _CODE]


@dataclass(frozen=True, eq=False)
class BeliefGraph:
    """All B beliefs that can come up on the way to each of G goals.

    Number B stands for "no belief".

    Attributes:
        first: The belief on landing, by goal and view, int [G, V].
        children: What may be believed after each action, int [B, 4, C], filled up with B. A move into a wall
            leads back to the belief itself.
        enters: Whether an action takes one of the cells to the goal, bool [B, 4].
        goal: Place of the belief's goal, int [B].
        view: What is seen in it, int [B].
        size: Cells in it, int [B].
        cell: The cell of a belief of size 1, -1 of others, int [B].
    """

    first: Ints
    children: Ints
    enters: NDArray[np.bool_]
    goal: Ints
    view: Ints
    size: Ints
    cell: Ints

    def sum_over_children(self, value: Floats) -> Floats:
        """The values [B + 1] of beliefs, summed over the children of each action, float64 [4, B]."""
        first, others = self._children_by_place
        total = value.take(first)
        flat = total.reshape(-1)
        for parents, children in others:
            flat[parents] += value.take(children)
        return total

    @cached_property
    def _children_by_place(self) -> tuple[Ints, list[tuple[Ints, Ints]]]:
        """The first child [4, B]; and the second, third ... of those that have one: flat places, children.

        Most have but one, which is why this is many times as fast as a sum over `children`.
        """
        first, *others = np.ascontiguousarray(self.children.transpose(2, 1, 0))
        there = [np.flatnonzero(child < len(self.size)) for child in others]
        return first, [(parents, child.take(parents)) for parents, child in zip(there, others, strict=True)]

    def by_view(self, actions: Ints) -> Ints:
        """The belief after these actions [B], by what is then seen, int [B + 1, V]; B where there is none."""
        count = len(self.size)
        table = np.full((count + 1, self.first.shape[1]), count, dtype=np.intp)
        children = self.children[np.arange(count), actions]
        belief, _ = (children < count).nonzero()
        child = children[children < count]
        table[belief, self.view[child]] = child
        return table


def belief_graph(layout: MazeLayout, views: Views, goals: Sequence[int | None]) -> BeliefGraph:
    """Follow all beliefs from landing on.

    Args:
        layout: The walls.
        views: Of this layout.
        goals: Cells that end the way; None for a way without end.
    """
    follow = _Follower(layout, views)
    first = [follow.from_landing(place, goal) for place, goal in enumerate(goals)]
    count = len(follow.sets)
    widest = max(len(own) for belief in follow.children for own in belief)
    size = np.array([cells.bit_count() for cells in follow.sets])
    highest = np.array([cells.bit_length() - 1 for cells in follow.sets])
    children = [[own + [count] * (widest - len(own)) for own in belief] for belief in follow.children]
    return BeliefGraph(
        first=np.array([[count if belief is None else belief for belief in own] for own in first]),
        children=np.array(children),
        enters=np.array(follow.enters),
        goal=np.array(follow.goal),
        view=np.array(follow.view),
        size=size,
        cell=np.where(size == 1, highest, -1),
    )


class _Follower:
    """Numbers beliefs as they are met. A set of cells is one whole number, bit c for cell c."""

    def __init__(self, layout: MazeLayout, views: Views) -> None:
        self.sets: list[int] = []
        self.goal: list[int] = []
        self.view: list[int] = []
        self.children: list[list[list[int]]] = []
        self.enters: list[list[bool]] = []
        self._side = layout.side
        self._with_view = [0] * views.count
        self._blocked = [[False] * NUM_ACTIONS] * views.count
        # Views that may follow a view after an action; the others need not be tried.
        followers: list[list[set[int]]] = [[set() for _ in range(NUM_ACTIONS)] for _ in range(views.count)]
        for cell in layout.free.tolist():
            view = views.of_cell[cell].item()
            self._with_view[view] |= 1 << cell
            self._blocked[view] = layout.views[cell, _AHEAD_IN_VIEW].tolist()
            for action, there in enumerate(layout.next_cell[cell].tolist()):
                followers[view][action].add(views.of_cell[there].item())
        self._followers = [[sorted(found) for found in by_action] for by_action in followers]

    def from_landing(self, place: int, goal: int | None) -> list[int | None]:
        """Follow the beliefs on the way to one goal; returns those on landing, by view."""
        goal_bit = 0 if goal is None else 1 << goal
        number: dict[int, int] = {}
        first = [
            self._numbered(cells & ~goal_bit, view, place, number) if cells & ~goal_bit else None
            for view, cells in enumerate(self._with_view)
        ]
        while (belief := len(self.children)) < len(self.sets):
            cells, view = self.sets[belief], self.view[belief]
            shifted = (cells >> self._side, cells << self._side, cells >> 1, cells << 1)
            children, enters = [], []
            for action, there in enumerate(shifted):
                if self._blocked[view][action]:
                    children.append([belief])
                    enters.append(False)
                    continue
                enters.append(bool(there & goal_bit))
                parts = [(there & ~goal_bit & self._with_view[v], v) for v in self._followers[view][action]]
                children.append([self._numbered(part, v, place, number) for part, v in parts if part])
            self.children.append(children)
            self.enters.append(enters)
        return first

    def _numbered(self, cells: int, view: int, place: int, number: dict[int, int]) -> int:
        if cells not in number:
            number[cells] = len(self.sets)
            self.sets.append(cells)
            self.goal.append(place)
            self.view.append(view)
        return number[cells]


def fewest_steps(graph: BeliefGraph, until_known: bool = False) -> tuple[Ints, Floats]:
    """The actions that reach the goal, or find out where one is, in the fewest steps on average.

    Value iteration over the total number of steps of all cells of a belief, from infinity downward: it comes
    to rest after as many rounds as the longest way has steps, and is exact then.

    Args:
        graph: The beliefs.
        until_known: Whether the way ends once there is only one cell left, wherever it is.

    Returns:
        The best action of each belief, the lowest of equals, int [B]; and the total number of steps,
        float64 [B + 1], 0 at the end.
    """
    total = np.append(np.full(len(graph.size), np.inf), 0.0)
    ended = np.append(until_known & (graph.size == 1), True)
    total[ended] = 0.0
    while True:
        by_action = graph.sum_over_children(total)
        better = np.where(ended[:-1], 0.0, graph.size + by_action.min(axis=0))
        if np.array_equal(better, total[:-1]):
            return by_action.argmin(axis=0), total
        total[:-1] = better

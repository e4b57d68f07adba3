"""A way through all free cells that comes across an unknown goal soon.

The goal is equally likely on every cell but the start, so the best way has the smallest mean time of first
visit (a travelling repairman's problem). Beam search: all ways grow by a step at a time, and the most
promising go on. Each step costs the number of cells still unvisited, so that the sum over a way is its sum of
first visits.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from plastic_maze.layouts import NUM_ACTIONS, MazeLayout

Ints = NDArray[np.intp]

_BEAM = 10_000
_SEED = 0


@lru_cache(maxsize=16)
def search_route(layout: MazeLayout) -> Ints:
    """The actions of a way from the centre through all free cells, int [steps], read-only.

    The best that was found, not proven best; it is the same every time. Takes about a second.
    """
    rank = layout.free_rank
    next_rank = rank[layout.next_cell[layout.free]]  # [F, 4]
    # A set of cells has a random number for a name: the exclusive or of those of its members.
    names = np.random.default_rng(_SEED).integers(2**64, size=(2, len(layout.free)), dtype=np.uint64)
    at = rank[[layout.centre]]
    unvisited = np.ones((1, len(layout.free)), dtype=np.bool_)
    unvisited[0, at] = False
    name, cost = np.zeros(1, dtype=np.uint64), np.zeros(1, dtype=np.intp)
    grown: list[tuple[Ints, Ints]] = []  # The way that each way continues, and by what action.
    best_cost, best = np.inf, (0, 0)
    while True:
        left = unvisited.sum(axis=1)
        cost_of_done = np.where(left == 0, cost, np.iinfo(np.intp).max)
        if cost_of_done.min() < best_cost:
            best_cost, best = cost_of_done.min(), (len(grown), int(cost_of_done.argmin()))
        live = np.flatnonzero(cost + left < best_cost)  # The others cannot be better any more.
        if live.size == 0:
            break
        parent = np.repeat(live, NUM_ACTIONS)
        there = next_rank[at[live]].ravel()
        new_name = name[parent] ^ np.where(unvisited[parent, there], names[0, there], np.uint64(0))
        new_cost = (cost + left)[parent]
        # Of ways to the same place through the same cells, the cheapest; of these the most promising, where
        # equals are told apart by their names, that is at random: they are not all of one kind then.
        alike = new_name ^ names[1, there]
        cheapest = np.lexsort((alike, new_cost + left[parent] - unvisited[parent, there]))
        _, once = np.unique(alike[cheapest], return_index=True)
        kept = cheapest[np.sort(once)[:_BEAM]]
        grown.append((parent[kept], np.tile(np.arange(NUM_ACTIONS), len(live))[kept]))
        at, name, cost, unvisited = there[kept], new_name[kept], new_cost[kept], unvisited[parent[kept]]
        unvisited[np.arange(len(kept)), at] = False
    length, way = best
    route = np.empty(length, dtype=np.intp)
    for step in range(length - 1, -1, -1):
        parent, action = grown[step]
        route[step] = action[way]
        way = parent[way]
    route.flags.writeable = False
    return route

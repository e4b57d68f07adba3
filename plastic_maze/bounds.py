"""Scores that no agent can pass which sees only what an agent sees.

Hits are counted, since a bump never pays. Up to the first hit an agent knows where it is, for it started in
the centre and moves are certain; and as long as nothing happens it learns nothing, so it walks a route that
is settled beforehand (chance only mixes routes). A cell that is first visited by real move number m is so at
step m or later, different cells have different m, and m is odd for the cells of the other colour than the
start's, if the maze is coloured like a chessboard, and even for those of its own. With the first hit the goal
is known. From then on every leg begins on a newly drawn cell, independent of everything before, so that the
best that can be done is a finite decision problem over beliefs (`plastic_maze.beliefs`), solved exactly.

**Ordinary task.** Goal g, first visited at step m, is worth 1 + H_g(T - m) hits, where H_g(t) is the optimum
of t steps with the goal known. The best assignment of cells to different m of the right colour is worth at
least as much as the best route, and a planner can walk any route: what this bound gives away is just the
difference between an assignment and a route.

**Random walls.** An agent that is told the walls does at least as well, and its bound for those walls is the
one above. Its mean over all layouts is estimated from some that are drawn, and so has a standard error.

**Reversal.** Up to the switch after step s the episode is an ordinary one, of which hits up to step s count:
in the assignment a cell is worth the mean over s of its value with horizon s. Then let the agent be told that
the goal moved and where the agent itself is. The new goal is equally likely on all but two cells, whatever
came before; visiting them takes a step each, as above; and after that hit at most max_g H_g is to be had.

**Paired associates.** With j of K goals known, the next leg leads to a known goal by a chance of j / K. Such
a leg takes at most d steps with a chance of no more than f(d), the largest that any policy has for any goal.
Otherwise the goal is equally likely on at least F - 2 - j cells (not on the start, a known goal, or where the
agent is; but on one at least), and even an agent that knows where it is visits at most one more of them in a
step. Legs that are shorter in this sense (stochastic order) leave more time, and more time is never worse, so
replacing each leg by a random one with the largest chances gives a bound; a recursion over the time left adds
it up. Not tight: f takes the goal that is easiest to reach, and a search is taken to begin in a known place.
On `PlasticMazePairs-v0` it comes to 619.9, above the 615.9 of the player that knows all, and so says nothing
there that this player's score does not say better.

How tight the bounds are is known exactly for the bare 3x3 room and few steps, where all ways of choosing
actions can be tried (`tests/test_maze_optimum.py`): in the ordinary maze the bound is reached; with two pairs
it is 2 to 4 % above the best there can be, with a goal that moves 2 to 15 %.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from plastic_maze.beliefs import BeliefGraph, Views, belief_graph
from plastic_maze.layouts import MazeLayout
from plastic_maze.random_layouts import draw_walls, layout_of
from plastic_maze.randomness import episode_key
from plastic_maze.rules import MazeRules
from plastic_maze.validation import whole_number

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


class ScoreBound(NamedTuple):
    """A bound on scores, and how sure it is.

    Attributes:
        score: Mean return per episode.
        standard_error: Of `score`, where it is a mean over random layouts; 0 where it is exact.
    """

    score: float
    standard_error: float


def score_bound(rules: MazeRules, layouts: int = 100, seed: int = 0) -> ScoreBound:
    """A mean score per episode that no agent can pass which sees only what an agent sees.

    The reasons stand at the top of this file, and how tight it is: nobody may be able to reach it. In the
    ordinary maze the planner comes within 2 % of it. For several pairs it is loose, and can even lie above
    the score of `OraclePlayer`, which is a bound as well; the lower of the two holds.

    Where walls are random the bound is a mean over random layouts, whose bounds differ a good deal (in
    `PlasticMazeRandom-v0` by a standard deviation of 28): about 20 layouts a second are computed, and four
    times as many halve the standard error.

    Args:
        rules: The maze.
        layouts: How many layouts to draw where walls are random, at least 2.
        seed: Of these.

    Returns:
        The bound and its standard error.

    Raises:
        ValueError: If there are several cues as well as a goal that moves; or if `layouts` or `seed` is not
            accepted.
    """
    if rules.n_cues > 1 and rules.goal_switch:
        raise ValueError("there is no bound for goal_switch=True with n_cues > 1")
    layouts, seed = whole_number("layouts", layouts, 2), whole_number("seed", seed, 0)
    if not rules.random_walls:
        return ScoreBound(rules.goal_reward * _most_hits(rules), 0.0)
    key = episode_key(np.full(layouts, seed, dtype=np.uint64), np.arange(layouts, dtype=np.uint64))
    drawn = [layout_of(walls) for walls in draw_walls(rules.layout.size, key)]
    scores = [score_bound(replace(rules, layout=layout, random_walls=False)).score for layout in drawn]
    return ScoreBound(float(np.mean(scores)), float(np.std(scores, ddof=1)) / layouts**0.5)


def _most_hits(rules: MazeRules) -> float:
    layout = rules.layout
    # With a goal that moves, any cell may be one.
    goals = layout.free if rules.goal_switch else layout.free_but_centre
    graph = belief_graph(layout, Views(layout), goals.tolist())
    if rules.n_cues > 1:
        return _hits_with_pairs(rules, _chance_within(graph, len(layout.free), rules.max_steps))
    legs = _hits_of_known_goal(graph, len(layout.free), rules.max_steps)
    if rules.goal_switch:
        return _hits_with_switch(rules, legs)
    value = np.zeros((rules.max_steps + 1, len(goals)))  # of a first visit at each step
    value[1:] = 1 + legs[:-1][::-1]
    return _best_assignment(layout, value[1:], goals) / len(goals)


def _hits_of_known_goal(graph: BeliefGraph, free: int, horizon: int) -> Floats:
    """H_g(t): the most hits in t steps, on average, for an agent that lands now and knows goal g.

    Returns:
        float64 [horizon + 1, G].
    """
    hits = np.zeros((horizon + 1, len(graph.first)))
    value = np.zeros(len(graph.size) + 1)  # of all cells of a belief together
    enters = np.ascontiguousarray(graph.enters.T)
    for t in range(1, horizon + 1):
        by_action = graph.sum_over_children(value)
        by_action += enters * (1 + hits[t - 1, graph.goal])
        by_action.max(axis=0, out=value[:-1])
        hits[t] = value[graph.first].sum(axis=1) / (free - 1)
    return hits


def _chance_within(graph: BeliefGraph, free: int, horizon: int) -> Floats:
    """f(d): the largest chance to get from landing to a known goal within d steps, float64 [horizon + 1]."""
    chance = np.zeros(horizon + 1)
    value = np.zeros(len(graph.size) + 1)
    for d in range(1, horizon + 1):
        value[:-1] = (graph.sum_over_children(value) + graph.enters.T).max(axis=0)
        chance[d] = value[graph.first].sum(axis=1).max() / (free - 1)
    return chance


def _colors(layout: MazeLayout) -> NDArray[np.bool_]:
    """Whether each cell is of the other colour of a chessboard than the centre, bool [num_cells]."""
    return (layout.coordinates.sum(axis=1) + layout.coordinates[layout.centre].sum()) % 2 == 1


def _best_assignment(layout: MazeLayout, value: Floats, goals: Ints) -> float:
    """The most that cells can be worth, each visited first by another move of the right colour.

    Args:
        layout: The walls.
        value: Of a first visit at step 1, 2, ..., float64 [T, G]; never rising with the step.
        goals: Cells, int [G].
    """
    total = 0.0
    others = _colors(layout)[goals]
    for first, cells in ((0, others), (1, ~others)):
        # A later move is worth no more, so that the first ones are enough.
        moves = value[first::2, cells][: cells.sum()]
        padded = np.zeros((cells.sum(), cells.sum()))
        padded[: len(moves)] = moves
        total += assign(padded)
    return total


def assign(value: Floats) -> float:
    """The largest sum of entries of a square matrix, one from each row and column.

    The Hungarian method: rows are added one at a time, along the shortest way that makes room for them.
    """
    n = len(value)
    column_price, row_price = np.zeros(n + 1), np.zeros(n)
    row_of = np.full(n + 1, -1)  # of a column; column n stands for "not yet"
    for row in range(n):
        row_of[n] = row
        column, came_from = n, np.full(n, n)
        slack, used = np.full(n, np.inf), np.zeros(n + 1, dtype=np.bool_)
        while row_of[column] >= 0:
            used[column] = True
            cost = -value[row_of[column]] - row_price[row_of[column]] - column_price[:n]
            shorter = ~used[:n] & (cost < slack)
            slack[shorter], came_from[shorter] = cost[shorter], column
            nearest = int(np.where(used[:n], np.inf, slack).argmin())
            step = slack[nearest]
            row_price[row_of[used]] += step
            column_price[used] -= step
            slack[~used[:n]] -= step
            column = nearest
        while column != n:
            row_of[column] = row_of[came_from[column]]
            column = came_from[column]
    return float(value[row_of[:n], np.arange(n)].sum())


def _steps_of_first_visits(layout: MazeLayout) -> list[Ints]:
    """The steps at which cells other than its own can be new to an agent that knows where it is.

    Returns:
        Ascending, int [F - 1], for an agent on a cell of either colour.
    """
    others = _colors(layout)[layout.free]
    numbers = [int(others.sum()), int((~others).sum())]
    found = []
    for there, here in (numbers, numbers[::-1]):
        odd, even = 2 * np.arange(there) + 1, 2 * np.arange(here - 1) + 2
        found.append(np.sort(np.concatenate([odd, even])))
    return found


def _hits_with_switch(rules: MazeRules, legs: Floats) -> float:
    first, last = rules.switch_steps
    layout, horizon = rules.layout, rules.max_steps
    switches = np.arange(first, last + 1)
    but_centre = layout.free_rank[layout.free_but_centre]
    steps = np.arange(1, last + 1)
    left = switches[:, None] - steps  # [switches, steps]
    before = np.where((left >= 0)[:, :, None], 1 + legs[left.clip(0)][:, :, but_centre], 0.0).mean(axis=0)
    hits = _best_assignment(layout, before, layout.free_but_centre) / len(but_centre)

    best_leg = legs.max(axis=1)
    after = []
    for reached in _steps_of_first_visits(layout):
        left = (horizon - switches)[:, None] - reached[:-1]  # The old goal need not be visited.
        found = np.where(left >= 0, 1 + best_leg[left.clip(0)], 0.0)
        after.append(found.sum(axis=1) / (len(layout.free) - 2))
    return hits + float(np.maximum(*after).mean())


def _hits_with_pairs(rules: MazeRules, chance_known: Floats) -> float:
    horizon, pairs, free = rules.max_steps, rules.n_cues, len(rules.layout.free)
    steps = np.arange(horizon + 1)
    visited = np.maximum(
        *(np.searchsorted(new, steps, side="right") for new in _steps_of_first_visits(rules.layout))
    )

    def search(cells: int) -> Floats:
        """Chances that a search ends after 1, 2, ... steps, float64 [horizon]."""
        return np.diff(np.minimum(visited / cells, 1.0))

    # worth[t]: hits from a landing with t steps to go on; first with all goals known, then one fewer ...
    worth_of_more = np.zeros(horizon + 1)
    for known in range(pairs, 0, -1):
        share = known / pairs
        by_return, by_search = share * np.diff(chance_known), (1 - share) * search(max(free - 2 - known, 1))
        worth = np.zeros(horizon + 1)
        for t in range(1, horizon + 1):
            worth[t] = by_return[:t] @ (1 + worth[:t][::-1]) + by_search[:t] @ (1 + worth_of_more[:t][::-1])
        worth_of_more = worth
    return float(search(free - 1) @ (1 + worth_of_more[:-1][::-1]))

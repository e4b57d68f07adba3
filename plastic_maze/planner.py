"""A player that sees only what an agent sees, and plans.

1. Until the first hit it knows where it is, and walks the best route that was found (`plastic_maze.routes`).
2. On landing it may be wherever things look as they do; each move and each view narrow that down
   (`plastic_maze.beliefs`). If it knows the goal, it takes the actions that need the fewest steps on average,
   which are exactly the best. If not, it finds out where it is in the fewest steps, and then visits the
   nearest square where the goal may be, time and again.
3. For each cue it remembers where the goal may be: not where nothing happened, and where there was a hit.
4. If the goal is not where it was, or things look as they cannot look, the goal has moved, and may be
   anywhere.

For the ordinary task this is the best player there is, but for what a better route would gain and what could
be gained by taking more risk in the last few steps: its score is within 2 % of a bound that no agent can pass
(`plastic_maze.bounds`). For paired associates and reversal it is a good player, no more: steps 2 to 4 search
by rule of thumb there, and better players exist. In the bare 3x3 room with 3 to 6 steps it gets 92 to 96 % of
the most that is possible with two pairs, and 86 to 98 % with reversal. An agent's share of the planner's
score is not its share of what is possible, then, and may come to more than 100 %.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from plastic_maze.beliefs import Views, belief_graph, fewest_steps
from plastic_maze.observations import CUE, PREVIOUS_ACTION, PREVIOUS_REWARD, WALLS
from plastic_maze.reference import first_steps, own_vector_env
from plastic_maze.routes import search_route
from plastic_maze.rules import MazeRules

Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

LARGEST_SIZE = 15
"""Squares along one side of the interior; it takes some ten seconds to look through all beliefs there."""
_FAR = 10**6


@dataclass
class PlannerMemory:
    """What the player has in mind, for N environments; C cells, K pairs.

    Attributes:
        action: What it did last, int [N].
        on_route: Steps walked on the first route, or -1 after the first hit, int [N].
        where: Where it may be, bool [N, C].
        maybe: Where the goal of each pair may be, bool [N, K, C].
        cues: The cues met so far, NaN for the others, float32 [N, K, cue_size].
        pair: The present one's place in `cues`, int [N].
        homing: Belief on the way to the goal, or "none", int [N].
        locating: Belief while finding out where it is, or "none", int [N].
    """

    action: Ints
    on_route: Ints
    where: Bools
    maybe: Bools
    cues: NDArray[np.float32]
    pair: Ints
    homing: Ints
    locating: Ints
    every: Ints = field(init=False)

    def __post_init__(self) -> None:
        self.every = np.arange(len(self.action))


@dataclass(frozen=True, eq=False)
class Belief:
    """Where a planner thinks the agent and the goal that pays may be, as chances that add up to 1.

    Walls have chance 0, and all squares that the planner holds possible are equally likely. In the ordinary
    maze these are the true chances of a player that has seen what the planner has seen. With several pairs or
    a goal that moves they are the planner's rule of thumb: it keeps one set of squares for the agent and one
    for the goal, not what one says about the other, and takes a goal to have moved only when it must have.

    Attributes:
        agent: float64 [side, side], with the border.
        goal: The same of the goal that pays now.
    """

    agent: NDArray[np.float64]
    goal: NDArray[np.float64]


class PlannerPlayer:
    """Plans with what an agent sees, by the `predict` protocol of Stable-Baselines3.

    Very nearly the best player there can be in the ordinary maze, a good one with several pairs or a goal
    that moves: the top of this file says how good.

    Its memory is the `state` that `predict` returns; hand it back at the next call. An episode's start is
    known by the observation.

    Args:
        env: The `PlasticMazeVectorEnv` it plays in (of which it uses the rules alone), or a wrapper of one.

    Raises:
        ValueError: If `env` is something else, or has random walls (it would have to map them first), or is
            larger than :data:`LARGEST_SIZE`.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        rules = own_vector_env(env).rules
        if rules.random_walls:
            raise ValueError("PlannerPlayer needs walls that it knows, got layout='random'")
        self._rules: MazeRules = rules
        layout = rules.layout
        if layout.size > LARGEST_SIZE:
            raise ValueError(f"PlannerPlayer plans mazes of size {LARGEST_SIZE} at most, got {layout.size}")
        self._views = Views(layout)
        self._looks = self._views.of_cell == np.arange(self._views.count)[:, None]  # [V, C]
        self._free = rules.always_free
        self._route = search_route(layout)
        self._first_step = first_steps(layout)
        self._distance = np.where(layout.distances < 0, _FAR, layout.distances)

        home = belief_graph(layout, self._views, layout.free.tolist())
        self._home_action, _ = fewest_steps(home)
        self._home_first, self._home_next = home.first, home.by_view(self._home_action)
        self._not_homing = len(home.size)
        locate = belief_graph(layout, self._views, [None])
        self._locate_action, _ = fewest_steps(locate, until_known=True)
        self._locate_first, self._locate_next = locate.first[0], locate.by_view(self._locate_action)
        self._not_locating = len(locate.size)

    def predict(
        self,
        observation: NDArray[Any],
        state: PlannerMemory | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = False,
    ) -> tuple[Ints, PlannerMemory]:
        """Choose by the observations so far.

        Args:
            observation: [N, F].
            state: From the last call, or None at the start of all N episodes.
            episode_start: Not used.
            deterministic: Not used; it always is.

        Returns:
            Actions, int [N], and what to remember.
        """
        memory = self._blank(len(observation)) if state is None else state
        view = self._views.seen(observation[:, WALLS])
        hit = observation[:, PREVIOUS_REWARD.start] == np.float32(self._rules.goal_reward)
        begun = np.logical_not(observation[:, PREVIOUS_ACTION].any(axis=1))
        self._learn(memory, view, hit)
        self._forget(memory, begun)
        self._recognise(memory, observation[:, CUE], begun | hit)
        self._land(memory, view, hit & ~begun)
        return self._act(memory), memory

    def belief(self, memory: PlannerMemory, row: int = 0) -> Belief:
        """What the planner knew when it chose its last action.

        Args:
            memory: As the last `predict` returned it; the next call of `predict` changes it.
            row: Of which environment.

        Returns:
            Chances of every square, in arrays of their own.
        """
        return Belief(
            agent=self._chances(memory.where[row]),
            goal=self._chances(memory.maybe[row, memory.pair[row]]),
        )

    def _chances(self, possible: Bools) -> NDArray[np.float64]:
        side = self._rules.layout.side
        return (possible / max(possible.sum(), 1)).reshape(side, side)

    def _blank(self, n: int) -> PlannerMemory:
        pairs, cells = self._rules.n_cues, self._rules.layout.num_cells
        return PlannerMemory(
            action=np.zeros(n, dtype=np.intp),
            on_route=np.zeros(n, dtype=np.intp),
            where=np.zeros((n, cells), dtype=np.bool_),
            maybe=np.zeros((n, pairs, cells), dtype=np.bool_),
            cues=np.zeros((n, pairs, self._rules.cue_size), dtype=np.float32),
            pair=np.zeros(n, dtype=np.intp),
            homing=np.full(n, self._not_homing),
            locating=np.full(n, self._not_locating),
        )

    def _forget(self, memory: PlannerMemory, begun: Bools) -> None:
        """Start anew in the centre."""
        if begun.any():
            centre = self._rules.layout.centre
            memory.on_route[begun] = 0
            memory.where[begun] = np.arange(self._rules.layout.num_cells) == centre
            memory.maybe[begun] = self._free
            memory.maybe[begun, :, centre] = False
            memory.cues[begun] = np.nan
            memory.homing[begun] = self._not_homing
            memory.locating[begun] = self._not_locating

    def _learn(self, memory: PlannerMemory, view: Ints, hit: Bools) -> None:
        """What follows from the last action and what came of it."""
        every, pair = memory.every, memory.pair
        cells = np.arange(self._rules.layout.num_cells)
        came_from = (cells - self._rules.ahead[memory.action][:, None]).clip(0, len(cells) - 1)
        arrived = np.take_along_axis(memory.where, came_from, axis=1) & self._free
        maybe = memory.maybe[every, pair]

        # A hit: the goal is where it was thought to be, or else, having moved, where the agent arrived.
        at_goal = arrived & maybe
        surprised = ~at_goal.any(axis=1)
        at_goal[surprised] = arrived[surprised]

        # None: had it arrived on the goal, it would know. If it must have, the goal has moved.
        looks = self._looks[view]
        here = arrived & looks
        known = maybe.sum(axis=1) == 1
        elsewhere = here & ~(maybe & known[:, None])
        moved = ~elsewhere.any(axis=1)
        lost = ~here.any(axis=1)
        here[lost] = looks[lost]
        where = np.where(moved[:, None], here, elsewhere)
        missed = np.where((moved | lost)[:, None], self._free, maybe)
        one = where.sum(axis=1) == 1
        missed &= ~(where & one[:, None])
        missed[~missed.any(axis=1)] = self._free  # Nowhere any more: it has moved.
        missed &= ~(where & one[:, None])

        memory.maybe[every, pair] = np.where(hit[:, None], at_goal, missed)
        memory.where = where
        again = ~hit & moved & (memory.on_route < 0)
        memory.homing = self._home_next[memory.homing, view]
        memory.homing[again] = self._not_homing
        memory.locating = self._locate_next[memory.locating, view]
        memory.locating[again] = self._locate_first[view[again]]
        memory.on_route += memory.on_route >= 0
        memory.on_route[memory.on_route == len(self._route)] = -1

    def _recognise(self, memory: PlannerMemory, cue: NDArray[np.float32], drawn: Bools) -> None:
        """Find the cue among those met before, or note it down, where a pair was `drawn`."""
        if self._rules.n_cues == 1 or not drawn.any():
            return
        rows = drawn.nonzero()[0]
        same = (memory.cues[rows] == cue[rows, None]).all(axis=2)
        new = np.isnan(memory.cues[rows, :, 0])
        pair = np.where(same.any(axis=1), same.argmax(axis=1), new.argmax(axis=1))
        memory.cues[rows, pair] = cue[rows]
        memory.pair[rows] = pair
        # Goals of different pairs lie on different squares.
        maybe = memory.maybe[rows]
        known = maybe & (maybe.sum(axis=2) == 1)[:, :, None]
        taken = known.any(axis=1)[:, None] & ~known
        memory.maybe[rows] = maybe & ~taken

    def _land(self, memory: PlannerMemory, view: Ints, hit: Bools) -> None:
        """After a hit it may be wherever things look as they do."""
        rows = hit.nonzero()[0]
        if rows.size == 0:
            return
        memory.on_route[rows] = -1
        maybe = memory.maybe[rows, memory.pair[rows]]
        known = maybe.sum(axis=1) == 1
        goal = self._rules.layout.free_rank[maybe.argmax(axis=1)]
        memory.where[rows] = self._looks[view[rows]]
        memory.where[rows] &= ~(maybe & known[:, None])
        memory.homing[rows] = np.where(known, self._home_first[goal, view[rows]], self._not_homing)
        memory.locating[rows] = np.where(known, self._not_locating, self._locate_first[view[rows]])

    def _act(self, memory: PlannerMemory) -> Ints:
        cell = memory.where.argmax(axis=1)
        maybe = memory.maybe[memory.every, memory.pair]
        nearest = np.where(maybe, self._distance[cell], _FAR).argmin(axis=1)
        action = self._first_step[cell, nearest]
        unsure = memory.where.sum(axis=1) > 1
        locating = unsure & (memory.locating < self._not_locating)
        action[locating] = self._locate_action[memory.locating[locating]]
        homing = memory.homing < self._not_homing
        action[homing] = self._home_action[memory.homing[homing]]
        on_route = memory.on_route >= 0
        action[on_route] = self._route[memory.on_route[on_route]]
        memory.action = action
        return action

"""How far one gets without memory: the best score found for agents that remember nothing.

Such an agent chooses its action from what is the case now: its cell (more than the nine squares it sees), its
previous action, its previous reward and the time. Whoever scores more than the best of these must have
remembered something from earlier in the episode.

**Exact evaluation.** For a fixed policy and goal the maze is a Markov chain over situations x = (cell,
previous action, previous reward). Forward in time goes the occupancy p_g(t, x), backward the value to come
V_g(t, x); the score is the mean over goals g of V_g(0, start). Nothing is sampled.

**Deterministic policies suffice.** The agent is in one situation at a time, so the score is linear in the
action probabilities of each (t, x), all others held fixed: sum_g p_g(t, x) sum_a pi(a | t, x) Q_g(t, x, a). A
linear function is largest at a corner, so for any policy there is a deterministic one that is no worse.

**Coordinate ascent.** Going backward over t, each (t, x) takes the action with the largest sum_g p_g(t, x)
Q_g(t, x, a). The occupancy at t depends on earlier choices only and the values on later ones only, so each
choice is made with exact numbers, and no choice lowers the score. Sweeps are repeated until nothing is
gained.

**What this is not.** The goal is hidden, so good choices at different (t, x) depend on each other, and a
sweep ends in a local optimum. Starting from several random policies, and going on from the best policy after
changing a few of its choices at random ("kicks"), leaves the poor ones behind, but the result is the best
*found*, not a proven maximum.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from plastic_maze.dynamics import NO_ACTION
from plastic_maze.layouts import NUM_ACTIONS
from plastic_maze.reference import own_vector_env
from plastic_maze.rules import MazeRules
from plastic_maze.validation import whole_number

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_SMALLEST_GAIN = 1e-9
_TIE = 1e-12
_KICK = 0.03  # Part of the choices that a kick changes; far more of them would be a new start.


@dataclass(frozen=True, eq=False)
class MemorylessResult:
    """What the search found.

    Attributes:
        score: Expected return per episode of the policy, exact.
        policy: Actions, int [max_steps, num_cells, 5, R], indexed by time, cell, previous action + 1, and the
            place of the previous reward in `rewards`.
        rewards: The R different rewards there are, ascending, float64 [R].
        scores: Where each start ended, float64 [restarts].
    """

    score: float
    policy: Ints
    rewards: Floats
    scores: Floats


def best_memoryless(rules: MazeRules, restarts: int = 4, kicks: int = 50, seed: int = 0) -> MemorylessResult:
    """Search for the best policy without memory.

    Time grows with restarts * (kicks + 1) * max_steps * cells**2 * goals: about 20 seconds for
    `PlasticMazeSmall-v0` with the defaults, far longer for larger mazes.

    Args:
        rules: The maze.
        restarts: Random policies to start from.
        kicks: How often the best policy of a start is changed a little at random and improved again.
        seed: Of the random choices.

    Returns:
        The best score and its policy.

    Raises:
        ValueError: If `restarts` is not a positive integer, or `kicks` or `seed` not a non-negative one; or
            if the maze has several cues, random walls or a goal that moves, of which this analysis knows
            nothing.
    """
    _check_ordinary(rules)
    whole_number("restarts", restarts, minimum=1)
    whole_number("kicks", kicks, minimum=0)
    random = np.random.default_rng(whole_number("seed", seed, minimum=0))
    chain = _Chain(rules)
    found = [_search(chain, random, kicks) for _ in range(restarts)]
    scores = np.array([score for score, _ in found])
    policy = found[scores.argmax()][1]
    actions = np.zeros((rules.max_steps, rules.layout.num_cells, *chain.told), dtype=np.intp)
    actions[:, rules.layout.free] = policy.argmax(axis=-1).reshape(rules.max_steps, -1, *chain.told)
    return MemorylessResult(float(scores.max()), actions, chain.rewards, scores)


def _search(chain: "_Chain", random: np.random.Generator, kicks: int) -> tuple[float, Floats]:
    """One start: the best score and its action probabilities [T, F, K, 4]."""
    shape = (chain.rules.max_steps, *chain.situations)
    best = random.dirichlet(np.ones(NUM_ACTIONS), size=shape)
    best_score = chain.ascend(best)
    for _ in range(kicks):
        policy = best.copy()
        changed = random.random(shape) < _KICK
        policy[changed] = random.dirichlet(np.ones(NUM_ACTIONS), size=changed.sum())
        score = chain.ascend(policy)
        if score > best_score:
            best_score, best = score, policy
    return best_score, best


class MemorylessPlayer:
    """Plays a policy found by `best_memoryless`, by the `predict` protocol of Stable-Baselines3.

    Args:
        env: The `PlasticMazeVectorEnv` it plays in (whose cells it is told), or a wrapper of one.
        found: The policy, for the same maze.

    Raises:
        ValueError: If `env` is something else, or the policy is for another maze, or `best_memoryless` cannot
            be asked for this one.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], found: MemorylessResult) -> None:
        self._env = own_vector_env(env)
        self._found = found
        rules = self._env.rules
        _check_ordinary(rules)
        expected = (rules.max_steps, rules.layout.num_cells)
        if found.policy.shape[:2] != expected or not np.array_equal(found.rewards, rules.rewards):
            raise ValueError(
                f"the policy must be for this maze, with max_steps and cells {expected} and rewards "
                f"{rules.rewards.tolist()}, got {found.policy.shape[:2]} and {found.rewards.tolist()}"
            )

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[Ints, Any]:
        """Choose by the state of the environment.

        Args:
            observation: Not used.
            state: Handed back.
            episode_start: Not used.
            deterministic: Not used; it always is.

        Returns:
            Actions, int [N], and `state`.
        """
        maze = self._env.get_state()
        reward = np.searchsorted(self._found.rewards, maze["previous_reward"])
        now = (maze["elapsed"], maze["agent"], maze["previous_action"] - NO_ACTION, reward)
        return self._found.policy[now], state


def _check_ordinary(rules: MazeRules) -> None:
    """Raise ValueError if episodes hold more than one goal in walls that are always the same."""
    others = {"n_cues > 1": rules.n_cues > 1, "layout='random'": rules.random_walls}
    others["goal_switch=True"] = rules.goal_switch
    if any(others.values()):
        given = " and ".join(name for name, there in others.items() if there)
        raise ValueError(f"without memory, only the ordinary maze can be analysed, not one with {given}")


class _Chain:
    """The maze as tables over situations, for all goals at once.

    F free cells, G = F - 1 goals, K things an agent may have been told last (previous action, previous
    reward). Arrays over situations are [F, G, K] or [F, K]: with the cell in front, each step of the analysis
    is a batch of small matrix products.
    """

    def __init__(self, rules: MazeRules) -> None:
        layout = rules.layout
        self.rules = rules
        self.rewards = rules.rewards
        self.told = (NUM_ACTIONS + 1, len(self.rewards))
        self.cells = len(layout.free)
        self.situations = (self.cells, self.told[0] * self.told[1])
        self.start = layout.free_rank[layout.centre]
        self.goals = np.delete(np.arange(self.cells), self.start)

        self.next_cell = layout.free_rank[layout.next_cell[layout.free]]  # [F, 4]
        self.reward = rules.move_reward.reshape(-1, NUM_ACTIONS)[layout.free]  # [F, 4]
        self.enters_goal = self.next_cell[:, None] == self.goals[:, None]  # [F, G, 4]
        actions = np.arange(NUM_ACTIONS)
        self.told_by_move = self._told(actions, self.reward)  # [F, 4]
        self.told_by_hit = self._told(actions, np.full(NUM_ACTIONS, rules.goal_reward))  # [4]
        # Where a teleport may end, given the goal: the same chance for all cells but that one.
        self.landing = np.full((self.cells, len(self.goals)), 1 / (self.cells - 1))
        self.landing[self.goals, np.arange(len(self.goals))] = 0.0

    def _told(self, action: Ints, reward: Floats) -> Ints:
        return (action - NO_ACTION) * self.told[1] + np.searchsorted(self.rewards, reward)

    @cached_property
    def moves(self) -> Floats:
        """1 where a move (cell, action) leads to a situation (cell, told), [F * 4, F * K]."""
        leads = np.zeros((self.cells * NUM_ACTIONS, self.cells * self.situations[1]))
        leads[np.arange(len(leads)), (self.next_cell * self.situations[1] + self.told_by_move).ravel()] = 1.0
        return leads

    def ascend(self, policy: Floats) -> float:
        """Improve action probabilities [T, F, K, 4] in place, until a sweep gains nothing.

        All of them are then 0 or 1.

        Returns:
            The score reached.
        """
        previous, score = -np.inf, self._sweep(policy)
        while score - previous > _SMALLEST_GAIN:
            previous, score = score, self._sweep(policy)
        return score

    def _sweep(self, policy: Floats) -> float:
        value = np.zeros((self.cells, len(self.goals), self.situations[1]))
        for choice, occupancy in zip(policy[::-1], self._occupancies(policy)[::-1], strict=True):
            quality = self._quality(value)
            gain = occupancy.transpose(0, 2, 1) @ quality  # [F, K, 4], summed over goals
            best = (gain + _TIE * choice).argmax(axis=-1)  # what makes no difference stays as it is
            choice[:] = np.eye(NUM_ACTIONS)[best]
            value = quality @ choice.transpose(0, 2, 1)
        return float(value[self.start, :, self._told(np.array(NO_ACTION), np.array(0.0))].mean())

    def _occupancies(self, policy: Floats) -> Floats:
        """Chance of each situation at each time, given each goal, [T, F, G, K]."""
        occupancies = np.zeros((len(policy), self.cells, len(self.goals), self.situations[1]))
        occupancies[0, self.start, :, self._told(np.array(NO_ACTION), np.array(0.0))] = 1.0
        for t, choice in enumerate(policy[:-1]):
            flow = occupancies[t] @ choice  # [F, G, 4]
            hits = np.where(self.enters_goal, flow, 0.0).sum(axis=0)  # [G, 4]
            moves = np.where(self.enters_goal, 0.0, flow).transpose(1, 0, 2).reshape(len(self.goals), -1)
            arrived = (moves @ self.moves).reshape(len(self.goals), *self.situations)
            occupancies[t + 1] = arrived.transpose(1, 0, 2)
            occupancies[t + 1][:, :, self.told_by_hit] += self.landing[:, :, None] * hits
        return occupancies

    def _quality(self, value: Floats) -> Floats:
        """Reward and value to come of each action in each cell, given each goal, [F, G, 4]."""
        # Goal and action keep their places; the cell and what one is told follow from the move.
        moved = value.transpose(0, 2, 1)[self.next_cell, self.told_by_move].transpose(0, 2, 1)
        landed = np.einsum("fg,fga->ga", self.landing, value[:, :, self.told_by_hit])
        return np.where(self.enters_goal, self.rules.goal_reward + landed, self.reward[:, None] + moved)

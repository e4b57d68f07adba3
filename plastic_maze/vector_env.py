"""N mazes as a `gymnasium.vector.VectorEnv`: the same rules, without a loop over environments."""

from typing import Any, TypeGuard

import numpy as np
from gymnasium import logger, spaces
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from plastic_maze import dynamics
from plastic_maze.dynamics import MazeState
from plastic_maze.env import check_render_mode
from plastic_maze.layouts import NUM_ACTIONS
from plastic_maze.observations import Observer
from plastic_maze.options import check_option_names, goal_cells, moved_goal_cells
from plastic_maze.randomness import SEEDS
from plastic_maze.rendering import picture, text
from plastic_maze.rules import make_rules
from plastic_maze.snapshots import from_snapshot, to_snapshot
from plastic_maze.validation import whole_number


class PlasticMazeVectorEnv(VectorEnv[NDArray[np.float32], NDArray[np.intp], NDArray[Any]]):
    """Many copies of `PlasticMazeEnv`, which describes the task, stepped at once.

    `gymnasium.make_vec` hands all arguments on:
    `gymnasium.make_vec("plastic_maze:PlasticMaze-v0", num_envs=8, autoreset_mode="NextStep")`.

    Row i after `reset(seed=s)` is the single environment after `reset(seed=s + i)`, bit for bit, for as many
    episodes as one cares to play.

    What happens after the end of an episode is up to `autoreset_mode`, as in Gymnasium's own vector
    environments:

    - `SAME_STEP` begins the next episode within the same step. The information of that step then holds, in
      the form Gymnasium gives it, `final_obs` (float32 [num_envs, F]) and `final_info` (a dictionary), each
      with a mask (`_final_obs`, `_final_info`, bool [num_envs]) of the rows that count; the others are zero.
      F is 15 + `cue_size`.
    - `NEXT_STEP` shows the end, and begins the next episode in the step after: its action is ignored there
      and its reward is 0. Gymnasium's vector wrappers of observations need this mode.
    - `DISABLED` leaves it to `reset(options={"reset_mask": mask})`.

    The information is one array per key, with all environments in it: `agent` and `goal` are int [num_envs,
    2], `hits` and, where there are several, `pair` are int [num_envs], each with its mask. All arrays handed
    out belong to the caller.

    Args:
        num_envs: How many.
        size: See `PlasticMazeEnv`, as for those that follow.
        max_steps: Steps in an episode.
        goal_reward: Paid on entering the goal; above 0.
        wall_penalty: Penalty for a move into a wall; 0 or more.
        n_cues: Pairs of a cue and a goal.
        cue_size: Entries of a cue.
        layout: "pillars" or "random".
        goal_switch: Whether the goal moves once in each episode.
        render_mode: None, "rgb_array" or "ansi".
        autoreset_mode: One of `gymnasium.vector.AutoresetMode`, or its value: "SameStep", "NextStep" or
            "Disabled".
        max_episode_steps: Truncates episodes after so many steps, as `gymnasium.make(max_episode_steps=...)`
            does with `TimeLimit`. The agent still sees the time as a share of `max_steps`. None or -1: no
            limit but `max_steps`.

    Raises:
        ValueError: If an argument is not accepted.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - as Gymnasium declares it; each instance has its own
        "render_modes": ["rgb_array", "ansi"],
        "render_fps": 12,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        size: int = 9,
        max_steps: int = 250,
        goal_reward: float = 10.0,
        wall_penalty: float = 0.1,
        n_cues: int = 1,
        cue_size: int = 0,
        layout: str = "pillars",
        goal_switch: bool = False,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        max_episode_steps: int | None = None,
    ) -> None:
        check_render_mode(render_mode, self.metadata)
        self.num_envs = whole_number("num_envs", num_envs, minimum=1)
        self.rules = make_rules(
            size, max_steps, goal_reward, wall_penalty, n_cues, cue_size, layout, goal_switch
        )
        self.render_mode = render_mode
        self.autoreset_mode = _autoreset_mode(autoreset_mode)
        self.metadata = self.metadata | {"autoreset_mode": self.autoreset_mode}
        self.max_episode_steps = _step_limit(max_episode_steps)
        self._observer = Observer(self.rules)
        self.single_observation_space = self._observer.space
        self.single_action_space = spaces.Discrete(NUM_ACTIONS)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._everywhere = np.ones(self.num_envs, dtype=np.bool_)
        self._nowhere = np.zeros(self.num_envs, dtype=np.bool_)
        self._state: MazeState | None = None

    @property
    def max_steps(self) -> int:
        """Steps in an episode."""
        return self.rules.max_steps

    @property
    def _last_step(self) -> int:
        """The step with which episodes end."""
        return min(self.max_steps, self.max_episode_steps or self.max_steps)

    def reset(
        self,
        *,
        seed: int | list[int] | NDArray[np.integer] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode in every environment, or in some.

        Args:
            seed: One number s, for seeds s, s + 1, ... (modulo 2**64); or a number for each environment; or
                None, to go on to the next episodes. Without any seed so far, one is drawn from `np_random`.
            options: `goal` is a (row, col) for all environments, or an integer array [num_envs, 2];
                `reset_mask` is a bool array [num_envs] of the environments to reset, while the others stay as
                they are.

        Returns:
            Observations of all environments, float32 [num_envs, F], and information of those that were reset:
            that of the others is zero, and not in the masks.

        Raises:
            ValueError: If the seeds or an option are not accepted.
            ResetNeeded: If `reset_mask` is given before the first full reset.
        """
        given = check_option_names(options, accepted=("goal", "reset_mask"))
        rows = self._rows_to_reset(given.get("reset_mask"))
        goal = goal_cells(self.rules, given["goal"], self.num_envs)[rows] if "goal" in given else None
        words = None if seed is None else self._seed_words(seed)
        super().reset(seed=int(seed) if _is_seed(seed) else None)
        if words is None and self._state is None:
            words = self._seed_words(int(self.np_random.integers(SEEDS, dtype=np.uint64)))
        if words is not None:
            words, episodes = words[rows], np.zeros(len(rows), dtype=np.uint64)
        else:
            assert self._state is not None
            words, episodes = self._state.seed[rows], self._state.episode[rows] + np.uint64(1)
        begun = dynamics.begin_episodes(self.rules, words, episodes, goal)
        if len(rows) == self.num_envs:
            self._state = begun
            return self._observer.observe(self._state), self._info(self._state)
        assert self._state is not None
        self._state.assign(rows, begun)
        return self._observer.observe(self._state), self._info_of(rows, self._state)

    def step(
        self, actions: NDArray[np.intp]
    ) -> tuple[
        NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]
    ]:
        """Take one step in every environment.

        Args:
            actions: 0 up, 1 down, 2 left, 3 right; integers [num_envs].

        Returns:
            Observations, float32 [num_envs, F]; rewards, float64 [num_envs]; whether the episodes ended, and
            whether `max_episode_steps` cut them off, bool [num_envs] each; information.

        Raises:
            InvalidAction: If the actions are not `num_envs` integers from 0 to 3.
            ResetNeeded: Before the first reset, or, where nothing resets by itself, after an episode's end.
        """
        state = self._begun("step")
        actions = self._checked(actions)
        same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        over = None if same_step else self._over(state)
        rewards, terminated = dynamics.step(self.rules, state, actions)
        if self.max_episode_steps is None:
            truncated, ended = self._nowhere.copy(), terminated
        else:
            truncated = state.elapsed >= self.max_episode_steps
            ended = terminated | truncated
        if over is not None:
            self._begin_next(state, over)
            rewards[over], terminated[over], truncated[over] = 0.0, False, False
        observations = self._observer.observe(state)
        final: dict[str, Any] = {}
        if same_step:
            rows = ended.nonzero()[0]
            if rows.size:
                final = self._final(rows, observations, state)
                observations[rows] = self._observer.observe(self._begin_next(state, rows))
        info = self._info(state)
        return observations, rewards, terminated, truncated, info | final if final else info

    def render(self) -> tuple[Any, ...] | None:
        """Show every maze.

        Returns:
            `num_envs` pictures, uint8 [height, width, 3], or texts; None without a `render_mode`.

        Raises:
            ResetNeeded: Before the first reset.
            DependencyNotInstalled: If pygame is missing.
        """
        if self.render_mode is None:
            logger.warn(
                'render() needs a render_mode, for instance gym.make_vec(..., render_mode="rgb_array")'
            )
            return None
        state = self._begun("render")
        show = text if self.render_mode == "ansi" else picture
        return tuple(show(self.rules, state, row) for row in range(self.num_envs))

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Copy everything needed to go on exactly from here; `plastic_maze.snapshots` lists it.

        Raises:
            ResetNeeded: Before the first reset.
        """
        return to_snapshot(self._begun("get_state"))

    def set_state(self, snapshot: dict[str, NDArray[Any]]) -> None:
        """Go on from where `get_state` was called, in an environment made with the same arguments.

        Raises:
            ValueError: If the snapshot cannot have come from such an environment; nothing has changed then.
        """
        resets_at_once = self.autoreset_mode is AutoresetMode.SAME_STEP
        most_elapsed = self._last_step - 1 if resets_at_once else self._last_step
        self._state = from_snapshot(self.rules, snapshot, self.num_envs, most_elapsed)

    def observe(self) -> NDArray[np.float32]:
        """The present observations, float32 [num_envs, F]: what to go on with after `set_state`.

        Raises:
            ResetNeeded: Before the first reset.
        """
        return self._observer.observe(self._begun("observe"))

    def move_goal(self, goal: Any = None) -> None:
        """Move the goal that pays in every environment, between two steps: what does an agent do then?

        Where a goal moves at random follows from the seed, the time and what it must avoid: two players may
        find it on different squares.

        Args:
            goal: (row, col) for all environments, or an integer array [num_envs, 2], of free squares that are
                neither under the agent nor another pair's goal; None draws from all free squares that are
                neither a goal nor under the agent.

        Raises:
            ValueError: If a goal is not such a square; nothing has changed then.
            ResetNeeded: Before the first reset.
        """
        state = self._begun("move_goal")
        cells = None if goal is None else moved_goal_cells(self.rules, state, goal)
        dynamics.move_goals(self.rules, state, np.arange(self.num_envs), cells)

    def walls(self) -> NDArray[np.bool_]:
        """The present walls, True is wall, bool [num_envs, side, side].

        Raises:
            ResetNeeded: Before the first reset.
        """
        state = self._begun("walls")
        side = self.rules.layout.side
        return ~dynamics.free_cells(self.rules, state.walls).reshape(self.num_envs, side, side)

    def _begun(self, method: str) -> MazeState:
        if self._state is None:
            raise ResetNeeded(f"Cannot call env.{method}(): no episode has begun, call env.reset() first")
        return self._state

    def _over(self, state: MazeState) -> NDArray[np.intp] | None:
        """The environments whose episodes ended with the step before, int [M]; None if there are none.

        Raises:
            ResetNeeded: If there are some, and nobody but the caller resets them.
        """
        rows = (state.elapsed >= self._last_step).nonzero()[0]
        if rows.size == 0:
            return None
        if self.autoreset_mode is AutoresetMode.DISABLED:
            raise ResetNeeded(
                f"Cannot call env.step(): the episodes of environments {rows.tolist()} have ended, call "
                'env.reset(options={"reset_mask": ...}) with these first'
            )
        return rows

    def _begin_next(self, state: MazeState, rows: NDArray[np.intp]) -> MazeState:
        """Begin the next episode of the environments in `rows`, and return these as they are now."""
        begun = dynamics.begin_episodes(self.rules, state.seed[rows], state.episode[rows] + np.uint64(1))
        state.assign(rows, begun)
        return begun

    def _checked(self, actions: Any) -> NDArray[np.intp]:
        try:
            given = np.asarray(actions)
        except ValueError as error:  # rows of different lengths
            raise InvalidAction(f"actions must be {self.num_envs} integers, got {actions!r}") from error
        if given.shape != (self.num_envs,) or given.dtype.kind not in "iu":
            raise InvalidAction(
                f"actions must be {self.num_envs} integers, got {given.dtype} with shape {given.shape}"
            )
        # Numbers from 0 to 3 use no bit but the lowest two, so neither does their union; that is one pass,
        # not two.
        if not 0 <= np.bitwise_or.reduce(given) < NUM_ACTIONS:
            wrong = given[(given < 0) | (given >= NUM_ACTIONS)][0]
            raise InvalidAction(f"actions must lie from 0 to {NUM_ACTIONS - 1}, got {wrong}")
        return given.astype(np.intp, copy=False)

    def _rows_to_reset(self, mask: Any) -> NDArray[np.intp]:
        if mask is None:
            return np.arange(self.num_envs)
        if (
            not isinstance(mask, np.ndarray)
            or mask.dtype != np.bool_
            or mask.shape != (self.num_envs,)
            or not mask.any()
        ):
            raise ValueError(
                f"reset_mask must be a bool array of shape ({self.num_envs},) with at least one True, "
                f"got {mask!r}"
            )
        self._begun("reset with a reset_mask")
        return mask.nonzero()[0]

    def _seed_words(self, seed: Any) -> NDArray[np.uint64]:
        """One seed for each environment, uint64 [num_envs]."""
        n = self.num_envs
        if _is_seed(seed):
            return np.uint64(int(seed) % SEEDS) + np.arange(n, dtype=np.uint64)
        seeds = seed if isinstance(seed, list | tuple) else np.asarray(seed).tolist()
        if not isinstance(seeds, list | tuple) or len(seeds) != n or not all(map(_is_seed, seeds)):
            raise ValueError(f"seed must be None, a non-negative integer or {n} of them, got {seed!r}")
        # One at a time: NumPy makes floats of a list with numbers on both sides of 2**63.
        return np.array([int(one) % SEEDS for one in seeds], dtype=np.uint64)

    def _info(self, state: MazeState) -> dict[str, Any]:
        coordinates = self.rules.layout.coordinates
        pair = {"pair": state.pair.copy()} if self.rules.n_cues > 1 else {}
        return self._masked(
            self._everywhere,
            agent=coordinates.take(state.agent, axis=0),
            goal=coordinates.take(state.goal, axis=0),
            hits=state.hits.copy(),
            **pair,
        )

    def _info_of(self, rows: NDArray[np.intp], state: MazeState) -> dict[str, Any]:
        """The information of the environments in `rows` alone."""
        info = {key: value for key, value in self._info(state).items() if not key.startswith("_")}
        return self._masked(self._mask(rows), **{key: _only(rows, value) for key, value in info.items()})

    def _final(
        self, rows: NDArray[np.intp], observations: NDArray[np.float32], state: MazeState
    ) -> dict[str, Any]:
        """What the environments in `rows` looked like at their end."""
        return self._masked(
            self._mask(rows), final_obs=_only(rows, observations), final_info=self._info_of(rows, state)
        )

    def _mask(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        mask = self._nowhere.copy()
        mask[rows] = True
        return mask

    @staticmethod
    def _masked(mask: NDArray[np.bool_], **values: Any) -> dict[str, Any]:
        """Put a mask of its own beside each value, as `gymnasium.vector.VectorEnv` does."""
        return values | {f"_{key}": mask.copy() for key in values}


def _is_seed(seed: Any) -> TypeGuard[int | np.integer]:
    return isinstance(seed, int | np.integer) and not isinstance(seed, bool) and bool(seed >= 0)


def _only(rows: NDArray[np.intp], array: NDArray[Any]) -> NDArray[Any]:
    """A copy with zeros in all other rows."""
    kept = np.zeros_like(array)
    kept[rows] = array[rows]
    return kept


def _autoreset_mode(given: Any) -> AutoresetMode:
    try:
        return AutoresetMode(given)
    except ValueError as error:
        modes = [mode.value for mode in AutoresetMode]
        raise ValueError(
            f"autoreset_mode must be an AutoresetMode or one of {modes}, got {given!r}"
        ) from error


def _step_limit(max_episode_steps: Any) -> int | None:
    """Read as `gymnasium.make` does, where -1 stands for no limit too."""
    if max_episode_steps is None or max_episode_steps == -1:
        return None
    return whole_number("max_episode_steps", max_episode_steps, minimum=1)

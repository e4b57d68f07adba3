"""One maze as a `gymnasium.Env`: the rules with N = 1."""

from copy import copy
from operator import index
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import logger, spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import InvalidAction, ResetNeeded
from numpy.typing import NDArray

from plastic_maze import dynamics
from plastic_maze.dynamics import MazeState
from plastic_maze.layouts import NUM_ACTIONS
from plastic_maze.observations import Observer
from plastic_maze.options import check_option_names, goal_cells
from plastic_maze.randomness import SEEDS
from plastic_maze.rendering import picture, text
from plastic_maze.rules import make_rules
from plastic_maze.window import Window

_FIRST_EPISODE = np.zeros(1, dtype=np.uint64)


class PlasticMazeEnv(gym.Env[NDArray[np.float32], int]):
    """A maze whose reward has to be found in every episode, and can then be reached again and again.

    ## Description
    The agent walks a square room with a pillar on every other square, and sees only the nine squares around
    it. Somewhere there is an invisible goal, on a different square in each episode. Entering it gives a
    reward and moves the agent to a random square, from which it can walk to the goal again. The longer it
    remembers where the goal is, the more often it gets there. The walls are always the same, so what has to
    be learnt *within* an episode is the place of the goal, and what has to be learnt *across* episodes is how
    to search, remember and return.

    The task is that of Miconi, Clune & Stanley (2018), section "Maze exploration task".

    The maze has `size` x `size` squares within a border of wall. Squares are named `(row, col)`, counted from
    0 with the border included, so that (1, 1) is the first free square. A square is a pillar where row and
    column are both even, save for the centre, which is always free. With `size=9` there are 65 free squares:

    ```
    ###########
    #.........#
    #.#.#.#.#.#
    #.........#
    #.#.#.#.#.#
    #....A....#
    #.#.#.#.#.#
    #.........#
    #.#.#.#.#G#
    #.........#
    ###########
    ```

    Three variants, which can be combined, are harder:

    - **Paired associates** (`n_cues`, `cue_size`): as in rodents that learn pairs of flavour and place. An
      episode has `n_cues` goals on different squares, each with a cue of its own: `cue_size` random entries
      +1 or -1, no two cues alike. At the start and after each hit one pair is drawn, all equally likely. Its
      cue is shown until the next hit, and only its goal pays. The ordinary task is one cue of size 0.
    - **Random walls** (`layout="random"`): every episode has walls of its own. Pillars stay, and so do the
      squares whose row and column are both odd; those in between are closed at random such that all free
      squares stay connected: a random spanning tree of them stays open, and a quarter of the others. Where
      the centre is a pillar that was left out, the four squares beside it stay free.
      `plastic_maze.random_layouts` has the details.
    - **Reversal** (`goal_switch=True`): once in each episode the goal that pays moves, at the end of a step,
      to a free square that is neither a goal nor under the agent, all equally likely. The number of that
      step is drawn uniformly from the whole numbers from `max_steps / 3` to `2 * max_steps / 3`. The agent is
      not told.

    ## Action Space
    `Discrete(4)`:

    - 0: up
    - 1: down
    - 2: left
    - 3: right

    A move into a wall leaves the agent where it is.

    ## Observation Space
    `Box` of 15 + `cue_size` numbers, float32. `plastic_maze.observations` names the slices.

    | Index | Name | Meaning | Values |
    |-------|------|---------|--------|
    | 0-8   | `WALLS` | the 3x3 squares around the agent, row by row | 1 wall, 0 free |
    | 9-12  | `PREVIOUS_ACTION` | previous action, one-hot; all zero before the first step | 0 or 1 |
    | 13    | `PREVIOUS_REWARD` | reward of the previous step; 0 before the first | see Rewards |
    | 14    | `ELAPSED` | steps taken / `max_steps` | 0 to 1 |
    | 15-   | `CUE` | cue of the pair that pays, `cue_size` numbers | +1 or -1 |

    The goal is never part of it.

    ## Starting State
    The agent stands in the centre. The goals lie on other free squares, all equally likely, unless
    `reset(options={"goal": (row, col)})` puts the goal somewhere: refused where there are several, and with
    random walls it has to be a square that is free in every episode.

    Every random choice is a pure function of the seed, the number of the episode since that seed was set, and
    the number of the choice. So `reset(seed=s)` begins the same episode wherever it is called, `reset()` goes
    on to the next one, and the teleports do not depend on what the agent does in between. (A goal that moves
    avoids the agent: to where it moves, and where the agent lands from then on, depends on where it stands.)
    `plastic_maze.randomness` has the details.

    ## Rewards
    - Entering the goal that pays: `goal_reward`. At once the next pair is drawn, and the agent is teleported
      to a free square other than the goal that pays from now on, all equally likely.
    - Moving into a wall: -`wall_penalty`.
    - Anything else: 0.

    ## Episode End
    - Termination: after `max_steps` steps. The horizon is part of the task (the agent sees the time, and
      nothing is to be gained after the end), so the last step is a termination and must not be bootstrapped.
    - Truncation: never, unless `gymnasium.make(..., max_episode_steps=...)` sets a limit. The ids are
      registered without one, since the maze ends its episodes itself; once made, `env.spec` says how long
      they are, for the wrappers that ask it.

    ## Information
    `reset()` and `step()` return a dictionary with:

    - `agent`: (row, col) of the agent, after the teleport if there was one
    - `goal`: (row, col) of the goal that pays
    - `hits`: times it was entered in this episode
    - `pair`: number of the pair that pays, from 0; only with several

    ## Reference scores
    `python -m plastic_maze` prints the scores of reference players in each registered maze, and
    `plastic_maze.score_bound` gives a mean return that no agent can pass:

    - `RandomPlayer` takes random actions.
    - `PlannerPlayer` sees what an agent sees, remembers all of it and plans. In the ordinary maze it is
      within 2 % of the bound. With several pairs or a goal that moves it searches by rule of thumb, and
      better players exist, so a share of its score is not a share of what is possible.
    - `OraclePlayer` is told where the goal is, and so is a bound as well. With several pairs `score_bound`
      is loose, and in `PlasticMazePairs-v0` even above the oracle's score, which is then the better bound.
    - With random walls the bound is a mean over layouts that are drawn, and has a standard error.

    ## Arguments
    ```python
    import gymnasium as gym
    gym.make("plastic_maze:PlasticMaze-v0", size=9, max_steps=250, goal_reward=10.0, wall_penalty=0.1)
    ```

    * `size=9`: squares along a side, without the border; odd and at least 3.
    * `max_steps=250`: steps in an episode.
    * `goal_reward=10.0`: paid on entering the goal; above 0.
    * `wall_penalty=0.1`: penalty for a move into a wall; 0 or more.
    * `n_cues=1`: pairs of a cue and a goal; at most 2**`cue_size`, so that they can be told apart.
    * `cue_size=0`: entries of a cue, at most 31.
    * `layout="pillars"`: or `"random"`.
    * `goal_switch=False`: whether the goal moves once.
    * `render_mode=None`: `"human"` opens a window, `"rgb_array"` gives pictures and needs no display,
      `"ansi"` gives text.

    These ids are registered:

    | Id | size | max_steps | wall_penalty | More | Source |
    |----|------|-----------|--------------|------|--------|
    | `PlasticMaze-v0` | 9 | 250 | 0.1 | | Miconi, Clune & Stanley (2018) |
    | `PlasticMazeLarge-v0` | 11 | 200 | 0.0 | | Miconi, Rawal, Clune & Stanley (2019) |
    | `PlasticMazeSmall-v0` | 5 | 80 | 0.0 | | learns in seconds, for first steps |
    | `PlasticMazePairs-v0` | 7 | 300 | 0.0 | `n_cues=3, cue_size=8` | paired associates |
    | `PlasticMazeRandom-v0` | 9 | 250 | 0.1 | `layout="random"` | new walls in each episode |
    | `PlasticMazeReversal-v0` | 9 | 250 | 0.1 | `goal_switch=True` | the goal moves |

    Bad arguments and options raise `ValueError`; an action that is not 0 to 3 raises
    `gymnasium.error.InvalidAction`; a step before the first reset or after the end of an episode raises
    `gymnasium.error.ResetNeeded`.

    ## References
    - Miconi, T., Clune, J., & Stanley, K. O. (2018). Differentiable plasticity: training plastic neural
      networks with backpropagation. ICML. https://arxiv.org/abs/1804.02464
    - Miconi, T., Rawal, A., Clune, J., & Stanley, K. O. (2019). Backpropamine: training self-modifying neural
      networks with differentiable neuromodulated plasticity. ICLR. https://arxiv.org/abs/2002.10585

    ## Version History
    * v0: Initial version.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]  # Gymnasium declares no ClassVar
        "render_modes": ["human", "rgb_array", "ansi"],
        "render_fps": 12,
    }
    action_space: spaces.Discrete  # type: ignore[assignment]  # narrower than Gymnasium's
    observation_space: spaces.Box  # type: ignore[assignment]  # narrower than Gymnasium's

    def __init__(
        self,
        size: int = 9,
        max_steps: int = 250,
        goal_reward: float = 10.0,
        wall_penalty: float = 0.1,
        n_cues: int = 1,
        cue_size: int = 0,
        layout: str = "pillars",
        goal_switch: bool = False,
        render_mode: str | None = None,
    ) -> None:
        check_render_mode(render_mode, self.metadata)
        self.rules = make_rules(
            size, max_steps, goal_reward, wall_penalty, n_cues, cue_size, layout, goal_switch
        )
        self.render_mode = render_mode
        self._observer = Observer(self.rules)
        self.observation_space = self._observer.space
        self.action_space = spaces.Discrete(NUM_ACTIONS)
        self._window = Window("Plastic Maze", self.metadata["render_fps"])
        self._spec: EnvSpec | None = None
        self._positions = [tuple(position) for position in self.rules.layout.coordinates.tolist()]
        self._state: MazeState | None = None
        self._finished = False

    @property
    def max_steps(self) -> int:
        """Steps in an episode."""
        return self.rules.max_steps

    @property
    def spec(self) -> EnvSpec | None:
        """How the environment was made, with `max_steps` for the length of an episode."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = copy(spec)
        if self._spec is not None and self._spec.max_episode_steps is None:
            self._spec.max_episode_steps = self.max_steps

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode: the first of `seed`, or the next one of the seed in use.

        Args:
            seed: Non-negative, taken modulo 2**64. Without one, the first reset draws a seed from
                `np_random`.
            options: `{"goal": (row, col)}` puts the goal on that square.

        Returns:
            Observation, float32 [15 + cue_size], and the information described at the class.

        Raises:
            ValueError: If an option is unknown, or the goal is not a free square other than the start.
        """
        given = check_option_names(options, accepted=("goal",))
        goal = goal_cells(self.rules, given["goal"], num_envs=1) if "goal" in given else None
        super().reset(seed=seed)
        if seed is not None:
            word, episode = np.array([seed % SEEDS], dtype=np.uint64), _FIRST_EPISODE
        elif self._state is None:
            word, episode = self.np_random.integers(SEEDS, size=1, dtype=np.uint64), _FIRST_EPISODE
        else:
            word, episode = self._state.seed, self._state.episode + np.uint64(1)
        self._state = dynamics.begin_episodes(self.rules, word, episode, goal)
        self._finished = False
        if self.render_mode == "human":
            self.render()
        return self._observer.observe(self._state)[0], self._info(self._state)

    def step(self, action: int) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Take one step.

        Args:
            action: 0 up, 1 down, 2 left, 3 right.

        Returns:
            Observation, float32 [15 + cue_size]; reward; whether the episode ended; False; information.

        Raises:
            InvalidAction: If `action` is not an integer from 0 to 3.
            ResetNeeded: If there is no episode to step in.
        """
        state = self._state
        if state is None or self._finished:
            what = "the episode has ended" if self._finished else "no episode has begun"
            raise ResetNeeded(f"Cannot call env.step(): {what}, call env.reset() first")
        try:
            valid = 0 <= index(action) < NUM_ACTIONS
        except TypeError:
            valid = False
        if not valid:
            raise InvalidAction(f"action must be an integer from 0 to {NUM_ACTIONS - 1}, got {action!r}")
        reward, ended = dynamics.step(self.rules, state, np.array([action], dtype=np.intp))
        self._finished = ended.item()
        if self.render_mode == "human":
            self.render()
        return self._observer.observe(state)[0], reward.item(), self._finished, False, self._info(state)

    def render(self) -> NDArray[np.uint8] | str | None:
        """Show the maze in the way of `render_mode`.

        Returns:
            uint8 [height, width, 3] for "rgb_array", text for "ansi", nothing for "human".

        Raises:
            ResetNeeded: If no episode has begun.
            DependencyNotInstalled: If pygame is missing.
            RuntimeError: If there is no display to open a window on.
        """
        if self.render_mode is None:
            logger.warn('render() needs a render_mode, for instance gym.make(..., render_mode="rgb_array")')
            return None
        if self._state is None:
            raise ResetNeeded("Cannot call env.render(): no episode has begun, call env.reset() first")
        if self.render_mode == "ansi":
            return text(self.rules, self._state, row=0)
        frame = picture(self.rules, self._state, row=0)
        if self.render_mode == "rgb_array":
            return frame
        self._window.show(frame)
        return None

    def close(self) -> None:
        """Close the window, if there is one."""
        self._window.close()

    def _info(self, state: MazeState) -> dict[str, Any]:
        info = {
            "agent": self._positions[state.agent.item()],
            "goal": self._positions[state.goal.item()],
            "hits": state.hits.item(),
        }
        if self.rules.n_cues > 1:
            info["pair"] = state.pair.item()
        return info


def check_render_mode(render_mode: str | None, metadata: dict[str, Any]) -> None:
    """Check a render mode against those that `metadata` offers.

    Raises:
        ValueError: If it is not among them.
    """
    if render_mode is not None and render_mode not in metadata["render_modes"]:
        raise ValueError(
            f"render_mode must be None or one of {metadata['render_modes']}, got {render_mode!r}"
        )

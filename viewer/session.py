"""One player in one episode after another, without pictures and windows."""

from __future__ import annotations

import numpy as np

from agents.ablations import Ablations
from agents.episode_length import episode_length
from agents.evaluation import INTACT, Task
from agents.vec_env import GymnasiumVecEnv
from plastic_maze.layouts import MazeLayout
from plastic_maze.observations import CUE
from plastic_maze.reference import own_vector_env
from viewer.minds import Mind, make_mind
from viewer.moment import Moment


class Session:
    """A maze, who plays in it, and what has happened in the present episode.

    Args:
        name: Who plays, see :func:`viewer.minds.make_mind`.
        task: Where; one of this project's mazes.
        ablations: What is taken away from the player, and when its goal moves.
        label: What the player is called, see :func:`viewer.minds.make_mind`.

    Raises:
        ValueError: If the task, the player or an ablation is not accepted.
    """

    def __init__(
        self, name: str, task: Task, ablations: Ablations = INTACT, label: str | None = None
    ) -> None:
        if not task.is_maze:
            raise ValueError(f"this can be watched in this project's mazes only, not in {task.env_id}")
        env = task.make(1)
        assert isinstance(env, GymnasiumVecEnv)
        ablations.check(episode_length(env))
        self.mind: Mind = make_mind(name, env, ablations, label)
        self._maze = own_vector_env(env.env)
        self._task, self._move_goal_at = task, ablations.move_goal
        self._moment: Moment
        self.begin(0)

    @property
    def moment(self) -> Moment:
        """What there is to see now."""
        return self._moment

    @property
    def goal_moves(self) -> bool:
        """Whether the goal moves during an episode."""
        return self._maze.rules.goal_switch or self._move_goal_at is not None

    def begin(self, seed: int) -> None:
        """Begin the episode that is drawn from `seed`."""
        options = {} if self._task.goal is None else {"goal": self._task.goal}
        self._observation = self._maze.reset(seed=seed, options=options)[0][0]
        self._steps, self._score = 0, 0.0
        self._action: int | None = None
        self._goal_moved: int | None = None
        self._values: tuple[float, ...] = ()
        self._hit_steps: tuple[int, ...] = ()
        self._legs: tuple[tuple[int, ...], ...] = ()
        self._goals: tuple[int, ...] = ()
        self._leg: tuple[int, ...] = (int(self._maze.get_state()["agent"][0]),)
        self.mind.begin(seed)
        self._await()

    def step(self, greedy: bool = False) -> bool:
        """Let the player act.

        Args:
            greedy: Take the likeliest action rather than a sampled one.

        Returns:
            Whether a step was taken: not where the episode is over, or a person has not pressed a key.
        """
        action = None if self.moment.over else self.mind.choose(greedy)
        if action is None:
            return False
        entered = self._moment.goal  # the paying goal, which may have moved when the step is over
        observations, rewards, ended, _, info = self._maze.step(np.array([action]))
        self._steps += 1
        self._action = action
        self._score += float(rewards[0])
        shown = info["final_info"] if ended[0] else info
        agent = self._cell(shown["agent"][0])
        if shown["hits"][0] > len(self._hit_steps):
            self._hit_steps += (self._steps,)
            self._legs += ((*self._leg, entered),)
            self._leg = (agent,)
        else:
            self._leg += (agent,)
        if ended[0]:
            # The maze has begun its next episode; what is seen is the end of this one.
            goal = self._cell(shown["goal"][0])
            goals = {self._moment.goal, *self._moment.others} - {goal}
            cue = tuple(info["final_obs"][0][CUE].tolist())
            self._moment = self._seen(self._moment.layout, goal, tuple(sorted(goals)), cue)
        else:
            self._observation = observations[0]
            self._await()
        return True

    def can_move_goal(self, cell: int) -> bool:
        """Whether the paying goal can be put on `cell` now."""
        now = self._moment
        free = now.layout.free_rank[cell] >= 0
        return bool(free) and not now.over and cell not in (now.agent, *now.others)

    def move_goal(self, cell: int) -> None:
        """Put the paying goal on `cell`, at once.

        Raises:
            ValueError: If it cannot lie there; nothing has changed then.
        """
        if not self.can_move_goal(cell):
            raise ValueError("the goal cannot be put in a wall, under the agent or on another goal")
        self._maze.move_goal(tuple(self._moment.layout.coordinates[cell].tolist()))
        self._look()

    def refresh(self) -> None:
        """Look again, after the player was tampered with."""
        if not self._moment.over:
            if self.mind.inspection is not None:
                self._values = (*self._values[:-1], self.mind.inspection.value)
            self._look()

    def _await(self) -> None:
        """Show the player its observation."""
        if self._steps == self._move_goal_at:
            self._maze.move_goal()
        self.mind.see(self._observation)
        if self.mind.inspection is not None:
            self._values += (self.mind.inspection.value,)
        self._look()

    def _look(self) -> None:
        state = self._maze.get_state()
        goals, pair = state["goals"][0], int(state["pair"][0])
        layout = self._maze.rules.layout
        if self._maze.rules.random_walls:
            layout = MazeLayout(self._maze.walls()[0]) if self._steps == 0 else self._moment.layout
        if self._steps > 0 and set(goals.tolist()) != {self._moment.goal, *self._moment.others}:
            self._goal_moved = self._steps
        others = tuple(np.delete(goals, pair).tolist())
        cue = tuple(self._observation[CUE].tolist())
        self._moment = self._seen(layout, int(goals[pair]), others, cue)

    def _seen(self, layout: MazeLayout, goal: int, others: tuple[int, ...], cue: tuple[float, ...]) -> Moment:
        if goal not in self._goals:
            self._goals += (goal,)
        return Moment(
            label=self.mind.label,
            layout=layout,
            agent=self._leg[-1],
            goal=goal,
            others=others,
            goals=self._goals,
            cue=cue,
            elapsed=self._steps,
            max_steps=self._maze.max_steps,
            score=self._score,
            hit_steps=self._hit_steps,
            legs=(*self._legs, self._leg),
            goal_moved=self._goal_moved,
            action=self._action,
            values=self._values,
            inspection=self.mind.inspection,
            belief=self.mind.belief,
        )

    def _cell(self, position: np.ndarray) -> int:
        row, col = position.tolist()
        return row * self._maze.rules.layout.side + col

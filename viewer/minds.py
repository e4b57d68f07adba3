"""Who plays: an agent that can be looked into and tampered with, a reference player, or a person."""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from agents.a2c import RecurrentA2C
from agents.ablations import Ablations, ablated_policy
from agents.cores import State
from agents.evaluation import INTACT, REFERENCES, load_agent, make_player
from agents.find_agent import short_names
from agents.vec_env import GymnasiumVecEnv
from plastic_maze import Belief, PlannerPlayer
from viewer.inspection import CHANGE_STEPS, Floats, Inspection, inspect

PERSON = "human"
"""The name of a person at the keyboard."""


class Mind(Protocol):
    """Sees an observation, then chooses an action."""

    label: str
    """What it is called on the screen."""

    def begin(self, seed: int) -> None:
        """An episode begins; all chance in it follows from `seed`."""

    def see(self, observation: Floats) -> None:
        """Take in an observation [F]."""

    def choose(self, greedy: bool) -> int | None:
        """The action; the likeliest one if `greedy`. None: not yet."""

    @property
    def inspection(self) -> Inspection | None:
        """What goes on inside, if it can be known."""

    @property
    def belief(self) -> Belief | None:
        """Where it thinks that it is and the goal is, if it keeps track of that."""


class AgentMind:
    """A trained agent. Plays as `AblatedPlayer` does, and can be tampered with in mid-episode.

    Args:
        agent: The agent; it stays as it is.
        ablations: What is taken away; their steps have been checked.
        label: What it is called.

    Raises:
        ValueError: If the agent cannot be ablated so.
    """

    belief: Belief | None = None

    def __init__(self, agent: RecurrentA2C, ablations: Ablations = INTACT, label: str = "agent") -> None:
        self.label = label
        self._policy = ablated_policy(agent, ablations)
        self._ablations = ablations
        self._plastic = agent.policy.core.plastic_leaves
        self.begin(0)

    @property
    def has_plasticity(self) -> bool:
        """Whether there are plastic weights to be frozen or wiped."""
        return bool(self._plastic)

    @property
    def frozen(self) -> bool:
        """Whether plastic weights stay what they are."""
        return self._frozen

    @property
    def inspection(self) -> Inspection | None:
        """See :class:`Mind`; None before the first observation."""
        return self._inspection

    def begin(self, seed: int) -> None:
        """See :class:`Mind`. Whatever was frozen is no longer."""
        self._random = np.random.default_rng(seed)
        self._after: State = self._policy.core.initial_state(1)
        self._steps = 0
        self._frozen = False
        self._past: deque[Floats] = deque(maxlen=CHANGE_STEPS)
        self._inspection: Inspection | None = None

    def see(self, observation: Floats) -> None:
        """See :class:`Mind`."""
        if self._inspection is not None and self._inspection.plastic is not None:
            self._past.append(self._inspection.plastic.hebb)
        self._before, self._observation = self._after, observation
        if self._steps == self._ablations.wipe_hebb:
            self._before = self._wiped(plastic=True)
        if self._steps == self._ablations.wipe_hidden:
            self._before = self._wiped(plastic=False)
        if self._steps == self._ablations.freeze_hebb:
            self._frozen = True
        self._steps += 1
        self._think()

    def choose(self, greedy: bool) -> int:
        """See :class:`Mind`."""
        assert self._inspection is not None
        chances = self._inspection.probabilities
        place = self._random.random()  # drawn in any case, so that chance does not depend on who was greedy
        if greedy:
            return int(chances.argmax())
        return min(int(np.searchsorted(chances.cumsum(), place, side="right")), len(chances) - 1)

    def freeze(self, frozen: bool) -> None:
        """From now on, plastic weights stay what they are, or change again."""
        self._frozen = frozen
        self._think()

    def wipe(self) -> None:
        """Put plastic weights back to where they began the episode, and see the observation again."""
        self._before = self._wiped(plastic=True)
        self._think()

    def _wiped(self, plastic: bool) -> State:
        initial = self._policy.core.initial_state(1)
        pairs = enumerate(zip(self._before, initial, strict=True))
        return tuple(new if (i in self._plastic) == plastic else old for i, (old, new) in pairs)

    def _think(self) -> None:
        observation = torch.as_tensor(self._observation, device=self._policy.device).float().reshape(1, -1)
        hidden = observation.new_empty(1, self._policy.hidden_size)
        stepper = self._policy.core.stepper(self._before)
        with torch.no_grad():
            stepper.step(observation, None, hidden)
        self._after = stepper.state()
        if self._frozen:
            pairs = enumerate(zip(self._before, self._after, strict=True))
            self._after = tuple(old if i in self._plastic else new for i, (old, new) in pairs)
        past = self._past[0] if len(self._past) == CHANGE_STEPS else None
        self._inspection = inspect(self._policy, hidden, self._after, past)


class ReferenceMind:
    """A reference player.

    Args:
        name: One of `REFERENCES`.
        env: The maze it plays in.

    Raises:
        ValueError: If that player cannot play there.
    """

    inspection: Inspection | None = None

    def __init__(self, name: str, env: GymnasiumVecEnv) -> None:
        self.label = name
        self._env = env
        self._player = make_player(name, env)
        self.begin(0)

    def begin(self, seed: int) -> None:
        """See :class:`Mind`."""
        if self.label == "random":
            self._player = make_player(self.label, self._env, seed)
        self._memory: Any = None
        self._observation: NDArray[np.float32] | None = None
        self._action: int | None = None

    def see(self, observation: Floats) -> None:
        """See :class:`Mind`."""
        self._starts = np.array([self._observation is None])
        self._observation = observation
        self._action = None

    def choose(self, greedy: bool) -> int:
        """See :class:`Mind`; these players do as they do."""
        assert self._observation is not None
        if self._action is None:
            actions, self._memory = self._player.predict(self._observation[None], self._memory, self._starts)
            self._action = int(actions[0])
        return self._action

    @property
    def belief(self) -> Belief | None:
        """See :class:`Mind`. Only the planner has one, for which it takes in its observation."""
        if not isinstance(self._player, PlannerPlayer):
            return None
        self.choose(greedy=True)
        return self._player.belief(self._memory)


class PersonMind:
    """A person, who presses keys."""

    inspection: Inspection | None = None
    belief: Belief | None = None

    def __init__(self) -> None:
        self.label = "you"
        self._pressed: int | None = None

    def begin(self, seed: int) -> None:
        """See :class:`Mind`."""
        self._pressed = None

    def see(self, observation: Floats) -> None:
        """See :class:`Mind`; people look at the screen."""

    def press(self, action: int) -> None:
        """Choose `action`, unless one is waiting to be taken."""
        if self._pressed is None:
            self._pressed = action

    @property
    def ready(self) -> bool:
        """Whether an action is waiting to be taken."""
        return self._pressed is not None

    def choose(self, greedy: bool) -> int | None:
        """See :class:`Mind`."""
        action, self._pressed = self._pressed, None
        return action


def make_mind(
    name: str, env: GymnasiumVecEnv, ablations: Ablations = INTACT, label: str | None = None
) -> Mind:
    """Whoever is called `name`.

    Args:
        name: A reference player, :data:`PERSON`, or a trained agent.
        env: The maze it is to play in.
        ablations: What is taken away from an agent; their steps have been checked.
        label: What an agent is called beside others; by default its short name.

    Raises:
        ValueError: If there is no such player, it cannot play there, or cannot be ablated so.
    """
    if name == PERSON or name in REFERENCES:
        if ablations.of_agent:
            flags = ", ".join(ablations.of_agent)
            raise ValueError(f"{flags}: only a trained agent can be ablated, not {name!r}")
        return PersonMind() if name == PERSON else ReferenceMind(name, env)
    agent = load_agent(name, env)
    label = _with_length(label or short_names([name])[0], agent.num_timesteps)
    return AgentMind(agent, ablations, f"{label} {ablations.flags}".strip())


def _with_length(name: str, steps: int) -> str:
    """An agent's name and how long it was trained: "plastic, 12.0 M steps"."""
    length = f"{steps / 1e6:.1f} M" if steps >= 50_000 else f"{steps:,}"
    return f"{name}, {length} steps"

"""One player, or two side by side, on the same episodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.ablations import Ablations
from agents.evaluation import Task, references
from viewer.minds import PersonMind
from viewer.moment import Moment
from viewer.scales import Scales
from viewer.session import Session


@dataclass(frozen=True)
class Score:
    """What one player got in one episode."""

    label: str
    score: float
    """Return."""
    hits: int
    first: int | None
    """Steps to the first hit, if there was one."""


def score_of(moment: Moment) -> Score:
    """The score at a moment."""
    first = moment.hit_steps[0] if moment.hit_steps else None
    return Score(moment.label, moment.score, len(moment.hit_steps), first)


class Match:
    """Sessions that keep step with one another.

    Args:
        sessions: One or two, in the same task.
        seed: Episode j is drawn from `seed` + j, as in an evaluation.
    """

    def __init__(self, sessions: Sequence[Session], seed: int) -> None:
        self.sessions = tuple(sessions)
        self.episode = 0
        self._seed = seed
        self.begin(0)

    @property
    def seed(self) -> int:
        """Of the present episode."""
        return self._seed + self.episode

    @property
    def moments(self) -> tuple[Moment, ...]:
        """Each player's."""
        return tuple(session.moment for session in self.sessions)

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""
        return self.moments[0].over

    @property
    def person(self) -> PersonMind | None:
        """The person among the players."""
        minds = (session.mind for session in self.sessions)
        return next((mind for mind in minds if isinstance(mind, PersonMind)), None)

    def begin(self, episode: int) -> None:
        """Begin episode number `episode`, from its start."""
        self.episode = episode
        for session in self.sessions:
            session.begin(self.seed)

    def scales(self, greedy: bool, at_most: int | None = None) -> Scales:
        """How far everything goes in the first episode, known by playing it; it stands at its start then.

        Args:
            greedy: Take the likeliest actions.
            at_most: Steps to play; None: to the end. A person is not waited for.
        """
        scales = Scales()
        self.begin(0)
        for session in self.sessions:
            scales = scales.widened([session.moment])
            while (at_most is None or session.moment.elapsed < at_most) and session.step(greedy):
                scales = scales.widened([session.moment])
        self.begin(0)
        return scales

    def step(self, greedy: bool = False) -> bool:
        """Let all players act, if all are ready to; whether they did."""
        if self.over or (self.person is not None and not self.person.ready):
            return False
        for session in self.sessions:
            session.step(greedy)
        return True

    def move_goal(self, cell: int) -> bool:
        """Put every session's goal on `cell`; whether that was possible in all of them."""
        possible = all(session.can_move_goal(cell) for session in self.sessions)
        if possible:
            for session in self.sessions:
                session.move_goal(cell)
        return possible


class Yardsticks:
    """The reference players, who show what a person's score is worth.

    Args:
        task: Where they play.
        move_goal: Before which step the goal moves; None: never.
    """

    def __init__(self, task: Task, move_goal: int | None = None) -> None:
        ablations = Ablations(move_goal=move_goal)
        self._sessions = [Session(name, task, ablations) for name in references(task)]

    def scores(self, seed: int) -> tuple[Score, ...]:
        """What they get in the episode drawn from `seed`."""
        scores = []
        for session in self._sessions:
            session.begin(seed)
            while session.step():
                pass
            scores.append(score_of(session.moment))
        return tuple(scores)

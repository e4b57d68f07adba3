"""What keys and clicks do to a match, without a window: pausing, pace, tampering, what is shown."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from viewer.keys import Command, Need, keys_for
from viewer.match import Match, Score, Yardsticks, score_of
from viewer.minds import AgentMind
from viewer.moment import Moment
from viewer.screen import Screen

PACES = (1, 2, 4, 8, 12, 20, 30, 60, 120, 240)
"""Steps a second."""
_FIRST_PACE = PACES.index(12)
_HOLD_SECONDS = 3.0
"""How long the end of an episode stays before the next one begins."""
_MESSAGE_SECONDS = 3.0
_KEPT_STEPS = 1000
"""Of an episode, at most so many of the last steps can be saved as a GIF."""


class Director:
    """A match as somebody watches it.

    Args:
        match: Who plays.
        heading: What stands above it: the name of the maze.
        greedy: Begin with the likeliest actions rather than sampled ones.
        yardsticks: Whose scores stand beside a person's at the end of an episode.
    """

    def __init__(
        self, match: Match, heading: str, greedy: bool = False, yardsticks: Yardsticks | None = None
    ) -> None:
        self.match = match
        self.paused = False
        self.greedy = greedy
        self.goal_shown = self.whole_maze = match.person is None
        self.finished: list[tuple[int, tuple[Score, ...]]] = []
        """Each episode that a person played to its end: its seed, and what everybody got."""
        self._heading = heading
        self._yardsticks = yardsticks
        self._pace = _FIRST_PACE
        self._minds = [session.mind for session in match.sessions if isinstance(session.mind, AgentMind)]
        self._plastic = [mind for mind in self._minds if mind.has_plasticity]
        given = {
            Need.CLOCK: match.person is None,
            Need.AGENT: bool(self._minds),
            Need.PLASTICITY: bool(self._plastic),
        }
        self.keys = keys_for([need for need, there in given.items() if there])
        self._message, self._message_left = "", 0.0
        self._due = self._held = 0.0
        self._begin(0)

    @property
    def pace(self) -> int:
        """Steps a second."""
        return PACES[self._pace]

    @property
    def screen(self) -> Screen:
        """What there is to see."""
        return Screen(
            moments=self.match.moments,
            heading=f"{self._heading}, episode of seed {self.match.seed}",
            status=self._status(),
            goal_shown=self.goal_shown,
            whole_maze=self.whole_maze,
            keys=self.keys,
            message=self._message,
            ranking=self._ranking,
        )

    def so_far(self) -> list[Screen]:
        """The episode up to now, as screens without keys and messages."""
        now = replace(self.screen, keys=(), message="", ranking=())
        return [replace(now, moments=moments) for moments in self._kept]

    def say(self, message: str) -> None:
        """Show a message for a while."""
        self._message, self._message_left = message, _MESSAGE_SECONDS

    def pass_time(self, seconds: float) -> None:
        """Let the match go on as far as it does in that time."""
        self._message_left -= seconds
        if self._message_left <= 0:
            self._message = ""
        if self.match.person is not None:
            self._step()  # whenever a key was pressed
        elif self.match.over:
            self._held += 0.0 if self.paused else seconds
            if self._held >= _HOLD_SECONDS:
                self._begin(self.match.episode + 1)
        elif not self.paused:
            self._due += seconds * self.pace
            while self._due >= 1:
                self._due -= 1
                self._step()

    def press(self, action: int) -> None:
        """A person's arrow key."""
        if self.match.person is not None:
            self.match.person.press(action)

    def click(self, cell: int) -> None:
        """Put the goal on a cell."""
        if self.match.move_goal(cell):
            self._kept[-1] = self.match.moments
            self._goal_was_put = True
            self.say("the goal was moved")
        else:
            self.say("the goal cannot lie there")

    def do(self, command: Command) -> None:
        """Obey a key; saving and quitting are the window's."""
        if command is Command.PAUSE:
            self.paused = not self.paused
        elif command is Command.STEP:
            self.paused = True
            self._step()
        elif command in (Command.FASTER, Command.SLOWER):
            change = 1 if command is Command.FASTER else -1
            self._pace = min(max(self._pace + change, 0), len(PACES) - 1)
        elif command is Command.NEW:
            self._begin(self.match.episode + 1)
        elif command is Command.AGAIN:
            self._begin(self.match.episode)
        elif command is Command.GOAL:
            self.goal_shown = not self.goal_shown
        elif command is Command.VIEW:
            self.whole_maze = not self.whole_maze
        elif command is Command.GREEDY:
            self.greedy = not self.greedy
        elif command is Command.FREEZE:
            frozen = not any(mind.frozen for mind in self._plastic)
            for mind in self._plastic:
                mind.freeze(frozen)
            self._tampered("hebb is frozen" if frozen else "hebb changes again")
        elif command is Command.WIPE:
            for mind in self._plastic:
                mind.wipe()
            self._tampered("hebb was wiped")

    def _begin(self, episode: int) -> None:
        self.match.begin(episode)
        self._kept: deque[tuple[Moment, ...]] = deque([self.match.moments], maxlen=_KEPT_STEPS + 1)
        self._ranking: tuple[Score, ...] = ()
        self._goal_was_put = False
        self._due = self._held = 0.0

    def _step(self) -> None:
        if not self.match.step(self.greedy):
            return
        self._kept.append(self.match.moments)
        if self.match.over and self.match.person is not None:
            scores = [score_of(moment) for moment in self.match.moments]
            known = {score.label for score in scores}
            # Where the goal was put elsewhere by hand, the reference players had another task.
            compared = self._yardsticks if not self._goal_was_put else None
            others = compared.scores(self.match.seed) if compared is not None else ()
            scores += [score for score in others if score.label not in known]
            self._ranking = tuple(sorted(scores, key=lambda score: -score.score))
            self.finished.append((self.match.seed, self._ranking))

    def _tampered(self, message: str) -> None:
        for session in self.match.sessions:
            session.refresh()
        self._kept[-1] = self.match.moments
        self.say(message)

    def _status(self) -> str:
        if self.match.person is not None:
            return "episode over: N for a new one" if self.match.over else "arrow keys walk"
        parts = ["paused" if self.paused else f"{self.pace} steps a second"]
        if self._minds:
            parts.append("greedy" if self.greedy else "sampled")
        if any(mind.frozen for mind in self._plastic):
            parts.append("hebb frozen")
        return ", ".join(["episode over", *parts] if self.match.over else parts)

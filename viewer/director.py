"""What keys and clicks do to a match, without a window: pausing, pace, tampering, what is shown."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

from agents.plural import counted
from viewer.help import Entry, entries_for
from viewer.keys import Command, Key, Need, keys_for
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
_FIRST_LOOK = 300
"""Steps of the first episode that are played beforehand, so that scales fit it."""
_KEPT_STEPS = 1000
"""Of an episode, at most so many of the last steps can be saved as a GIF."""


class Director:
    """A match as somebody watches it.

    Args:
        match: Who plays.
        heading: What stands above it: the name of the maze.
        greedy: Begin with the likeliest actions rather than sampled ones.
        yardsticks: Whose scores stand beside a person's at the end of an episode.
        episodes: After so many there is nothing more to watch; None: they go on.
    """

    def __init__(
        self,
        match: Match,
        heading: str,
        greedy: bool = False,
        yardsticks: Yardsticks | None = None,
        episodes: int | None = None,
    ) -> None:
        self.match = match
        self.paused = False
        self.greedy = greedy
        self.help_shown = False
        self.done = False
        """Whether all episodes have been watched."""
        self.goal_shown = self.whole_maze = match.person is None
        self._hidden_again: tuple[bool, bool] | None = None
        """What was shown of goal and maze before a person's game ended and all was."""
        self.finished: list[tuple[int, tuple[Score, ...]]] = []
        """Each episode that a person played to its end: its seed, and what everybody got."""
        self._heading = heading
        self._yardsticks = yardsticks
        self._episodes = episodes
        self._pace = _FIRST_PACE
        self._minds = [session.mind for session in match.sessions if isinstance(session.mind, AgentMind)]
        self._plastic = [mind for mind in self._minds if mind.has_plasticity]
        given = {
            Need.CLOCK: match.person is None,
            Need.AGENT: bool(self._minds),
            Need.PLASTICITY: bool(self._plastic),
        }
        self._given = [need for need, there in given.items() if there]
        self._message, self._message_left = "", 0.0
        self._due = self._held = 0.0
        self._scales = match.scales(greedy, _FIRST_LOOK)
        self._begin(0)

    @property
    def pace(self) -> int:
        """Steps a second."""
        return PACES[self._pace]

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys that do something now."""
        now = {Need.WHOLE_MAZE: self.whole_maze, Need.STEPS_LEFT: not self.match.over}
        return keys_for([*self._given, *(need for need, there in now.items() if there)])

    @property
    def screen(self) -> Screen:
        """What there is to see."""
        number = (
            f"episode {self.match.episode + 1} of {self._episodes}, " if self._episodes else "episode of "
        )
        return Screen(
            moments=self.match.moments,
            heading=f"{self._heading}, {number}seed {self.match.seed}",
            status=self._status(),
            scales=self._scales,
            goal_shown=self.goal_shown,
            whole_maze=self.whole_maze,
            keys=keys_for([*self._given, Need.WHOLE_MAZE, Need.STEPS_LEFT]),
            working=self.keys,
            message=self._message,
            ranking=self._ranking,
            help=self._help if self.help_shown else (),
        )

    @property
    def _help(self) -> tuple[Entry, ...]:
        goal_moves = any(session.goal_moves for session in self.match.sessions)
        return entries_for(self.match.moments, self.match.person is not None, goal_moves)

    @property
    def quiet_seconds(self) -> float:
        """How long nothing changes on the screen unless somebody presses a key or clicks."""
        changes = [self._message_left] if self._message else []
        if self._going_on:
            left = _HOLD_SECONDS - self._held if self.match.over else (1 - self._due) / self.pace
            changes.append(left)
        return max(0.0, min(changes, default=math.inf))

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
        elif not self._going_on:
            return
        elif self.match.over:
            self._held += seconds
            if self._held >= _HOLD_SECONDS:
                self._next()
        else:
            self._due += seconds * self.pace
            while self._due >= 1:
                self._due -= 1
                self._step()

    def press(self, action: int) -> None:
        """A person's arrow key."""
        if self.match.person is not None and not self.match.over:
            self.match.person.press(action)

    def click(self, cell: int) -> None:
        """Put the goal on a cell."""
        if self.match.move_goal(cell):
            self._kept[-1] = self.match.moments
            self._goal_was_put = True
            self.say("the goal was moved")
        else:
            self.say("the goal cannot be put there")

    def do(self, command: Command) -> None:
        """Obey a key; saving and quitting are the window's."""
        self._message = ""  # what the key does is to be seen in its place
        if command is Command.PAUSE:
            self.paused = not self.paused
        elif command is Command.STEP:
            self.paused = True
            self._step()
        elif command in (Command.FASTER, Command.SLOWER):
            change = 1 if command is Command.FASTER else -1
            self._pace = min(max(self._pace + change, 0), len(PACES) - 1)
        elif command is Command.NEW:
            self._next()
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
        elif command is Command.HELP:
            self.help_shown = not self.help_shown

    @property
    def _going_on(self) -> bool:
        """Whether steps follow each other by themselves."""
        return self.match.person is None and not self.paused and not self.help_shown

    def _next(self) -> None:
        """Begin the next episode, if there is to be one."""
        if self.match.episode + 1 == self._episodes:
            self.done = True
        else:
            self._begin(self.match.episode + 1)

    def _begin(self, episode: int) -> None:
        if self._hidden_again is not None:
            self.goal_shown, self.whole_maze = self._hidden_again
            self._hidden_again = None
        self.match.begin(episode)
        self._kept: deque[tuple[Moment, ...]] = deque([self.match.moments], maxlen=_KEPT_STEPS + 1)
        self._widen()
        self._ranking: tuple[Score, ...] = ()
        self._goal_was_put = False
        self._due = self._held = 0.0

    def _step(self) -> None:
        if not self.match.step(self.greedy):
            return
        self._kept.append(self.match.moments)
        self._widen()
        if self.match.over and self.match.person is not None:
            scores = [score_of(moment) for moment in self.match.moments]
            known = {score.label for score in scores}
            # Where the goal was put elsewhere by hand, the reference players had another task.
            compared = self._yardsticks if not self._goal_was_put else None
            others = compared.scores(self.match.seed) if compared is not None else ()
            scores += [score for score in others if score.label not in known]
            self._ranking = tuple(sorted(scores, key=lambda score: -score.score))
            self.finished.append((self.match.seed, self._ranking))
            self._hidden_again = self.goal_shown, self.whole_maze
            self.goal_shown = self.whole_maze = True

    def _widen(self) -> None:
        """Scales hold for as long as somebody watches, and only grow."""
        self._scales = self._scales.widened(self.match.moments)

    def _tampered(self, message: str) -> None:
        for session in self.match.sessions:
            session.refresh()
        self._kept[-1] = self.match.moments
        self._widen()
        self.say(message)

    def _status(self) -> str:
        if self.match.person is not None:
            if not self.match.over:
                return "walk with the arrow keys"
            last = self.match.episode + 1 == self._episodes
            return f"episode over: press {'Q to quit' if last else 'N for a new one'}"
        parts = ["episode over"] if self.match.over else []
        parts += ["paused"] if self.paused else []
        parts.append(f"{counted(self.pace, 'step')} a second")
        if self._minds:
            parts.append("greedy" if self.greedy else "sampled")
        if any(mind.frozen for mind in self._plastic):
            parts.append("hebb frozen")
        return ", ".join(parts)

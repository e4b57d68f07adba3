"""The keys: one table, from which the window acts and the screen tells."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

from plastic_maze.rendering import import_pygame


class Command(Enum):
    """What a key asks for."""

    PAUSE = auto()
    STEP = auto()
    FASTER = auto()
    SLOWER = auto()
    NEW = auto()
    AGAIN = auto()
    GOAL = auto()
    VIEW = auto()
    GREEDY = auto()
    FREEZE = auto()
    WIPE = auto()
    GIF = auto()
    SCREENSHOT = auto()
    MOVE_GOAL = auto()
    HELP = auto()
    QUIT = auto()


class Need(Enum):
    """What must be there for a key to do something."""

    CLOCK = auto()
    """Nobody at the keyboard: a person's game waits for them."""
    AGENT = auto()
    """A trained agent."""
    PLASTICITY = auto()
    """An agent with plastic weights."""
    WHOLE_MAZE = auto()
    """The whole maze on the screen, not just what an agent sees."""
    STEPS_LEFT = auto()
    """An episode that is not over."""


@dataclass(frozen=True)
class Key:
    """A key and what it does."""

    codes: tuple[str, ...]
    """Pygame's names of the keys, without `K_`; none for the mouse."""
    shown: str
    """How the screen calls the key."""
    text: str
    """What the screen says it does."""
    command: Command
    needs: tuple[Need, ...] = ()
    """Unless all of this is there, it does nothing."""
    typed: str = ""
    """A character that asks for it too, whichever keys type it: keyboards differ."""


KEYS = (
    Key(("h",), "H", "help", Command.HELP, typed="?"),
    Key(("SPACE",), "space", "pause", Command.PAUSE, (Need.CLOCK,)),
    Key(("PERIOD",), ".", "single step", Command.STEP, (Need.CLOCK, Need.STEPS_LEFT), "."),
    Key(("PLUS", "EQUALS", "KP_PLUS"), "+", "faster", Command.FASTER, (Need.CLOCK,), "+"),
    Key(("MINUS", "KP_MINUS"), "-", "slower", Command.SLOWER, (Need.CLOCK,), "-"),
    Key(("n",), "N", "new episode", Command.NEW),
    Key(("r",), "R", "same episode again", Command.AGAIN),
    Key(("v",), "V", "whole maze or the agent's view", Command.VIEW),
    Key(("g",), "G", "show or hide the goal", Command.GOAL, (Need.WHOLE_MAZE,)),
    Key((), "click", "move the goal", Command.MOVE_GOAL, (Need.WHOLE_MAZE, Need.STEPS_LEFT)),
    Key(("d",), "D", "sampled or greedy", Command.GREEDY, (Need.AGENT,)),
    Key(("f",), "F", "freeze hebb", Command.FREEZE, (Need.PLASTICITY, Need.STEPS_LEFT)),
    Key(("w",), "W", "wipe hebb", Command.WIPE, (Need.PLASTICITY, Need.STEPS_LEFT)),
    Key(("a",), "A", "save a GIF", Command.GIF),
    Key(("s",), "S", "screenshot", Command.SCREENSHOT),
    Key(("q", "ESCAPE"), "Q", "quit", Command.QUIT),
)

_ARROWS = ("UP", "DOWN", "LEFT", "RIGHT")
"""In the order of the actions."""


def keys_for(given: Collection[Need]) -> tuple[Key, ...]:
    """The keys that do something where all of `given` is there."""
    return tuple(key for key in KEYS if all(need in given for need in key.needs))


def command_of(code: int, typed: str, keys: tuple[Key, ...]) -> Command | None:
    """What pygame's key number `code`, which typed that character, asks for, if it is among `keys`."""
    pygame = import_pygame()
    return next(
        (
            key.command
            for key in keys
            if code in [getattr(pygame, f"K_{name}") for name in key.codes] or typed == key.typed != ""
        ),
        None,
    )


def action_of(code: int) -> int | None:
    """The action that pygame's key number `code` stands for."""
    pygame = import_pygame()
    codes = [getattr(pygame, f"K_{name}") for name in _ARROWS]
    return codes.index(code) if code in codes else None

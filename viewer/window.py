"""The window: events in, pictures out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agents.recording import FPS, gif_job, save_picture
from plastic_maze.rendering import import_pygame
from plastic_maze.window import Size, open_screen
from viewer.director import Director
from viewer.keys import Command, action_of, command_of
from viewer.layout import first_size, fit
from viewer.recording import GIF_SIZE
from viewer.screen import Screen, as_array, cell_at, draw_screen
from viewer.style import PAPER

FRAMES_PER_SECOND = 60
"""At most."""
_LONGEST_WAIT = 0.25
"""Seconds; Ctrl-C is noticed between waits."""
_REPEATABLE = {Command.STEP, Command.FASTER, Command.SLOWER}
"""What is done again and again while its key is held down."""
_INSTEAD = "record without one (--gif FILE, --mp4 FILE, --frames FOLDER)"


class ViewerWindow:
    """Shows a match until its user closes it.

    Args:
        director: The match.
        title: What stands above the window.
        folder: Where GIFs and screenshots go.

    Raises:
        DependencyNotInstalled: If pygame is missing.
        RuntimeError: If there is no display.
    """

    def __init__(self, director: Director, title: str, folder: Path) -> None:
        self.director = director
        self._folder = folder
        self._pygame = import_pygame()
        open_screen(first_size, _INSTEAD, resizable=True)
        self._pygame.display.set_caption(title)
        self._pygame.key.set_repeat(250, 80)
        self._pygame.event.set_blocked(self._pygame.MOUSEMOTION)  # it would wake the window for nothing
        self._events: list[Any] = []
        """What ended the last wait."""
        self._drawn: tuple[Screen, Size] | None = None
        """What is on the window, and how large; None: it is to be drawn again."""
        self._held: set[int] = set()
        self._job: Iterator[str] | None = None
        self._open = True

    def run(self) -> None:
        """Go on until the window is closed."""
        try:
            last = time.perf_counter()
            self.frame(0)
            while self._open:
                self._wait(time.perf_counter() - last)
                now = time.perf_counter()
                seconds, last = now - last, now
                self.frame(seconds)
        finally:
            self.close()
        while self._job is not None:  # what was asked for is finished
            self._work()

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()

    def frame(self, seconds: float) -> None:
        """Obey what was pressed, let time pass, and draw what there is to see if that has changed.

        Args:
            seconds: Since the last frame.
        """
        events, self._events = [*self._events, *self._pygame.event.get()], []
        for event in events:
            self._obey(event)
        if not self._open:
            return
        self.director.pass_time(min(seconds, _LONGEST_WAIT))  # a window that was dragged does not catch up
        self._work()
        self._open = not self.director.done
        screen, size = self.director.screen, self._window.get_size()
        if (screen, size) != self._drawn:
            self._draw(screen, size)
            self._drawn = screen, size

    def _wait(self, spent: float) -> None:
        """Sleep until there may be something new to draw, or something is pressed.

        Args:
            spent: Seconds since the last frame began.
        """
        quiet = max(self.director.quiet_seconds, 1 / FRAMES_PER_SECOND - spent)
        seconds = 0.0 if self._job is not None else min(quiet, _LONGEST_WAIT)
        # Without a millisecond it would wait for ever.
        self._events = [self._pygame.event.wait(max(1, math.ceil(1000 * seconds)))]

    def _draw(self, screen: Screen, size: Size) -> None:
        """Draw `screen` on the window, whose size that is."""
        fitting = fit(size)
        if fitting.picture == size:
            draw_screen(screen, size, self._window)
        else:
            self._window.fill(PAPER)
            picture = draw_screen(screen, fitting.picture)
            self._window.blit(self._pygame.transform.smoothscale(picture, fitting.shown), fitting.corner)
        self._pygame.display.flip()

    @property
    def _window(self) -> Any:
        """The window's surface; a new one once its size has changed."""
        return self._pygame.display.get_surface()

    def _obey(self, event: Any) -> None:
        pygame = self._pygame
        if event.type == pygame.QUIT:
            self._open = False
        elif event.type == pygame.KEYDOWN:
            self._press(event.key, getattr(event, "unicode", ""))
        elif event.type == pygame.KEYUP:
            self._held.discard(event.key)
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._held.clear()
        elif event.type == pygame.WINDOWEXPOSED:
            self._drawn = None
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            self._click(event.pos)

    def _click(self, position: tuple[int, int]) -> None:
        if self.director.help_shown:
            self.director.do(Command.HELP)
            return
        fitting = fit(self._window.get_size())
        cell = cell_at(self.director.screen, fitting.picture, fitting.on_picture(position))
        if cell is not None:
            self.director.click(cell)

    def _press(self, code: int, typed: str) -> None:
        action, command = action_of(code), command_of(code, typed, self.director.keys)
        repeated = code in self._held
        self._held.add(code)
        if self.director.help_shown:
            # A key that neither types nor does anything is one to be held with another, such as shift.
            if not repeated and (typed or action is not None or command is not None):
                self.director.do(Command.HELP)
        elif action is not None:
            self.director.press(action)
        elif command in _REPEATABLE or (command is not None and not repeated):
            self._do(command)

    def _do(self, command: Command) -> None:
        if command is Command.QUIT:
            self._open = False
        elif command is Command.SCREENSHOT:
            self._try(self._save_screenshot)
        elif command is Command.GIF:
            if self._job is None:
                self._job = self._save_gif()
        else:
            self.director.do(command)

    def _save_screenshot(self) -> None:
        path = self._new_file(".png")
        save_picture(path, as_array(draw_screen(self.director.screen, fit(self._window.get_size()).picture)))
        self.director.say(f"saved {path.name}")

    def _save_gif(self) -> Iterator[str]:
        """Save the episode so far, a few frames at a time; yields how far it is."""
        path, screens = self._new_file(".gif"), self.director.so_far()
        sample = [as_array(draw_screen(s, GIF_SIZE)) for s in (screens[0], screens[-1])]
        images = (as_array(draw_screen(screen, GIF_SIZE)) for screen in screens)
        for done in gif_job(path, images, sample, FPS):
            yield f"saving {path.name}: {done / len(screens):.0%}"
        yield f"saved {path.name}"

    def _work(self) -> None:
        """Go on with what takes long."""
        job = self._job
        if job is None:
            return

        def one_more() -> None:
            message = next(job, None)
            if message is None:
                self._job = None
            else:
                self.director.say(message)

        self._try(one_more)

    def _try(self, call: Callable[[], None]) -> None:
        """Say so if a file cannot be written."""
        try:
            call()
        except OSError as error:
            self._job = None
            self.director.say(f"cannot save: {error.strerror}")

    def _new_file(self, ending: str) -> Path:
        """A name that is not taken."""
        stem = f"maze-seed{self.director.match.seed}-step{self.director.match.moments[0].elapsed}"
        names = [f"{stem}{ending}", *(f"{stem}-{number}{ending}" for number in range(2, 1000))]
        return next(path for path in (self._folder / name for name in names) if not path.exists())

"""The window: events in, pictures out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agents.recording import FPS, gif_job, save_picture
from plastic_maze.rendering import import_pygame
from plastic_maze.window import open_screen
from viewer.director import Director
from viewer.keys import Command, action_of, command_of
from viewer.recording import GIF_SIZE
from viewer.screen import DESIGNED, SMALLEST, as_array, cell_at, draw_screen

FRAMES_PER_SECOND = 60
_FIRST_SIZE = (1280, 800)
_SHARE_OF_DESKTOP = 0.8
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
        open_screen(_FIRST_SIZE, _INSTEAD, resizable=True)
        self._fit_desktop()
        self._pygame.display.set_caption(title)
        self._pygame.key.set_repeat(250, 80)
        self._clock = self._pygame.time.Clock()
        self._held: set[int] = set()
        self._job: Iterator[str] | None = None
        self._open = True

    def run(self) -> None:
        """Go on until the window is closed."""
        try:
            while self._open:
                self.frame(self._clock.tick(FRAMES_PER_SECOND) / 1000)
        finally:
            self.close()
        while self._job is not None:  # what was asked for is finished
            self._work()

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()

    def frame(self, seconds: float) -> None:
        """Obey what was pressed, let time pass, and show what there is to see.

        Args:
            seconds: Since the last frame.
        """
        for event in self._pygame.event.get():
            self._obey(event)
        if not self._open:
            return
        self.director.pass_time(min(seconds, 0.25))  # a window that was dragged does not catch up
        self._work()
        surface = self._pygame.display.get_surface()
        surface.blit(draw_screen(self.director.screen, self._size()), (0, 0))
        self._pygame.display.flip()

    def _obey(self, event: Any) -> None:
        pygame = self._pygame
        if event.type == pygame.QUIT:
            self._open = False
        elif event.type == pygame.KEYDOWN:
            self._press(event.key)
        elif event.type == pygame.KEYUP:
            self._held.discard(event.key)
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._held.clear()
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            cell = cell_at(self.director.screen, self._size(), event.pos)
            if cell is not None:
                self.director.click(cell)

    def _press(self, code: int) -> None:
        action, command = action_of(code), command_of(code, self.director.keys)
        repeated = code in self._held
        self._held.add(code)
        if action is not None:
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
        save_picture(path, as_array(draw_screen(self.director.screen, self._size())))
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

    def _size(self) -> tuple[int, int]:
        """Width and height of the picture; where the window is smaller, a part of it is not seen."""
        width, height = self._pygame.display.get_surface().get_size()
        return max(width, SMALLEST[0]), max(height, SMALLEST[1])

    def _fit_desktop(self) -> None:
        """On a high-density screen, open larger, since everything is drawn as large as the window allows."""
        pygame = self._pygame
        width, height = pygame.display.get_desktop_sizes()[0]
        scale = _SHARE_OF_DESKTOP * min(width / DESIGNED[0], height / DESIGNED[1])
        if pygame.display.get_driver() != "dummy" and scale > 0:
            size = round(scale * DESIGNED[0]), round(scale * DESIGNED[1])
            pygame.display.set_mode(size, pygame.RESIZABLE)

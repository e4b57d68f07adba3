"""A window that shows frames."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plastic_maze.rendering import import_pygame

Size = tuple[int, int]
"""Width and height, pixels."""


class Window:
    """Opens at the first frame. Once its user has closed it, it stays closed and frames go nowhere.

    Args:
        title: What stands above it.
        fps: Frames a second; `show` waits as long as that takes.
    """

    def __init__(self, title: str, fps: int) -> None:
        self.title = title
        self.fps = fps
        self._screen: Any = None
        self._clock: Any = None
        self._dismissed = False

    @property
    def dismissed(self) -> bool:
        """Whether its user has closed it."""
        return self._dismissed

    def __getstate__(self) -> dict[str, Any]:
        # What is on a screen cannot be copied; a copy opens a window of its own.
        return self.__dict__ | {"_screen": None, "_clock": None}

    def show(self, frame: NDArray[np.uint8]) -> None:
        """Show a frame.

        Args:
            frame: uint8 [height, width, 3].

        Raises:
            DependencyNotInstalled: If pygame is missing.
            RuntimeError: If no window can be opened.
        """
        if self._dismissed:
            return
        pygame = import_pygame()
        if self._screen is None or pygame.display.get_surface() is not self._screen:
            self._open(pygame, frame)
        if any(event.type == pygame.QUIT for event in pygame.event.get()):
            self.close()
            self._dismissed = True
            return
        self._screen.blit(pygame.image.frombuffer(frame.tobytes(), frame.shape[1::-1], "RGB"), (0, 0))
        pygame.display.flip()
        self._clock.tick(self.fps)

    def close(self) -> None:
        """Close the window, if it is open."""
        if self._screen is not None:
            pygame = import_pygame()
            if pygame.display.get_surface() is self._screen:  # a process has one, which may be another's now
                pygame.display.quit()
            self._screen = self._clock = None

    def _open(self, pygame: Any, frame: NDArray[np.uint8]) -> None:
        size = frame.shape[1], frame.shape[0]
        self._screen = open_screen(lambda desktop: size, "use render_mode='rgb_array'")
        pygame.display.set_caption(self.title)
        self._clock = pygame.time.Clock()


def open_screen(size_on: Callable[[Size], Size], instead: str, resizable: bool = False) -> Any:
    """Open the window of this process.

    Args:
        size_on: The window's size on a desktop of a given size. It is asked before the window opens, which
            stays where it was put if its size changes.
        instead: What can be done without a display, for the message.
        resizable: Whether its user can change the size.

    Returns:
        The surface to draw on.

    Raises:
        DependencyNotInstalled: If pygame is missing.
        RuntimeError: If there is no display.
    """
    pygame = import_pygame()
    try:
        pygame.display.init()
        # Without a display, SDL may fall back on windows that nobody can see; fine only on demand.
        if pygame.display.get_driver() == "offscreen" and "SDL_VIDEODRIVER" not in os.environ:
            pygame.display.quit()
            raise pygame.error("no display found")
        size = size_on(pygame.display.get_desktop_sizes()[0])
        return pygame.display.set_mode(size, pygame.RESIZABLE if resizable else 0)
    except pygame.error as error:
        raise RuntimeError(
            f"cannot open a window ({error}): set a display, {instead}, "
            "or set the environment variable SDL_VIDEODRIVER=dummy"
        ) from error

"""Pictures, text and the window."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled, ResetNeeded

from plastic_maze import PlasticMazeEnv, pillar_layout
from plastic_maze.rendering import (
    AGENT,
    BAR,
    FLOOR,
    GOAL,
    SEEN,
    SEEN_AND_VISITED,
    UNKNOWN,
    VISITED,
    WALL,
    draw_maze,
    draw_view,
)
from plastic_maze.traces import Teleport, Traces

ROOT = Path(__file__).parents[1]


def squares_with(
    frame: np.ndarray, color: tuple[int, int, int], square: int, side: int
) -> set[tuple[int, int]]:
    """The squares of a maze's picture in which a colour occurs."""
    rows, cols = np.nonzero((frame[: side * square] == color).all(axis=-1))
    return set(zip((rows // square).tolist(), (cols // square).tolist(), strict=True))


@pytest.mark.parametrize("size", [3, 7, 9])
@pytest.mark.parametrize("square", [8, 32, 50])
def test_everything_is_in_its_square(size: int, square: int) -> None:
    layout = pillar_layout(size)
    random = np.random.default_rng(0)
    for _ in range(10):
        agent, goal = random.choice(layout.free, size=2, replace=False).tolist()
        frame = draw_maze(layout, agent, goal, 0.5, square)
        assert frame.dtype == np.uint8
        assert frame.shape == (layout.side * square + 2 * (square // 8), layout.side * square, 3)
        row, col = divmod(agent, layout.side)
        assert squares_with(frame, AGENT, square, layout.side) == {(row, col)}
        assert frame[row * square + square // 2, col * square + square // 2].tolist() == list(AGENT)
        assert squares_with(frame, GOAL, square, layout.side) == {divmod(goal, layout.side)}
        walls = {(r, c) for r, c in layout.coordinates.tolist() if layout.walls[r, c]}
        assert squares_with(frame, WALL, square, layout.side) == walls
        near = {(r, c) for r in range(row - 1, row + 2) for c in range(col - 1, col + 2)} - walls
        assert squares_with(frame, SEEN, square, layout.side) == near
        free = set(map(tuple, layout.coordinates[layout.free].tolist()))
        assert squares_with(frame, FLOOR, square, layout.side) == free - near


def test_the_bar_shows_the_time() -> None:
    for elapsed, expected in ((0.0, 0), (0.25, 88), (1.0, 352)):
        frame = draw_maze(pillar_layout(9), 12, 13, elapsed)
        assert (frame[-1] == BAR).all(axis=-1).sum() == expected


def test_frames_are_fresh_and_even() -> None:
    one = draw_maze(pillar_layout(5), 8, 9, 0.0)
    kept = one.copy()
    one[:] = 0
    np.testing.assert_array_equal(draw_maze(pillar_layout(5), 8, 9, 0.0), kept)
    assert all(
        length % 2 == 0
        for square in (8, 10, 32, 34)
        for length in draw_maze(pillar_layout(5), 8, 9, 0.0, square).shape[:2]
    )


@pytest.mark.parametrize("square", [6, 33, 8.0, None])
def test_bad_squares(square: object) -> None:
    with pytest.raises(ValueError, match="square must be"):
        draw_maze(pillar_layout(3), 6, 7, 0.0, square)  # type: ignore[arg-type]


def test_the_environment_draws_its_state() -> None:
    env = PlasticMazeEnv(size=5, max_steps=10, render_mode="rgb_array")
    env.reset(seed=0, options={"goal": (1, 1)})
    env.step(3)
    layout = env.rules.layout
    np.testing.assert_array_equal(env.render(), draw_maze(layout, 3 * 7 + 4, 1 * 7 + 1, 0.1))


def test_traces() -> None:
    layout, square = pillar_layout(9), 32
    agent, goal = 5 * 11 + 5, 9 * 11 + 9
    plain = draw_maze(layout, agent, goal, 0.0)
    np.testing.assert_array_equal(plain, draw_maze(layout, agent, goal, 0.0, traces=Traces()))
    hidden = draw_maze(layout, agent, goal, 0.0, traces=Traces(goal_shown=False))
    assert squares_with(hidden, GOAL, square, layout.side) == set()

    visited = {5 * 11 + 5, 5 * 11 + 4, 1 * 11 + 1}
    frame = draw_maze(layout, agent, goal, 0.0, traces=Traces(frozenset(visited)))
    assert squares_with(frame, VISITED, square, layout.side) == {(1, 1)}
    assert squares_with(frame, SEEN_AND_VISITED, square, layout.side) == {(5, 4), (5, 5)}

    trail = [7 * 11 + 1, 7 * 11 + 2, 7 * 11 + 3, 7 * 11 + 3, 1 * 11 + 1, 1 * 11 + 2]  # a bump, a teleport
    frame = draw_maze(layout, agent, goal, 0.0, traces=Traces(trail=trail))
    changed = squares_with((frame != plain).any(axis=-1, keepdims=True) * np.ones(3), (1, 1, 1), 32, 11)
    assert changed == {(7, 1), (7, 2), (7, 3), (1, 1), (1, 2)}
    centre = slice(7 * 32 + 15, 7 * 32 + 17), 5 * 16
    old, new = frame[centre].mean(), frame[1 * 32 + 15, 2 * 32].mean()
    assert new < old < plain[centre].mean()  # it fades with age

    teleport = Teleport(goal, 1 * 11 + 1, freshness=1.0)
    frame = draw_maze(layout, agent, goal, 0.0, traces=Traces(teleport=teleport))
    assert {(0, 5), (10, 5), (5, 0), (5, 10), (4, 4), (2, 2)} <= squares_with(
        frame, GOAL, square, layout.side
    )
    faded = draw_maze(layout, agent, goal, 0.0, traces=Traces(teleport=Teleport(goal, 12, 0.25)))
    assert (faded == GOAL).all(axis=-1).sum() < (frame == GOAL).all(axis=-1).sum()


@pytest.mark.parametrize("size", [3, 5, 9])
def test_a_view_does_not_tell_where_it_is(size: int) -> None:
    layout = pillar_layout(size)
    frames_of: dict[bytes, list[np.ndarray]] = {}
    for cell in layout.free:
        frames_of.setdefault(layout.views[cell].tobytes(), []).append(draw_view(layout, cell, 0.3))
    assert max(map(len, frames_of.values())) == {3: 1, 5: 2, 9: 12}[size]
    for first, *others in frames_of.values():
        assert all(np.array_equal(first, frame) for frame in others)
    frames = next(iter(frames_of.values()))
    assert frames[0].shape == draw_maze(layout, layout.centre, layout.free[0], 0.3).shape
    corner = draw_view(layout, layout.free[0], 0.0)
    large = 64 if size > 3 else 32
    start = (layout.side * 32 - 3 * large) // 2
    for place, wall in enumerate(layout.views[layout.free[0]]):
        row, col = (start + step * large + 3 for step in divmod(place, 3))
        assert corner[row, col].tolist() == list(WALL if wall else SEEN)
    assert corner[start - 1, start].tolist() == list(UNKNOWN)
    flashed = draw_view(layout, layout.free[0], 0.0, flash=1.0)
    assert flashed[start - 1, start].tolist() == list(GOAL)


def test_text() -> None:
    env = PlasticMazeEnv(size=5, render_mode="ansi")
    with pytest.raises(ResetNeeded):
        env.render()
    env.reset(options={"goal": (5, 1)})
    env.step(0)
    assert env.render() == "#######\n#.....#\n#.#A#.#\n#.....#\n#.#.#.#\n#G....#\n#######"


def test_no_render_mode() -> None:
    env = PlasticMazeEnv()
    env.reset()
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.render() is None


def test_a_window_follows_the_episode_and_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    env = PlasticMazeEnv(size=5, render_mode="human")
    env._window.fps = 10_000
    env.reset(seed=0)
    env.step(0)
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)
    env.render_mode = "rgb_array"
    np.testing.assert_array_equal(shown, env.render())
    env.render_mode = "human"

    pygame.event.post(pygame.event.Event(pygame.QUIT))
    env.step(0)
    assert pygame.display.get_surface() is None
    env.step(0)  # goes on without
    env.reset()
    assert pygame.display.get_surface() is None
    env.close()
    env.close()


def test_closing_closes_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    env = PlasticMazeEnv(size=5, render_mode="human")
    env._window.fps = 10_000
    env.reset(seed=0)
    assert pygame.display.get_init()
    env.close()
    assert not pygame.display.get_init()


def test_a_window_outlives_that_of_another_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    old, new = (PlasticMazeEnv(size=size, render_mode="human") for size in (3, 5))
    for env in (old, new):
        env._window.fps = 10_000
        env.reset(seed=0)
    old.close()
    new.step(0)
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)
    new.render_mode = "rgb_array"
    np.testing.assert_array_equal(shown, new.render())
    new.close()
    assert not pygame.display.get_init()


def run_without_display(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    hidden = ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_pictures_need_no_display() -> None:
    done = run_without_display(
        "from plastic_maze import PlasticMazeEnv\n"
        "env = PlasticMazeEnv(render_mode='rgb_array'); env.reset(seed=0)\n"
        "print(env.render().shape)\n"
        "import pygame; print(pygame.display.get_init())"
    )
    assert done.stdout.splitlines()[-2:] == ["(360, 352, 3)", "False"], done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
@pytest.mark.parametrize("variables", [{}, {"SDL_VIDEODRIVER": "x11"}])
def test_a_missing_display_is_explained(variables: dict[str, str]) -> None:
    done = run_without_display(
        "from plastic_maze import PlasticMazeEnv\n"
        "env = PlasticMazeEnv(render_mode='human')\n"
        "try: env.reset(seed=0)\n"
        "except RuntimeError as error: print('told:', error)",
        **variables,
    )
    assert "told: cannot open a window" in done.stdout, done.stderr
    assert "render_mode='rgb_array'" in done.stdout
    assert "SDL_VIDEODRIVER=dummy" in done.stdout


def test_a_missing_pygame_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(DependencyNotInstalled, match="pip install pygame-ce"):
        draw_maze(pillar_layout(13), 16, 17, 0.0, 44)  # of a size that is not drawn yet


def test_the_package_loads_neither_pygame_nor_torch() -> None:
    done = run_without_display(
        "import sys, plastic_maze\n"
        "env = plastic_maze.PlasticMazeEnv(); env.reset(seed=0); env.step(0)\n"
        "print([name for name in ('pygame', 'torch', 'numba') if name in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr

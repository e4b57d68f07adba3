"""The window under SDL's dummy driver, and what its pictures show."""

import numpy as np
import pygame
import pytest
from PIL import Image

from agents import RecurrentA2C, make_vec_env
from agents.evaluation import Task
from plastic_maze.rendering import AGENT, FLOOR, GOAL, UNKNOWN
from viewer.director import Director
from viewer.keys import KEYS, Command
from viewer.screen import SMALLEST, as_array, cell_at, columns_of, draw_screen
from viewer.show import make_match
from viewer.window import ViewerWindow

SMALL = Task("PlasticMazeSmall-v0", {})


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("agents") / "some.safetensors"
    policy = {"core": "plastic", "hidden_size": 8, "core_settings": {"init_scale": 1.0}}
    env = make_vec_env("PlasticMazeSmall-v0", 1)
    RecurrentA2C("RecurrentPolicy", env, policy_kwargs=policy, seed=0).save(file)
    return str(file)


class Driver:
    """A window whose keys and mouse the test works."""

    def __init__(self, players, folder, task=SMALL):
        self.folder = folder
        self.director = Director(make_match(players, task, 0), task.env_id)
        self.window = ViewerWindow(self.director, "test", folder)

    def press(self, name, held=0):
        code = getattr(pygame, f"K_{name}")
        for kind in (pygame.KEYDOWN, *[pygame.KEYDOWN] * held, pygame.KEYUP):
            pygame.event.post(pygame.event.Event(kind, key=code))
        self.window.frame(0)

    def command(self, command):
        self.press(next(key.codes[0] for key in KEYS if key.command is command))

    def click(self, position):
        pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=position))
        self.window.frame(0)

    @property
    def moment(self):
        return self.director.match.moments[0]

    @property
    def shown(self):
        return pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)

    @property
    def size(self):
        return pygame.display.get_surface().get_size()

    def maze(self, player=0):
        """The picture of a player's maze, and the side of a square in it."""
        column = columns_of(self.director.screen, self.size)[player]
        box = column.maze
        return self.shown[box.top : box.bottom, box.left : box.right], column.square

    def squares_with(self, color, player=0):
        picture, square = self.maze(player)
        rows, cols = np.nonzero((picture == color).all(axis=-1))
        return set(zip((rows // square).tolist(), (cols // square).tolist(), strict=True))


@pytest.fixture
def drive(tmp_path):
    drivers = []

    def begin(*players, task=SMALL):
        drivers.append(Driver(players, tmp_path, task))
        drivers[-1].window.frame(0)
        return drivers[-1]

    yield begin
    for driver in drivers:
        driver.window.close()


def place(moment, cell):
    return tuple(moment.layout.coordinates[cell].tolist())


def test_the_window_shows_where_agent_and_goal_are(drive, path):
    driver = drive(path)
    for _ in range(12):
        driver.command(Command.STEP)
        centre = tuple(round((i + 0.5) * driver.maze()[1]) for i in place(driver.moment, driver.moment.agent))
        assert driver.maze()[0][centre].tolist() == list(AGENT)
        assert place(driver.moment, driver.moment.goal) in driver.squares_with(GOAL)
        expected = as_array(draw_screen(driver.director.screen, driver.size))
        np.testing.assert_array_equal(driver.shown, expected)


def test_keys_do_what_the_screen_says(drive, path):
    driver = drive(path, path)
    told = {key.command for key in driver.director.keys}
    assert told == set(Command)  # whatever there is, is shown
    director, tried = driver.director, set()

    def press(command):
        tried.add(command)
        driver.command(command)

    driver.window.frame(0.25)
    assert driver.moment.elapsed == 3
    press(Command.PAUSE)
    driver.window.frame(0.25)
    assert driver.moment.elapsed == 3
    assert "paused" in director.screen.status
    press(Command.STEP)
    assert [m.elapsed for m in director.match.moments] == [4, 4]
    pace = director.pace
    press(Command.FASTER)
    assert director.pace > pace
    press(Command.SLOWER)
    assert director.pace == pace

    press(Command.GOAL)
    assert driver.squares_with(GOAL) == driver.squares_with(GOAL, 1) == set()
    press(Command.GOAL)
    assert driver.squares_with(GOAL) == {place(driver.moment, driver.moment.goal)}
    press(Command.VIEW)
    assert driver.squares_with(UNKNOWN)
    assert driver.squares_with(FLOOR) == set()
    press(Command.VIEW)
    assert not driver.squares_with(UNKNOWN)

    assert "sampled" in director.screen.status
    press(Command.GREEDY)
    assert "greedy" in director.screen.status
    likeliest = driver.moment.inspection.probabilities.argmax()
    driver.command(Command.STEP)
    assert driver.moment.action == likeliest

    press(Command.FREEZE)
    hebb = driver.moment.inspection.plastic.hebb
    assert "hebb frozen" in director.screen.status
    driver.command(Command.STEP)
    np.testing.assert_array_equal(driver.moment.inspection.plastic.hebb, hebb)
    assert hebb.any()
    press(Command.WIPE)
    assert not driver.moment.inspection.plastic.hebb.any()
    driver.command(Command.FREEZE)
    assert "frozen" not in director.screen.status

    goal = driver.moment.goal
    press(Command.AGAIN)
    assert (driver.moment.elapsed, driver.moment.goal, director.match.seed) == (0, goal, 0)
    press(Command.NEW)
    assert (driver.moment.elapsed, director.match.seed) == (0, 1)

    for _ in range(3):
        driver.command(Command.STEP)
    press(Command.SCREENSHOT)
    (file,) = driver.folder.glob("*.png")
    saved = np.asarray(Image.open(file))
    assert saved.shape[1::-1] == driver.size
    assert file.name in director.screen.message
    press(Command.GIF)
    while "saved" not in director.screen.message:
        driver.window.frame(0)
    (file,) = driver.folder.glob("*.gif")
    assert Image.open(file).n_frames == 4
    assert f"saved {file.name}" in director.screen.message
    press(Command.SCREENSHOT)
    assert len(list(driver.folder.glob("*.png"))) == 2  # nothing is overwritten

    press(Command.QUIT)
    driver.window.run()  # ends at once
    assert pygame.display.get_surface() is None
    assert tried == set(Command) - {Command.MOVE_GOAL}  # which is the mouse's


def test_a_click_moves_the_goal_for_both(drive):
    driver = drive("random", "oracle")
    driver.command(Command.PAUSE)
    moment = driver.moment
    cell = next(c for c in moment.layout.free.tolist() if c not in (moment.agent, moment.goal))
    column = columns_of(driver.director.screen, driver.size)[1]
    row, col = place(moment, cell)
    half = column.square // 2
    driver.click(
        (column.maze.left + col * column.square + half, column.maze.top + row * column.square + half)
    )
    assert [m.goal for m in driver.director.match.moments] == [cell, cell]
    assert driver.squares_with(GOAL, 0) == {place(moment, cell)}
    driver.click((column.maze.left + 2, column.maze.top + 2))  # a wall
    assert "cannot" in driver.director.screen.message
    assert driver.moment.goal == cell
    assert cell_at(driver.director.screen, driver.size, (1, 1)) is None


def test_a_hit_flashes(drive):
    driver = drive("oracle")
    driver.command(Command.GOAL)
    while not driver.moment.hit_steps:
        assert driver.squares_with(GOAL) == set()
        driver.command(Command.STEP)
    border = driver.squares_with(GOAL)
    assert {(0, 3), (6, 3), (3, 0), (3, 6)} <= border
    start = len(driver.moment.hit_steps)
    for _ in range(60):
        driver.command(Command.STEP)
        if len(driver.moment.hit_steps) == start and driver.moment.elapsed - driver.moment.hit_steps[-1] >= 4:
            assert driver.squares_with(GOAL) == set()
        start = len(driver.moment.hit_steps)


def test_keys_that_would_do_nothing_are_not_shown(drive):
    commands = {key.command for key in drive("oracle").director.keys}
    assert not commands & {Command.FREEZE, Command.WIPE, Command.GREEDY}
    driver = drive("human")
    assert not {key.command for key in driver.director.keys} & {Command.PAUSE, Command.FASTER, Command.GREEDY}
    assert driver.squares_with(UNKNOWN)
    driver.press("LEFT")
    assert driver.moment.action == 2
    driver.press("SPACE")
    assert not driver.director.paused


def test_keys_that_are_held_down(drive):
    driver = drive("random")
    driver.press("SPACE", held=1)
    assert driver.director.paused  # not paused and at once unpaused
    driver.press("PERIOD", held=4)
    assert driver.moment.elapsed == 5


def test_closing_the_window_ends(drive):
    driver = drive("random")
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    driver.window.run()
    assert pygame.display.get_surface() is None


@pytest.mark.parametrize("size", [SMALLEST, (700, 900), (1280, 800), (2560, 1440)])
def test_every_size_keeps_its_parts_apart(path, size):
    for players, task in (
        ((path,), SMALL),
        ((path, "oracle"), SMALL),
        (("oracle",) * 2, Task("PlasticMazePairs-v0", {})),
    ):
        screen = Director(make_match(players, task, 0), task.env_id).screen
        assert as_array(draw_screen(screen, size)).shape == (size[1], size[0], 3)
        whole = pygame.Rect(0, 0, *size)
        boxes = [box for c in columns_of(screen, size) for box in (c.numbers, c.maze, c.panel)]
        assert all(whole.contains(box) for box in boxes)
        assert all(box.collidelist([b for b in boxes if b is not box]) == -1 for box in boxes)


def test_a_gif_is_finished_after_the_window_was_closed(drive):
    driver = drive("random")
    driver.command(Command.STEP)
    driver.command(Command.GIF)
    driver.command(Command.QUIT)
    driver.window.run()
    (file,) = driver.folder.glob("*.gif")
    assert Image.open(file).n_frames == 2


def test_a_window_can_be_resized(drive):
    driver = drive("random")
    pygame.display.set_mode((900, 700), pygame.RESIZABLE)
    driver.window.frame(0)
    assert driver.shown.shape == (700, 900, 3)
    assert place(driver.moment, driver.moment.agent) in driver.squares_with(AGENT)


def test_files_that_cannot_be_written_are_told(drive, tmp_path):
    driver = drive("random")
    driver.window._folder = tmp_path / "missing"
    driver.command(Command.SCREENSHOT)
    assert "cannot save: No such file" in driver.director.screen.message
    driver.command(Command.GIF)
    while "cannot save" not in driver.director.screen.message:
        driver.window.frame(0)
    driver.command(Command.STEP)
    assert driver.moment.elapsed == 1

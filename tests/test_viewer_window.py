"""The window under SDL's dummy driver, and what its pictures show."""

from dataclasses import replace

import numpy as np
import pygame
import pytest
from PIL import Image

import viewer.help
from agents import RecurrentA2C, make_vec_env
from agents.core_colors import core_color
from agents.evaluation import Task
from plastic_maze.rendering import AGENT, FLOOR, GOAL, UNKNOWN
from viewer.director import Director
from viewer.keys import KEYS, Command
from viewer.layout import SMALLEST, first_size, fit
from viewer.match import Score
from viewer.screen import as_array, cell_at, columns_of, draw_screen
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

    def press(self, name, held=0, typed=""):
        code = getattr(pygame, f"K_{name}")
        for kind in (pygame.KEYDOWN, *[pygame.KEYDOWN] * held, pygame.KEYUP):
            pygame.event.post(pygame.event.Event(kind, key=code, unicode=typed))
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
    assert director.screen.status.startswith("paused, 12 steps a second")
    press(Command.STEP)
    assert [m.elapsed for m in director.match.moments] == [4, 4]
    pace = director.pace
    press(Command.FASTER)
    assert director.pace > pace
    assert director.screen.status.startswith("paused, 20 steps a second")  # the new one is told at once
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

    press(Command.HELP)
    assert director.screen.help
    driver.press("ESCAPE")  # closes the help, not the window
    assert not director.screen.help

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


def scenes(path):
    """Players and a task in which the screen shows something different."""
    yield (path,), SMALL
    yield (path, "oracle"), SMALL
    yield ("oracle",) * 2, Task("PlasticMazePairs-v0", {})
    yield ("random",), Task("PlasticMaze-v0", {"size": 51})  # its squares are as small as they get


SIZES = (SMALLEST, (624, 416), (700, 900), SMALLEST[::-1], (784, 1216), (1280, 800), (2560, 1440))


def test_every_size_keeps_its_parts_apart(path):
    for players, task in scenes(path):
        screen = Director(make_match(players, task, 0), task.env_id).screen
        for size in SIZES:
            assert draw_screen(screen, size).get_size() == size
            whole = pygame.Rect(0, 0, *size)
            boxes = [box for c in columns_of(screen, size) for box in (c.numbers, c.maze, c.panel)]
            assert all(whole.contains(box) for box in boxes)
            assert all(box.collidelist([b for b in boxes if b is not box]) == -1 for box in boxes)


def test_no_window_is_half_empty(path):
    """Between the header and the footer, little is left blank, whichever way the window is turned."""
    for players, task in scenes(path):
        screen = Director(make_match(players, task, 0), task.env_id).screen
        for size in SIZES:
            columns = columns_of(screen, size)
            used = sum(box.width * box.height for c in columns for box in (c.numbers, c.maze, c.panel))
            top = columns[0].numbers.top
            room = size[0] * (columns[-1].panel.bottom - top)
            assert columns[-1].panel.bottom - top > 0.6 * size[1]
            assert used > (0.7 if len(columns) == 1 else 0.55) * room, (players, size)


DESKTOPS = (
    (640, 480),
    (1024, 768),
    (1280, 800),
    (2560, 1440),
    (3840, 2160),
    (3440, 1440),
    (800, 1280),
    (9, 9),
)


@pytest.mark.parametrize("desktop", DESKTOPS)
def test_a_window_opens_in_a_size_that_fits_the_desktop(desktop, drive, monkeypatch):
    """It is given its size once, before it is put in its place."""
    opened = []
    set_mode = pygame.display.set_mode

    def opening(size, flags=0):
        opened.append(size)
        return set_mode(size, flags)

    monkeypatch.setattr(pygame.display, "set_mode", opening)
    monkeypatch.setattr(pygame.display, "get_desktop_sizes", lambda: [desktop])
    drive("random")
    (size,) = opened
    assert size == first_size(desktop)
    room = [max(1, desktop[0] - 16), max(1, desktop[1] - 64)]
    assert all(0 < length <= most for length, most in zip(size, room, strict=True))
    assert max(size) <= 1.61 * min(size) or max(desktop) < 100
    assert max(length / most for length, most in zip(size, room, strict=True)) > 0.85  # large, too
    if min(desktop) >= 480:
        assert fit(size).picture == size  # nothing needs to be scaled down


@pytest.mark.parametrize("window", [(300, 400), (420, 200), (900, 100), (1, 1), (2000, 1000)])
def test_a_small_window_shows_everything_scaled_down(window):
    fitting = fit(window)
    assert all(length <= most for length, most in zip(fitting.shown, window, strict=True))
    assert max(shown / there for shown, there in zip(fitting.shown, window, strict=True)) > 0.99
    corner = tuple(first + length - 1 for first, length in zip(fitting.corner, fitting.shown, strict=True))
    assert fitting.on_picture(fitting.corner) == (0, 0)
    far = fitting.on_picture(corner)
    scale = fitting.picture[0] / fitting.shown[0]
    assert all(
        0 <= length - 1 - place <= scale + 1 for length, place in zip(fitting.picture, far, strict=True)
    )


def test_a_small_window_can_be_worked(drive):
    driver = drive("random")
    driver.command(Command.PAUSE)
    pygame.display.set_mode((330, 200), pygame.RESIZABLE)
    driver.window.frame(0)
    fitting = fit((330, 200))
    whole = pygame.transform.smoothscale(draw_screen(driver.director.screen, fitting.picture), fitting.shown)
    left, top = fitting.corner
    width, height = fitting.shown
    np.testing.assert_array_equal(driver.shown[top : top + height, left : left + width], as_array(whole))
    moment = driver.moment
    cell = next(c for c in moment.layout.free.tolist() if c not in (moment.agent, moment.goal))
    (column,) = columns_of(driver.director.screen, fitting.picture)
    row, col = place(moment, cell)
    x, y = (
        first + (index + 0.5) * column.square
        for first, index in zip(column.maze.topleft, (col, row), strict=True)
    )
    scale = fitting.shown[0] / fitting.picture[0]
    driver.click((round(left + scale * x), round(top + scale * y)))
    assert driver.moment.goal == cell


@pytest.fixture
def drawn(monkeypatch):
    """Counts pictures of the window."""
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return draw_screen(*arguments)

    monkeypatch.setattr("viewer.window.draw_screen", counted)
    return calls


def test_nothing_is_drawn_twice(drive, drawn):
    driver = drive("random")
    assert len(drawn) == 1
    driver.window.frame(0.04)  # no step yet, at twelve a second
    assert len(drawn) == 1
    driver.window.frame(0.05)
    assert len(drawn) == 2
    driver.command(Command.PAUSE)
    assert len(drawn) == 3
    for _ in range(20):
        driver.window.frame(0.2)
    assert len(drawn) == 3
    pygame.event.post(pygame.event.Event(pygame.WINDOWEXPOSED))
    driver.window.frame(0)
    assert len(drawn) == 4
    driver.command(Command.FASTER)
    assert len(drawn) == 5


def test_a_window_sleeps_while_nothing_happens(drive, monkeypatch):
    """Until the next step is due; where none is, for as long as Ctrl-C may wait."""
    waits = []

    def wait(milliseconds):
        waits.append(milliseconds)
        return pygame.event.Event(pygame.QUIT if len(waits) == 2 else pygame.NOEVENT)

    monkeypatch.setattr(pygame.event, "wait", wait)
    drive("random").window.run()
    assert all(40 < milliseconds <= 84 for milliseconds in waits)
    for players, command in ((("random",), Command.PAUSE), (("random",), Command.HELP), (("human",), None)):
        waits.clear()
        driver = drive(*players)
        if command is not None:
            driver.command(command)
        driver.window.run()
        assert waits == [250, 250]


def test_keys_that_do_nothing_now_are_pale(drive, path):
    """They keep their place, so that nothing jumps."""
    driver = drive(path)
    driver.command(Command.PAUSE)
    screen = driver.director.screen
    assert screen.working == screen.keys
    driver.command(Command.VIEW)
    without = {key.command for key in screen.keys} - {key.command for key in driver.director.screen.working}
    assert without == {Command.GOAL, Command.MOVE_GOAL}
    assert driver.director.screen.keys == screen.keys
    driver.command(Command.GOAL)
    assert driver.director.goal_shown
    driver.click(columns_of(driver.director.screen, driver.size)[0].maze.center)
    assert not driver.director.screen.message
    driver.command(Command.VIEW)
    while not driver.director.match.over:
        driver.director.do(Command.STEP)
    now = {key.command for key in driver.director.screen.working}
    assert not now & {Command.STEP, Command.MOVE_GOAL, Command.FREEZE, Command.WIPE}


def test_help_is_closed_by_any_key_and_time_stands_still(drive, path):
    driver = drive(path)
    driver.press("MINUS", typed="?")  # as on a German keyboard
    assert driver.director.screen.help
    driver.window.frame(0.2)
    assert driver.moment.elapsed == 0
    for key in ("LSHIFT", "RCTRL"):
        driver.press(key)
        assert driver.director.screen.help
    driver.press("SPACE", typed=" ")
    assert not driver.director.screen.help
    assert not driver.director.paused
    driver.command(Command.HELP)
    driver.click((3, 3))
    assert not driver.director.screen.help
    driver.press("x", typed="x")
    assert not driver.director.screen.help


def test_help_explains_what_there_is(path):
    def names(*players, task=SMALL):
        director = Director(make_match(players, task, 0), task.env_id)
        director.do(Command.HELP)
        return {entry.name for entry in director.screen.help}

    plastic = {"hebb", "α · hebb", "change", "from row to column"}
    assert plastic | {"orange frame", "steps to each hit", "value estimate", "the maze"} <= names(path)
    assert not plastic & names("oracle")
    assert "your game" in names("human")
    assert "cue" in names("random", task=Task("PlasticMazePairs-v0", {}))
    assert "the goal moves" in names("random", task=Task("PlasticMazeReversal-v0", {}))
    assert "where it may be" in names("planner")
    assert not {"cue", "the goal moves", "where it may be"} & names("random")


@pytest.mark.parametrize("size", SIZES)
def test_all_of_the_help_can_be_seen(size):
    """Nothing is written over the edges, and the last lines are there."""
    entries = [entry for entry in vars(viewer.help).values() if isinstance(entry, viewer.help.Entry)]
    assert len(entries) > 10
    surface = pygame.Surface(size, depth=32)
    viewer.help.draw_help(surface, entries, size)
    picture = as_array(surface)
    for edge in (picture[0], picture[-4], picture[:, 0], picture[:, -1]):
        assert (edge == 255).all()
    shorter = surface.copy()
    last = entries[-1]
    cut = viewer.help.Entry(last.name, last.text[:-20])
    viewer.help.draw_help(shorter, [*entries[:-1], cut], size)
    assert (as_array(shorter) != picture).any()


def test_scores_stand_beside_the_maze_of_a_person_who_has_played(path):
    """The maze, in which the goal is shown then, is not covered."""
    for players in (("human",), ("oracle", "human")):
        screen = Director(make_match(players, SMALL, 0), "small").screen
        scores = tuple(Score(name, 10.0, 1, 5) for name in ("oracle", "planner", "you", "random", "some"))
        for size in (SMALLEST, (1280, 800)):
            plain = as_array(draw_screen(screen, size))
            ranked = as_array(draw_screen(replace(screen, ranking=scores), size))
            changed = np.argwhere((plain != ranked).any(axis=2))
            panel = columns_of(screen, size)[-1].panel
            assert len(changed) > 1000
            assert all(panel.collidepoint(x, y) for y, x in (changed.min(axis=0), changed.max(axis=0)))


def test_the_belief_of_a_planner_is_shown_where_the_goal_may_be():
    """A person is not told by the planner beside them where the goal is."""
    screen = Director(make_match(["planner"], SMALL, 0), "small").screen
    size = (1280, 800)
    panel = columns_of(screen, size)[0].panel

    def colors(shown):
        picture = as_array(draw_screen(replace(screen, goal_shown=shown), size))
        inside = picture[panel.top : panel.bottom, panel.left : panel.right].reshape(-1, 3)
        return {tuple(color) for color in np.unique(inside, axis=0).tolist()}

    assert AGENT in colors(shown=True)  # in the beginning it knows its own square
    assert AGENT not in colors(shown=False)


def test_a_gif_is_finished_after_the_window_was_closed(drive):
    driver = drive("random")
    driver.command(Command.STEP)
    driver.command(Command.GIF)
    driver.command(Command.QUIT)
    driver.window.run()
    (file,) = driver.folder.glob("*.gif")
    assert Image.open(file).n_frames == 2


def test_players_have_the_colors_of_their_cores(drive, path):
    driver = drive(path, "oracle")
    one, other = columns_of(driver.director.screen, driver.size)

    def has_color(box):
        inside = driver.shown[box.top : box.bottom, box.left : box.right]
        return (inside == pygame.Color(core_color("plastic"))[:3]).all(axis=2).any()

    assert has_color(one.numbers)
    assert not has_color(other.numbers)


def test_letters_outlive_pygame(drive):
    """Others end it: Gymnasium's environments do when they are closed."""
    driver = drive("random")
    pygame.quit()
    driver.window = ViewerWindow(driver.director, "test", driver.folder)
    pygame.display.set_mode((901, 555))  # letters of other sizes
    driver.window.frame(0)
    assert driver.shown.shape == (555, 901, 3)


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

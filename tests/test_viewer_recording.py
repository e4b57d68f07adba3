"""Recordings, figures, and the parts of a picture."""

from dataclasses import replace

import numpy as np
import pygame
import pytest
from PIL import Image

from agents import RecurrentA2C, make_vec_env
from agents.evaluation import Task
from agents.recording import save_gif, save_mp4
from plastic_maze.rendering import AGENT, FLOOR, WALL
from viewer import charts, still
from viewer.recording import GIF_SIZE, record
from viewer.scales import Scales, reach, round_up
from viewer.show import make_match
from viewer.still import draw_still, play_to_the_end
from viewer.style import PAPER, write

SMALL = "PlasticMazeSmall-v0"
SHORT = Task(SMALL, {"max_steps": 12})


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("agents") / "some.safetensors"
    RecurrentA2C("RecurrentPolicy", make_vec_env("PlasticMazeSmall-v0", 1), seed=0).save(file)
    return str(file)


def test_the_same_seed_gives_the_same_frames(path, tmp_path):
    files = []
    for number in range(2):
        match = make_match([path, "random"], SHORT, 3)
        match.step()
        frames = list(record(match, "small", False, GIF_SIZE))  # from the start, wherever the match was
        assert len(frames) == 13
        files.append(tmp_path / f"{number}.gif")
        assert save_gif(files[-1], frames) == 13
    assert files[0].read_bytes() == files[1].read_bytes()
    other = next(iter(record(make_match([path, "random"], SHORT, 4), "small", False, GIF_SIZE)))
    assert not np.array_equal(frames[0], other)
    animation = Image.open(files[0])
    assert animation.size == GIF_SIZE
    assert animation.n_frames == 13
    animation.seek(12)
    error = np.abs(np.asarray(animation.convert("RGB"), dtype=int) - frames[-1])
    assert error.mean() < 1  # colours are kept, also those of small signs


def test_an_animation_rests_at_its_end(tmp_path):
    images = [np.full((50, 64, 3), shade, dtype=np.uint8) for shade in (0, 200, 0, 200)]
    save_gif(tmp_path / "a.gif", images)
    with Image.open(tmp_path / "a.gif") as animation:
        durations = []
        for number in range(animation.n_frames):
            animation.seek(number)
            durations.append(animation.info["duration"])
    assert durations == [80, 80, 80, 2000]


def test_a_film_can_be_read_again(tmp_path):
    reader = pytest.importorskip("imageio_ffmpeg")
    images = [np.full((50, 64, 3), 20 * i, dtype=np.uint8) for i in range(8)]
    assert save_mp4(tmp_path / "a.mp4", images) == 8
    film = reader.read_frames(str(tmp_path / "a.mp4"))
    assert next(film)["source_size"] == (64, 50)
    assert len(list(film)) == 8


@pytest.mark.parametrize(("players", "ending"), [(("oracle",), "png"), (("random", "oracle"), "svg")])
def test_a_figure_repeats_itself(players, ending, tmp_path):
    for name in ("a", "b"):
        moments = play_to_the_end(make_match(players, SHORT, 1), greedy=False)
        assert all(moment.over for moment in moments)
        draw_still(moments, tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
    text = (tmp_path / f"a.{ending}").read_bytes()
    assert text.startswith(b"<?xml" if ending == "svg" else b"\x89PNG")


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are drawn, in place of files."""
    figures = []
    monkeypatch.setattr(still, "save_figure", lambda figure, path: figures.append(figure))
    return figures


def test_a_figure_shows_both_players_on_the_same_scales(drawn, tmp_path):
    draw_still(
        play_to_the_end(make_match(("random", "oracle"), Task(SMALL, {}), 1), False), tmp_path / "a.png"
    )
    (figure,) = drawn
    left, right = figure.subfigs
    assert "random: return" in left.get_suptitle()
    assert "oracle: return" in right.get_suptitle()
    assert [len(part.axes) for part in (left, right)] == [4, 4]  # two mazes with a scale each
    for one, other in zip(left.axes, right.axes, strict=True):
        if one.get_label() == "<colorbar>":
            assert one.get_ylim() == other.get_ylim()


@pytest.mark.parametrize("env_id", ["PlasticMazePairs-v0", "PlasticMazeReversal-v0", "PlasticMazeSmall-v0"])
def test_goals_of_a_figure_are_numbered_in_the_order_in_which_they_paid(env_id, drawn, tmp_path):
    match, paid = make_match(("oracle",), Task(env_id, {}), 1), []
    while match.step():
        (moment,) = match.moments
        paid += [] if moment.goal in paid else [moment.goal]
    draw_still(play_to_the_end(match, greedy=False), tmp_path / "a.png")
    _, after, *_ = drawn[0].subfigs[0].axes
    stars = [(line.get_xdata()[0], line.get_ydata()[0]) for line in after.lines if line.get_marker() == "*"]
    places = [tuple(moment.layout.coordinates[cell][::-1].tolist()) for cell in paid]
    assert stars == places
    numbers = [text.get_text() for text in after.texts]
    count = {"PlasticMazePairs-v0": 3, "PlasticMazeReversal-v0": 2, "PlasticMazeSmall-v0": 1}[env_id]
    assert numbers == ([] if count == 1 else [str(number) for number in range(1, count + 1)])


@pytest.mark.parametrize(
    ("largest", "bound"), [(0.0, 1.0), (0.9, 1.0), (1.0, 1.0), (1.1, 1.5), (0.03, 0.03), (40, 40), (41, 50)]
)
def test_scales_end_in_round_numbers(largest, bound):
    assert round_up(reach(np.array([[0.0, -largest]], dtype=np.float32))) == pytest.approx(bound)
    assert round_up(reach(np.array([np.nan, 0.0], dtype=np.float32))) == 1.0


def scales_drawn(monkeypatch):
    """What the heat maps, curves and bars of each frame end at, as frames are drawn."""
    drawn = []
    heat_map, curve, bars = charts.heat_map, charts.curve, charts.bars

    def of_heat_map(surface, box, values, bound):
        drawn.append(bound)
        return heat_map(surface, box, values, bound)

    def of_curve(surface, box, values, ends, *rest):
        drawn.append(ends)
        curve(surface, box, values, ends, *rest)

    def of_bars(surface, box, heights, growing, tallest, *rest):
        drawn.append(tallest)
        bars(surface, box, heights, growing, tallest, *rest)

    monkeypatch.setattr(charts, "heat_map", of_heat_map)
    monkeypatch.setattr(charts, "curve", of_curve)
    monkeypatch.setattr(charts, "bars", of_bars)
    return drawn


def test_both_players_have_one_scale_that_holds_for_the_whole_episode(path, tmp_path, monkeypatch):
    other = tmp_path / "strong.safetensors"
    strong = {"core": "plastic", "hidden_size": 8, "core_settings": {"init_scale": 1.0}}
    RecurrentA2C(
        "RecurrentPolicy", make_vec_env("PlasticMazeSmall-v0", 1), policy_kwargs=strong, seed=0
    ).save(other)
    drawn = scales_drawn(monkeypatch)
    both, alone = [], []
    for players, scales in (((path, str(other)), both), ((path,), alone)):
        for _ in record(make_match(players, SHORT, 3), "small", False, GIF_SIZE):
            scales.append(tuple(drawn))
            drawn.clear()
    assert len(both) == 13
    assert len(set(both)) == 1  # from the first frame to the last
    left, right = both[0][: len(both[0]) // 2], both[0][len(both[0]) // 2 :]
    assert left == right
    assert len(set(alone)) == 1
    assert left != alone[0]  # the other one's numbers are larger


def test_scales_only_grow():
    moment = make_match(("oracle",), SHORT, 1).moments[0]
    scales = Scales(hebb=0.5, leg=30).widened([moment, replace(moment, hit_steps=(4, 90))])
    assert (scales.hebb, scales.leg, scales.hits) == (0.5, 86, 2)
    assert scales.widened([moment]) == scales


def test_the_axis_of_values_has_a_least_length_and_holds_zero():
    """Noise around 0.9 does not fill it."""
    assert Scales(above=0.9).values == (0.0, 1.0)
    assert Scales().values == (0.0, 1.0)
    assert Scales(above=2.7, below=0.01).values == (pytest.approx(-0.3), 3.0)
    assert Scales(below=40).values == (-40.0, 1.0)


def test_the_first_search_is_shown_however_many_hits_follow():
    assert charts.first_and_last(3, 12) == [0, 1, 2]
    assert charts.first_and_last(40, 12) == [0, None, *range(30, 40)]


@pytest.mark.parametrize("width", [60, 110, 300])
def test_bars_have_numbers(width, monkeypatch):
    written = []
    monkeypatch.setattr(charts, "write", lambda surface, text, *rest, **more: written.append(text) or 0)
    surface = pygame.Surface((width, 80))
    charts.bars(surface, surface.get_rect(), [37, *[4] * 30, 9], 0, 40, 32, 1.0)
    assert {"37", "9", "40", "0"} <= set(written)
    written.clear()
    charts.bars(surface, surface.get_rect(), [3, 38, *[4] * 30], 0, 40, 32, 1.0)
    assert {"3", "4"} <= set(written)
    assert ("38" in written) == (width > 110)  # narrow, there is a gap after the first bar
    written.clear()
    charts.bars(surface, surface.get_rect(), [], 52, 40, 32, 1.0)
    assert "52" in written  # still searching, for longer than the scale goes


def test_heat_maps_show_signs_in_their_places():
    surface = pygame.Surface((100, 100))
    values = np.array([[1.0, 0.0], [0.0, -1.0]], dtype=np.float32)
    assert charts.heat_map(surface, pygame.Rect(0, 0, 100, 100), values, 1.0).size == (100, 100)
    assert surface.get_at((25, 25))[:3] == (213, 94, 0)
    assert surface.get_at((75, 25))[:3] == surface.get_at((25, 75))[:3] == (255, 255, 255)
    assert surface.get_at((75, 75))[:3] == (0, 114, 178)
    charts.heat_map(surface, pygame.Rect(0, 0, 100, 100), values * np.nan, 1.0)  # does not end in an error


def test_a_small_maze_tints_what_is_possible():
    surface = pygame.Surface((60, 60))
    walls = np.array([[True, True, True], [True, False, False], [True, True, False]])
    chances = np.array([[0, 0, 0], [0, 1.0, 0.25], [0, 0, 0]])
    assert charts.places(surface, surface.get_rect(), walls, chances, AGENT).size == (60, 60)
    colors = [surface.get_at((20 * col + 10, 20 * row + 10))[:3] for row, col in np.ndindex(3, 3)]
    assert colors[:4] == [WALL] * 4
    assert colors[4] == AGENT
    assert colors[5] not in (AGENT, FLOOR, WALL)
    assert colors[8] == FLOOR


@pytest.mark.parametrize(
    "text", ["short", "a text that is much too long for so small a box, whatever is done"]
)
@pytest.mark.parametrize("align", [0.0, 0.5, 1.0])
def test_no_text_leaves_its_box(text, align):
    surface = pygame.Surface((200, 40))
    surface.fill(PAPER)
    write(surface, text, pygame.Rect(50, 0, 90, 40), 15, align=align)
    changed = np.nonzero((pygame.surfarray.array3d(surface) != PAPER).any(axis=(1, 2)))[0]
    assert changed.size
    assert changed.min() >= 50
    assert changed.max() < 140

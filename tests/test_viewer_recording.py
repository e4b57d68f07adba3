"""Recordings, figures, and the parts of a picture."""

import numpy as np
import pygame
import pytest
from PIL import Image

from agents import RecurrentA2C, make_vec_env
from agents.evaluation import Task
from agents.recording import save_gif, save_mp4
from viewer import charts, still
from viewer.recording import GIF_SIZE, record
from viewer.show import make_match
from viewer.still import draw_still, play_to_the_end
from viewer.style import PAPER, write

SHORT = Task("PlasticMazeSmall-v0", {"max_steps": 12})


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


@pytest.mark.parametrize("players", [("oracle",), ("random", "oracle")])
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_figure_repeats_itself(players, ending, tmp_path):
    for name in ("a", "b"):
        moment = play_to_the_end(make_match(players, SHORT, 1), greedy=False)
        assert moment.over
        draw_still(moment, tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
    text = (tmp_path / f"a.{ending}").read_bytes()
    assert text.startswith(b"<?xml" if ending == "svg" else b"\x89PNG")


def test_a_figure_has_a_star_for_each_place_that_paid(tmp_path, monkeypatch):
    stars = []
    monkeypatch.setattr(still, "_star", lambda axes, layout, cell: stars.append(cell))
    task = Task("PlasticMazePairs-v0", {})
    moment = play_to_the_end(make_match(("oracle",), task, 1), greedy=False)
    draw_still(moment, tmp_path / "a.png")
    assert set(stars[1:]) == {moment.goal, *moment.others}


@pytest.mark.parametrize(
    ("largest", "bound"), [(0.0, 1.0), (0.9, 1.0), (1.0, 1.0), (1.1, 2.0), (0.03, 0.05), (40, 50)]
)
def test_bounds_are_round_numbers(largest, bound):
    assert charts.nice_bound(np.array([[0.0, -largest]], dtype=np.float32)) == pytest.approx(bound)
    assert charts.nice_bound(np.array([np.nan, 0.0], dtype=np.float32)) == 1.0


def test_heat_maps_show_signs_in_their_places():
    surface = pygame.Surface((100, 100))
    values = np.array([[1.0, 0.0], [0.0, -1.0]], dtype=np.float32)
    assert charts.heat_map(surface, pygame.Rect(0, 0, 100, 100), values, 1.0).size == (100, 100)
    assert surface.get_at((25, 25))[:3] == (213, 94, 0)
    assert surface.get_at((75, 25))[:3] == surface.get_at((25, 75))[:3] == (255, 255, 255)
    assert surface.get_at((75, 75))[:3] == (0, 114, 178)
    np.testing.assert_allclose(
        charts.pooled(np.arange(16, dtype=np.float32).reshape(4, 4), 2), [[2.5, 4.5], [10.5, 12.5]]
    )


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

"""`evaluate.py` as a user meets it."""

import json
import shutil
import sys

import pygame
import pytest
from PIL import Image

import evaluate
import train
from agents import RecurrentA2C, make_vec_env
from plastic_maze.window import Window
from tests.command_line import QUICK, SMALL, run
from viewer.window import ViewerWindow


def test_evaluate_writes_json_and_gif(trained, tmp_path):
    files = ["--json", tmp_path / "a.json", "--gif", tmp_path / "a.gif"]
    output = run("evaluate.py", trained, "--episodes", 20, "--seed", 4, *files)
    assert "mean return" in output
    assert "share of the planner" in output
    measured = json.loads((tmp_path / "a.json").read_text())
    assert measured["env"] == SMALL
    assert measured["episodes"] == len(measured["returns"]) == 20
    assert measured["seed"] == 4
    low, high = measured["ci95"]
    assert low <= measured["mean_return"] <= high
    keys = {"mean_return", "ci95", "returns", "steps_to_first_hit", "steps_per_later_hit"}
    assert set(measured["reference"]) == {"random", "planner", "oracle"}
    assert all(keys <= set(scores) for scores in (measured, *measured["reference"].values()))
    animation = Image.open(tmp_path / "a.gif")
    assert animation.n_frames == 81  # before the first step, and after each


def test_ablated_and_intact_agent_stand_side_by_side(tmp_path):
    large = {"core": "plastic", "hidden_size": 8, "core_settings": {"init_scale": 1.0}}  # its memory counts
    RecurrentA2C("RecurrentPolicy", make_vec_env(SMALL, 1), policy_kwargs=large, seed=0).save(
        tmp_path / "some"
    )

    def measured(*flags):
        output = run(
            "evaluate.py",
            tmp_path / "some.safetensors",
            "--episodes",
            20,
            "--json",
            tmp_path / "a.json",
            *flags,
        )
        return output, json.loads((tmp_path / "a.json").read_text())

    _, plain = measured()
    assert plain["ablations"] == {}
    assert plain["intact"] is None
    output, wiped = measured("--wipe-hidden", 0, "--no-plasticity", "--wipe-hebb", 40, "--freeze-hebb", 70)
    assert "some with --no-plasticity --freeze-hebb 70 --wipe-hebb 40 --wipe-hidden 0" in output
    assert output.count("intact") == 1
    wanted = {"no_plasticity": True, "freeze_hebb": 70, "wipe_hebb": 40, "wipe_hidden": 0}
    assert wiped["ablations"] == wanted
    assert wiped["intact"]["returns"] == plain["returns"]
    assert wiped["reference"] == plain["reference"]
    _, hidden = measured("--wipe-hidden", 30)
    assert hidden["returns"] != hidden["intact"]["returns"] == plain["returns"]


def test_a_moved_goal_moves_for_the_reference_players_too(tmp_path):
    measured = []
    for flags in ([], ["--move-goal", 40]):
        files = ["--episodes", 20, "--json", tmp_path / "a.json"]
        output = run("evaluate.py", "planner", "--env", SMALL, *files, *flags)
        measured.append(json.loads((tmp_path / "a.json").read_text()))
    still, moved = measured
    assert moved["ablations"] == {"move_goal": 40}
    assert moved["intact"]["returns"] == still["returns"] != moved["returns"]
    assert all(moved["reference"][name] != still["reference"][name] for name in ("random", "oracle"))
    # What the intact agent scored was for another task: no share of what others scored in this one.
    share = next(line for line in output.splitlines() if "share of the planner" in line)
    assert [cell.strip() for cell in share.split("│")[2:4]] == ["100%", "-"]


def test_evaluation_repeats_itself(trained, tmp_path):
    for name in ("a", "b"):
        run("evaluate.py", trained / "agent.safetensors", "--episodes", 10, "--json", tmp_path / name)
    one, two = (json.loads((tmp_path / name).read_text()) for name in ("a", "b"))
    assert one["returns"] == two["returns"]


@pytest.mark.parametrize("name", ["random", "planner", "oracle"])
def test_reference_players_stand_in_for_an_agent(name, tmp_path):
    run("evaluate.py", name, "--env", SMALL, "--episodes", 5, "--json", tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["agent"] == name


@pytest.fixture
def closed(monkeypatch):
    """Windows are closed after a few frames, as a user would; returns those that were opened."""
    opened = []

    def run_and_close(window):
        opened.append(window)
        for _ in range(3):
            window.frame(0.2)
        pygame.event.post(pygame.event.Event(pygame.QUIT))
        original(window)

    original = ViewerWindow.run
    monkeypatch.setattr(ViewerWindow, "run", run_and_close)
    return opened


def test_render_shows_a_window(trained, closed, capsys):
    arguments = ["--versus", "planner", "--episodes", "2", "--render", "--max-steps", "5"]
    assert evaluate.main([str(trained), *arguments]) == 0
    assert [moment.max_steps for moment in closed[0].director.match.moments] == [5, 5]
    assert "mean return" in capsys.readouterr().out
    assert "episode 1 of 2" in closed[0].director.screen.heading


def test_nothing_is_scored_after_a_window_unless_asked_for(closed, tmp_path, monkeypatch, capsys):
    """Who closes it wants their prompt back."""
    arguments = ["random", "--env", SMALL, "--render"]
    with monkeypatch.context() as patch:
        patch.setattr("evaluate.evaluate", None)  # scoring anybody would fail
        assert evaluate.main(arguments) == 0
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("evaluate.EPISODES", 3)
    assert evaluate.main([*arguments, "--json", str(tmp_path / "a.json")]) == 0
    assert json.loads((tmp_path / "a.json").read_text())["episodes"] == 3


def test_a_window_closes_after_so_many_episodes(monkeypatch, capsys):
    monkeypatch.setattr("viewer.director._HOLD_SECONDS", 0.1)
    monkeypatch.setattr("viewer.show.FPS", 1000)
    for env, steps in ((SMALL, "1"), ("CartPole-v1", None)):
        arguments = ["random", "--env", env, "--render", "--episodes", "1"]
        assert evaluate.main([*arguments, *(["--max-steps", steps] if steps else [])]) == 0
        assert "1 episode" in capsys.readouterr().out


def test_a_window_of_another_environment_can_be_closed(monkeypatch):
    shown = []
    show = Window.show

    def show_and_close(window, frame):
        shown.append(frame)
        if len(shown) == 3:
            pygame.event.post(pygame.event.Event(pygame.QUIT))
        show(window, frame)

    monkeypatch.setattr(Window, "show", show_and_close)
    assert evaluate.main(["random", "--env", "CartPole-v1", "--render"]) == 0
    assert len(shown) == 3


def test_a_person_plays_in_a_window(trained, closed, monkeypatch, capsys):
    arguments = ["human", "--versus", str(trained), "--max-steps", "3"]
    assert evaluate.main(arguments) == 0
    assert "mean return" not in capsys.readouterr().out  # nothing was played to its end
    director = closed[0].director
    assert director.match.moments[0].label == "you"

    original = ViewerWindow.frame

    def with_a_key(window, seconds):
        window.director.press(0)
        original(window, seconds)

    monkeypatch.setattr(ViewerWindow, "frame", with_a_key)
    assert evaluate.main(arguments) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("you", "planner", "oracle", "random", "one, 480 steps"))


def test_a_film_frames_and_a_figure(trained, tmp_path):
    outputs = ["--mp4", tmp_path / "a.mp4", "--frames", tmp_path / "frames", "--figure", tmp_path / "a.svg"]
    run("evaluate.py", trained, "--versus", "oracle", "--episodes", 2, "--max-steps", 4, *outputs)
    assert (tmp_path / "a.mp4").stat().st_size > 1000
    assert [file.name for file in sorted((tmp_path / "frames").iterdir())] == [
        f"0000{i}.png" for i in range(5)
    ]
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


def test_pictures_of_two_episodes_do_not_mix(tmp_path, refused):
    (tmp_path / "00007.png").touch()
    said = refused(evaluate.main, "random", "--frames", tmp_path)
    assert f"--frames must name a new folder, or one without pictures, got {tmp_path}" in said


def test_there_is_no_share_of_nothing(tmp_path, capsys):
    """In one step from the centre of this maze, nobody comes to the goal."""
    arguments = ["oracle", "--env", SMALL, "--goal", "1", "1", "--max-steps", "1", "--episodes", "2"]
    assert evaluate.main([*arguments, "--json", str(tmp_path / "a.json")]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "share of the oracle" in line]
    assert "%" not in line
    assert json.loads((tmp_path / "a.json").read_text())["mean_return"] == 0


def test_numbers_and_nouns_are_written_as_people_write_them(capsys):
    """A return a little below 0 is 0 % of the planner's, and one episode is no plural."""
    arguments = ["random", "--env", SMALL, "--max-steps", "8", "--wall-penalty", "0.001", "--seed", "2"]
    assert evaluate.main([*arguments, "--episodes", "1"]) == 0
    said = capsys.readouterr().out
    assert "1 episode from seed" in said
    (line,) = [line for line in said.splitlines() if "share of the planner" in line]
    assert line.split("│")[2].strip() == "0%"
    (line,) = [line for line in said.splitlines() if "mean return" in line]
    assert line.split("│")[2].strip() == "0.00"


def test_another_environment_draws_itself(tmp_path):
    run("evaluate.py", "random", "--env", "CartPole-v1", "--episodes", 2, "--gif", tmp_path / "a.gif")
    assert Image.open(tmp_path / "a.gif").n_frames > 3


def test_no_window_without_a_display_or_an_agent(trained, tmp_path, monkeypatch, refused):
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.delenv("DISPLAY", raising=False)
    said = refused(evaluate.main, trained, "--render")
    assert "cannot open a window" in said
    assert "--gif FILE, --mp4 FILE, --frames FOLDER" in said
    damaged = tmp_path / "agent.safetensors"
    damaged.write_bytes((trained / "agent.safetensors").read_bytes()[:-9])
    monkeypatch.setattr("viewer.show.ViewerWindow", None)  # opening one would fail
    for arguments in (
        [damaged, "--render"],
        ["random", "--versus", damaged, "--render"],
        ["human", "--versus", damaged],
    ):
        assert "is damaged" in refused(evaluate.main, *arguments)


def test_films_need_their_extra(monkeypatch, refused):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    said = refused(evaluate.main, "random", "--mp4", "a.mp4")
    assert "--mp4 needs imageio-ffmpeg: pip install imageio-ffmpeg" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["random", "--gif", "/proc/no/a.gif"], "--gif: there can be no folder /proc/no"),
        (["random", "--packages", "nowhere_to_be_found"], "No module named 'nowhere_to_be_found'"),
        (["nowhere"], "there is no agent at nowhere"),
        (
            ["lstm", "--env", "PlasticMazeSmall-v0"],
            "there is no pretrained 'lstm' for PlasticMazeSmall-v0, only for Pla",
        ),
        (["tests"], "holds neither a finished agent nor a checkpoint"),
        (["pyproject.toml"], "is damaged or truncated, or not a safetensors file"),
        (["random", "--env", "Nothing-v0"], "unknown environment 'Nothing-v0'"),
        (["random", "--episodes", "0"], "--episodes must be a whole number above 0, got 0"),
        (["random", "--seed", "-3"], "--seed must be a whole number from 0"),
        (["random", "--goal", "2", "2"], "goal"),
        (["random", "--goal", "5", "5"], "goal"),
        (["random", "--size", "4"], "size must be"),
        (["oracle", "--env", "CartPole-v1"], "the oracle plays in this project's mazes only"),
        (["random", "--json", "tests"], "--json must name a file, but tests is a folder"),
        (
            ["random", "--no-plasticity"],
            "--no-plasticity: only a trained agent can be ablated, not the random",
        ),
        (
            ["oracle", "--wipe-hidden", "3"],
            "--wipe-hidden: only a trained agent can be ablated, not the oracle",
        ),
        (
            ["oracle", "--move-goal", "250"],
            "--move-goal must be a step of the episode, from 0 to 249, got 250",
        ),
        (["oracle", "--max-steps", "9", "--move-goal", "9"], "from 0 to 8, got 9"),
        (
            ["random", "--env", "CartPole-v1", "--move-goal", "3"],
            "--move-goal is for this project's mazes only",
        ),
        (["random", "--wipe-hebb", "soon"], "--wipe-hebb"),
        (["random", "--versus", "nobody"], "there is no agent at nobody; give a run folder, an agent file,"),
        (["human", "--versus", "human"], "--versus human needs another player"),
        (["human", "--gif", "a.gif"], "--gif cannot record a person"),
        (["human", "--json", "a.json"], "--json is not for a person"),
        (["random", "--gif", "a.jpg"], "--gif must end in .gif, got a.jpg"),
        (["random", "--mp4", "a"], "--mp4 must end in .mp4, got a"),
        (["plastic", "--env", "plastic_maze:PlasticMaze-v0"], "write 'PlasticMaze-v0'"),
        (["human", "--env", "CartPole-v1"], "mazes only, not in CartPole-v1"),
        (["random", "--env", "CartPole-v1", "--figure", "a.png"], "mazes only, not for CartPole-v1"),
        (["random", "--figure", "a.jpg"], "--figure must end in .png or .svg, got a.jpg"),
        (["random", "--frames", "README.md"], "--frames must name a folder, but README.md is a file"),
    ],
)
def test_bad_evaluation_input_is_named(arguments, message, refused):
    assert message in refused(evaluate.main, *arguments)


def test_two_runs_of_one_name_are_told_apart(trained, tmp_path):
    one, two = tmp_path / "one" / "seed-0", tmp_path / "two" / "seed-0"
    for folder in (one, two):
        folder.mkdir(parents=True)
        shutil.copy(trained / "agent.safetensors", folder)
    output = run("evaluate.py", one, "--versus", two, "--episodes", 2)
    assert "one/seed-0" in output
    assert "two/seed-0" in output


def test_ablations_that_do_not_fit_the_agent_are_refused(trained, tmp_path, refused):
    said = refused(evaluate.main, trained, "--wipe-hebb", "80")
    assert "--wipe-hebb must be a step of the episode, from 0 to 79, got 80" in said
    assert "--freeze-hebb must be" in refused(evaluate.main, trained, "--freeze-hebb", "-1")
    assert train.main([*QUICK, "--core", "lstm", "--out", str(tmp_path / "lstm")]) == 0
    said = refused(evaluate.main, tmp_path / "lstm", "--freeze-hebb", "9")
    assert "the core 'lstm' has no plastic weights" in said
    assert "no parameter alpha" in refused(evaluate.main, tmp_path / "lstm", "--no-plasticity")


def test_an_agent_that_does_not_fit_the_environment_is_refused(trained, refused):
    output = refused(evaluate.main, trained, "--env", "CartPole-v1")
    assert "the agent was trained for observations of shape (15,)" in output

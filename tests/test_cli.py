"""The command line as a user meets it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pygame
import pytest
from PIL import Image

import evaluate
import train
from agents import RecurrentA2C, make_vec_env
from agents.settings import import_packages
from viewer.window import ViewerWindow

SMALL = "PlasticMazeSmall-v0"
QUICK = ["--env", SMALL, "--total-steps", "480", "--n-envs", "3", "--hidden-size", "8", "--threads", "1"]


def run(*arguments, code=0):
    """Run a script of the project; returns what it printed."""
    done = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def refused(capsys):
    """Call a script's main with bad input (in this process, which is quicker); returns what it said."""

    def call(main, *arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:  # from the parser of the command line
            code = exit_.code
        assert code == 2
        said = " ".join("".join(capsys.readouterr()).split())
        assert "Traceback" not in said
        return said

    return call


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "one"
    run("train.py", *QUICK, "--out", folder)
    return folder


def test_a_run_leaves_everything_in_its_folder(trained):
    files = {"settings.json", "metrics.csv", "agent.safetensors", "learning_curve.png"}
    assert {path.name for path in trained.iterdir()} == files | {"tensorboard", "checkpoints"}
    assert json.loads((trained / "settings.json").read_text())["total_steps"] == 480
    assert Image.open(trained / "learning_curve.png").size[0] > 500


def test_a_used_folder_is_never_overwritten(trained, tmp_path, refused):
    before = (trained / "metrics.csv").read_bytes()
    assert "exists already; choose another folder" in refused(train.main, *QUICK, "--out", trained)
    assert "is finished, 480 steps" in refused(train.main, "--resume", trained)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "settings.json").touch()
    (tmp_path / "run" / "checkpoints" / "000000000048.safetensors").touch()
    said = refused(train.main, *QUICK, "--out", tmp_path / "run")
    assert f"exists already; go on with it (--resume {tmp_path / 'run'})" in said
    assert (trained / "metrics.csv").read_bytes() == before


def test_a_resumed_run_keeps_its_settings(trained, refused):
    said = refused(train.main, "--resume", trained, "--lr", "0.1", "--core", "gru", "--size", "7")
    assert (
        "--resume goes on with the run's own settings, which cannot be changed: --core, --lr, --size" in said
    )


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


def test_divergence_ends_the_run_with_a_message(tmp_path, capsys):
    code = train.main([*QUICK, "--lr", "1e30", "--total-steps", "24000", "--out", str(tmp_path / "run")])
    assert code == 1
    assert "training diverged at step" in capsys.readouterr().err


def test_help_says_what_each_setting_is():
    for script in ("train.py", "evaluate.py"):
        text = run(script, "--help")
        assert "--env" in text
        assert "Gymnasium id" in text


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
        (["--env", "PlasticMaze-v9"], "unknown environment 'PlasticMaze-v9'"),
        (["--core", "plastik"], "unknown core 'plastik'; known cores: gru, lstm, "),
        (["--rule", "hebbian"], "unknown plasticity rule 'hebbian'; known rules: decay, clip, oja"),
        (["--eta-per", "synapse"], "unknown eta_per 'synapse'; accepted: network, neuron, connection"),
        (["--core", "lstm", "--rule", "clip"], "--rule is not a setting of the core 'lstm'"),
        (["--size", "8"], "size must be"),
        (["--size", "-5"], "size must be"),
        (["--size", "1"], "size must be"),
        (["--max-steps", "0"], "max_steps must be"),
        (["--wall-penalty", "nan"], "wall_penalty must be"),
        (["--total-steps", "0"], "--total-steps must be a whole number above 0, got 0"),
        (["--n-envs", "-1"], "--n-envs must be a whole number above 0, got -1"),
        (["--hidden-size", "0"], "--hidden-size must be a whole number above 0"),
        (["--threads", "0"], "--threads must be a whole number above 0"),
        (["--recurrent-lr-scale", "0"], "--recurrent-lr-scale must be a finite number above 0, got 0.0"),
        (["--lr", "nan"], "--lr must be a finite number above 0, got nan"),
        (["--lr", "inf"], "--lr must be a finite number above 0, got inf"),
        (["--eta", "nan"], "--eta must be a finite number, got nan"),
        (["--core", "rnn", "--init-scale", "inf"], "--init-scale must be a finite number, got inf"),
        (["--core", "gru", "--init-scale", "0.1"], "--init-scale is not a setting of the core 'gru'"),
        (["--gamma", "1.5"], "--gamma must be a number from 0 to 1, got 1.5"),
        (["--seed", "-1"], "--seed must be a whole number from 0"),
        (["--env", "CartPole-v1", "--size", "7"], "CartPole-v1 does not accept"),
        (["--env", "mine:Own-v0"], "write 'Own-v0' and import mine before (--packages mine)"),
        (["--env", "FrozenLake-v1"], "observation space must be a flat Box"),
        (["--env", "FrozenLake-v1", "--core", "gru"], "observation space must be a flat Box"),
        (["--env", "Blackjack-v1", "--core", "gru"], "observation space must be a flat Box"),
        (
            ["--env", "plastic_maze:PlasticMaze-v0"],
            "write 'PlasticMaze-v0'",
        ),
        (["--packages", "./my_cores.py"], "--packages takes names of modules (my_cores, not ./my_cores.py)"),
        (["--wall-penalty", "-0.1"], "wall_penalty is a price and must be 0 or more, got -0.1"),
        (["--out", "/proc/nowhere"], "cannot be written"),
        (["--out", "pyproject.toml"], "exists already"),
        (["--resume", "tests"], "there is no run in tests"),
        (["--device", "tpu9"], "device"),
    ],
)
def test_bad_training_input_is_named_before_any_work(arguments, message, tmp_path, refused):
    given = [] if {"--out", "--resume"} & set(arguments) else ["--out", tmp_path / "run"]
    assert message in refused(train.main, *given, *arguments)
    assert not (tmp_path / "run").exists()


def test_a_core_of_ones_own_trains_and_plays(tmp_path, monkeypatch):
    readme = Path("README.md").read_text().split("### A core of your own")[1]
    (tmp_path / "my_cores.py").write_text(readme.split("```python")[1].split("```")[0])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    own = ["--packages", "my_cores"]
    run("train.py", *QUICK, *own, "--core", "leaky", "--out", tmp_path / "run")
    run("evaluate.py", tmp_path / "run", *own, "--episodes", 3)
    assert "unknown core 'leaky'" in run("evaluate.py", tmp_path / "run", "--episodes", 3, code=2)


def test_modules_in_the_current_folder_are_found(tmp_path, monkeypatch):
    (tmp_path / "my_own_module.py").write_text("FOUND = True\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    import_packages(("my_own_module",))
    assert sys.modules.pop("my_own_module").FOUND


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["random", "--gif", "/proc/no/a.gif"], "--gif: there can be no folder /proc/no"),
        (["random", "--packages", "nowhere_to_be_found"], "No module named 'nowhere_to_be_found'"),
        (["nowhere"], "there is no agent at nowhere"),
        (
            ["lstm", "--env", "PlasticMazeSmall-v0"],
            "no 'lstm' comes trained for PlasticMazeSmall-v0, but for Pla",
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
        (["random", "--no-plasticity"], "no_plasticity: only a trained agent can be ablated, not the random"),
        (
            ["oracle", "--wipe-hidden", "3"],
            "wipe_hidden: only a trained agent can be ablated, not the oracle",
        ),
        (["oracle", "--move-goal", "250"], "move_goal must be a step of the episode, from 0 to 249, got 250"),
        (["oracle", "--max-steps", "9", "--move-goal", "9"], "from 0 to 8, got 9"),
        (
            ["random", "--env", "CartPole-v1", "--move-goal", "3"],
            "move_goal is for this project's mazes only",
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


def test_an_environment_that_lacks_something_is_named(monkeypatch, refused):
    def lacking(**kwargs):
        raise gym.error.DependencyNotInstalled("Box2D is not installed")

    gym.register("Lacking-v0", lacking)
    try:
        said = refused(train.main, "--env", "Lacking-v0")
    finally:
        gym.registry.pop("Lacking-v0")
    assert "Lacking-v0 cannot be made: Box2D is not installed" in said


def test_two_runs_of_one_name_are_told_apart(trained, tmp_path):
    one, two = tmp_path / "one" / "seed-0", tmp_path / "two" / "seed-0"
    for folder in (one, two):
        folder.mkdir(parents=True)
        shutil.copy(trained / "agent.safetensors", folder)
    output = run("evaluate.py", one, "--versus", two, "--episodes", 2)
    assert "one/seed-0" in output
    assert "two/seed-0" in output


def test_nothing_saved_is_said(trained, tmp_path, refused, capsys, monkeypatch):
    monkeypatch.setattr(train, "train", interrupted)
    assert train.main([*QUICK, "--out", str(tmp_path / "new")]) == 130
    assert "stopped. Nothing has been saved yet." in capsys.readouterr().out
    monkeypatch.undo()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "settings.json").touch()
    assert "exists already; delete it or choose another folder" in refused(
        train.main, *QUICK, "--out", tmp_path / "new"
    )


def interrupted(settings, console):
    raise KeyboardInterrupt


def test_ablations_that_do_not_fit_the_agent_are_refused(trained, tmp_path, refused):
    said = refused(evaluate.main, trained, "--wipe-hebb", "80")
    assert "wipe_hebb must be a step of the episode, from 0 to 79, got 80" in said
    assert "freeze_hebb must be" in refused(evaluate.main, trained, "--freeze-hebb", "-1")
    assert train.main([*QUICK, "--core", "lstm", "--out", str(tmp_path / "lstm")]) == 0
    said = refused(evaluate.main, tmp_path / "lstm", "--freeze-hebb", "9")
    assert "the core 'lstm' has no plastic weights" in said
    assert "no parameter alpha" in refused(evaluate.main, tmp_path / "lstm", "--no-plasticity")


def test_an_agent_that_does_not_fit_the_environment_is_refused(trained, refused):
    output = refused(evaluate.main, trained, "--env", "CartPole-v1")
    assert "the agent was trained for observations of shape (15,)" in output

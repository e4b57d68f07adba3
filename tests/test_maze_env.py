"""The single environment: its contract with Gymnasium and SB3, its errors, an episode worked out by hand."""

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import TimeAwareObservation
from stable_baselines3.common.env_checker import check_env as check_env_sb3

import plastic_maze
from plastic_maze import ENVIRONMENTS, MazeRules, PlasticMazeEnv, pillar_layout
from plastic_maze.observations import ELAPSED, PREVIOUS_ACTION, PREVIOUS_REWARD, WALLS

IDS = list(ENVIRONMENTS)
UP, DOWN, LEFT, RIGHT = range(4)


def play(env: gym.Env, actions: list[int]) -> list[tuple[Any, ...]]:
    """Everything the environment says, as plain Python values."""
    said = []
    for action in actions:
        observation, *rest = env.step(action)
        said.append((observation.tolist(), *rest))
    return said


@pytest.mark.parametrize("name", IDS)
def test_ids_have_the_settings_of_the_papers(name: str) -> None:
    env = gym.make(f"plastic_maze:{name}")
    rules = env.unwrapped.rules
    expected = {
        "PlasticMaze-v0": (9, 250, 10.0, 0.1),
        "PlasticMazeLarge-v0": (11, 200, 10.0, 0.0),
        "PlasticMazeSmall-v0": (5, 80, 10.0, 0.0),
        "PlasticMazePairs-v0": (7, 300, 10.0, 0.0),
        "PlasticMazeRandom-v0": (9, 250, 10.0, 0.1),
        "PlasticMazeReversal-v0": (9, 250, 10.0, 0.1),
    }[name]
    assert (rules.layout.size, rules.max_steps, rules.goal_reward, rules.wall_penalty) == expected
    assert (rules.n_cues, rules.cue_size) == ((3, 8) if name == "PlasticMazePairs-v0" else (1, 0))
    assert rules.random_walls == (name == "PlasticMazeRandom-v0")
    assert rules.goal_switch == (name == "PlasticMazeReversal-v0")
    assert env.unwrapped.max_steps == expected[1]
    assert gym.spec(name).max_episode_steps is None  # would cut off episodes that an argument makes longer
    assert env.spec.max_episode_steps == expected[1]


def test_defaults_are_those_of_the_first_id() -> None:
    one, two = PlasticMazeEnv(), gym.make("PlasticMaze-v0").unwrapped
    assert one.rules == two.rules
    assert plastic_maze.__version__ == "0.1.0"


@pytest.mark.parametrize("name", IDS)
def test_checkers_find_nothing_to_say(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(name, render_mode="rgb_array").unwrapped)
        check_env_sb3(gym.make(name).unwrapped)
        check_env_sb3(gym.make(name))


@pytest.mark.parametrize(
    ("kwargs", "length", "ends"),
    [
        ({}, 80, (True, False)),
        ({"max_steps": 30}, 30, (True, False)),
        ({"max_episode_steps": 20}, 20, (False, True)),
        ({"max_episode_steps": 20, "max_steps": 20}, 20, (True, True)),
    ],
)
def test_wrappers_learn_how_long_an_episode_is(
    kwargs: dict[str, Any], length: int, ends: tuple[bool, bool]
) -> None:
    env = TimeAwareObservation(gym.make("PlasticMazeSmall-v0", **kwargs))
    assert env.max_timesteps == env.spec.max_episode_steps == length
    env.reset(seed=0)
    for t in range(1, length + 1):
        _, _, *over, _ = env.step(t % 4)
        assert tuple(over) == (ends if t == length else (False, False))
    again = gym.make(gym.make("PlasticMazeSmall-v0", **kwargs).spec)
    assert again.spec.max_episode_steps == length
    assert again.unwrapped.max_steps == kwargs.get("max_steps", 80)


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"wall_penalty": 2.0},
        {"goal_reward": 30.0},
        {"goal_reward": 0.3, "wall_penalty": 0.7},
        {"wall_penalty": 0},
    ],
)
def test_every_observation_lies_in_the_box(kwargs: dict[str, Any]) -> None:
    env = PlasticMazeEnv(size=3, max_steps=60, **kwargs)
    env.action_space.seed(0)
    observation, _ = env.reset(seed=0)
    seen, over = set(), False
    while not over:
        assert observation in env.observation_space
        observation, reward, over, _, _ = env.step(env.action_space.sample())
        seen.add(reward)
    assert observation in env.observation_space
    assert seen == {0.0, 0.0 - env.rules.wall_penalty, env.rules.goal_reward}


def test_an_episode_worked_out_by_hand() -> None:
    """5x5 with pillars at (2, 2), (2, 4), (4, 2) and (4, 4); start (3, 3), goal (3, 1)."""
    env = PlasticMazeEnv(size=5, max_steps=5, wall_penalty=0.1)
    observation, info = env.reset(seed=0, options={"goal": (3, 1)})
    corners = [1, 0, 1, 0, 0, 0, 1, 0, 1]
    assert observation.tolist() == [*corners, 0, 0, 0, 0, 0, 0]
    assert info == {"agent": (3, 3), "goal": (3, 1), "hits": 0}

    observation, reward, terminated, truncated, info = env.step(UP)
    assert observation.tolist() == [0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, np.float32(0.2)]
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert info == {"agent": (2, 3), "goal": (3, 1), "hits": 0}

    observation, reward, *_, info = env.step(LEFT)  # into the pillar
    assert observation.tolist() == [0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, np.float32(-0.1), np.float32(0.4)]
    assert (reward, info["agent"]) == (-0.1, (2, 3))

    observation, reward, *_, info = env.step(DOWN)
    assert observation.tolist() == [*corners, 0, 1, 0, 0, 0, np.float32(0.6)]
    observation, reward, *_, info = env.step(LEFT)
    assert observation.tolist() == [0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, np.float32(0.8)]
    assert (reward, info["agent"], info["hits"]) == (0.0, (3, 2), 0)

    observation, reward, terminated, truncated, info = env.step(LEFT)  # the goal, on the last step
    assert (reward, terminated, truncated) == (10.0, True, False)
    assert info["goal"] == (3, 1)
    assert info["hits"] == 1
    assert info["agent"] != (3, 1)
    row, col = info["agent"]
    around = env.rules.layout.walls[row - 1 : row + 2, col - 1 : col + 2].ravel()
    assert observation[WALLS].tolist() == around.tolist()
    assert observation[PREVIOUS_ACTION].tolist() == [0, 0, 1, 0]
    assert observation[PREVIOUS_REWARD].tolist() == [10]
    assert observation[ELAPSED].tolist() == [1]


def test_plain_python_values() -> None:
    env = PlasticMazeEnv(size=3, max_steps=2)
    _, info = env.reset(seed=0)
    for _ in range(2):
        _, reward, terminated, truncated, info = env.step(np.int64(1))
        assert type(reward) is float
        assert type(terminated) is bool
        assert truncated is False
        assert [type(number) for number in (*info["agent"], *info["goal"], info["hits"])] == [int] * 5
    assert terminated


def test_no_reward_is_minus_zero() -> None:
    env = PlasticMazeEnv(size=3, wall_penalty=0.0)
    env.reset(seed=0, options={"goal": (3, 3)})
    for _ in range(3):
        observation, reward, *_ = env.step(UP)
        assert str(reward) == "0.0"
        assert not np.signbit(observation).any()


def test_seeds_name_episodes() -> None:
    one, two = PlasticMazeEnv(), PlasticMazeEnv()
    actions = np.random.default_rng(0).integers(4, size=250).tolist()
    for seed in (0, 5, 2**64 - 1):
        first, second = one.reset(seed=seed), two.reset(seed=seed)
        assert first[1] == second[1]
        for _ in range(3):
            assert play(one, actions) == play(two, actions)
            assert one.reset()[1] == two.reset()[1]
    goals = [one.reset(seed=0)[1]["goal"]] + [one.reset()[1]["goal"] for _ in range(20)]
    assert len(set(goals)) > 10
    assert one.reset(seed=0)[1]["goal"] == goals[0]
    assert one.reset(seed=2**64)[1]["goal"] == goals[0]


def test_an_unfinished_episode_does_not_disturb_the_next() -> None:
    one, two = PlasticMazeEnv(), PlasticMazeEnv()
    one.reset(seed=1)
    two.reset(seed=1)
    play(one, [UP] * 17)
    assert one.reset()[1] == two.reset()[1]


def test_without_a_seed_the_generator_of_gymnasium_decides() -> None:
    infos = []
    for _ in range(2):
        env = PlasticMazeEnv()
        env.np_random = np.random.default_rng(3)
        infos.append([env.reset()[1] for _ in range(5)])
    assert infos[0] == infos[1]
    assert len({PlasticMazeEnv().reset()[1]["goal"] for _ in range(40)}) > 5


def test_a_chosen_goal_leaves_the_teleports_as_they_are() -> None:
    env = PlasticMazeEnv(size=5)
    landings = []
    for _ in range(2):
        env.reset(seed=4, options={"goal": (2, 3)})
        landings.append(env.step(UP)[4]["agent"])
    assert landings[0] == landings[1]
    assert env.reset(seed=4)[1] == PlasticMazeEnv(size=5).reset(seed=4)[1]


@pytest.mark.parametrize(
    "goal",
    [
        (0, 1),
        (2, 2),
        (5, 5),
        (11, 3),
        (-1, 1),
        (1,),
        (1, 2, 3),
        (1.0, 1.0),
        "ab",
        None,
        [(1, 1), (1,)],
        (True, True),
    ],
)
def test_bad_goals_change_nothing(goal: Any) -> None:
    env = PlasticMazeEnv()
    env.reset(seed=2)
    twin = copy.deepcopy(env)
    with pytest.raises(
        ValueError, match=r"goal must be a \(row, col\) of a free square other than the start \(5, 5\)"
    ):
        env.reset(seed=9, options={"goal": goal})
    assert play(env, [0, 2, 1, 3] * 5) == play(twin, [0, 2, 1, 3] * 5)
    assert env.reset()[1] == twin.reset()[1]


def test_the_error_names_the_goal() -> None:
    with pytest.raises(ValueError, match=r"got \(2, 4\)"):
        PlasticMazeEnv().reset(options={"goal": (2, 4)})


def test_unknown_options() -> None:
    with pytest.raises(ValueError, match=r"unknown reset options \['gaol'\], accepted are \['goal'\]"):
        PlasticMazeEnv().reset(options={"gaol": (1, 1)})
    with pytest.raises(ValueError, match="options must be a dictionary"):
        PlasticMazeEnv().reset(options=[1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"size": 4}, "size must be odd.*got 4"),
        ({"size": 1}, "size must be an integer of at least 3, got 1"),
        ({"max_steps": 0}, "max_steps must be an integer of at least 1, got 0"),
        ({"max_steps": 2.5}, "max_steps .* got 2.5"),
        ({"max_steps": True}, "max_steps .* got True"),
        ({"goal_reward": float("nan")}, "goal_reward must be a finite number that fits in float32, got nan"),
        ({"goal_reward": 0.0}, "goal_reward must be above 0, got 0.0"),
        ({"goal_reward": 1e-60}, "goal_reward must be above 0, got 1e-60"),
        ({"wall_penalty": -0.1}, "wall_penalty is a price and must be 0 or more, got -0.1"),
        ({"goal_reward": "10"}, "goal_reward .* got '10'"),
        ({"wall_penalty": float("inf")}, "wall_penalty .* got inf"),
        ({"wall_penalty": 1e39}, "wall_penalty .* got 1e\\+39"),
        ({"goal_reward": 10**400}, "goal_reward must be a finite number"),
        ({"wall_penalty": True}, "wall_penalty .* got True"),
        ({"wall_penalty": None}, "wall_penalty .* got None"),
        ({"n_cues": 0}, "n_cues must be an integer of at least 1, got 0"),
        ({"n_cues": 2}, r"n_cues must be at most 2\*\*cue_size = 1, so that no two cues look alike, got 2"),
        ({"n_cues": 5, "cue_size": 2}, r"n_cues must be at most 2\*\*cue_size = 4"),
        ({"size": 3, "n_cues": 9, "cue_size": 5}, "n_cues must be at most 8 in this maze, got 9"),
        (
            {"size": 3, "n_cues": 8, "cue_size": 5, "goal_switch": True},
            "n_cues must be at most 7 in this maze, got 8",
        ),
        ({"cue_size": -1}, "cue_size must be an integer of at least 0, got -1"),
        ({"cue_size": 32}, "cue_size must be at most 31, got 32"),
        ({"layout": "open"}, r"layout must be one of \['pillars', 'random'\], got 'open'"),
        ({"goal_switch": 1}, "goal_switch must be True or False, got 1"),
        ({"goal_switch": True, "max_steps": 1}, "goal_switch needs max_steps of at least 2, got 1"),
        ({"render_mode": "svg"}, "render_mode must be None or one of .*got 'svg'"),
    ],
)
def test_bad_arguments(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PlasticMazeEnv(**kwargs)


def test_rules_turn_numpy_numbers_into_python_ones() -> None:
    rules = MazeRules(pillar_layout(3), np.int32(5), np.float32(1), np.int64(0))  # type: ignore[arg-type]
    assert (rules.max_steps, rules.goal_reward, rules.wall_penalty) == (5, 1.0, 0.0)
    assert [type(value) for value in (rules.max_steps, rules.goal_reward, rules.wall_penalty)] == [
        int,
        float,
        float,
    ]


@pytest.mark.parametrize("action", [4, -1, 1.0, "up", None, np.array([1]), 2**70])
def test_bad_actions_change_nothing(action: Any) -> None:
    env = PlasticMazeEnv()
    env.reset(seed=0)
    twin = copy.deepcopy(env)
    with pytest.raises(InvalidAction, match="action must be an integer from 0 to 3"):
        env.step(action)
    assert play(env, [UP]) == play(twin, [UP])


def test_steps_outside_an_episode() -> None:
    env = PlasticMazeEnv(max_steps=1)
    with pytest.raises(ResetNeeded, match="no episode has begun"):
        env.step(0)
    env.reset()
    env.step(0)
    with pytest.raises(ResetNeeded, match="the episode has ended"):
        env.step(0)
    env.reset()
    env.step(0)


def test_observations_are_fresh() -> None:
    env = PlasticMazeEnv()
    one, _ = env.reset(seed=0)
    two, *_ = env.step(0)
    three, *_ = env.step(0)
    one[:], two[:] = 7, 7
    assert three.max() <= 1
    env.reset(seed=0)
    env.step(0)
    np.testing.assert_array_equal(env.step(0)[0], three)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("mode", [None, "rgb_array", "human"])
def test_copies_go_on_alike_and_apart(copied: Any, mode: str | None) -> None:
    env = PlasticMazeEnv(size=5, max_steps=30, render_mode=mode)
    env.metadata = env.metadata | {"render_fps": 10_000}
    env._window.fps = 10_000
    env.reset(seed=3)
    play(env, [0, 3, 1])
    if mode:
        env.render()
    twin = copied(env)
    actions = [0, 1, 2, 3, 3, 1] * 4
    assert play(twin, actions) == play(env, actions)
    assert env.reset()[1] == twin.reset()[1]
    twin.step(UP)
    assert env.step(DOWN)[4] != twin._info(twin._state)
    env.close()
    twin.close()


def test_through_the_usual_wrappers(tmp_path: Path) -> None:
    env = gym.make("PlasticMazeSmall-v0", render_mode="rgb_array")
    env = gym.wrappers.RecordEpisodeStatistics(gym.wrappers.FrameStackObservation(env, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that of moviepy's own dependencies
        env = gym.wrappers.RecordVideo(env, str(tmp_path), episode_trigger=lambda episode: episode == 0)
        env.reset(seed=0)
        total, over = 0.0, False
        while not over:
            _, reward, over, _, info = env.step(env.action_space.sample())
            total += float(reward)
        env.close()
    assert info["episode"]["l"] == 80
    assert info["episode"]["r"] == pytest.approx(total)
    films = list(tmp_path.glob("*.mp4"))
    assert len(films) == 1
    assert films[0].stat().st_size > 1000


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_under_the_vector_environments_of_gymnasium(kind: str) -> None:
    envs = gym.make_vec("plastic_maze:PlasticMazeSmall-v0", num_envs=3, vectorization_mode=kind)
    observations, info = envs.reset(seed=10)
    singles = [PlasticMazeEnv(**ENVIRONMENTS["PlasticMazeSmall-v0"]) for _ in range(3)]
    for i, single in enumerate(singles):
        observation, own = single.reset(seed=10 + i)
        np.testing.assert_array_equal(observations[i], observation)
        assert info["goal"][i] == own["goal"]
    observations, rewards, *_ = envs.step(np.array([0, 1, 2]))
    for i, single in enumerate(singles):
        observation, reward, *_ = single.step(i)
        np.testing.assert_array_equal(observations[i], observation)
        assert rewards[i] == reward
    envs.close()

"""Paired associates, random walls and the moving goal: what they draw, and what they refuse."""

from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded

from plastic_maze import ENVIRONMENTS, MazeRules, PlasticMazeEnv, PlasticMazeVectorEnv, pillar_layout
from plastic_maze.observations import CUE
from plastic_maze.random_layouts import draw_walls, layout_of, room_lattice
from plastic_maze.randomness import Stream, draw_distinct, episode_key
from plastic_maze.reference import OraclePlayer
from plastic_maze.rendering import GOAL, OTHER_GOAL

PAIRS, RANDOM, REVERSAL = (ENVIRONMENTS[f"PlasticMaze{name}-v0"] for name in ("Pairs", "Random", "Reversal"))


def keys(n: int) -> np.ndarray:
    return episode_key(np.arange(n, dtype=np.uint64), np.zeros(n, dtype=np.uint64))


def deviation(counts: np.ndarray) -> float:
    """Of counts from a uniform distribution, by chi-square, in standard deviations."""
    expected = counts.sum() / counts.size
    degrees = counts.size - 1
    return float((((counts - expected) ** 2 / expected).sum() - degrees) / np.sqrt(2 * degrees))


def test_distinct_draws() -> None:
    drawn = draw_distinct(keys(60_000), Stream.GOAL, 3, 5)
    assert all(len(set(row)) == 3 for row in drawn[:1000].tolist())
    code = drawn @ (25, 5, 1)
    counts = np.bincount(code, minlength=125)
    assert (counts > 0).sum() == 60  # all ordered choices of 3 out of 5 ...
    assert abs(deviation(counts[counts > 0])) < 5  # ... equally often
    each = draw_distinct(keys(4), Stream.GOAL, 2, np.array([2, 3, 4, 5]))
    together = [draw_distinct(keys(4), Stream.GOAL, 2, bound)[row] for row, bound in enumerate((2, 3, 4, 5))]
    np.testing.assert_array_equal(each, together)


@pytest.mark.parametrize("size", [3, 5, 7, 9, 11, 15])
def test_random_layouts_hang_together(size: int) -> None:
    walls = draw_walls(size, keys(2000))
    free, side = ~walls, size + 2
    reached = np.zeros_like(free)
    reached[:, side * side // 2] = True
    for _ in range(side * side):
        spread = reached.copy()
        for offset in (1, -1, side, -side):
            spread |= np.roll(reached, offset, axis=1)
        spread &= free
        if np.array_equal(spread, reached):
            break
        reached = spread
    np.testing.assert_array_equal(reached, free)
    lattice = room_lattice(size)
    assert free.sum(axis=1).min() >= lattice.fewest_free
    assert free[:, lattice.always_free].all()
    assert walls[:, pillar_layout(size).walls.ravel()].all()
    layout_of(walls[0])  # accepts it as a layout


def test_random_layouts_differ_and_open_as_many_doors_as_they_say() -> None:
    walls = draw_walls(9, keys(4000))
    assert len(np.unique(walls, axis=0)) > 3990
    # 25 rooms and 24 doors of a tree are open, and a quarter of the 16 other doors.
    assert abs((~walls).sum(axis=1).mean() - (25 + 24 + 16 / 4)) < 0.15
    lattice = room_lattice(9)
    is_open = ~walls[:, lattice.doors]
    row, col = np.divmod(lattice.doors, 11)
    for row_of, col_of in ((10 - row, col), (row, 10 - col), (col, row)):  # a mirror image is as likely
        image = np.searchsorted(lattice.doors, row_of * 11 + col_of)
        assert np.abs(is_open.mean(axis=0) - is_open[:, image].mean(axis=0)).max() < 0.06


def test_random_walls_come_with_the_episode() -> None:
    env, twin = PlasticMazeVectorEnv(6, **RANDOM), PlasticMazeVectorEnv(1, **RANDOM)
    env.reset(seed=4)
    twin.reset(seed=7)
    first = env.walls()
    np.testing.assert_array_equal(first[3], twin.walls()[0])
    env.step(np.zeros(6, dtype=int))
    np.testing.assert_array_equal(env.walls(), first)
    env.reset()
    twin.reset()
    assert not (env.walls() == first).all(axis=(1, 2)).any()
    np.testing.assert_array_equal(env.walls()[3], twin.walls()[0])
    first[:] = False
    assert env.walls()[:, 0].all()
    with pytest.raises(ResetNeeded):
        PlasticMazeVectorEnv(1).walls()
    ordinary = PlasticMazeVectorEnv(2, size=5)
    ordinary.reset()
    np.testing.assert_array_equal(ordinary.walls(), [pillar_layout(5).walls] * 2)


def test_goals_and_teleports_are_uniform_over_the_free_squares_of_random_walls() -> None:
    env = PlasticMazeVectorEnv(20_000, size=5, layout="random")
    _, info = env.reset(seed=0)
    free = ~env.walls().reshape(20_000, -1)
    number = free.cumsum(axis=1) - 1
    centre = env.rules.layout.centre
    chosen = free.sum(axis=1) == 18
    every = np.arange(20_000)

    def ranks(cells: np.ndarray, but: Any) -> np.ndarray:
        rank = number[every, cells]
        return (rank - (rank > number[every, but]))[chosen]

    goal = info["goal"] @ (7, 1)
    assert (goal != centre).all()
    assert free[every, goal].all()
    assert abs(deviation(np.bincount(ranks(goal, centre), minlength=17))) < 5
    state = env.get_state()
    neighbour = env.rules.next_cell.reshape(-1, 4)[goal]
    ok = free[every[:, None], neighbour] & (neighbour != goal[:, None])
    action = ok.argmax(axis=1)  # stand beside the goal, and enter it
    state["agent"] = neighbour[every, action]
    state["elapsed"] += 1
    state["previous_action"] += 1
    env.set_state(state)
    *_, info = env.step(np.array([1, 0, 3, 2])[action])
    landed = info["agent"] @ (7, 1)
    assert (info["hits"] == 1).all()
    assert (landed != goal).all()
    assert free[every, landed].all()
    assert abs(deviation(np.bincount(ranks(landed, goal), minlength=17))) < 5


def test_cues_and_pairs_are_drawn_evenly() -> None:
    env = PlasticMazeVectorEnv(20_000, size=5, n_cues=3, cue_size=2)
    observations, info = env.reset(seed=1)
    state = env._state
    assert state is not None
    assert state.goals.shape == (20_000, 3)
    code = (state.cues > 0) @ (2, 1)
    assert (np.diff(np.sort(code, axis=1), axis=1) > 0).all()
    assert (np.diff(np.sort(state.goals, axis=1), axis=1) > 0).all()
    assert (state.goals != env.rules.layout.centre).all()
    for pair in range(3):
        assert abs(deviation(np.bincount(code[:, pair], minlength=4))) < 5
        counts = np.bincount(state.goals[:, pair], minlength=49)[env.rules.layout.free_but_centre]
        assert abs(deviation(counts)) < 5
    assert abs(deviation(np.bincount(info["pair"]))) < 5
    every = np.arange(20_000)
    np.testing.assert_array_equal(observations[:, CUE], state.cues[every, info["pair"]])
    np.testing.assert_array_equal(info["goal"] @ (7, 1), state.goals[every, info["pair"]])

    oracle = OraclePlayer(env)
    before = info["pair"]
    changes = np.zeros((3, 3), dtype=int)
    for _ in range(15):
        observations, _, _, _, info = env.step(oracle.predict(observations)[0])
        hit = observations[:, 13] == 10
        np.add.at(changes, (before[hit], info["pair"][hit]), 1)
        np.testing.assert_array_equal(info["pair"][~hit], before[~hit])
        before = info["pair"]
        assert (info["agent"] != info["goal"]).any(axis=1).all()
    for row in changes:
        assert abs(deviation(row)) < 5


def test_a_reward_for_the_paying_goal_only() -> None:
    env = PlasticMazeVectorEnv(1, size=3, n_cues=2, cue_size=1)
    env.reset(seed=0)
    state = env.get_state()
    pair = state["pair"].item()
    state["goals"][0, pair], state["goals"][0, 1 - pair] = 5 + 1, 5 + 2  # (1, 1) and, above the start, (1, 2)
    env.set_state(state)
    _, reward, *_ = env.step(np.array([0]))
    assert reward == 0
    _, reward, *_ = env.step(np.array([2]))
    assert reward == 10


def test_goals_move_once_at_any_time_in_the_stated_range() -> None:
    env = PlasticMazeVectorEnv(20_000, size=5, max_steps=31, goal_switch=True)
    assert env.rules.switch_steps == (11, 20)
    _, info = env.reset(seed=0)
    random = np.random.default_rng(0)
    times = np.zeros(20_000, dtype=int)
    places = np.zeros(49, dtype=int)
    for t in range(1, 31):
        old = info["goal"]
        info = env.step(random.integers(4, size=20_000))[4]
        moved = (info["goal"] != old).any(axis=1)
        assert (times[moved] == 0).all()
        times[moved] = t
        assert (info["goal"] != info["agent"])[moved].any(axis=1).all()
        places += np.bincount((info["goal"] @ (7, 1))[moved], minlength=49)
    assert set(times.tolist()) == set(range(11, 21))
    assert abs(deviation(np.bincount(times)[11:])) < 5
    assert places[env.rules.layout.walls.ravel()].sum() == 0
    assert places[env.rules.layout.free].min() > 700  # of about 950


def test_goals_are_moved_from_outside() -> None:
    env = PlasticMazeVectorEnv(500)
    with pytest.raises(ResetNeeded):
        env.move_goal()
    env.reset(seed=2)
    env.step(np.zeros(500, dtype=int))
    snapshot = env.get_state()
    env.move_goal()
    after = env.get_state()
    goal = after["goals"][:, 0]
    assert (goal != snapshot["goals"][:, 0]).all()
    assert (goal != after["agent"]).all()
    assert env.rules.always_free[goal].all()
    assert len(np.unique(goal)) > 50
    env.set_state(snapshot)
    env.move_goal()
    np.testing.assert_array_equal(env.get_state()["goals"][:, 0], goal)  # again the same
    env.move_goal((1, 1))
    assert (env.get_state()["goals"] == 12).all()
    each = np.tile((9, 9), (500, 1))
    each[3] = (5, 5)  # the start is a square like any other now
    env.move_goal(each)
    assert env.get_state()["goals"][3] == 60
    _, rewards, *_ = env.step(np.ones(500, dtype=int))
    assert rewards[3] == 10
    good = env.get_state()
    for bad in ((0, 0), (2, 2), (99, 1), (1.0, 2.0), [[1, 1]], "x", env._info(env._state)["agent"]):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"goal must be a \(row, col\) of a free square"):
            env.move_goal(bad)
    for key, value in env.get_state().items():
        np.testing.assert_array_equal(value, good[key])


def test_a_moved_goal_avoids_those_of_other_pairs() -> None:
    env = PlasticMazeVectorEnv(300, size=3, n_cues=4, cue_size=2)
    env.reset(seed=0)
    for _ in range(5):
        env.move_goal()
        goals = np.sort(env.get_state()["goals"], axis=1)
        assert (np.diff(goals, axis=1) > 0).all()
        assert (goals != 12).all()
    state = env.get_state()
    other = state["goals"][0, (state["pair"][0] + 1) % 4]
    with pytest.raises(ValueError, match="another pair's goal"):
        env.move_goal(np.tile(divmod(int(other), 5), (300, 1)))


def test_chosen_goals() -> None:
    with pytest.raises(ValueError, match=r"the option goal needs n_cues = 1, got \(1, 1\)"):
        PlasticMazeEnv(**PAIRS).reset(options={"goal": (1, 1)})
    env = PlasticMazeEnv(**RANDOM)
    assert env.reset(options={"goal": (1, 3)})[1]["goal"] == (1, 3)
    with pytest.raises(ValueError, match="free in every episode"):
        env.reset(options={"goal": (1, 2)})
    env = PlasticMazeEnv(**REVERSAL)
    assert env.reset(options={"goal": (1, 3)})[1]["goal"] == (1, 3)


def test_rules_refuse_random_walls_in_another_layout() -> None:
    walls = pillar_layout(5).walls.copy()
    walls[1, 1] = True
    with pytest.raises(ValueError, match="random_walls"):
        MazeRules(layout_of(walls.ravel()), 10, 1.0, 0.0, random_walls=True)


def test_other_goals_are_shown_pale() -> None:
    env = PlasticMazeEnv(size=5, n_cues=3, cue_size=3, render_mode="ansi")
    env.reset(seed=1)
    text = env.render()
    assert isinstance(text, str)
    assert [text.count(letter) for letter in "AGg"] == [1, 1, 2]
    env.render_mode = "rgb_array"
    frame = env.render()
    assert isinstance(frame, np.ndarray)
    for color in (GOAL, OTHER_GOAL):
        assert (frame == color).all(axis=2).any()
    envs = PlasticMazeVectorEnv(3, **RANDOM, render_mode="ansi")
    envs.reset(seed=0)
    drawn = envs.render()
    assert drawn is not None
    for walls, text in zip(envs.walls(), drawn, strict=True):
        expected = "\n".join("".join(row) for row in np.where(walls, "#", "."))
        assert text.replace("A", ".").replace("G", ".") == expected


def episode(kwargs: dict[str, Any], seed: int) -> dict[str, Any]:
    """What an episode has drawn."""
    env = PlasticMazeVectorEnv(1, **kwargs)
    env.reset(seed=seed)
    env.reset()
    state = env._state
    assert state is not None
    return {
        "goals": [divmod(goal, env.rules.layout.side) for goal in state.goals[0].tolist()],
        "pair": state.pair.item(),
        "cues": ["".join("+" if entry > 0 else "-" for entry in cue) for cue in state.cues[0]],
        "switch": state.switch_at.item(),
        "walls": ["".join("#" if wall else "." for wall in row) for row in env.walls()[0]],
    }


def test_the_random_stream_of_each_variant_is_pinned() -> None:
    """These episodes must never change: results are compared by their seeds."""
    drawn = episode(PAIRS, 0)
    assert (drawn["goals"], drawn["pair"]) == ([(3, 1), (2, 3), (7, 3)], 1)
    assert drawn["cues"] == ["--++-+++", "-+--+-+-", "+-+--+--"]
    drawn = episode(PAIRS, 2**64 - 1)
    assert (drawn["goals"], drawn["pair"]) == ([(4, 3), (2, 3), (3, 2)], 0)
    assert drawn["cues"] == ["+--+++--", "+------+", "+++++--+"]
    drawn = episode(RANDOM, 0)
    assert drawn["goals"] == [(3, 4)]
    assert drawn["walls"] == [
        "###########",
        "#.#.......#",
        "#.#####.#.#",
        "#.......#.#",
        "#.#####.#.#",
        "#...#...#.#",
        "###.#.#.#.#",
        "#.#.....#.#",
        "#.###.###.#",
        "#.........#",
        "###########",
    ]
    drawn = episode(REVERSAL, 0)
    assert (drawn["goals"], drawn["switch"]) == ([(3, 4)], 155)
    drawn = episode(REVERSAL, 2**64 - 1)
    assert (drawn["goals"], drawn["switch"]) == ([(5, 4)], 125)


def hits_of_the_oracle(kwargs: dict[str, Any], steps: int) -> list[tuple[Any, ...]]:
    """Step, landing square, goal and pair after each hit; and the last step's."""
    env = PlasticMazeVectorEnv(1, **kwargs)
    observations, _ = env.reset(seed=5)
    oracle = OraclePlayer(env)
    found = []
    for t in range(1, steps + 1):
        observations, rewards, _, _, info = env.step(oracle.predict(observations)[0])
        if rewards[0] == 10 or t == steps:
            pair = info.get("pair", np.zeros(1, dtype=int))[0].item()
            found.append((t, tuple(info["agent"][0].tolist()), tuple(info["goal"][0].tolist()), pair))
    return found


def test_played_episodes_are_pinned() -> None:
    assert hits_of_the_oracle(PAIRS, 32) == [
        (6, (3, 7), (7, 7), 0),
        (10, (1, 5), (7, 1), 2),
        (20, (2, 3), (7, 1), 2),
        (27, (6, 3), (7, 7), 0),
        (32, (3, 1), (1, 5), 1),
    ]
    assert hits_of_the_oracle(REVERSAL, 35) == [
        (7, (5, 1), (9, 8), 0),
        (18, (1, 7), (9, 8), 0),
        (27, (2, 9), (9, 8), 0),
        (35, (7, 9), (9, 8), 0),
    ]
    goals = [hits_of_the_oracle(REVERSAL, steps)[-1][2] for steps in (146, 147)]
    assert goals == [(9, 8), (6, 9)]

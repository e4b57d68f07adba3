"""The planner, the beliefs and routes it plans with, and the bound on what any agent can score."""

import re
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from plastic_maze import (
    ENVIRONMENTS,
    MazeLayout,
    OraclePlayer,
    PlannerPlayer,
    PlasticMazeEnv,
    PlasticMazeVectorEnv,
    pillar_layout,
    score_bound,
)
from plastic_maze.__main__ import main
from plastic_maze.beliefs import Views, belief_graph, fewest_steps
from plastic_maze.bounds import assign
from plastic_maze.routes import search_route


def returns(env: PlasticMazeVectorEnv, player: Any, seed: int = 0) -> np.ndarray:
    """Return of one episode in each environment."""
    observation, _ = env.reset(seed=seed)
    total = np.zeros(env.num_envs)
    state = None
    for _ in range(env.max_steps):
        actions, state = player.predict(observation, state)
        observation, rewards, *_ = env.step(actions)
        total += rewards
    return total


def mean_steps_to(layout: MazeLayout, goals: np.ndarray) -> np.ndarray:
    """Mean number of steps from landing to a known goal, for the best agent there can be, [G] as `goals`."""
    graph = belief_graph(layout, Views(layout), goals.tolist())
    _, total = fewest_steps(graph)
    return total[graph.first].sum(axis=1) / (len(layout.free) - 1)


def first_visits(layout: MazeLayout, route: np.ndarray) -> np.ndarray:
    """The step that first reaches each cell on a route from the centre [num_cells]; -1 for never."""
    visits = np.full(layout.num_cells, -1)
    cell = layout.centre
    visits[cell] = 0
    for step, action in enumerate(route.tolist(), start=1):
        cell = layout.next_cell[cell, action]
        if visits[cell] < 0:
            visits[cell] = step
    return visits


def test_mean_way_to_a_known_goal() -> None:
    layout = pillar_layout(9)
    steps = mean_steps_to(layout, layout.free_but_centre)
    assert steps.mean() == pytest.approx(7.525, abs=5e-4)
    assert steps[0] == 8.125  # a corner


def test_mean_way_by_exhaustive_search() -> None:
    """By recursion over sets of squares instead of value iteration."""
    layout = pillar_layout(5)

    def by_look(cells: set[int]) -> list[frozenset[int]]:
        parts: dict[bytes, set[int]] = {}
        for cell in cells:
            parts.setdefault(layout.views[cell].tobytes(), set()).add(cell)
        return [frozenset(part) for part in parts.values()]

    for goal in layout.free_but_centre.tolist()[:6]:

        @cache
        def best(cells: frozenset[int], depth: int, goal: int = goal) -> float:
            """Fewest steps in all to the goal from squares that look alike, with at most `depth` to go."""
            if depth == 0:
                return np.inf
            found = np.inf
            for action in range(4):
                there = {layout.next_cell[cell, action].item() for cell in cells} - {goal}
                found = min(found, len(cells) + sum(best(part, depth - 1) for part in by_look(there)))
            return found

        landings = by_look(set(layout.free.tolist()) - {goal})
        assert any(len(cells) > 1 for cells in landings)
        total = sum(best(cells, 12) for cells in landings)
        assert mean_steps_to(layout, np.array([goal])) == pytest.approx(total / (len(layout.free) - 1))


@pytest.mark.parametrize("size", [3, 5, 7, 9])
def test_beliefs_hold_what_looks_alike(size: int) -> None:
    layout = pillar_layout(size)
    views = Views(layout)
    graph = belief_graph(layout, views, layout.free.tolist())
    count = len(graph.size)
    landing = np.append(graph.size, 0)[graph.first]
    np.testing.assert_array_equal(landing.sum(axis=1), len(layout.free) - 1)
    children = np.append(graph.size, 0)[graph.children].sum(axis=2)
    np.testing.assert_array_equal(children + graph.enters, np.repeat(graph.size[:, None], 4, axis=1))
    single = graph.size == 1
    actions, total = fewest_steps(graph)
    goal = layout.free[graph.goal]
    np.testing.assert_array_equal(total[:-1][single], layout.distances[graph.cell, goal][single])
    np.testing.assert_array_equal(views.of_cell[graph.cell][single], graph.view[single])
    assert np.isfinite(total).all()
    assert (graph.by_view(actions)[count] == count).all()


@pytest.mark.parametrize(("size", "mean"), [(3, 4.5), (5, 11.1), (7, 21.5), (9, 35.0), (11, 52.5)])
def test_routes_visit_all_and_soon(size: int, mean: float) -> None:
    layout = pillar_layout(size)
    route = search_route(layout)
    visits = first_visits(layout, route)
    assert (visits[layout.free] >= 0).all()
    assert (visits[layout.walls.ravel()] == -1).all()
    assert visits.max() == len(route)
    assert visits[layout.free_but_centre].mean() <= mean + 1e-9
    search_route.cache_clear()
    np.testing.assert_array_equal(search_route(layout), route)
    with pytest.raises(ValueError, match="read-only"):
        route[0] = 0


def test_assignment() -> None:
    random = np.random.default_rng(0)
    for n in (1, 2, 3, 6):
        for value in (random.normal(size=(n, n)), random.integers(3, size=(n, n)).astype(float)):
            every = max(sum(value[row, col] for row, col in enumerate(way)) for way in permutations(range(n)))
            assert assign(value) == pytest.approx(every)
    assert assign(np.zeros((0, 0))) == 0


# Measured with 4096 episodes from seed 0; the bounds but for that of random walls are exact.
FIGURES = {
    "PlasticMaze-v0": (293.2, 295.54),
    "PlasticMazeLarge-v0": (177.4, 180.64),
    "PlasticMazeSmall-v0": (190.4, 191.58),
    "PlasticMazePairs-v0": (481.8, 619.93),
    "PlasticMazeReversal-v0": (242.6, 274.97),
}


@pytest.mark.parametrize("name", FIGURES)
def test_planner_figures(name: str) -> None:
    env = PlasticMazeVectorEnv(1024, **ENVIRONMENTS[name])
    played, bound = FIGURES[name]
    total = returns(env, PlannerPlayer(env), seed=99)
    assert abs(total.mean() - played) < 4 * total.std() / np.sqrt(1024)
    score, standard_error = score_bound(env.rules)
    assert (score, standard_error) == (pytest.approx(bound, abs=0.01), 0)
    assert total.mean() < bound
    assert total.mean() < returns(env, OraclePlayer(env), seed=99).mean()


def test_figures_without_penalty() -> None:
    env = PlasticMazeVectorEnv(1024, max_steps=200, wall_penalty=0.0)
    assert returns(env, PlannerPlayer(env)).mean() > 223
    assert score_bound(env.rules).score == pytest.approx(228.86, abs=0.01)


def test_the_planner_uses_nothing_but_what_an_agent_sees() -> None:
    """It plays alike in a single environment, from observations alone, over several episodes."""
    for name in ("PlasticMazeSmall-v0", "PlasticMazePairs-v0", "PlasticMazeReversal-v0"):
        envs = PlasticMazeVectorEnv(3, **ENVIRONMENTS[name])
        player = PlannerPlayer(envs)
        alone = PlannerPlayer(PlasticMazeVectorEnv(1, **ENVIRONMENTS[name]))
        single = PlasticMazeEnv(**ENVIRONMENTS[name])
        observations, _ = envs.reset(seed=7)
        observation, _ = single.reset(seed=9)
        state = own_state = None
        for _ in range(3 * envs.max_steps):
            actions, state = player.predict(observations, state)
            action, own_state = alone.predict(observation[None], own_state)
            assert actions[2] == action[0]
            observations, *_ = envs.step(actions)
            observation, _, over, _, _ = single.step(int(action[0]))
            if over:
                observation, _ = single.reset()
            np.testing.assert_array_equal(observations[2], observation)


@pytest.mark.parametrize("name", ["PlasticMazeSmall-v0", "PlasticMazePairs-v0", "PlasticMazeReversal-v0"])
def test_the_belief_of_the_planner(name: str) -> None:
    env = PlasticMazeVectorEnv(4, **ENVIRONMENTS[name])
    side = env.rules.layout.side
    player, state = PlannerPlayer(env), None
    observation, info = env.reset(seed=3)
    for t in range(env.max_steps):
        actions, state = player.predict(observation, state)
        for row in range(4):
            belief = player.belief(state, row)
            for chances in (belief.agent, belief.goal):
                assert chances.shape == (side, side)
                assert chances.sum() == pytest.approx(1)
                assert (chances[env.rules.layout.walls] == 0).all()
                assert len(np.unique(chances)) == 2  # possible or not
            if t == 0:
                assert belief.agent[side // 2, side // 2] == 1
                assert np.count_nonzero(belief.goal) == len(env.rules.layout.free_but_centre)
            if name == "PlasticMazeSmall-v0":  # nothing here breaks its rules of thumb
                assert belief.agent[tuple(info["agent"][row])] > 0
                assert belief.goal[tuple(info["goal"][row])] > 0
                assert info["hits"][row] == 0 or belief.goal.max() == 1
        belief.agent[:] = 0  # a copy
        assert player.belief(state, 3).agent.any()
        observation, _, _, _, info = env.step(actions)


def test_the_planner_never_bumps_and_takes_the_mean_number_of_steps() -> None:
    env = PlasticMazeVectorEnv(512, max_steps=2000)
    goal = (1, 1)
    observation, _ = env.reset(seed=0, options={"goal": goal})
    player, state = PlannerPlayer(env), None
    hits, first = np.zeros(512), None
    for t in range(1999):
        actions, state = player.predict(observation, state)
        observation, rewards, *_ = env.step(actions)
        assert rewards.min() >= 0
        hits += rewards == 10
        if first is None and hits.any():
            assert hits.all()  # all walk the same route
            first = t + 1
    assert first == first_visits(env.rules.layout, search_route(env.rules.layout))[12]
    assert (1999 - first) / (hits - 1).mean() == pytest.approx(8.125, abs=0.05)


def test_the_planner_finds_goals_that_are_moved_from_outside() -> None:
    env = PlasticMazeVectorEnv(256, max_steps=1000, goal_switch=True)
    observation, _ = env.reset(seed=0)
    player, state = PlannerPlayer(env), None
    for t in range(300):
        actions, state = player.predict(observation, state)
        observation, *_ = env.step(actions)
        if t == 120:
            env.move_goal()
            before = env.get_state()["hits"]
    assert (env.get_state()["hits"] - before).min() >= 1


def test_what_the_planner_cannot_play() -> None:
    with pytest.raises(ValueError, match="layout='random'"):
        PlannerPlayer(PlasticMazeVectorEnv(1, layout="random"))
    with pytest.raises(ValueError, match="plans mazes of size 15 at most, got 17"):
        PlannerPlayer(PlasticMazeVectorEnv(1, size=17))
    with pytest.raises(ValueError, match="PlasticMazeVectorEnv"):
        PlannerPlayer(PlasticMazeEnv())  # type: ignore[arg-type]


@pytest.mark.parametrize("goal_switch", [False, True])
def test_oracle_walks_shortest_paths_in_random_walls(goal_switch: bool) -> None:
    env = PlasticMazeVectorEnv(40, size=7, layout="random", goal_switch=goal_switch, max_steps=60)
    oracle = OraclePlayer(env)
    observation, info = env.reset(seed=5)
    for _ in range(130):
        actions, _ = oracle.predict(observation)
        for row, walls in enumerate(env.walls()):
            layout = MazeLayout(walls)
            agent, goal = info["agent"][row] @ (9, 1), info["goal"][row] @ (9, 1)
            nearer = layout.distances[layout.next_cell[agent], goal] < layout.distances[agent, goal]
            assert actions[row] == nearer.argmax()
        observation, _, _, _, info = env.step(actions)


def test_the_table_of_reference_scores(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["PlasticMazeSmall-v0", "PlasticMazeRandom-v0", "--episodes", "8", "--layouts", "2"]) == 0
    head, _, small, random_walls = capsys.readouterr().out.splitlines()
    assert head == "| id | random | planner | bound | oracle |"
    assert re.fullmatch(r"\| `PlasticMazeSmall-v0` (\| \S+ \(\S+\) ){2}\| 191.6 \| \S+ \(\S+\) \|", small)
    assert re.fullmatch(r"\| `PlasticMazeRandom-v0` \| \S+ \(\S+\) \|  (\| \S+ \(\S+\) ){2}\|", random_walls)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["PlasticMaze-v9"], "unknown maze 'PlasticMaze-v9', there are PlasticMaze-v0"),
        (["--layouts", "1"], "must be a whole number from 2 to 100000, got '1'"),
        (["--episodes", "1000000000"], "must be a whole number from 2 to 100000, got '1000000000'"),
        (["--episodes", "many"], "got 'many'"),
    ],
)
def test_the_table_refuses(refused: Any, arguments: list[str], message: str) -> None:
    assert message in refused(main, *arguments)


def test_bound_with_random_walls() -> None:
    env = PlasticMazeVectorEnv(512, **ENVIRONMENTS["PlasticMazeRandom-v0"])
    score, error = score_bound(env.rules, layouts=8)
    assert score_bound(env.rules, layouts=2) == score_bound(env.rules, layouts=2)
    other, other_error = score_bound(env.rules, layouts=8, seed=1)
    assert 0 < abs(score - other) < 3 * np.hypot(error, other_error)
    assert 3 < error < 30  # the bounds of layouts have a deviation of 28
    total = returns(env, OraclePlayer(env))
    assert 250 < score < total.mean()
    assert abs(total.mean() - 314.9) < 4 * total.std() / np.sqrt(512)


@pytest.mark.parametrize("n_cues", [7, 8])
def test_bound_with_nearly_as_many_pairs_as_squares(n_cues: int) -> None:
    env = PlasticMazeVectorEnv(64, size=3, max_steps=50, wall_penalty=0.0, n_cues=n_cues, cue_size=3)
    assert (
        returns(env, PlannerPlayer(env)).mean() < score_bound(env.rules).score <= 50 * env.rules.goal_reward
    )


def test_what_has_no_bound() -> None:
    rules = PlasticMazeEnv(n_cues=2, cue_size=1, goal_switch=True).rules
    with pytest.raises(ValueError, match="goal_switch=True with n_cues > 1"):
        score_bound(rules)
    for name, value in (("layouts", 1), ("layouts", 0), ("seed", -1)):
        with pytest.raises(ValueError, match=name):
            score_bound(PlasticMazeEnv().rules, **{name: value})

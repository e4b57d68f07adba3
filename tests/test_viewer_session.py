"""Who plays, what happens, and what goes on inside: without pictures."""

import numpy as np
import pytest
import torch

from agents import RecurrentA2C, make_vec_env
from agents.ablations import AblatedPlayer, Ablations
from agents.evaluation import Task, evaluate
from plastic_maze import ENVIRONMENTS, PlasticMazeEnv
from viewer.director import Director
from viewer.inspection import CHANGE_STEPS
from viewer.keys import Command
from viewer.match import Match, Yardsticks, score_of
from viewer.minds import AgentMind
from viewer.screen import news
from viewer.session import Session
from viewer.show import make_match

SMALL = Task("PlasticMazeSmall-v0", {})
STEPS = 80


def agent(core="plastic", size=8, **settings):
    if core not in ("rnn", "lstm", "gru"):
        settings["init_scale"] = 1.0  # its memory counts
    policy = {"core": core, "hidden_size": size, "core_settings": settings}
    return RecurrentA2C(
        "RecurrentPolicy", make_vec_env("PlasticMazeSmall-v0", 1), policy_kwargs=policy, seed=0
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("agents") / "some.safetensors"
    agent().save(file)
    return str(file)


def end(session):
    while session.step():
        pass
    return session.moment


ABLATIONS = (
    Ablations(),
    Ablations(no_plasticity=True),
    Ablations(freeze_hebb=0),
    Ablations(freeze_hebb=5, wipe_hebb=9, wipe_hidden=3),
)


@pytest.mark.parametrize("core", ["plastic", "retroactive", "plastic_gru", "retroactive_gru", "lstm", "gru"])
@pytest.mark.parametrize("ablations", ABLATIONS)
def test_an_agent_thinks_as_in_an_evaluation(core, ablations):
    model = agent(core)
    if core in ("lstm", "gru") and ablations.given:
        ablations = Ablations(wipe_hidden=4)
    mind, player = AgentMind(model, ablations), AblatedPlayer(model, ablations)
    observations = np.random.default_rng(0).random((20, 15), dtype=np.float32)
    mind.begin(3)
    state = None
    for number, observation in enumerate(observations):
        mind.see(observation)
        actions, state = player.predict(observation[None], state, np.array([number == 0]), deterministic=True)
        assert mind.choose(greedy=True) == actions[0]
        plastic = mind.inspection.plastic
        np.testing.assert_allclose(mind._after[0][0], state[0][0], atol=1e-6)
        if plastic is not None:
            np.testing.assert_allclose(plastic.hebb, state[1][0], atol=1e-6)


def test_what_an_inspection_says():
    model = agent()
    mind = AgentMind(model)
    mind.begin(0)
    seen = []
    for observation in np.random.default_rng(0).random((CHANGE_STEPS + 5, 15), dtype=np.float32):
        mind.see(observation)
        seen.append(mind.inspection)
    last = seen[-1]
    with torch.no_grad():
        heads = model.policy.heads(torch.as_tensor(last.hidden))
    np.testing.assert_allclose(last.probabilities, torch.softmax(heads[:-1], 0), atol=1e-6)
    assert last.probabilities.sum() == pytest.approx(1)
    assert last.value == pytest.approx(float(heads[-1]), abs=1e-6)
    alpha = model.policy.core.alpha.detach().numpy()
    np.testing.assert_allclose(last.plastic.weighed, alpha * last.plastic.hebb)
    earlier = seen[-1 - CHANGE_STEPS].plastic.hebb
    np.testing.assert_allclose(last.plastic.change, last.plastic.hebb - earlier, atol=1e-6)
    np.testing.assert_allclose(seen[2].plastic.change, seen[2].plastic.hebb)  # since the start
    assert last.state == ()


def test_cores_without_plasticity_show_their_state():
    mind = AgentMind(agent("lstm"))
    mind.begin(0)
    mind.see(np.zeros(15, dtype=np.float32))
    assert not mind.has_plasticity
    assert mind.inspection.plastic is None
    (cell,) = mind.inspection.state  # the activity is shown already
    assert cell.shape == (8,)


def test_the_planner_shows_its_belief_and_plays_as_before():
    """Of the observation that it has in front of it; the belief is the player's own."""
    session = Session("planner", SMALL)
    session.begin(3)
    possible = []
    while not session.moment.over:
        moment = session.moment
        assert moment.belief.agent.flat[moment.agent] > 0
        assert moment.belief.goal.flat[moment.goal] > 0
        possible.append(np.count_nonzero(moment.belief.goal))
        session.refresh()  # looked at twice, nothing is taken in twice
        session.step()
    assert possible[0] > 10
    assert possible[-1] == 1
    assert session.moment.score == pytest.approx(evaluate("planner", SMALL, 1, 3).mean_return)
    assert Session("oracle", SMALL).moment.belief is None


def test_frozen_and_wiped_in_mid_episode():
    mind = AgentMind(agent())
    mind.begin(0)
    random = np.random.default_rng(0)
    for _ in range(5):
        mind.see(random.random(15, dtype=np.float32))
    before = mind.inspection.plastic.hebb
    mind.freeze(True)
    kept = mind.inspection.plastic.hebb
    assert not np.array_equal(kept, before)  # as if it had been frozen before this step
    for _ in range(3):
        mind.see(random.random(15, dtype=np.float32))
        np.testing.assert_array_equal(mind.inspection.plastic.hebb, kept)
    mind.wipe()
    assert not mind.inspection.plastic.hebb.any()
    mind.freeze(False)
    assert mind.inspection.plastic.hebb.any()
    mind.begin(0)
    assert not mind.frozen


@pytest.mark.parametrize("task", [SMALL, Task("PlasticMazePairs-v0", {}), Task("PlasticMazeReversal-v0", {})])
def test_an_episode_is_that_of_the_environment(task):
    session = Session("oracle", task)
    session.begin(4)
    env = PlasticMazeEnv(**ENVIRONMENTS[task.env_id])
    _, info = env.reset(seed=4)
    layout, over, total = env.rules.layout, False, 0.0
    while not over:
        moment = session.moment
        assert tuple(layout.coordinates[moment.agent]) == info["agent"]
        assert tuple(layout.coordinates[moment.goal]) == info["goal"]
        assert len(moment.hit_steps) == info["hits"]
        assert session.step()
        _, reward, over, _, info = env.step(session.moment.action)
        total += reward
    last = session.moment
    assert last.over
    assert not session.step()
    assert tuple(layout.coordinates[last.agent]) == info["agent"]  # the end, not the next episode's start
    assert last.score == pytest.approx(total)
    assert len(last.hit_steps) == info["hits"] == len(last.legs) - 1
    assert sum(last.legs_to_hits) == last.hit_steps[-1]
    assert [len(leg) - 1 for leg in last.legs[:-1]] == list(last.legs_to_hits)


def test_the_same_seed_is_the_same_episode(path):
    session = Session(path, SMALL)
    one, two, other = [], [], []
    for seed, kept in ((1, one), (1, two), (2, other)):
        session.begin(seed)
        while session.step():
            kept.append((session.moment.agent, session.moment.values[-1]))
    assert one == two != other


def test_greedy_is_the_likeliest_action(path):
    session = Session(path, SMALL)
    for _ in range(20):
        likeliest = session.moment.inspection.probabilities.argmax()
        session.step(greedy=True)
        assert session.moment.action == likeliest


def test_the_goal_can_be_moved():
    session = Session("oracle", SMALL)
    layout = session.moment.layout
    session.begin(0)
    for cell in (0, session.moment.agent):
        assert not session.can_move_goal(cell)
        with pytest.raises(ValueError, match="wall, under the agent or on another goal"):
            session.move_goal(cell)
    corner = layout.side + 1
    session.move_goal(corner)
    assert session.moment.goal == corner
    session.step()
    assert session.moment.goal == corner
    assert end(session).legs[0][-1] == corner
    assert not session.can_move_goal(corner)
    moved = Session("oracle", SMALL, Ablations(move_goal=3))
    goals = [moved.moment.goal]
    while moved.step():
        goals.append(moved.moment.goal)
    assert len(set(goals[:3])) == 1
    assert goals[3] != goals[2]


def test_places_that_paid_before_the_goal_moved_are_known():
    session = Session("oracle", SMALL, Ablations(move_goal=40))
    first = session.moment.goal
    while session.moment.elapsed < 40:
        assert session.moment.unpaying == ()
        session.step()
    assert session.moment.goal != first
    assert session.moment.unpaying == (first,)
    assert session.moment.goals == (first, session.moment.goal)


def test_two_players_meet_the_same_goals_and_teleports(path):
    match = make_match(["oracle", "planner"], SMALL, 5)
    match.begin(2)
    assert match.seed == 7
    assert match.moments[0].goal == match.moments[1].goal
    while match.step():
        pass
    landings = [[leg[0] for leg in moment.legs] for moment in match.moments]
    count = min(map(len, landings))
    assert count > 3
    assert landings[0][:count] == landings[1][:count]
    assert not match.step()


def test_a_person_plays_and_is_compared():
    match = make_match(["human", "oracle"], SMALL, 0)
    director = Director(match, "small", yardsticks=Yardsticks(SMALL))
    director.pass_time(10)
    assert match.moments[0].elapsed == match.moments[1].elapsed == 0  # the game waits
    assert not director.whole_maze
    director.press(3)
    director.press(0)  # one at a time
    director.pass_time(0)
    director.pass_time(0)
    assert [moment.elapsed for moment in match.moments] == [1, 1]
    assert match.moments[0].action == 3
    while not match.over:
        director.press(1)
        director.pass_time(0)
    ((seed, ranking),) = director.finished
    assert seed == match.seed == 0
    assert director.screen.ranking == ranking
    assert [score.label for score in ranking][:2] == ["oracle", "planner"]
    assert {score.label for score in ranking} == {"you", "oracle", "planner", "random"}
    assert score_of(match.moments[0]) in ranking
    director.do(Command.AGAIN)
    assert director.screen.ranking == ()
    assert match.moments[0].elapsed == 0


def to_the_end(director):
    while not director.match.over:
        director.press(1)
        director.pass_time(0)


def test_a_person_is_compared_on_the_same_goals():
    """The reference players' goal moves when the person's does; put elsewhere by hand, they have none."""
    task, move = Task("PlasticMazeSmall-v0", {}), 40
    director = Director(
        make_match(["human"], task, 0, Ablations(move_goal=move)), "small", yardsticks=Yardsticks(task, move)
    )
    to_the_end(director)
    scores = {score.label: score.score for score in director.screen.ranking}
    moved = evaluate("oracle", task, 1, 0, ablations=Ablations(move_goal=move)).mean_return
    assert scores["oracle"] == moved != evaluate("oracle", task, 1, 0).mean_return

    director.do(Command.AGAIN)
    session = director.match.sessions[0]
    layout = session.moment.layout
    director.click(next(cell for cell in layout.free.tolist() if session.can_move_goal(cell)))
    to_the_end(director)
    assert [score.label for score in director.screen.ranking] == ["you"]
    director.do(Command.AGAIN)
    to_the_end(director)
    assert len(director.screen.ranking) == 4


def test_the_last_moment_shows_the_cue_of_its_goal():
    """Also where the last step was a hit, so that another pair pays from then on."""
    session = Session("oracle", Task("PlasticMazePairs-v0", {"max_steps": 60}))
    changed = 0
    for seed in range(10):
        session.begin(seed)
        cue_of = {}
        while not session.moment.over:
            before = session.moment
            cue_of[before.goal] = before.cue
            session.step()
        last = session.moment
        changed += last.goal != before.goal
        assert last.cue == cue_of.get(last.goal, last.cue)
        assert (last.cue == before.cue) == (last.goal == before.goal)
    assert changed > 0


def test_bad_players_are_refused(path):
    with pytest.raises(ValueError, match="there is no agent at nobody"):
        make_match([path, "nobody"], SMALL, 0)
    with pytest.raises(ValueError, match="mazes only, not in CartPole-v1"):
        Session("random", Task("CartPole-v1", {}))
    with pytest.raises(ValueError, match="freeze_hebb: only a trained agent can be ablated, not 'oracle'"):
        Session("oracle", SMALL, Ablations(freeze_hebb=3))
    with pytest.raises(ValueError, match="wipe_hebb must be a step of the episode"):
        Session(path, SMALL, Ablations(wipe_hebb=STEPS))


def test_time_and_pace():
    director = Director(Match([Session("random", SMALL)], 0), "small")
    assert director.pace == 12
    director.pass_time(1.0)
    assert director.match.moments[0].elapsed == 12
    director.do(Command.FASTER)
    director.pass_time(1.0)
    assert director.match.moments[0].elapsed == 12 + director.pace
    director.pass_time(60)
    assert director.match.over
    assert len(director.so_far()) == STEPS + 1
    director.pass_time(60)
    assert director.match.seed == 1  # the next episode, after a while
    assert director.match.moments[0].elapsed == 0


def test_what_a_key_does_takes_the_place_of_an_old_message():
    director = Director(Match([Session("random", SMALL)], 0), "small")
    director.say("something else")
    director.do(Command.FASTER)
    assert director.screen.message == ""
    assert "20 steps a second" in director.screen.status


def test_so_many_episodes_and_no_more():
    director = Director(Match([Session("random", SMALL)], 4), "small", episodes=2)
    assert "episode 1 of 2, seed 4" in director.screen.heading
    for _ in range(2):
        assert not director.done
        director.pass_time(60)
        assert director.match.over
        director.pass_time(60)
    assert director.done
    assert director.match.seed == 5

    director = Director(make_match(["human"], SMALL, 0), "small", episodes=1)
    to_the_end(director)
    director.pass_time(60)
    assert not director.done  # the scores stay until they have been read
    director.do(Command.NEW)
    assert director.done


def test_it_is_told_that_the_goal_has_moved():
    """In mazes where it does, and where somebody moves it; not to a person, who plays as agents do."""
    task = Task("PlasticMazeReversal-v0", {})
    session = Session("oracle", task)
    session.begin(1)
    goals = [session.moment.goal]
    while session.step():
        goals.append(session.moment.goal)
        moved = next((i for i, goal in enumerate(goals) if goal != goals[0]), None)
        assert session.moment.goal_moved == moved
    assert moved is not None
    for players, told in ((["oracle"], True), (["human"], False)):
        match = make_match(players, SMALL, 0, Ablations(move_goal=5))
        director = Director(match, "small")
        while match.moments[0].elapsed < 5:
            assert match.moments[0].goal_moved is None
            director.press(0)
            director.pass_time(1 / director.pace)
        assert match.moments[0].goal_just_moved
        assert (news(director.screen) == "the goal has moved") == told
    pairs = Session("oracle", Task("PlasticMazePairs-v0", {"max_steps": 60}))
    assert end(pairs).goal_moved is None  # another goal pays, but all lie where they did


def test_a_person_sees_the_goal_once_the_game_is_over():
    director = Director(make_match(["human"], SMALL, 0), "small")
    assert "arrow keys" in director.screen.status
    to_the_end(director)
    assert director.screen.goal_shown
    assert director.screen.whole_maze
    director.do(Command.NEW)
    assert not director.screen.goal_shown
    assert not director.screen.whole_maze

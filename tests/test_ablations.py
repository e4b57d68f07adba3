"""What is taken away from an agent while it plays."""

import numpy as np
import pytest
import torch
from stable_baselines3.common.evaluation import evaluate_policy

from agents import CORES, Core, RecurrentA2C, make_vec_env
from agents.ablations import AblatedPlayer, Ablations, MovingGoalVecEnv
from agents.evaluation import Task, evaluate, make_player, play
from agents.recording import frames

ROWS, STEPS, H, HEBB = 3, 8, 0, 1
SMALL = Task("PlasticMazeSmall-v0", {"max_steps": STEPS})


def agent(core="plastic", **settings):
    """Untrained; its large weights make hebb count."""
    if core == "plastic":
        settings = {"init_scale": 1.0, "eta": 0.5, **settings}
    env = make_vec_env("PlasticMazeSmall-v0", ROWS, max_steps=STEPS)
    kwargs = {"core": core, "hidden_size": 6, "core_settings": settings}
    return RecurrentA2C("RecurrentPolicy", env, policy_kwargs=kwargs, seed=1)


def observations(steps=STEPS, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, ROWS, 15)).astype(np.float32)


def states(player, obs, starts=None):
    """The leaves of the state after each step, and the actions."""
    if starts is None:
        starts = np.zeros((len(obs), ROWS), dtype=bool)
        starts[0] = True
    state, leaves, actions = None, [], []
    for x, start in zip(obs, starts, strict=True):
        action, state = player.predict(x, state, start, deterministic=True)
        leaves.append(state[:2])
        actions.append(action)
    return leaves, np.stack(actions)


def by_hand(model, obs, edit):
    """A loop of `core.step`, with `edit(t, state) -> state` before each step."""
    core, leaves, actions = model.policy.core, [], []
    state = core.initial_state(ROWS)
    with torch.no_grad():
        for t, x in enumerate(torch.tensor(obs)):
            h, state = core.step(x, edit(t, state))
            leaves.append(tuple(leaf.numpy() for leaf in state))
            actions.append(model.policy.heads(h)[:, :-1].argmax(1).numpy())
    return leaves, np.stack(actions)


def same(one, two):
    return all(np.allclose(a[i], b[i], atol=1e-5) for a, b in zip(one, two, strict=True) for i in (H, HEBB))


def rows(leaves, which):
    return [tuple(leaf[which] for leaf in after) for after in leaves]


def test_without_ablations_the_agent_plays_as_it_is():
    model, obs = agent(), observations()
    assert same(states(AblatedPlayer(model, Ablations()), obs)[0], states(model, obs)[0])


@pytest.mark.parametrize("rule", ["decay", "clip", "oja"])
@pytest.mark.parametrize(("ablation", "leaf"), [("wipe_hebb", HEBB), ("wipe_hidden", H)])
@pytest.mark.parametrize("k", [2, 4, 7])  # hebb is zero until the activity of two steps meets
def test_wiping_before_step_k_is_a_loop_of_steps_with_the_leaf_zeroed(rule, ablation, leaf, k):
    model, obs = agent(rule=rule), observations()

    def zeroed(t, state):
        return tuple(x * (t != k) if i == leaf else x for i, x in enumerate(state))

    leaves, actions = states(AblatedPlayer(model, Ablations(**{ablation: k})), obs)
    wanted, wanted_actions = by_hand(model, obs, zeroed)
    assert same(leaves, wanted)
    assert np.array_equal(actions, wanted_actions)
    intact = by_hand(model, obs, lambda t, state: state)[0]
    assert same(leaves[:k], intact[:k])
    assert not same(leaves[k:], intact[k:])


def test_wiping_what_is_hidden_leaves_hebb_alone():
    model, obs, k = agent(eta=0.0), observations(), 4
    model.policy.core.eta.data.zero_()  # hebb then stays what it is, whatever the activity
    hebb = np.full((ROWS, 6, 6), 0.3, dtype=np.float32)
    player = AblatedPlayer(model, Ablations(wipe_hidden=k))
    _, state = player.predict(obs[0], None, np.ones(ROWS, dtype=bool))
    state = (state[H], hebb, *state[2:])
    for x in obs[1:]:
        _, state = player.predict(x, state, np.zeros(ROWS, dtype=bool))
        assert np.array_equal(state[HEBB], hebb)


@pytest.mark.parametrize("k", [0, 1, 5])
def test_frozen_hebb_is_as_ever_for_k_steps_and_then_stays(k):
    model, obs = agent(), observations()
    leaves = states(AblatedPlayer(model, Ablations(freeze_hebb=k)), obs)[0]
    intact = states(model, obs)[0]
    held = intact[k - 1][HEBB] if k else np.zeros_like(intact[0][HEBB])
    assert same(leaves[:k], intact[:k])
    assert all(np.array_equal(after[HEBB], held) for after in leaves[k:])
    assert not np.allclose(intact[k + 1][HEBB], held)
    if k:  # what is held goes on to count: it is not the same as no plasticity
        assert not same(leaves[k:], states(AblatedPlayer(model, Ablations(no_plasticity=True)), obs)[0][k:])


def test_no_plasticity_is_the_agent_with_alpha_zero_and_leaves_the_agent_as_it_was():
    model, obs = agent(), observations()
    alpha = model.policy.core.alpha.detach().clone()
    ablated = states(AblatedPlayer(model, Ablations(no_plasticity=True)), obs)[0]
    assert torch.equal(model.policy.core.alpha, alpha)
    assert not same(ablated, states(model, obs)[0])
    model.policy.core.alpha.data.zero_()
    assert same(ablated, states(model, obs)[0])


def test_ablations_combine():
    model, obs = agent(), observations()
    leaves = states(AblatedPlayer(model, Ablations(freeze_hebb=2, wipe_hebb=5, wipe_hidden=5)), obs)[0]
    assert leaves[1][HEBB].any()
    assert np.array_equal(leaves[4][HEBB], leaves[1][HEBB])
    assert not any(after[HEBB].any() for after in leaves[5:])
    afresh = states(AblatedPlayer(model, Ablations(freeze_hebb=0)), obs[5:])[0]
    assert same(leaves[5:], afresh)


@pytest.mark.parametrize(
    "ablations", [Ablations(wipe_hebb=2), Ablations(wipe_hidden=2), Ablations(freeze_hebb=2)]
)
def test_each_row_counts_from_its_own_episode_start(ablations):
    model, obs = agent(), observations()
    starts = np.zeros((STEPS, ROWS), dtype=bool)
    starts[0] = True
    starts[3, 1] = True  # row 1 begins a second episode
    player = AblatedPlayer(model, ablations)
    leaves = states(player, obs, starts)[0]
    unbroken, second = states(player, obs)[0], states(player, obs[3:])[0]
    assert same(rows(leaves, [0, 2]), rows(unbroken, [0, 2]))
    assert same(rows(leaves[3:], [1]), rows(second, [1]))
    assert not same(leaves, unbroken)


def test_a_single_observation_and_sb3s_own_evaluation_will_do():
    model, obs = agent(), observations()
    player = AblatedPlayer(model, Ablations(wipe_hebb=2, freeze_hebb=3))
    state, wanted = None, states(player, obs)[1]
    for t in range(STEPS):
        action, state = player.predict(obs[t, 0], state, deterministic=True)
        assert action == wanted[t, 0]
    returns, lengths = evaluate_policy(player, model.env, 4, return_episode_rewards=True, warn=False)
    assert lengths == [STEPS] * 4
    assert len(returns) == 4


def test_any_core_can_lose_its_hidden_state():
    model, obs = agent("lstm"), observations()
    leaves = states(AblatedPlayer(model, Ablations(wipe_hidden=5)), obs)[0]
    intact = states(model, obs)[0]
    assert same(leaves[:5], intact[:5])
    assert same(leaves[5:], states(model, obs[5:])[0])
    assert not same(leaves[5:], intact[5:])


def test_wiping_goes_back_to_where_the_core_begins_be_it_not_zero(monkeypatch):
    class Begun(Core):
        plastic_leaves = (1,)

        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.begin = torch.nn.Parameter(torch.full((2, hidden_size), 7.0))

        def initial_state(self, batch_size):
            return tuple(self.begin[:, None].expand(-1, batch_size, -1))

        def step(self, x, state):
            return state[0], (state[0] + 1, state[1] + 1)

    monkeypatch.setitem(CORES, "begun", Begun)
    leaves = states(AblatedPlayer(agent("begun"), Ablations(wipe_hebb=3)), observations())[0]
    assert [after[0][0, 0] for after in leaves[:5]] == [8, 9, 10, 11, 12]
    assert [after[1][0, 0] for after in leaves[:5]] == [8, 9, 10, 8, 9]


@pytest.mark.parametrize(
    ("core", "ablations", "message"),
    [
        ("lstm", Ablations(freeze_hebb=0), "the core 'lstm' has no plastic weights"),
        ("rnn", Ablations(wipe_hebb=3), "the core 'rnn' has no plastic weights"),
        ("gru", Ablations(no_plasticity=True), "the core 'gru' has no parameter alpha"),
    ],
)
def test_what_a_core_does_not_have_cannot_be_taken_away(core, ablations, message):
    with pytest.raises(ValueError, match=message):
        AblatedPlayer(agent(core), ablations)


@pytest.mark.parametrize("name", ["freeze_hebb", "wipe_hebb", "wipe_hidden", "move_goal"])
def test_steps_outside_the_episode_are_refused(name):
    for step in (0, 7):
        Ablations(**{name: step}).check(8)
    for step in (-1, 8, 2.0, True):
        with pytest.raises(ValueError, match=rf"{name} must be .* from 0 to 7, got {step}"):
            Ablations(**{name: step}).check(8)
    Ablations(**{name: 1000}).check(None)
    with pytest.raises(ValueError, match="from 0 upwards, got -1"):
        Ablations(**{name: -1}).check(None)


def test_step_0_is_an_ablation_too():
    assert Ablations(freeze_hebb=0).given == Ablations(freeze_hebb=0).of_agent == {"freeze_hebb": 0}
    assert Ablations(move_goal=0, no_plasticity=True).of_agent == {"no_plasticity": True}
    assert Ablations().given == {}


@pytest.mark.parametrize("k", [0, 3, STEPS - 1])
@pytest.mark.parametrize("env_id", ["PlasticMazeSmall-v0", "PlasticMazePairs-v0", "PlasticMazeRandom-v0"])
def test_the_goal_moves_before_step_k_in_every_row_of_every_episode(env_id, k):
    task, rows = Task(env_id, {"max_steps": STEPS}), 20
    moving, still = task.make(rows, move_goal=k), task.make(rows)
    assert isinstance(moving, MovingGoalVecEnv)
    for env in (moving, still):
        env.seed(3)
        env.reset()
    actions = np.random.default_rng(0).integers(4, size=(2, STEPS, rows))
    for episode in range(2):  # the second begins within the last step of the first
        for t in range(STEPS):
            goals, began_with = (env.env.get_state()["goals"] for env in (moving, still))
            moved = (goals != began_with).sum(axis=1)
            assert moved.tolist() == [int(t >= k)] * rows, f"before step {t}"
            for env in (moving, still):
                env.step(actions[episode, t])


def test_reference_players_cope_with_a_goal_that_moves():
    task, moved = Task("PlasticMazeSmall-v0", {}), Ablations(move_goal=40)
    scores = {name: evaluate(name, task, 100, 0, ablations=moved) for name in ("random", "planner", "oracle")}
    still = evaluate("planner", task, 100, 0)
    assert scores["random"].mean_return < scores["planner"].mean_return / 3
    assert scores["planner"].mean_return < min(scores["oracle"].mean_return, still.mean_return)
    assert scores["planner"].hits_per_quarter[:2] == pytest.approx(still.hits_per_quarter[:2], abs=0.2)
    assert scores["planner"].hits_per_quarter[3] > 0.9 * still.hits_per_quarter[3]


def test_the_goal_moves_in_mazes_only():
    with pytest.raises(ValueError, match="move_goal is for this project's mazes only, not for CartPole-v1"):
        Task("CartPole-v1", {}).make(2, move_goal=3)


def test_an_agent_from_a_file_is_ablated_and_a_reference_player_refused(tmp_path):
    agent().save(tmp_path / "a.safetensors")
    name = str(tmp_path / "a.safetensors")
    scores = [
        evaluate(name, SMALL, 40, 0, ablations=ablations).returns
        for ablations in (
            Ablations(),
            Ablations(wipe_hidden=0),
            Ablations(wipe_hidden=2),
            Ablations(move_goal=2),
        )
    ]
    assert scores[0] == scores[1]  # nothing to wipe yet
    assert scores[0] != scores[2]
    assert scores[0] != scores[3]
    env = SMALL.make(ROWS)
    player = make_player(name, env, ablations=Ablations(wipe_hebb=1))
    assert isinstance(player, AblatedPlayer)
    assert play(player, env, 4, seed=0).lengths.tolist() == [STEPS] * 4
    with pytest.raises(ValueError, match="wipe_hebb, wipe_hidden: only a trained agent can be ablated"):
        make_player("oracle", env, ablations=Ablations(wipe_hebb=1, wipe_hidden=1, move_goal=2))


def test_nothing_is_played_before_ablations_are_checked(monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("an episode was played")

    monkeypatch.setattr("agents.evaluation.play", never)
    with pytest.raises(ValueError, match=f"move_goal must be .* from 0 to {STEPS - 1}, got {STEPS}"):
        evaluate("oracle", SMALL, 1, 0, ablations=Ablations(move_goal=STEPS))
    with pytest.raises(ValueError, match="only a trained agent"):
        evaluate("oracle", SMALL, 1, 0, ablations=Ablations(freeze_hebb=0))


def test_pictures_show_the_moved_goal():
    task = Task("PlasticMazeSmall-v0", {})
    still = list(frames("random", task, 0, False))
    moved = list(frames("random", task, 0, False, Ablations(move_goal=40)))
    same = [np.array_equal(one, two) for one, two in zip(still, moved, strict=True)]
    assert all(same[:40])
    assert not same[40]

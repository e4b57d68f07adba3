"""What is measured in episodes."""

import math
import random

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import DummyVecEnv

from agents.evaluation import Episodes, Scores, Task, evaluate, make_player, oracle_return, play

SMALL = Task("PlasticMazeSmall-v0", {})


def test_scores_of_episodes_worked_out_by_hand():
    rewards = np.zeros((8, 3))
    rewards[[1, 3, 6], 0] = 10  # first hit after 2 steps, then legs of 2 and 3
    rewards[4, 1] = 10  # first hit after 5 steps
    rewards[0, 2] = -0.1
    scores = Scores.of("someone", Episodes(rewards, np.full(3, 8)), maze=True)
    assert scores.returns == [30, 10, -0.1]
    assert scores.mean_return == pytest.approx(39.9 / 3)
    assert scores.steps_to_first_hit == 3.5
    assert scores.steps_per_later_hit == 2.5
    assert scores.hits_per_quarter == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1 / 3])
    assert scores.episodes_without_hit == 1
    half = 4.303 * np.std(scores.returns, ddof=1) / np.sqrt(3)  # Student's t for three episodes
    assert scores.ci95 == pytest.approx((scores.mean_return - half, scores.mean_return + half), rel=1e-3)


def test_players_get_the_same_episodes_however_many_are_asked_for():
    few, many = evaluate("oracle", SMALL, 20, seed=5), evaluate("oracle", SMALL, 300, seed=5)
    assert few.returns == many.returns[:20]
    assert evaluate("oracle", SMALL, 20, seed=6).returns == many.returns[1:21]


def test_oracle_is_far_above_random():
    oracle, random = evaluate("oracle", SMALL, 200, seed=0), evaluate("random", SMALL, 200, seed=0)
    assert oracle.mean_return > 10 * random.mean_return > 0
    assert oracle.steps_per_later_hit < 4
    assert oracle_return(SMALL) == pytest.approx(oracle.mean_return, rel=0.05)
    assert oracle_return(Task("CartPole-v1", {})) is None


def test_a_goal_can_be_held_fixed():
    task = Task("PlasticMazeSmall-v0", {}, goal=(1, 1))
    scores = evaluate("oracle", task, 50, seed=0)
    assert scores.steps_to_first_hit == 4  # from the centre (3, 3)
    with pytest.raises(ValueError, match="goal"):
        evaluate("oracle", Task("PlasticMazeSmall-v0", {}, goal=(2, 2)), 1, seed=0)
    with pytest.raises(ValueError, match="a goal can be set in the maze only"):
        Task("CartPole-v1", {}, goal=(1, 1)).make(1)


def test_other_environments_are_played_to_their_own_end():
    task = Task("CartPole-v1", {})
    env = task.make(4)
    episodes = play(make_player("random", env), env, 10, seed=0)
    assert episodes.rewards.shape[1] == 10
    assert np.array_equal(episodes.returns, episodes.lengths)
    assert len(set(episodes.lengths)) > 1
    scores = evaluate("random", task, 10, seed=0)
    assert scores.steps_to_first_hit is None
    with pytest.raises(ValueError, match="the oracle plays in this project's mazes only"):
        evaluate("oracle", task, 1, seed=0)


def test_random_generators_are_left_as_they_were():
    def draw():
        return torch.rand(1).item(), np.random.rand(), random.random()  # noqa: NPY002 - SB3 seeds this one

    env = Task("PlasticMaze-v0", {"max_steps": 5}).make(2)
    player = make_player("plastic", env)
    set_random_seed(3)
    expected = draw()
    set_random_seed(3)
    play(player, env, 2, seed=0)
    assert draw() == expected


class Faulty(gym.Env):
    """Episodes of 20 steps; each step pays 1, but step 6 pays `reward` and shows `shown`."""

    observation_space = gym.spaces.Box(-1, 1, (2,))
    action_space = gym.spaces.Discrete(2)

    def __init__(self, reward=1.0, shown=0.0, render_mode=None):
        self.reward, self.shown = reward, shown

    def reset(self, *, seed=None, options=None):
        self.time = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.time += 1
        reward, shown = (self.reward, self.shown) if self.time == 7 else (1.0, 0.0)
        return np.array([0, shown], np.float32), reward, self.time == 20, False, {}


@pytest.fixture(scope="module")
def faulty():
    gym.register("Faulty-v0", entry_point=Faulty)
    yield lambda **kwargs: Task("Faulty-v0", kwargs)
    del gym.registry["Faulty-v0"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_not_finite_is_named_and_ends_no_episode(faulty, value):
    task = faulty(reward=value)
    env = task.make(2)
    episodes = play(make_player("random", env), env, 3, 0)
    assert episodes.lengths.tolist() == [20, 20, 20]
    assert np.array_equal(episodes.rewards[6], [value] * 3, equal_nan=True)
    assert np.delete(episodes.rewards, 6, axis=0).tolist() == [[1.0] * 3] * 19
    with pytest.raises(ValueError, match=f"in episode 0 the reward of step 6 is {value}; only finite"):
        evaluate("random", task, 3, 0)


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_an_observation_that_is_not_finite_is_named(faulty, value):
    """But not one of an episode that is over, while others in the same batch go on."""
    with pytest.raises(ValueError, match=f"episode 0 entry 1 of the observation before step 7 is {value}"):
        evaluate("random", faulty(shown=value), 3, 0)

    class Short(gym.Wrapper):
        def step(self, action):
            results = super().step(action)
            return *results[:2], True, *results[3:]

    env = DummyVecEnv([lambda: Faulty(), lambda: Short(Faulty(shown=value))])
    env.envs[1].unwrapped.time = 6
    assert play(make_player("random", env), env, 2, 0).lengths.tolist() == [20, 1]


def test_one_episode_has_no_interval():
    assert evaluate("random", SMALL, 1, seed=0).ci95 is None


def test_random_player_plays_where_an_agent_could():
    with pytest.raises(ValueError, match=r"action space must be Discrete, starting at 0, got Box"):
        evaluate("random", Task("Pendulum-v1", {}), 1, 0)
    with pytest.raises(ValueError, match=r"observation space must be a flat Box .*, got Discrete\(16\)"):
        evaluate("random", Task("FrozenLake-v1", {}), 1, 0)

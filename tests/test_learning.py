"""Learning itself: a fixed small budget, and a score that takes memory.

On the small maze the best policy without memory that was found scores 102.4 (`best_memoryless(rules,
restarts=3, kicks=2000)`; plastic_maze/memoryless.py says what that search does and does not show). It is told
its exact square and plans with the clock: more than a network without memory could make of what it sees.
"""

import math

from stable_baselines3.common.utils import LinearSchedule

from agents import RecurrentA2C, make_vec_env
from agents.evaluation import play
from plastic_maze import MazeRules, best_memoryless, pillar_layout

BEST_WITHOUT_MEMORY = 102.4
BUDGET = 800_000
SMALL = "PlasticMazeSmall-v0"


def test_a_plastic_agent_beats_every_known_agent_without_memory():
    env = make_vec_env(SMALL, 8)
    model = RecurrentA2C(
        "RecurrentPolicy",
        env,
        learning_rate=LinearSchedule(4e-3, 0.0, 1.0),
        policy_kwargs={"core": "plastic", "recurrent_lr_scale": 0.25},
        seed=0,
    )
    model.learn(BUDGET, log_interval=None)
    returns = play(model, make_vec_env(SMALL, 128), episodes=512, seed=1_000_000).returns
    low = returns.mean() - 4 * returns.std() / math.sqrt(len(returns))
    assert low > 1.1 * BEST_WITHOUT_MEMORY


def test_a_short_search_without_memory_stays_below_the_long_one():
    rules = MazeRules(pillar_layout(5), max_steps=80, goal_reward=10.0, wall_penalty=0.0)
    assert 85 < best_memoryless(rules, restarts=1, kicks=5).score <= BEST_WITHOUT_MEMORY

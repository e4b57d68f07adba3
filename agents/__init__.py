"""Learners: recurrent cores, plastic or not, trained by A2C on Stable-Baselines3."""

from agents.a2c import RecurrentA2C, TrainingDivergedError
from agents.checkpoint_file import CheckpointError
from agents.cores import CORES, Core, State, register_core
from agents.policy import RecurrentActorCriticPolicy
from agents.vec_env import GymnasiumVecEnv, make_vec_env

__all__ = [
    "CORES",
    "CheckpointError",
    "Core",
    "GymnasiumVecEnv",
    "RecurrentA2C",
    "RecurrentActorCriticPolicy",
    "State",
    "TrainingDivergedError",
    "make_vec_env",
    "register_core",
]

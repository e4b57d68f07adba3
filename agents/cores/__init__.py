"""Recurrent cores behind one small interface."""

from agents.cores.base import Core, State
from agents.cores.gated import GRUCore, LSTMCore
from agents.cores.modulated import ModulatedCore, RetroactiveCore
from agents.cores.plastic import RULES, PlasticCore
from agents.cores.plastic_gru import PlasticGRUCore
from agents.cores.registry import CORES, core_settings, make_core, matched_hidden_size, register_core
from agents.cores.retroactive_gru import RetroactiveGRUCore
from agents.cores.rnn import RNNCore

__all__ = [
    "CORES",
    "RULES",
    "Core",
    "GRUCore",
    "LSTMCore",
    "ModulatedCore",
    "PlasticCore",
    "PlasticGRUCore",
    "RNNCore",
    "RetroactiveCore",
    "RetroactiveGRUCore",
    "State",
    "core_settings",
    "make_core",
    "matched_hidden_size",
    "register_core",
]

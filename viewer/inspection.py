"""What goes on inside an agent, as numbers to be drawn: computed here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from agents.cores import State
from agents.policy import RecurrentActorCriticPolicy

Floats = NDArray[np.float32]

CHANGE_STEPS = 10
"""Over how many steps the change of plastic weights is shown."""


@dataclass(frozen=True)
class PlasticWeights:
    """One of an agent's matrices of plastic weights, rows presynaptic, columns postsynaptic."""

    hebb: Floats
    """[N, N]"""
    weighed: Floats | None
    """alpha * hebb, what it adds to the fixed weights [N, N]; None where the core has no such alpha."""
    change: Floats
    """hebb less what it was :data:`CHANGE_STEPS` steps ago, or at the start [N, N]."""


@dataclass(frozen=True)
class Inspection:
    """An agent that has seen the present observation and is about to act."""

    core: str
    """The name of its core."""
    probabilities: Floats
    """Of each action [A]."""
    value: float
    """Its estimate of the discounted return to come, in units of the scaled reward."""
    hidden: Floats
    """The core's activity [N]."""
    plastic: PlasticWeights | None
    """None for a core without plastic weights."""
    state: tuple[Floats, ...]
    """The leaves of the core's state that are neither its activity nor hebb."""

    @property
    def traces(self) -> tuple[Floats, ...]:
        """Those of the state that belong to the plastic weights [N, N]."""
        hebb = None if self.plastic is None else self.plastic.hebb
        return () if hebb is None else tuple(leaf for leaf in self.state if leaf.shape == hebb.shape)

    @property
    def carried(self) -> tuple[Floats, ...]:
        """What a core without plastic weights carries from step to step beside its activity, vectors."""
        return () if self.plastic is not None else tuple(leaf for leaf in self.state if leaf.ndim == 1)


def inspect(
    policy: RecurrentActorCriticPolicy, hidden: torch.Tensor, state: State, past: Floats | None
) -> Inspection:
    """Look into an agent.

    Args:
        policy: The agent's.
        hidden: The core's activity after the observation [1, N].
        state: The core's state then, one row.
        past: hebb :data:`CHANGE_STEPS` steps ago [N, N]; None: at the start.
    """
    with torch.no_grad():
        heads = policy.heads(hidden)[0]
        probabilities = torch.softmax(heads[:-1], dim=0)
    hidden_now = _array(hidden[0])
    leaves = [_array(leaf[0]) for leaf in state]
    shown = policy.core.plastic_leaves[:1]
    plastic = None
    if shown:
        hebb = leaves[shown[0]]
        alpha = dict(policy.core.named_parameters()).get("alpha")
        plastic = PlasticWeights(
            hebb,
            _array(alpha) * hebb if alpha is not None and alpha.shape == hebb.shape else None,
            hebb - _array(policy.core.initial_state(1)[shown[0]][0]) if past is None else hebb - past,
        )
    rest = tuple(
        leaf for i, leaf in enumerate(leaves) if i not in shown and not np.array_equal(leaf, hidden_now)
    )
    return Inspection(policy.core_name, _array(probabilities), float(heads[-1]), hidden_now, plastic, rest)


def _array(tensor: torch.Tensor) -> Floats:
    return tensor.detach().cpu().numpy().astype(np.float32)

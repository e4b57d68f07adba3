"""Whether an agent made for one environment can act in another."""

from __future__ import annotations

from gymnasium import spaces

Spaces = tuple[spaces.Space, spaces.Space]
"""Of observations and actions."""


def check_same_spaces(agents: Spaces, environments: Spaces) -> None:
    """Raise ValueError unless an agent made for one pair of spaces can act in the other.

    What counts is how many numbers are seen and how many actions there are, not their dtypes or bounds.
    """
    if _size(agents) != _size(environments):
        raise ValueError(
            f"the agent was trained for observations of shape {agents[0].shape} and {agents[1]}; "
            f"the environment has {environments[0].shape} and {environments[1]}"
        )


def _size(both: Spaces) -> tuple[object, ...]:
    observations, actions = both
    if isinstance(actions, spaces.Discrete):
        return observations.shape, int(actions.n), int(actions.start)
    return observations.shape, actions

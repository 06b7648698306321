"""Rewards of the state that is acted in: a table, or layers on what the state observes."""

import equinox as eqx
from jaxtyping import Array, Bool, Float, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.reward import Reward
from ilkit.data.spaces import Spaces
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Layers
from ilkit.nn.state_table import StateTable


class TabularReward(Reward):
    """r(s) of the state that is acted in, looked up."""

    values: Float[Array, " states"]
    table: StateTable
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True)

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        """r(s)."""
        del action, next_obs, terminated
        return self.values[self.table(obs)]

    def by_state(self, rows: Float[Array, "states entries"]) -> Float[Array, " states"]:
        """The rewards of the states that observe these rows: of all states of the table."""
        del rows
        return self.values


class StateReward(Reward):
    """r(s) of the state that is acted in: layers on what it observes, as a vector and standardized.

    Without a hidden layer it is linear.
    """

    layers: Layers
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True)

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        """r(s)."""
        del action, next_obs, terminated
        return self.layers(self.normalizer(flatten(self.spaces.observation, obs)))[0]

    def by_state(self, rows: Float[Array, "states entries"]) -> Float[Array, " states"]:
        """The rewards of the states that observe these rows, each as one vector."""
        return self.layers(self.normalizer(rows))[:, 0]

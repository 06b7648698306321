"""Heads with layers of their own, on the features that a network makes of an observation and on something more.

So every head works with every network, whether it sees pixels or remembers.
"""

from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import PositiveInt

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.spaces import Box, Spaces
from ilkit.data.windows import Transitions
from ilkit.errors import DataError
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.head import ContinuousHead
from ilkit.nn.perceptron import Activation, Layers, build_layers
from ilkit.spec import Spec

H = TypeVar("H", bound="ConditionalHead")

_FREQUENCIES = np.pi * 2.0 ** np.arange(8)
TIME_SIZE = 2 * len(_FREQUENCIES)
"""The entries that a time becomes."""


class ConditionalSpec(Spec):
    """The layers of a head, and what it takes from the network."""

    features: PositiveInt = 64
    """The outputs of the network that the head's own layers take in."""
    hidden: tuple[PositiveInt, ...] = (256, 256)
    """The width of each hidden layer of the head."""
    activation: Activation = "gelu"
    """The function between the layers of the head."""


class ConditionalHead(ContinuousHead):
    """A head whose actions are in units of the range that was demonstrated."""

    def fitted(self: H, transitions: Transitions) -> H:
        """The policy with the statistics of observations, and the range of every entry of the actions."""
        normalizer = Normalizer.fit_rows(transitions.before, transitions.counted)
        spanning = ActionUnits.spanning(transitions)
        return eqx.tree_at(lambda head: (head.normalizer, head.units), self, (normalizer, spanning))


def prepared(
    kind: str, spec: ConditionalSpec, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray
) -> dict[str, Any]:
    """The fields that all such heads have, not fitted yet.

    **Raises:** `DataError` where actions are discrete.
    """
    if not isinstance(spaces.action, Box):
        raise DataError(f"policy.kind {kind} needs a continuous action space, got a discrete one. Use categorical.")
    return {
        "network": network(spaces.observation, spec.features, key=key),
        "normalizer": Normalizer.identity(spaces.observation),
        "spaces": spaces,
        "units": jax.tree.map(jnp.asarray, ActionUnits.of(spaces.action)),
    }


def prepared_to_refine(
    kind: str, spec: ConditionalSpec, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray
) -> dict[str, Any]:
    """The same with layers from features, a noisy action and a time to an action.

    **Raises:** `DataError` where actions are discrete.
    """
    network_key, layers_key = jax.random.split(key)
    fields = prepared(kind, spec, network, spaces, key=network_key)
    size = spaces.action.size
    sizes = (spec.features + size + TIME_SIZE, *spec.hidden, size)
    return {**fields, "layers": build_layers(sizes, spec.activation, key=layers_key)}


def refine(layers: Layers, features: Array, noisy: Array, time: Array) -> Float[Array, " act"]:
    """The layers on features, a noisy action and a time from 0 to 1."""
    return layers(jnp.concatenate([features, noisy, embed_time(time)]))


def embed_time(time: Float[Array, "*batch"]) -> Float[Array, "*batch entries"]:
    """Sin and cos of π 2^k t for times from 0 to 1."""
    angles = time[..., None] * _FREQUENCIES
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)

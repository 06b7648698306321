"""A network for every graph of what causes the action: it sees some entries of an observation, and is told which.

In training the graph is drawn anew for each example, so that one network has learnt to act by any of them. Which is
the right one can't be told from demonstrations: `finetune.kind` policy_execution and expert_query find out (de Haan et
al., Causal Confusion in Imitation Learning, 2019).
"""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.spaces import Box, Space, vectors
from ilkit.nn.graph_network import GraphNetwork, Mask
from ilkit.spec import Spec


class GraphConditioned(Spec):
    """Another network that is told which entries of an observation it sees (de Haan et al., 2019)."""

    kind: Literal["graph_conditioned"] = "graph_conditioned"
    inner: str = "mlp"
    """The kind of network that sees them, whose settings stand beside these."""


def network(
    spec: GraphConditioned, observation: Space, out_size: int, inner: Build[Network], *, key: PRNGKeyArray
) -> Network:
    """Builds the inner network on what is seen and what that is; at first it is everything.

    **Raises:** `DataError` where observations aren't vectors.
    """
    del spec
    size = vectors(observation, "network.kind graph_conditioned").size
    both = Box(shape=(2 * size,), low=-np.inf, high=np.inf)
    return GraphNetwork(inner(both, out_size, key=key), Mask(jnp.ones(size)))

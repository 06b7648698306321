"""The categorical head: a probability for each discrete action.

π(a | s) = exp(x_a(s)) / Σ_b exp(x_b(s)), with x the output of the network; a product of such where an action is several
choices at once.
"""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.nn.layered_policy import CategoricalPolicy
from ilkit.spec import Spec


class Categorical(Spec):
    """A probability for each discrete action."""

    kind: Literal["categorical"] = "categorical"


def policy(spec: Categorical, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head with a normalizer that isn't fitted yet.

    **Raises:** `DataError` where actions are continuous.
    """
    del spec
    if isinstance(spaces.action, Box):
        raise DataError("policy.kind categorical needs a discrete action space, got a continuous one. Use gaussian.")
    inner = network(spaces.observation, spaces.action.size, key=key)
    return CategoricalPolicy(network=inner, normalizer=Normalizer.identity(spaces.observation), spaces=spaces)

"""Targeted intervention by policy execution: which entries of an observation to act by is found by trying.

The score of a graph is the mean reward of acting by it (de Haan et al., Causal Confusion in Imitation Learning, 2019).
"""

from typing import Literal

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.reinforcement.graph_search import GraphSearchSpec, Search, search_graph
from ilkit.stepping.behavior import Behavior
from ilkit.stepping.records import Rollout


class PolicyExecution(GraphSearchSpec):
    """A search for what causes the expert's actions, by the rewards of acting on it (de Haan et al., 2019)."""

    kind: Literal["policy_execution"] = "policy_execution"


def finetune(
    spec: PolicyExecution,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Finds the entries that a clone should see; its network must be graph-conditioned.

    **Raises:** `DataError` where it isn't, or the clone has a memory.
    """
    del demos
    behavior = exploration(cloned.spaces, uncertainty=uncertainty)
    return search_graph(spec, Partial(_mean_reward), behavior, env(), cloned, key=key)


def _mean_reward(
    search: Search, rollout: Rollout, *, key: PRNGKeyArray
) -> tuple[Float[Array, "1 obs"], Float[Array, " 1"]]:
    del key
    return search.mask[None], jnp.mean(rollout.outcome.rewards)[None]

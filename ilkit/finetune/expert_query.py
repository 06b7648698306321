"""Targeted intervention by expert query: which entries of an observation to act by is found by asking.

The expert is asked where it tells most: in the visited states at which the graphs that are still likely disagree most.
The score of a graph is minus the loss of acting by it on the expert's answers (de Haan et al., Causal Confusion in
Imitation Learning, 2019). Disagreement is the variance of the modes in half ranges of the action space or, of discrete
actions, the share of graphs that aren't of the majority's opinion.
"""

from typing import Annotated, Literal

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import Field, PositiveInt

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import Discrete, check_spaces
from ilkit.data.training import Training
from ilkit.nn.graph_network import with_mask
from ilkit.nn.head import half_range_of
from ilkit.reinforcement.graph_search import GraphSearchSpec, Search, search_graph
from ilkit.stepping.behavior import Behavior, modes
from ilkit.stepping.records import Rollout


class ExpertQuery(GraphSearchSpec):
    """A search for what causes the expert's actions, by asking it where graphs disagree (de Haan et al., 2019)."""

    kind: Literal["expert_query"] = "expert_query"
    num_graphs: Annotated[int, Field(ge=2, le=10_000)] = 16
    """Graphs that are compared in an iteration."""
    num_queries: PositiveInt = 5
    """Actions that the expert is asked for in an iteration."""


def finetune(
    spec: ExpertQuery,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    expert: Policy,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Finds the entries that a clone should see; its network must be graph-conditioned.

    **Raises:** `DataError` where it isn't or the clone has a memory.
    """
    world = env()
    check_spaces(world.spaces, expert.spaces)
    behavior = exploration(cloned.spaces)
    return search_graph(spec, Partial(_answers, spec), behavior, world, cloned, expert, key=key)


def _answers(
    spec: ExpertQuery, search: Search, rollout: Rollout, *, key: PRNGKeyArray
) -> tuple[Float[Array, "graphs obs"], Float[Array, " graphs"]]:
    """Graphs, and minus the loss of each on the expert's answers where they disagree most."""
    expert = search.expert
    assert expert is not None
    mask_key, loss_key = jax.random.split(key)
    visited = jax.tree.map(lambda rows: rows.reshape(-1, *rows.shape[2:]), rollout.obs)
    masks = search.regression.draw(spec.temperature, spec.num_graphs, key=mask_key)
    opinions = jax.vmap(lambda mask: modes(with_mask(search.policy, mask), visited))(masks)
    disagreement = _disagreement(search.policy, opinions)
    asked = jax.lax.top_k(disagreement, min(spec.num_queries, len(disagreement)))[1]
    obs = jax.tree.map(lambda rows: rows[asked], visited)
    answers = jax.vmap(lambda one: expert.mode(expert.initial_carry(), one)[1])(obs)

    def loss(mask: Float[Array, " obs"]) -> Float[Array, ""]:
        policy = with_mask(search.policy, mask)
        keys = jax.random.split(loss_key, len(asked))
        losses = jax.vmap(lambda obs, action, key: policy.step_loss((), obs, action, key=key)[1])(obs, answers, keys)
        return jnp.mean(losses)

    return masks, -jax.vmap(loss)(masks)


def _disagreement(policy: Policy, opinions: PyTree) -> Float[Array, " states"]:
    space = policy.spaces.action
    if isinstance(space, Discrete):
        shares = jnp.mean(jax.nn.one_hot(opinions - space.start, space.size), axis=0)
        return 1.0 - jnp.max(shares, axis=-1)
    return jnp.sum(jnp.var(opinions / half_range_of(policy), axis=0), axis=-1)

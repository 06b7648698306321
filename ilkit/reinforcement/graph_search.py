"""Searching for the graph of what causes an expert's actions, with a policy that was cloned for all graphs.

Each iteration acts by a graph that is drawn, scores graphs, and regresses the scores on them (de Haan et al., Causal
Confusion in Imitation Learning, 2019). The weights of the clone stay as they are.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key, PRNGKeyArray
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import check_spaces
from ilkit.data.training import Training, names_of
from ilkit.errors import refuse
from ilkit.fitting.mask_regression import MaskRegression
from ilkit.nn.graph_network import mask_of, with_mask
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.spec import Spec
from ilkit.stepping.behavior import Behavior, memory_faults
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.records import Rollout, Trials
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class GraphSearchSpec(Spec):
    """The settings of a search for a graph."""

    num_envs: PositiveInt = 1
    """Environments in which a graph is acted by side by side."""
    rollout_length: PositiveInt = 200
    """Steps of each of them with one graph."""
    temperature: PositiveFloat = 0.3
    """τ: how often graphs are drawn that scored less so far, in standard deviations of the scores."""
    num_steps: PositiveInt = 40
    """Graphs that are acted by."""
    num_seeds: PositiveInt = 1
    """Searches, in one compiled call."""
    num_snapshots: NonNegativeInt = 0
    """Policies kept along training, at its start and between equal parts of it; `evaluate` draws their returns."""


class Search(NamedTuple):
    """All that changes from one iteration to the next."""

    policy: Policy
    mask: Float[Array, " obs"]
    """The graph that is acted by."""
    regression: MaskRegression
    behavior: Behavior
    trials: Trials
    expert: Policy | None
    """Who is asked, if anybody is."""


class SearchInfo(NamedTuple):
    """What an iteration tells."""

    episodes: Float[Array, ""]
    return_: Float[Array, ""]
    """The mean return of the last complete episode of each environment."""
    score: Float[Array, ""]
    """The mean score of the graphs of the iteration."""


Score = Callable[..., tuple[Float[Array, "graphs obs"], Float[Array, " graphs"]]]
"""`score(search, rollout, key=key)`: graphs, and how good they are."""


def search_graph(
    spec: GraphSearchSpec,
    score: Score,
    behavior: Behavior,
    world: Environment | HostEnvironment,
    cloned: Policy,
    expert: Policy | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """The search of a clone's graph, whose iterations score graphs by `score`.

    **Raises:** `DataError` where the clone has a memory, or wasn't trained for all graphs.
    """
    check_spaces(world.spaces, cloned.spaces)
    refuse("finetune", memory_faults(cloned))
    envs, mask = side_by_side(world, spec.num_envs), mask_of(cloned)
    return train_by_trial(
        envs,
        Search(cloned, mask, MaskRegression.empty(mask.size), behavior, envs.reset(key=key), expert),
        Partial(_collect, spec, envs),
        Partial(_improve, spec, score),
        Partial(_finish),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs * spec.rollout_length,
        info_names=names_of(SearchInfo),
    )


def _collect(
    spec: GraphSearchSpec, envs: CompiledEnvs | HostEnvs, search: Search, *, key: Key[Array, "*seeds"]
) -> tuple[Search, Rollout]:
    policy = with_mask(search.policy, search.mask)
    trials, rollout = envs.collect(policy, search.behavior, search.trials, num_steps=spec.rollout_length, key=key)
    return search._replace(trials=trials), rollout


@eqx.filter_jit
def _improve(
    spec: GraphSearchSpec, score: Score, search: Search, rollout: Rollout, *, key: PRNGKeyArray
) -> tuple[Search, SearchInfo]:
    score_key, mask_key = jax.random.split(key)
    masks, scores = score(search, rollout, key=score_key)
    regression = search.regression.add(masks, scores)
    following = regression.draw(spec.temperature, 1, key=mask_key)[0]
    log = search.trials.log
    info = SearchInfo(log.total_episodes, log.mean_return, jnp.mean(scores))
    return search._replace(regression=regression, mask=following), info


def _finish(search: Search) -> Policy:
    return with_mask(search.policy, search.regression.found())

"""What policies find in so many tries from one start: exploration judged before anything is learnt from it.

Each policy samples its actions. From every start it tries as often, and what counts is whether any of n tries reached
the threshold (pass@n of Chen et al., 2021). `finetune.kind none` makes a policy of a clone and an exploration.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, PRNGKeyArray
from pydantic import Field, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment, VectorState
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds
from ilkit.errors import DataError, refuse
from ilkit.math.statistics import mean
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.tries import found_within
from ilkit.spec import Spec
from ilkit.stepping.episodes import collect_episodes

if TYPE_CHECKING:
    from ilkit.reporting.tries_page import Finds


class Tries(Spec):
    """Whether any of n tries from one start succeeds: what explorations find, before anything is learnt from it."""

    kind: Literal["tries"] = "tries"
    num_starts: PositiveInt = 32
    """Initial states, the same ones for all policies and training seeds."""
    num_tries: PositiveInt = 64
    """Tries from each of them."""
    threshold: Annotated[float, Field(ge=-1e9, le=1e9)] = 1.0
    """The return from which on a try succeeds."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """The confidence of the intervals."""
    num_resamples: PositiveInt = 10_000
    """Resamples of the bootstrap."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """What can't be started twice in one state."""
        if not (isinstance(world, Environment) and isinstance(world, VectorState)):
            yield (
                "kind: must be one for this environment, and tries needs a compiled one whose states are vectors, so "
                "that all tries start in one of them. Choose returns."
            )


def evaluate(
    spec: Tries,
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
    **policies: Seeds[Policy],
) -> Report:
    """Lets all policies try from the same starts.

    **Raises:** `DataError` where there is no policy, or the environment can't be started in a given state.
    """
    del demos
    if not policies:
        raise DataError("evaluate.kind tries needs a policy to evaluate, got none. Hand one over by its name.")
    world = env()
    refuse("evaluate.tries", spec.faults(world))
    assert isinstance(world, Environment)
    from ilkit.reporting.tries_page import metrics_of, page_of, summary_of, tables_of  # matplotlib is slow to import

    finds = _find(spec, getattr(env.spec, "id", env.kind), world, policies, key=key)
    return Report(metrics_of(finds), tables_of(finds), page_of(finds), summary_of(finds))


def _find(
    spec: Tries, task: str, world: Environment, policies: Mapping[str, Seeds[Policy]], *, key: PRNGKeyArray
) -> "Finds":
    """What each policy finds, by the number of tries."""
    from ilkit.reporting.tries_page import Finds, Found

    starts_key, tries_key, resampling_key = jax.random.split(key, 3)
    resampling = Resampling(spec.confidence, spec.num_resamples, int(jax.random.key_data(resampling_key)[-1]))
    counts = np.unique([*(1 << np.arange(spec.num_tries.bit_length())), spec.num_tries])
    found = {}
    for name, seeds in policies.items():
        succeeded = np.stack([_succeeded(spec, world, one, starts_key, key=tries_key) for one in seeds])
        shares = found_within(succeeded.sum(axis=-1), spec.num_tries, counts).mean(axis=1)
        found[name] = Found(mean(shares.T), resampling.interval(shares.T, mean), float(succeeded.mean()), len(seeds))
    return Finds(task, tuple(policies), counts, spec.num_starts, spec.threshold, spec.confidence, found)


def _succeeded(
    spec: Tries, world: Environment, policy: Policy, starts_key: PRNGKeyArray, *, key: PRNGKeyArray
) -> Bool[np.ndarray, "starts tries"]:
    """Which tries from which start reached the threshold."""
    starts = jax.vmap(lambda key: world.reset(key=key))(jax.random.split(starts_key, spec.num_starts))
    count = spec.num_starts * spec.num_tries
    states = np.repeat(np.asarray(jnp.asarray(starts)), spec.num_tries, axis=0)
    episodes = collect_episodes(world, policy, num_episodes=count, key=key, stochastic=True, initial_states=states)
    return (episodes.returns >= spec.threshold).reshape(spec.num_starts, spec.num_tries)

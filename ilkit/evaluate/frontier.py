"""The reward of policies against their divergence from a reference, beside the exact frontier (Gao et al., 2023).

In an environment of one choice whose rewards are known, both are exact. A learnt reward is followed as far as
reinforcement could follow it: π ∝ π_ref exp(r̂ / β) from large β to small, and where the true reward falls again it is
over-optimized.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.reward import Reward
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Discrete
from ilkit.errors import DataError, refuse
from ilkit.measuring.frontier import Armed, arm_log_probs, contexts_of, learnt_rewards, point_of, tilted
from ilkit.measuring.frontier_findings import Findings, Followed, Reached
from ilkit.spec import Spec

_SPAN = (-3.0, 2.0)
"""Exponents of 10: the range of β, in standard deviations of rewards."""


class Frontier(Spec):
    """Reward against divergence from the reference, exactly, beside the best that there is (Gao et al., 2023)."""

    kind: Literal["frontier"] = "frontier"
    num_contexts: PositiveInt = 4096
    """Contexts that everything is averaged over, the same for all."""
    num_points: Annotated[int, Field(ge=2)] = 41
    """Values of β along the frontier and along each learnt reward."""

    def faults(self, world: Any) -> Iterator[str]:
        """An environment whose rewards aren't all known."""
        if not (isinstance(world, Environment) and isinstance(world, Armed)):
            yield (
                "kind: must be one for this environment, and frontier needs one choice among arms whose rewards are "
                "known, as in env.kind bandit. Choose returns."
            )


def evaluate(
    spec: Frontier,
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Seeds[Policy],
    *,
    key: PRNGKeyArray,
    **learnt: Seeds[Policy] | Seeds[Reward],
) -> Report:
    """Measures policies and learnt rewards against the reference, which is handed over as `expert`.

    **Raises:** `DataError` where the rewards aren't known, or a policy has no density.
    """
    del demos
    world = env()
    refuse("evaluate.frontier", spec.faults(world))
    assert isinstance(world, Environment)
    assert isinstance(world, Armed)
    assert isinstance(world.spaces.action, Discrete)
    from ilkit.reporting.frontier_page import metrics_of, page_of, summary_of, tables_of  # matplotlib is slow to import

    arms, contexts = world.spaces.action.size, contexts_of(world, spec.num_contexts, key=key)
    rewards, reference = world.arm_rewards(contexts), _log_probs(expert[0], contexts, arms, "expert")
    betas = np.geomspace(10.0 ** _SPAN[1], 10.0 ** _SPAN[0], spec.num_points)
    reached = _reached(learnt, contexts, reference, rewards)
    followed = _followed(learnt, contexts, reference, rewards, betas)
    exact = tilted(reference, rewards, rewards, betas * float(rewards.std()))
    best = float(rewards.max(axis=1).mean())
    findings = Findings(tuple(learnt), exact, point_of(reference, reference, rewards)[0], best, reached, followed)
    return Report(metrics_of(findings), tables_of(findings), page_of(findings), summary_of(findings))


def _log_probs(policy: Policy, contexts: Array, arms: int, name: str) -> Float[Array, "contexts arms"]:
    if not policy.has_density:
        raise DataError(f"evaluate.kind frontier needs policies with a density, and {name} has none. Leave it out.")
    return arm_log_probs(policy, contexts, arms)


def _reached(learnt: Mapping[str, Any], contexts: Array, reference: Array, rewards: Array) -> dict[str, Reached]:
    """Reward and divergence of every policy, each seed of it."""
    arms = rewards.shape[1]
    found = {}
    for name, seeds in learnt.items():
        if isinstance(seeds.stacked, Policy):
            points = [point_of(_log_probs(one, contexts, arms, name), reference, rewards) for one in seeds]
            found[name] = Reached(*(np.asarray(column) for column in zip(*points, strict=True)))
    return found


def _followed(
    learnt: Mapping[str, Any], contexts: Array, reference: Array, rewards: Array, betas: np.ndarray
) -> dict[str, Followed]:
    """What exact reinforcement on each learnt reward makes of the reference, of the mean over seeds."""
    found = {}
    for name, seeds in learnt.items():
        if isinstance(seeds.stacked, Reward):
            every = [learnt_rewards(one, contexts, rewards.shape[1]) for one in seeds]
            lines = [tilted(reference, one, rewards, betas * float(one.std())) for one in every]
            agree = [float(np.corrcoef(np.ravel(_centered(one)), np.ravel(_centered(rewards)))[0, 1]) for one in every]
            found[name] = Followed(lines, float(np.mean(agree)))
    return found


def _centered(rewards: Array) -> np.ndarray:
    """Without what all arms of a context share: no choice depends on it."""
    return np.asarray(rewards - jnp.mean(rewards, axis=1, keepdims=True))

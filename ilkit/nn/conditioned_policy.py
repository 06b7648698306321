"""A policy that is told a part of what it would observe, such as its task, and so acts in the envs of that task."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ilkit.data.goal_entries import ACHIEVED, OBSERVATION
from ilkit.data.normalizer import Normalizer, Untrained
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds, Snapshots
from ilkit.data.spaces import Dict, Space, Spaces
from ilkit.data.tasks import as_entries
from ilkit.data.windows import Transitions
from ilkit.nn.wrapped_policy import WrappedPolicy


class Told(Untrained):
    """What a policy is told instead of observing it."""

    entries: dict[str, Array]


class ConditionedPolicy(WrappedPolicy):
    """π(a | s) = π(a | s, what is fixed): acts as the policy would that observed it, to the last bit."""

    policy: Policy
    told: Told
    normalizer: Normalizer
    """That of the policy, of what is left to be observed."""
    spaces: Spaces = eqx.field(static=True)
    achieved: tuple[int, ...] | None = eqx.field(static=True)
    """The entries of the vector that is observed that say where one is, where the policy wants to know that; none: it
    is observed, or the policy doesn't."""

    @classmethod
    def of(
        cls,
        policy: Policy,
        observation: Space,
        told: Mapping[str, np.ndarray],
        leading: tuple[int, ...] = (),
        achieved: tuple[int, ...] | None = None,
    ) -> "ConditionedPolicy":
        """The policy that is told these entries and observes the rest; of stacked ones `leading` are the first axes."""
        entries = {name: jnp.broadcast_to(value, (*leading, *value.shape)) for name, value in told.items()}
        seen = policy.normalizer
        sides = ({name: side[name] for name in _names(observation)} for side in (seen.mean, seen.std))
        mean, std = (side if isinstance(observation, Dict) else side[OBSERVATION] for side in sides)
        spaces = Spaces(observation=observation, action=policy.spaces.action)
        return cls(
            policy=policy, told=Told(entries), normalizer=Normalizer(mean, std), spaces=spaces, achieved=achieved
        )

    @property
    def wrapped(self) -> Policy:
        """The policy that observes what this one is told."""
        return self.policy

    def shown(self, obs: PyTree) -> dict[str, Any]:
        """What is observed, and what is told beside it."""
        entries = as_entries(obs)
        if self.achieved is not None:
            entries[ACHIEVED] = entries[OBSERVATION][np.array(self.achieved)]
        return {**entries, **self.told.entries}

    def fitted(self, transitions: Transitions) -> "ConditionedPolicy":
        """As it is: what a policy takes from data of one task would not fit what it has learnt from many."""
        del transitions
        return self


def condition_seeds(
    seeds: Seeds[Policy],
    observation: Space,
    told: Mapping[str, np.ndarray],
    achieved: tuple[int, ...] | None = None,
) -> Seeds[Policy]:
    """The policies of all training seeds, and those that were kept on the way, with these entries fixed."""
    kept = seeds.snapshots
    if kept is not None:
        leading = (len(kept), len(seeds))
        stacked = ConditionedPolicy.of(kept.stacked, observation, told, leading, achieved)
        kept = Snapshots(stacked, kept.steps, kept.env_steps)
    policy = ConditionedPolicy.of(seeds.stacked, observation, told, (len(seeds),), achieved)
    return Seeds(policy, seeds.curves, len(seeds), kept)


def _names(observation: Space) -> tuple[str, ...]:
    return tuple(name for name, _ in observation.entries) if isinstance(observation, Dict) else (OBSERVATION,)

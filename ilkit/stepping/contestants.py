"""Policies of several training seeds, run on the same episodes."""

from collections.abc import Container, Mapping
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ilkit.data.environment import Environment, HostEnvironment, RecordedEnvironment
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.stepping.episode_arrays import Episodes
from ilkit.stepping.episodes import collect_all
from ilkit.stepping.random_policy import RandomPolicy

T = TypeVar("T")


def run_contestants(
    world: Environment | HostEnvironment,
    contestants: Mapping[str, Seeds[Policy]],
    num_episodes: int,
    *,
    sampled: Container[str] = (),
    key: PRNGKeyArray,
) -> dict[str, list[Episodes]]:
    """So many episodes of every seed of all of them, the same for all; those called `sampled` draw their actions."""
    names = [name for name, seeds in contestants.items() for _ in range(len(seeds))]
    policies = [policy for seeds in contestants.values() for policy in on_host(seeds)]
    samples = [name in sampled for name in names]
    runs = collect_all(world, list(zip(policies, samples, strict=True)), num_episodes=num_episodes, key=key)
    return {name: [run for run, owner in zip(runs, names, strict=True) if owner == name] for name in contestants}


def run_with_random(
    world: Environment | HostEnvironment,
    contestants: Mapping[str, Seeds[Policy]],
    num_episodes: int,
    *,
    stochastic: bool,
    key: PRNGKeyArray,
) -> dict[str, list[Episodes]]:
    """The episodes of all, and of a random policy; none where nothing can be run."""
    if isinstance(world, RecordedEnvironment):
        return {}
    random = jax.tree.map(lambda leaf: leaf[None], RandomPolicy.of(world.spaces))
    everyone = {**contestants, "random": Seeds(random, {}, 1)}
    sampled = everyone if stochastic else ("random",)
    return run_contestants(world, everyone, num_episodes, sampled=sampled, key=key)


def on_host(seeds: Seeds[T]) -> Seeds[T]:
    """The same with NumPy arrays, whose slices compile nothing."""
    return Seeds(jax.tree.map(np.asarray, seeds.stacked), {}, seeds.num_seeds)

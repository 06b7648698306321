"""Checks of what a component builds or learns: compiled as eager, compiled once, in batches as one by one."""

from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from ilkit.data.environment import Environment
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Discrete
from ilkit.testing.arguments import single_settings
from ilkit.testing.comparison import distance, expect, not_finite
from ilkit.testing.data_checks import expect_near
from ilkit.testing.probes import entries, entry_of, probe
from ilkit.testing.subject import Subject
from ilkit.testing.traces import CountedTraces

RELATIVE, ABSOLUTE = 1e-4, 1e-5


def outputs_jit(subject: Subject) -> None:
    """Compiled and eager calls give the same to rounding, and finite numbers."""
    thing = subject.learnt()
    entry, key = entry_of(entries(subject, thing), 0), jax.random.key(3)
    eager = probe(thing, entry, key)
    found = distance(eqx.filter_jit(probe)(thing, entry, key), eager, relative=RELATIVE, absolute=ABSOLUTE)
    expect(not found, f"A compiled call must give what an eager one gives, but {found}.")
    found = not_finite(eager)
    expect(not found, f"Every number must be finite, but {found} is not.")


def outputs_vmap(subject: Subject) -> None:
    """A batch gives what its rows give one by one."""
    thing = subject.learnt()
    rows, keys = entries(subject, thing), jax.random.split(jax.random.key(3), 8)
    batch = _batched(thing, rows, keys)
    for index in (0, 7):
        single = eqx.filter_jit(probe)(thing, entry_of(rows, index), keys[index])
        row = jax.tree.map(lambda leaf, index=index: leaf[index], batch)
        found = distance(row, single, relative=RELATIVE, absolute=ABSOLUTE)
        expect(not found, f"jax.vmap must give what single calls give, but {found}.")


def outputs_are_traced_once(subject: Subject) -> None:
    """Another thing of the same kind compiles nothing again: of another key, on other inputs, with other settings."""
    traces = CountedTraces()
    for thing, cause in _others(subject):
        traces(probe, thing, entry_of(entries(subject, thing), 0), jax.random.key(0))
        traces.expect_one(f"{cause}: hold numbers as arrays, in fields that are not static")


def actions_fit_the_space(subject: Subject) -> None:
    """Modes and samples are finite, of the shape and type of the action space; the carry keeps its types."""
    policy = subject.learnt()
    space = policy.spaces.action
    rows = entries(subject, policy)
    batch = _batched(policy, rows, jax.random.split(jax.random.key(3), 8))
    for name in ("mode", "sample"):
        got = batch[name]
        expect(
            got.shape[1:] == space.shape and got.dtype == space.dtype,
            f"{name} must give {space.dtype} actions of shape {space.shape}, got {got.dtype} of {got.shape[1:]}.",
        )
        if isinstance(space, Discrete):
            expect(((got >= 0) & (got < space.size)).all(), f"{name} must be from 0 to {space.size - 1}.")
        expect_near(got, space, 2.0, name)
    carry = policy.initial_carry()
    after = eqx.filter_eval_shape(lambda carry, obs: policy.mode(carry, obs)[0], carry, entry_of(rows, 0))
    expect(
        jax.tree.map(jnp.shape, carry) == jax.tree.map(jnp.shape, after),
        "mode must return a carry like the one that it was given.",
    )


def density_fits_the_samples(subject: Subject) -> None:
    """The share of samples in a region is the integral of the density over it."""
    policy = subject.learnt()
    obs = entries(subject, policy)[0]
    samples = np.asarray(_samples(policy, obs, jax.random.split(jax.random.key(5), 20_000)))
    if isinstance(policy.spaces.action, Discrete):
        points, volume, share = np.arange(policy.spaces.action.size), 1.0, 1.0
    else:
        low, high = np.quantile(samples, [0.1, 0.9], axis=0)
        points, volume = _cells(low, high)
        share = float(((samples >= low) & (samples <= high)).all(axis=-1).mean())
    integral = float(jnp.exp(_log_densities(policy, obs, jnp.asarray(points))).sum() * volume)
    expect(
        abs(integral - share) < 0.02,
        f"The density must integrate to the share of samples in a region, {share:.3f}, but gives {integral:.3f}.",
    )


def covariance_is_one(subject: Subject) -> None:
    """cov(s) is d × d, symmetric and positive semidefinite."""
    uncertainty = subject.learnt()
    rows = entries(subject, uncertainty)
    covariances = np.asarray(_batched(uncertainty, rows, jax.random.split(jax.random.key(0), len(rows)))["covariance"])
    expect(
        covariances.shape == (len(rows), 2, 2), f"cov(s) must be 2 × 2 for two actions, got {covariances.shape[1:]}."
    )
    expect(np.allclose(covariances, covariances.swapaxes(1, 2), atol=1e-6), "cov(s) must be symmetric.")
    smallest = np.linalg.eigvalsh(covariances).min()
    expect(smallest > -1e-5, f"cov(s) must have no negative eigenvalue, got {smallest:.3g}.")


@eqx.filter_jit
def _batched(thing: Any, rows: PyTree, keys: Key[Array, " entries"]) -> Any:
    return jax.vmap(lambda row, key: probe(thing, row, key))(rows, keys)


def _others(subject: Subject) -> Iterator[tuple[Any, str]]:
    first = subject.learnt()
    yield first, "the same"
    if subject.has_key:
        yield subject.learnt(1), "another key"
    if subject.trains:
        return
    other = subject.make(variant=1)
    yield other[0] if isinstance(other, Seeds) else other, "other inputs"
    if isinstance(first, Policy):
        return  # whose numbers are static, lest training change them
    for spec in single_settings(subject.spec):
        thing = subject.make(spec=spec)
        if _description(thing) == _description(first):
            yield thing, "other numeric settings"


def _description(thing: Any) -> Any:
    """What a numeric setting may change in an environment, though it is static: its spaces and its ranges."""
    return (thing.spaces, getattr(thing, "state_box", None)) if isinstance(thing, Environment) else None


def _cells(
    low: Float[np.ndarray, " act"], high: Float[np.ndarray, " act"]
) -> tuple[Float[np.ndarray, "cells act"], float]:
    """The middles of the cells of a box, and the volume of each."""
    edges = np.linspace(low, high, 151, axis=1)
    middles = (edges[:, 1:] + edges[:, :-1]) / 2
    points = np.stack(np.meshgrid(*middles), axis=-1).reshape(-1, len(edges))
    return points.astype(np.float32), float(np.prod(edges[:, 1] - edges[:, 0]))


@eqx.filter_jit
def _log_densities(policy: Policy, obs: Float[Array, " obs"], actions: Array) -> Float[Array, " points"]:
    return jax.vmap(lambda action: policy.log_prob(policy.initial_carry(), obs, action)[1])(actions)


@eqx.filter_jit
def _samples(policy: Policy, obs: Float[Array, " obs"], keys: Key[Array, " samples"]) -> Array:
    return jax.vmap(lambda key: policy.sample(policy.initial_carry(), obs, key=key)[1])(keys)


CHECKS = (outputs_jit, outputs_vmap, outputs_are_traced_once)
"""The checks that every part, policy and uncertainty has to pass."""

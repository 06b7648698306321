"""Actors that are paid for their entropy: targets, temperature and gradients against closed forms."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.experience import Experience
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.finetune.sac import SAC
from ilkit.fitting.gradient import partition
from ilkit.network.mlp import MLP, network
from ilkit.off_policy.critics import build_critics, outputs_of
from ilkit.off_policy.soft_actor import (
    SoftActor,
    density_faults,
    drawn,
    log_density,
    soft_loss,
    soft_targets,
    temperature_loss,
)
from ilkit.off_policy.updates import Batch, Learner, Networks, State
from ilkit.policy import deterministic, gaussian, mixture
from ilkit.reinforcement.anchor import anchor_of
from ilkit.reinforcement.value_scale import ValueScale

SPACES = Spaces(observation=Box.symmetric((1.0, 1.0)), action=Box(shape=(2,), low=(-2.0, 0.0), high=(4.0, 1.0)))
ROWS = 6


def _policy(seed: int = 0, module: Any = gaussian, **settings: Any) -> Policy:
    spec = {gaussian: gaussian.Gaussian, deterministic: deterministic.Deterministic, mixture: mixture.Mixture}[module]
    inner = Build("network", "mlp", network, MLP(hidden=(4,)))
    policy: Policy = module.policy(spec(**settings), inner, SPACES, key=jax.random.key(seed))
    return policy


def _state(policy: Policy, *, temperature: float = 0.5, clone_weight: float | None = None) -> State:
    """A learner whose critics say something; what else belongs to a state is left out."""
    trained, fixed = partition(policy)
    critics = build_critics(policy, 2, (8,), layer_norm=False, key=jax.random.key(1))
    critics = jax.tree.map(lambda leaf: leaf + 0.3 * jax.random.normal(jax.random.key(leaf.size), leaf.shape), critics)
    networks = Networks(SoftActor(trained, jnp.log(temperature)), critics)
    scale = ValueScale(jnp.asarray(5.0), jnp.asarray(34.0), jnp.asarray(0.0), jnp.asarray(1.0))
    learner = Learner(networks, Networks((), critics), Networks((), ()), scale)
    none: Any = None
    anchor = anchor_of(_policy(7, squash=True), clone_weight)
    return State(learner, fixed, none, anchor, none, none, jnp.asarray(9), policy)


def _batch() -> Batch:
    keys = iter(jax.random.split(jax.random.key(2), 9))
    obs, following = (jax.random.uniform(next(keys), (1, ROWS, 2), minval=-1.0) for _ in range(2))
    actions = jax.random.uniform(next(keys), (1, ROWS, 2))
    rewards, ended = jax.random.normal(next(keys), (1, ROWS)), jnp.asarray([[0.0, 1.0, 0.0, 0.0, 1.0, 0.0]])
    noise = jax.random.split(next(keys), (1, ROWS))
    return Batch(Experience(obs, actions, rewards, following, ended), noise, None, None)


def test_targets_are_those_of_the_soft_bellman_equation() -> None:
    policy, batch = _policy(squash=True), _batch()
    state = _state(policy)
    found = soft_targets(SAC(discount=0.9), state, state.learner, batch)[0]
    for row in range(ROWS):
        following, key = batch.steps.next_obs[0, row], batch.noise[0, row]
        action = policy.sample((), following, key=key)[1]
        log_prob = policy.log_prob((), following, action)[1] + np.log(3.0) + np.log(0.5)
        values = 5.0 + 3.0 * outputs_of(state.learner.slow.critics, policy, following, action)
        soft = float(jnp.min(values) - 0.5 * log_prob)
        expected = batch.steps.rewards[0, row] + 0.9 * (1 - batch.steps.terminated[0, row]) * soft
        np.testing.assert_allclose(found[row], expected, rtol=1e-4)


@pytest.mark.parametrize("entropy", [-3.0, 0.5])
def test_the_gradient_of_the_temperature_is_what_entropy_there_is_too_much(entropy: float) -> None:
    slope = jax.grad(temperature_loss)(jnp.asarray(0.3), jnp.asarray(entropy), -2.0)
    np.testing.assert_allclose(slope, entropy + 2.0, rtol=1e-6)
    policy, batch = _policy(squash=True), _batch()
    state, spec = _state(policy, temperature=0.3), SAC(target_entropy=0.1)
    gradient, _ = jax.grad(soft_loss, has_aux=True)(
        state.learner.networks.actor, spec, state, state.learner, batch.steps.obs[0], batch.noise[0]
    )
    log_probs = drawn(policy, batch.steps.obs[0], batch.noise[0])[1]
    np.testing.assert_allclose(gradient.log_temperature, 0.3 * (-jnp.mean(log_probs) - 0.1), rtol=1e-4)


@pytest.mark.parametrize("pessimism", [None, 2.0])
def test_the_actor_climbs_value_and_entropy_on_the_scale_of_the_critics(pessimism: float | None) -> None:
    """E[α log π / std - min Q], or - (mean Q - k std Q) where k is given; two numbers lie one std from their mean."""
    policy, batch = _policy(squash=True), _batch()
    state = _state(policy)
    obs, keys = batch.steps.obs[0], batch.noise[0]

    def loss(trained: Any) -> jax.Array:
        moved = eqx.combine(trained, state.fixed)
        actions, log_probs = drawn(moved, obs, keys)
        return jnp.mean(
            0.5 / 3.0 * log_probs - climbed(outputs_of(state.learner.networks.critics, policy, obs, actions))
        )

    def climbed(outputs: jax.Array) -> jax.Array:
        if pessimism is None:
            return jnp.min(outputs, axis=0)
        return (outputs[0] + outputs[1]) / 2 - pessimism * abs(outputs[0] - outputs[1]) / 2

    actor = state.learner.networks.actor
    gradient, told = jax.grad(soft_loss, has_aux=True)(actor, SAC(pessimism=pessimism), state, state.learner, obs, keys)
    expected = jax.grad(loss)(actor.policy)
    for got, wanted in zip(jax.tree.leaves(gradient.policy), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-5)
    values = 5.0 + 3.0 * outputs_of(state.learner.networks.critics, policy, obs, drawn(policy, obs, keys)[0])
    np.testing.assert_allclose(told, -jnp.mean(climbed(values)), rtol=1e-5)


def test_a_departure_costs_the_divergence_from_the_clone() -> None:
    """Two Gaussians that are squashed alike diverge as before they are: KL has a closed form."""
    policy = _policy(squash=True, state_dependent_std=False)
    state, spec = _state(policy, clone_weight=0.7), SAC()
    plain = _state(policy)
    obs = jnp.tile(jnp.asarray([[0.3, -0.2]]), (40_000, 1))
    keys = jax.random.split(jax.random.key(5), len(obs))
    clone = state.anchor.policy  # type: ignore[union-attr]
    ours, theirs = (
        one.distribution(one.outputs((), obs[0])[1])  # type: ignore[attr-defined]
        for one in (policy, clone)
    )
    ratio = (ours.scale / theirs.scale) ** 2
    divergence = 0.5 * jnp.sum(ratio + ((ours.loc - theirs.loc) / theirs.scale) ** 2 - 1 - jnp.log(ratio))

    def penalty(actor: Any) -> jax.Array:
        with_cost, without = (soft_loss(actor, spec, one, one.learner, obs, keys)[0] for one in (state, plain))
        return with_cost - without

    cost = penalty(state.learner.networks.actor)
    np.testing.assert_allclose(cost, 0.7 * divergence, rtol=0.03)


def test_densities_are_those_of_actions_in_half_ranges() -> None:
    """A uniform density on the space has the entropy 2 log 2 there; a unit is 3 and 0.5 here."""
    policy, obs = _policy(squash=True), jnp.zeros((1, 2))
    action = jnp.asarray([[1.0, 0.5]])
    expected = policy.log_prob((), obs[0], action[0])[1] + np.log(3.0 * 0.5)
    np.testing.assert_allclose(log_density(policy, obs, action)[0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("module", "settings", "said"),
    [
        (gaussian, {"squash": False}, "doesn't squash entry 0"),
        (deterministic, {"squash": True}, "DeterministicPolicy has none"),
        (mixture, {"squash": True}, "MixturePolicy has none"),
    ],
)
def test_a_policy_without_a_differentiable_density_in_the_bounds_is_refused(
    module: Any, settings: dict[str, Any], said: str
) -> None:
    (fault,) = density_faults(_policy(0, module, **settings))
    assert said in fault
    assert "Choose policy.kind gaussian with squash: true" in fault
    assert not density_faults(_policy(squash=True))

"""Policies steered by their noise, and samples that come with their density."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.errors import DataError
from ilkit.network.mlp import MLP, network
from ilkit.policy import autoregressive, categorical, chunked, cvae, deterministic, diffusion, energy, flow, gaussian
from ilkit.testing import Check, checks

pytestmark = pytest.mark.bits

NETWORK = Build("network", "mlp", network, MLP(hidden=(8,)))
OBSERVATION = Box.symmetric((2.0, 2.0))
OBS = jnp.array([0.3, -0.8])
ACTION = Box(low=(-1.0, -2.0), high=(3.0, 2.0))
SMALL = {"hidden": (8,), "features": 4}


def build(module, spec, action=ACTION, **inner):
    spaces = Spaces(observation=OBSERVATION, action=action)
    return module.policy(spec, NETWORK, spaces, key=jax.random.key(1), **inner)


def chunks(module, spec, **settings):
    inner = Build("policy", spec.kind, module.policy, spec, (NETWORK,))
    return build(chunked, chunked.Chunked(horizon=4, execute=2, **settings), inner=inner)


def steering_checks() -> list[Check]:
    variants = [
        ("gaussian", {"squash": True}),
        ("mixture", {"num_components": 3}),
        ("autoregressive", {"hidden": [16], "features": 8, "num_bins": 8, "draw": "center"}),
        ("cvae", {**SMALL, "latent": 2, "decoder_noise": False}),
        ("cvae", {**SMALL, "latent": 2, "prior": "learnt"}),
        ("cvae", {**SMALL, "latent": 2, "prior": "learnt", "prior_components": 3}),
    ]
    kept = ("steering_draws_the_samples", "samples_come_with_their_density")
    return [
        check for kind, spec in variants for check in checks("policy", kind, settings=spec) if str(check).endswith(kept)
    ]


@pytest.mark.parametrize("check", steering_checks(), ids=str)
def test_steering_keeps_the_distribution(check: Check) -> None:
    check()


def test_a_gaussian_is_steered_by_its_epsilon() -> None:
    policy = build(gaussian, gaussian.Gaussian(state_dependent_std=False))
    mode, up = policy.mode((), OBS)[1], policy.steer((), OBS, jnp.array([1.5, -1.5]))[1]
    std = policy.units.half_range * policy.distribution(policy.outputs((), OBS)[1]).scale
    np.testing.assert_allclose(policy.steer((), OBS, jnp.zeros(2))[1], mode, rtol=1e-6)
    np.testing.assert_allclose(up - mode, jnp.array([1.5, -1.5]) * std, rtol=1e-5)


def test_the_density_of_a_saturated_action_needs_no_inverse_of_the_tanh() -> None:
    policy = build(gaussian, gaussian.Gaussian(squash=True, state_dependent_std=False))
    pushed = eqx.tree_at(lambda policy: policy.network.layers.biases[-1], policy, jnp.array([20.0, -20.0]))

    def drawn(policy):
        return policy.sample_with_log_prob((), OBS, key=jax.random.key(0))[2]

    raw = pushed.distribution(pushed.outputs((), OBS)[1]).sample(jax.random.key(0))
    exact = jax.scipy.stats.norm.logpdf(raw, *_parameters(pushed)).sum() - jnp.sum(
        jnp.log(pushed.units.half_range) + 2 * (jnp.log(2.0) - jnp.abs(raw))
    )
    gradient = eqx.filter_grad(drawn)(pushed).network.layers.biases[-1]
    np.testing.assert_allclose(drawn(pushed), exact, rtol=1e-5)
    np.testing.assert_allclose(
        gradient, [2.0, -2.0], rtol=1e-5
    )  # of -log(1 - tanh² x), which the clipped inverse lacks
    assert abs(float(pushed.log_prob((), OBS, pushed.sample((), OBS, key=jax.random.key(0))[1])[1]) - exact) > 5


def _parameters(policy):
    distribution = policy.distribution(policy.outputs((), OBS)[1])
    return distribution.mean, distribution.scale


@pytest.mark.parametrize(
    ("sampler", "said"),
    [("ddim", "3 of 20 steps (trailing)"), ("ddpm", "3 of 20 steps (trailing)")],
)
def test_diffusion_is_steered_by_ddim_whatever_draws_its_samples(sampler: str, said: str) -> None:
    policy = build(diffusion, diffusion.Diffusion(**SMALL, num_train_steps=20, num_steps=3, sampler=sampler))
    same = build(diffusion, diffusion.Diffusion(**SMALL, num_train_steps=20, num_steps=3))
    noise = jax.random.normal(jax.random.split(jax.random.key(2))[0], (2,))
    np.testing.assert_array_equal(policy.steer((), OBS, noise)[1], same.sample((), OBS, key=jax.random.key(2))[1])
    assert said in policy.steering


def test_a_flow_is_steered_from_where_its_samples_begin() -> None:
    policy = build(flow, flow.Flow(**SMALL))
    noise = jax.random.normal(jax.random.key(2), (2,))
    np.testing.assert_array_equal(policy.steer((), OBS, noise)[1], policy.sample((), OBS, key=jax.random.key(2))[1])
    assert policy.steering == "Euler, 10 steps, from x_0 ~ N(0, I) of 2 numbers"


def test_the_noise_of_a_chunk_counts_where_the_chunk_begins() -> None:
    policy = chunks(flow, flow.Flow(**SMALL))
    assert (policy.noise_size, policy.decision_steps) == (8, 2)
    first, second, third = jax.random.normal(jax.random.key(3), (3, 8))
    carry, actions = policy.initial_carry(), []
    for noise in (first, second, third):
        carry, action = policy.steer(carry, OBS, noise)
        actions.append(action)
    decided = [policy.inner.steer((), OBS, noise)[1].reshape(4, 2) for noise in (first, third)]
    np.testing.assert_array_equal(actions, [decided[0][0], decided[0][1], decided[1][0]])


def test_the_noises_of_averaged_chunks_count_at_every_step() -> None:
    policy = chunks(gaussian, gaussian.Gaussian(), ensemble=0.0)
    assert policy.decision_steps == 1
    noises = jax.random.normal(jax.random.key(3), (2, 8))
    carry, _ = policy.steer(policy.initial_carry(), OBS, noises[0])
    decided = [policy.inner.steer((), OBS, noise)[1].reshape(4, 2) for noise in noises]
    np.testing.assert_allclose(policy.steer(carry, OBS, noises[1])[1], (decided[0][1] + decided[1][0]) / 2, rtol=1e-5)


def test_a_latent_variable_has_the_numbers_that_it_is_made_of() -> None:
    mixed = cvae.CVAE(**SMALL, latent=3, prior="learnt", prior_components=2)
    assert build(cvae, cvae.CVAE(**SMALL, latent=3)).noise_size == 3 + 2
    assert build(cvae, cvae.CVAE(**SMALL, latent=3, decoder_noise=False)).noise_size == 3
    assert build(cvae, mixed).noise_size == 3 + 1 + 2


def test_an_autoregressive_entry_is_a_quantile_of_its_histogram() -> None:
    policy = build(autoregressive, autoregressive.Autoregressive(**SMALL, num_bins=8))
    steer = jax.jit(lambda noise: policy.steer((), OBS, noise)[1])
    rising = np.asarray([steer(jnp.array([noise, 0.0])) for noise in np.linspace(-3, 3, 20)])
    assert (np.diff(rising[:, 0]) > 0).all()
    assert rising[0, 0] < -0.9
    assert rising[-1, 0] > 2.9


@pytest.mark.parametrize(
    ("module", "spec", "action"),
    [
        (deterministic, deterministic.Deterministic(), ACTION),
        (energy, energy.Energy(**SMALL), ACTION),
        (categorical, categorical.Categorical(), Discrete(size=3)),
    ],
)
def test_what_makes_no_action_of_a_noise_says_so(module, spec, action) -> None:
    policy = build(module, spec, action)
    assert (policy.noise_size, policy.steering) == (0, "")
    with pytest.raises(DataError, match="makes actions of noise"):
        policy.steer((), OBS, jnp.zeros(0))

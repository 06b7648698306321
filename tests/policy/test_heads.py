from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.artifact.store import load, save
from ilkit.data.build import Build
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.errors import DataError
from ilkit.fitting.gradient import partition
from ilkit.network.mlp import MLP, network
from ilkit.policy import autoregressive, categorical, cvae, deterministic, diffusion, energy, flow, gaussian, mixture
from ilkit.testing.problems import still

NETWORK = Build("network", "mlp", network, MLP(hidden=(8,)))
UNBOUNDED = Box(low=(-np.inf,), high=(np.inf,))
OFF_CENTER = Box(low=(-1.0,), high=(3.0,))
OBS = jnp.array([0.3, -0.8])


@cache
def build(module, spec, action):
    spaces = Spaces(observation=Box.symmetric((np.inf, np.inf)), action=action)
    return eqx.filter_jit(module.policy)(spec, NETWORK, spaces, key=jax.random.key(1))


SMALL = {"hidden": (8,), "features": 4}
DENSITIES = {
    "autoregressive": (autoregressive, autoregressive.Autoregressive(**SMALL, num_bins=8), UNBOUNDED),
    "autoregressive-bounded": (autoregressive, autoregressive.Autoregressive(**SMALL, bins="quantile"), OFF_CENTER),
    "gaussian": (gaussian, gaussian.Gaussian(), UNBOUNDED),
    "gaussian-bounded": (gaussian, gaussian.Gaussian(), OFF_CENTER),
    "gaussian-squashed": (gaussian, gaussian.Gaussian(squash=True), OFF_CENTER),
    "gaussian-shared-std": (gaussian, gaussian.Gaussian(squash=True, state_dependent_std=False), OFF_CENTER),
    "mixture": (mixture, mixture.Mixture(), UNBOUNDED),
    "mixture-bounded": (mixture, mixture.Mixture(num_components=3, squash=True), OFF_CENTER),
}
HEADS = {
    **DENSITIES,
    "cvae": (cvae, cvae.CVAE(**SMALL, clip=1e5, prior="learnt"), OFF_CENTER),
    "cvae-mixture": (cvae, cvae.CVAE(**SMALL, clip=1e5, prior="learnt", prior_components=2), OFF_CENTER),
    "diffusion": (diffusion, diffusion.Diffusion(**SMALL, clip=1e5), OFF_CENTER),
    "diffusion-action": (diffusion, diffusion.Diffusion(**SMALL, clip=1e5, predicts="action"), OFF_CENTER),
    "diffusion-ddpm": (
        diffusion,
        diffusion.Diffusion(**SMALL, clip=1e5, num_train_steps=5, num_steps=5, sampler="ddpm"),
        OFF_CENTER,
    ),
    "energy": (energy, energy.Energy(**SMALL, num_candidates=16), OFF_CENTER),
    "energy-gaussian": (energy, energy.Energy(**SMALL, num_candidates=16, proposal="gaussian"), OFF_CENTER),
    "energy-langevin": (energy, energy.Energy(**SMALL, num_candidates=16, sampler="langevin"), OFF_CENTER),
    "flow": (flow, flow.Flow(**SMALL, clip=1e5), OFF_CENTER),
    "flow-action": (flow, flow.Flow(**SMALL, clip=1e5, predicts="action"), OFF_CENTER),
    "categorical": (categorical, categorical.Categorical(), Discrete(size=4)),
    "deterministic": (deterministic, deterministic.Deterministic(), OFF_CENTER),
    "deterministic-squashed": (deterministic, deterministic.Deterministic(squash=True), OFF_CENTER),
}


@eqx.filter_jit
def log_probs(policy, actions):
    return jax.vmap(lambda action: policy.log_prob((), OBS, action)[1])(actions)


@eqx.filter_jit
def samples(policy, count):
    keys = jax.random.split(jax.random.key(7), count)
    return jax.vmap(lambda key: policy.sample((), OBS, key=key)[1])(keys)


@pytest.mark.parametrize("name", DENSITIES)
def test_the_density_integrates_to_one(name):
    module, spec, space = DENSITIES[name]
    policy = build(module, spec, space)
    low, high = (-1.0, 3.0) if module is gaussian and spec.squash else (-30.0, 30.0)
    edges = np.linspace(low, high, 40_001)
    middles = jnp.asarray((edges[1:] + edges[:-1]) / 2, jnp.float32)[:, None]
    mass = np.exp(np.asarray(log_probs(policy, middles), np.float64)).sum() * (high - low) / 40_000
    assert mass == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("name", DENSITIES)
def test_samples_have_the_distribution_of_the_density(name):
    policy = build(*DENSITIES[name])
    drawn = np.asarray(samples(policy, 8000))[:, 0]
    edges = np.quantile(drawn, [0.02, 0.25, 0.5, 0.75, 0.98])
    for low, high, share in zip(edges[:-1], edges[1:], (0.23, 0.25, 0.25, 0.23), strict=True):
        points = jnp.linspace(low, high, 2001)[:, None]
        mass = np.trapezoid(np.exp(log_probs(policy, points)), points[:, 0])
        assert mass == pytest.approx(share, abs=0.025)


def loss_at(policy, action):
    return policy.loss(still(policy, OBS, jnp.array([action])), key=jax.random.key(0))


def test_the_categorical_head_gives_frequencies():
    policy = build(*HEADS["categorical"])
    probabilities = np.exp(log_probs(policy, jnp.arange(4)))
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-6)
    drawn = samples(policy, 8000)
    assert drawn.dtype == jnp.int32
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 8000, probabilities, atol=0.02)
    assert int(policy.mode((), OBS)[1]) == probabilities.argmax()


@pytest.mark.parametrize(
    "name", ["gaussian", "gaussian-bounded", "gaussian-squashed", "gaussian-shared-std", "mixture", "autoregressive"]
)
def test_actions_at_and_beyond_the_bounds_have_a_finite_loss_and_gradient(name):
    module, spec, _ = DENSITIES[name]
    trained, fixed = partition(build(module, spec, OFF_CENTER))

    def loss(trained, action):
        return loss_at(eqx.combine(trained, fixed), action)

    values, gradients = jax.jit(jax.vmap(jax.value_and_grad(loss), in_axes=(None, 0)))(
        trained, jnp.array([3.0, -1.0, 3.5, -100.0, 2.9999999])
    )
    assert np.isfinite(values).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


def saturated(policy, mean, raw_std):
    """The head with these outputs whatever the observation."""
    return eqx.tree_at(
        lambda policy: (policy.network.layers.weights[-1], policy.network.layers.biases[-1]),
        policy,
        (jnp.zeros_like(policy.network.layers.weights[-1]), jnp.array([mean, raw_std])),
    )


@pytest.mark.parametrize(("mean", "raw_std"), [(20.0, 20.0), (-20.0, -20.0), (0.0, 20.0)])
def test_a_saturated_gaussian_stays_finite(mean, raw_std):
    policy = saturated(build(*DENSITIES["gaussian-squashed"]), mean, raw_std)
    drawn = samples(policy, 100)
    assert float(jnp.abs(drawn - 1.0).max()) <= 2.0

    def total(policy):
        return jnp.sum(log_probs(policy, drawn))

    value, gradient = eqx.filter_jit(eqx.filter_value_and_grad(total))(policy)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_the_density_of_a_squashed_sample_is_that_of_what_was_squashed():
    policy = saturated(build(*DENSITIES["gaussian-squashed"]), 0.5, 0.2)
    raw = policy.distribution(policy.outputs((), OBS)[1]).sample(jax.random.key(3))
    _, action = policy.sample((), OBS, key=jax.random.key(3))
    np.testing.assert_allclose(action, 1.0 + 2.0 * np.tanh(raw), rtol=1e-6)
    expected = policy.distribution(policy.outputs((), OBS)[1]).log_prob(raw)[0] - np.log(
        2.0 * (1.0 - np.tanh(raw[0]) ** 2)
    )
    assert float(policy.log_prob((), OBS, action)[1]) == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.parametrize("raw_std", [-100.0, 0.0, 100.0])
def test_the_standard_deviation_stays_between_its_bounds(raw_std):
    policy = saturated(build(gaussian, gaussian.Gaussian(min_std=0.1, max_std=3.0), UNBOUNDED), 0.0, raw_std)
    std = float(policy.distribution(policy.outputs((), OBS)[1]).scale[0])
    assert std == pytest.approx({-100.0: 0.1, 0.0: 0.3**0.5, 100.0: 3.0}[raw_std], rel=1e-5)


def test_bounds_of_the_standard_deviation_must_be_in_order():
    with pytest.raises(ValidationError, match="max_std must be above min_std, 1"):
        gaussian.Gaussian(min_std=1.0, max_std=0.5)


def test_one_standard_deviation_for_all_states_is_a_parameter():
    policy = build(*DENSITIES["gaussian-shared-std"])
    assert float(policy.distribution(policy.outputs((), OBS)[1]).scale[0]) == float(
        policy.distribution(policy.outputs((), -3 * OBS)[1]).scale[0]
    )
    gradient = eqx.filter_grad(lambda policy: loss_at(policy, 2.0))(policy)
    assert float(jnp.abs(gradient.raw_std[0])) > 0


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in HEADS
        if name.startswith(("gaussian", "deterministic", "cvae", "diffusion", "flow")) and name != "cvae-mixture"
    ],
)
def test_modes_and_reparameterized_samples_have_a_gradient(name):
    policy = build(*HEADS[name])
    assert policy.reparameterized
    for act in (lambda p: p.mode((), OBS)[1][0], lambda p: p.sample((), OBS, key=jax.random.key(0))[1][0]):
        gradient = eqx.filter_jit(eqx.filter_grad(act))(policy)
        assert float(jnp.abs(gradient.network.layers.biases[-1]).max()) > 0


def test_a_component_of_a_prior_is_drawn_without_a_gradient():
    assert not build(*HEADS["cvae-mixture"]).reparameterized
    with pytest.raises(ValidationError, match="prior_components must be 1"):
        cvae.CVAE(prior="standard", prior_components=2)


def test_the_mode_of_a_mixture_is_the_mean_of_its_heaviest_component():
    policy = build(mixture, mixture.Mixture(num_components=2), UNBOUNDED)
    outputs = jnp.array([0.0, 1.0, -2.5, 2.5, 0.0, 0.0])
    policy = eqx.tree_at(
        lambda policy: (policy.network.layers.weights[-1], policy.network.layers.biases[-1], policy.offsets),
        policy,
        (jnp.zeros_like(policy.network.layers.weights[-1]), outputs, jnp.zeros((2, 1))),
    )
    np.testing.assert_allclose(policy.mode((), OBS)[1], [2.5])
    weights, std = np.exp([0.0, 1.0]) / np.exp([0.0, 1.0]).sum(), 0.02 + np.log(2.0)
    density = (weights * np.exp(-0.5 * (np.array([-1.5, 3.5]) / std) ** 2) / std / np.sqrt(2 * np.pi)).sum()
    assert float(policy.log_prob((), OBS, jnp.array([-1.0]))[1]) == pytest.approx(np.log(density), abs=1e-5)


def test_the_components_of_a_mixture_start_spread_in_every_dimension():
    box = Box(low=(-2.0, 0.0), high=(2.0, 1.0))
    policy = build(mixture, mixture.Mixture(num_components=4, initial_spread=2.0), box)
    np.testing.assert_allclose(np.sort(policy.offsets, axis=0), np.tile([[-1.5], [-0.5], [0.5], [1.5]], 2))
    alone = build(mixture, mixture.Mixture(num_components=1), box)
    np.testing.assert_allclose(alone.offsets, np.zeros((1, 2)))


def test_a_mixture_far_from_the_action_keeps_a_gradient():
    trained, fixed = partition(build(*DENSITIES["mixture"]))

    def loss(trained):
        return loss_at(eqx.combine(trained, fixed), 1e4)

    value, gradient = jax.jit(jax.value_and_grad(loss))(trained)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("name", HEADS)
def test_a_head_comes_back_from_its_artifact(name, tmp_path):
    policy = build(*HEADS[name])
    save(Seeds(jax.tree.map(lambda leaf: leaf[None], policy), {}, 1), tmp_path / "policy")
    loaded = load(tmp_path / "policy")[0]
    assert jax.tree.structure(loaded) == jax.tree.structure(policy)
    key = jax.random.key(5)
    act = eqx.filter_jit(lambda policy: (policy.mode((), OBS)[1], policy.sample((), OBS, key=key)[1]))
    for after, before in zip(act(loaded), act(policy), strict=True):
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("name", HEADS)
def test_a_head_refuses_the_wrong_kind_of_actions(name):
    module, spec, space = HEADS[name]
    other = UNBOUNDED if isinstance(space, Discrete) else Discrete(size=3)
    with pytest.raises(DataError, match=rf"policy\.kind {spec.kind} needs a .* action space, got a .* one\. Use"):
        build(module, spec, other)


@pytest.mark.parametrize("name", ["deterministic", "cvae", "diffusion", "energy", "flow"])
def test_an_implicit_head_has_no_density(name):
    policy = build(*HEADS[name])
    assert not policy.has_density
    with pytest.raises(DataError, match="implicit"):
        policy.log_prob((), OBS, jnp.zeros(1))

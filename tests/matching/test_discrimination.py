"""Gradient steps of a discriminator: its loss, its penalty, its smoothing and its norm against what they must be."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ilkit.data.normalizer import Normalizer
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.fitting.gradient import partition
from ilkit.matching.adversarial_spec import AdversarialSpec
from ilkit.matching.cross_entropy import CROSS_ENTROPY
from ilkit.matching.discrimination import (
    Fitted,
    Shares,
    Side,
    discriminate,
    discrimination_loss,
    gradient_penalty,
)
from ilkit.matching.discriminator import PairDiscriminator
from ilkit.matching.features import Features
from ilkit.matching.spectral import first_directions, next_directions, normalized
from ilkit.math.divergences import JENSEN_SHANNON
from ilkit.nn.perceptron import Layers, build_layers

SPACES = Spaces(observation=Box(shape=(3,), low=-2.0, high=2.0), action=Discrete(size=2))
DRAWN = np.random.default_rng(0).normal(size=(2, 16, 4)).astype(np.float32)
EXPERT, LEARNER = (jnp.asarray(rows).at[:, -1].set(0.0) for rows in DRAWN)


def discriminator(hidden: tuple[int, ...] = (8,), *, absorbing: bool = True) -> PairDiscriminator:
    features = Features(Normalizer.identity(3), Normalizer(None, None), SPACES, "state", absorbing=absorbing)
    return PairDiscriminator.draw(features, hidden, silent=False, key=jax.random.key(1))


def linear(weights: list[float]) -> PairDiscriminator:
    made = discriminator(())
    return PairDiscriminator(Layers((jnp.array([weights]),), (jnp.zeros(1),), "tanh"), made.features)


def spec(**settings: Any) -> AdversarialSpec:
    return AdversarialSpec(kind="any", discriminator_batch_size=16, **settings)


def loss(model: PairDiscriminator, game: Any, shares: tuple[float, float] = (0.3, 0.6), **settings: Any) -> Any:
    blends = jnp.linspace(0.0, 1.0, 16) if settings.get("gradient_penalty") else None
    sides = Side(EXPERT, None), Side(LEARNER, None)
    return discrimination_loss(spec(**settings), game, model, *sides, blends, Shares(*map(jnp.asarray, shares)))


def test_the_loss_is_the_cross_entropy_in_which_the_absorbing_state_has_its_share() -> None:
    model = discriminator()
    value, told = loss(model, CROSS_ENTROPY)
    expert, learner = (np.asarray(model.values(rows), np.float64) for rows in (EXPERT, LEARNER))
    absorbed = float(model.values(jnp.array([[0.0, 0.0, 0.0, 1.0]]))[0])

    def log_d(logits: Any) -> Any:
        return -np.log1p(np.exp(-np.asarray(logits, np.float64)))

    demonstrated = 0.7 * log_d(expert).mean() + 0.3 * log_d(absorbed)
    tried = 0.4 * log_d(-learner).mean() + 0.6 * log_d(-absorbed)
    assert float(value) == pytest.approx(-(demonstrated + tried), rel=1e-5)
    hits = 0.7 * (expert > 0).mean() + 0.3 * (absorbed > 0)
    misses = 0.4 * (learner < 0).mean() + 0.6 * (absorbed < 0)
    assert float(told.accuracy) == pytest.approx(0.5 * (hits + misses), rel=1e-5)


def test_the_gradients_of_jensen_shannon_are_those_of_the_cross_entropy() -> None:
    def gradient(game: Any) -> PairDiscriminator:
        trained, fixed = partition(discriminator())
        return jax.grad(lambda part: loss(eqx.combine(part, fixed), game)[0])(trained)

    for ours, theirs in zip(*map(jax.tree.leaves, (gradient(JENSEN_SHANNON), gradient(CROSS_ENTROPY))), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)
    assert float(loss(discriminator(), CROSS_ENTROPY)[0]) == pytest.approx(
        float(loss(discriminator(), JENSEN_SHANNON)[0]) + 2 * np.log(2.0), rel=1e-5
    )


def test_without_an_absorbing_state_shares_mean_nothing() -> None:
    features = Features(Normalizer.identity(3), Normalizer(None, None), SPACES, "state", absorbing=False)
    layers = discriminator().layers
    short = PairDiscriminator(Layers((layers.weights[0][:3], layers.weights[1]), layers.biases, "tanh"), features)
    sides = Side(EXPERT[:, :3], None), Side(LEARNER[:, :3], None)
    found = [
        discrimination_loss(spec(), CROSS_ENTROPY, short, *sides, None, Shares(jnp.asarray(share), jnp.asarray(share)))[
            0
        ]
        for share in (0.0, 0.9)
    ]
    assert float(found[0]) == float(found[1]) == pytest.approx(float(loss(discriminator(), CROSS_ENTROPY, (0, 0))[0]))


def test_smoothed_labels_are_the_cross_entropy_with_them() -> None:
    value, _ = loss(discriminator(), CROSS_ENTROPY, (0.0, 0.0), label_smoothing=0.1)
    logits = np.asarray(discriminator().values(EXPERT), np.float64)
    tried = np.log1p(np.exp(np.asarray(discriminator().values(LEARNER), np.float64))).mean()
    demonstrated = (0.9 * np.log1p(np.exp(-logits)) + 0.1 * np.log1p(np.exp(logits))).mean()
    assert float(value) == pytest.approx(demonstrated + tried, rel=1e-5)


@pytest.mark.parametrize(("target", "expected"), [(1, (13.0 - 1.0) ** 2), (0, 13.0**2)])
def test_the_penalty_of_a_linear_function_is_that_of_its_slope(target: int, expected: float) -> None:
    model = linear([3.0, 4.0, 12.0, 0.0])
    blends = jnp.linspace(0.0, 1.0, 16)
    assert float(gradient_penalty(model, EXPERT, LEARNER, blends, target)) == pytest.approx(expected, rel=1e-5)
    with_penalty = loss(model, CROSS_ENTROPY, gradient_penalty=0.5, gradient_norm_target=target)[0]
    assert float(with_penalty - loss(model, CROSS_ENTROPY)[0]) == pytest.approx(0.5 * expected, rel=1e-4)


def test_matrices_are_divided_by_their_largest_singular_values() -> None:
    layers = build_layers((4, 16, 8, 1), "tanh", key=jax.random.key(0))
    large = jax.tree.map(lambda leaf: 5.0 * leaf, layers)
    directions = first_directions(large)
    found = normalized(large, directions)
    for matrix, was in zip(found.weights, large.weights, strict=True):
        assert np.linalg.norm(was, 2) > 1.5
        assert np.linalg.norm(matrix, 2) == pytest.approx(1.0, abs=1e-3)
    for bias, was in zip(found.biases, large.biases, strict=True):
        np.testing.assert_array_equal(bias, was)
    again = next_directions(large, directions)
    for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(directions), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-2)


@pytest.mark.parametrize("spectral", [False, True])
def test_steps_tell_the_sides_apart_and_spectral_norms_stay_at_1(spectral: bool) -> None:
    settings = spec(num_discriminator_steps=200, discriminator_learning_rate=1e-2, spectral_norm=spectral)
    trained, fixed = partition(discriminator())
    moments = optax.adam(1e-2).init(trained)
    fitted = Fitted(trained, fixed, moments, first_directions(trained) if spectral else None)
    far = EXPERT.at[:, 0].add(3.0)
    sides = tuple(Side(jnp.broadcast_to(rows, (200, 16, 4)), None) for rows in (far, LEARNER))
    shares = Shares(jnp.asarray(0.0), jnp.asarray(0.5))
    first = loss(discriminator(), CROSS_ENTROPY)[0]
    fitted, told = discriminate(settings, CROSS_ENTROPY, fitted, sides, shares, key=jax.random.key(0))
    model = fitted.discriminator
    assert float(told.accuracy) > 0.8
    assert float(told.loss) < float(first)
    assert (model.values(far) > 0).mean() > 0.9 > 0.1 > (model.values(LEARNER) > 0).mean()
    norms = [np.linalg.norm(matrix, 2) for matrix in model.layers.weights]
    assert (max(norms) < 1.01) == spectral

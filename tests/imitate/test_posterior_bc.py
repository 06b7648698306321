"""Posterior cloning: a clone as wide as the demonstrations leave open, and plain cloning without noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.spaces import Discrete
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError
from ilkit.imitate import bc
from ilkit.imitate.posterior_bc import PosteriorBC, imitate
from ilkit.running.loop import train

pytestmark = pytest.mark.bits


class Slope(Uncertainty):
    """cov(s) = (s₀ / 4)²."""

    def covariance(self, obs):
        return (obs[:1] / 4)[:, None] ** 2


def clone(spec, head, demos, uncertainty=None, num_seeds=1):
    return train(
        lambda key: imitate(spec, head, demos, uncertainty, key=key), key=jax.random.key(0), num_seeds=num_seeds
    )


@pytest.fixture
def zeros(labeled):
    """The action 0 wherever s₀ is."""
    obs = np.random.default_rng(0).uniform(1.0, 3.0, size=(400, 1))
    return labeled(obs, np.zeros((400, 1)))


def spread(policy, obs):
    return float(policy.distribution(policy.outputs((), jnp.asarray([obs]))[1]).scale[0])


@pytest.mark.parametrize("settings", [{"alpha": 2.0}, {"alpha": 1.0, "target_noise": 0.6, "covariance": "diagonal"}])
def test_a_gaussian_learns_the_covariance_of_the_noise(head, zeros, settings):
    spec = PosteriorBC(learning_rate=5e-3, num_steps=1500, batch_size=256, **settings)
    learnt = clone(spec, head("gaussian", hidden=(16,), mean_emphasis=0.0), zeros, Slope())[0]
    for obs in (1.2, 2.0, 2.8):
        variance = (settings["alpha"] * obs / 4) ** 2 + settings.get("target_noise", 0.0) ** 2
        assert spread(learnt, obs) == pytest.approx(variance**0.5, rel=0.1)
        assert abs(float(learnt.mode((), jnp.asarray([obs]))[1][0])) < 0.1


def test_at_equal_noise_it_is_as_wide_as_the_same_noise_everywhere(head, zeros):
    same = PosteriorBC(alpha=0.0, target_noise=0.3, learning_rate=5e-3, num_steps=1000, batch_size=256)
    rescaled = same.model_copy(update={"alpha": 5.0, "target_noise": 0.0, "average_scale": 0.3})
    build, obs = head("gaussian", hidden=(16,), mean_emphasis=0.0), np.linspace(1.0, 3.0, 41)
    for spec, uncertainty in ((same, None), (rescaled, Slope())):
        learnt = clone(spec, build, zeros, uncertainty)[0]
        assert np.sqrt(np.mean([spread(learnt, one) ** 2 for one in obs])) == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize("kind", ["deterministic", "gaussian", "mixture"])
def test_without_noise_it_is_plain_cloning_to_the_last_bit(head, zeros, kind):
    settings = {"num_steps": 30, "weight_decay": 0.1, "average": True}
    posterior = clone(PosteriorBC(alpha=0.0, **settings), head(kind), zeros, Slope(), num_seeds=2)
    plain = train(
        lambda key: bc.imitate(bc.BC(**settings), head(kind), zeros, key=key), key=jax.random.key(0), num_seeds=2
    )
    jax.tree.map(np.testing.assert_array_equal, posterior.stacked, plain.stacked)
    np.testing.assert_array_equal(posterior.curves["loss"], plain.curves["loss"])


def test_noise_by_an_uncertainty_needs_one(head, zeros):
    with pytest.raises(DataError, match=r"imitate.posterior_bc.alpha: must be 0 .* got 1.* stages.imitate\("):
        imitate(PosteriorBC(), head("gaussian"), zeros, key=jax.random.key(0))
    with pytest.raises(ValidationError, match="average_scale needs noise to rescale"):
        PosteriorBC(alpha=0.0, average_scale=0.1)


def test_actions_must_be_numbers(head, labeled):
    demos = labeled(np.zeros((4, 1)), np.zeros(4), Discrete(size=2))
    with pytest.raises(DataError, match=r"continuous action space.* Choose bc"):
        imitate(PosteriorBC(), head("categorical"), demos, Slope(), key=jax.random.key(0))

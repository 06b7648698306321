"""The noise that explorations add, against its definition."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from ilkit.data.build import Build
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError
from ilkit.exploration import ensemble_covariance, isotropic, none, own_density
from ilkit.exploration.ensemble_covariance import EnsembleCovariance
from ilkit.exploration.isotropic import Isotropic
from ilkit.exploration.none import None_
from ilkit.exploration.own_density import OwnDensity
from ilkit.stepping.behavior import RunningSquare, modes
from ilkit.testing.problems import tracking_expert

pytestmark = pytest.mark.bits


class Known(Uncertainty):
    """cov(s) = s₀² R Rᵀ."""

    root: Float[Array, "act rank"]

    def covariance(self, obs: Float[Array, " obs"]) -> Float[Array, "act act"]:
        return obs[0] ** 2 * self.root @ self.root.T


def spaces(size: int) -> Spaces:
    return Spaces(observation=Box.symmetric([1.0]), action=Box.symmetric([1.0] * size))


def known(size: int, rank: int) -> Uncertainty:
    return Known(jnp.asarray(np.random.default_rng(size).normal(size=(size, rank)), jnp.float32))


DISCRETE = Spaces(observation=Box.symmetric([1.0]), action=Discrete(size=3))
OBS = jnp.asarray([0.5])


@pytest.mark.parametrize("actions", ["continuous", "discrete"])
def test_none_acts_by_the_mode(actions: Any) -> None:
    policy, obs = tracking_expert(actions), jnp.asarray([[0.5, -0.25]])
    behavior = none.exploration(None_(), policy.spaces)
    _, acted, _ = behavior.act(policy, RunningSquare.empty(), obs, key=jax.random.key(0))
    np.testing.assert_array_equal(acted, modes(policy, obs))


@pytest.mark.parametrize(("module", "spec"), [(none, None_()), (own_density, OwnDensity())])
def test_without_noise_a_density_must_be_the_policys_own(module: Any, spec: Any) -> None:
    policy = tracking_expert("continuous")
    with pytest.raises(DataError, match="no density of their own"):
        module.exploration(spec, policy.spaces).with_density(policy, jnp.zeros(2))


def test_without_an_uncertainty_its_covariance_is_refused() -> None:
    with pytest.raises(DataError, match="must have an uncertainty to scale, and the pipeline hands over none"):
        ensemble_covariance.exploration(EnsembleCovariance(), spaces(2))


def test_isotropic_is_a_multiple_of_the_identity() -> None:
    noise = isotropic.exploration(Isotropic(scale=0.3), spaces(2))
    np.testing.assert_allclose(noise.root(OBS), 0.3 * np.eye(2))


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("floor", [0.0, 0.2])
def test_root_squares_to_the_covariance(size: int, floor: float) -> None:
    uncertainty = known(size, size)
    spec = EnsembleCovariance(alpha=2.0, floor=floor)
    root = ensemble_covariance.exploration(spec, spaces(size), uncertainty).root(OBS)
    expected = 4.0 * uncertainty.covariance(OBS) + floor**2 * np.eye(size)
    np.testing.assert_allclose(root @ root.T, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", [1, 2, 8, 30])
@pytest.mark.parametrize("obs", [0.0, 1e-6, 1e-2, 1.0, 1e4])
def test_singular_covariance_has_a_root(size: int, obs: float) -> None:
    uncertainty = known(size, 1)
    noise = ensemble_covariance.exploration(EnsembleCovariance(), spaces(size), uncertainty)
    root, covariance = noise.root(jnp.asarray([obs])), uncertainty.covariance(jnp.asarray([obs]))
    error = np.abs(root @ root.T - covariance).max()
    assert error <= 2e-5 * np.trace(covariance) + 2e-12


def test_samples_have_the_covariance() -> None:
    uncertainty = known(2, 2)
    root = ensemble_covariance.exploration(EnsembleCovariance(alpha=0.5), spaces(2), uncertainty).root(OBS)
    noise = jax.random.normal(jax.random.key(0), (20_000, 2)) @ root.T
    np.testing.assert_allclose(np.cov(noise.T), 0.25 * uncertainty.covariance(OBS), rtol=0.1, atol=0.002)


def test_average_scale_is_that_of_isotropic_noise() -> None:
    """Over many states, noise that varies with the state has the root mean square of noise that doesn't."""
    obs = jax.random.uniform(jax.random.key(0), (200, 64, 1))
    spec = EnsembleCovariance(alpha=5.0, average_scale=0.3)

    def scale(noise: Any) -> float:
        _, roots = jax.lax.scan(lambda *batch: noise.roots(*batch), RunningSquare.empty(), obs)
        return float(jnp.sqrt(jnp.mean(jnp.sum(roots[50:] ** 2, axis=(-2, -1)) / 2)))

    varying = ensemble_covariance.exploration(spec, spaces(2), known(2, 2))
    steady = isotropic.exploration(Isotropic(scale=0.3), spaces(2))
    assert scale(varying) == pytest.approx(scale(steady), rel=0.02)


@pytest.mark.parametrize(("module", "spec"), [(isotropic, Isotropic()), (ensemble_covariance, EnsembleCovariance())])
def test_discrete_actions_are_refused(module: Any, spec: Any) -> None:
    with pytest.raises(DataError, match="continuous action space; choose none"):
        Build("exploration", spec.kind, module.exploration, spec, optional=("uncertainty",))(
            DISCRETE, uncertainty=known(1, 1)
        )


def test_explorations_build_inside_of_a_compiled_function() -> None:
    @eqx.filter_jit
    def root(spec: EnsembleCovariance, uncertainty: Uncertainty) -> Array:
        return ensemble_covariance.exploration(spec, spaces(2), uncertainty).root(OBS)

    uncertainty, spec = known(2, 2), EnsembleCovariance(alpha=2.0, average_scale=0.1)
    eager = ensemble_covariance.exploration(spec, spaces(2), uncertainty).root(OBS)
    np.testing.assert_allclose(root(spec, uncertainty), eager, rtol=1e-5)

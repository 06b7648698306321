"""How actions are drawn while a policy learns, against the density they are said to have."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.stepping.behavior import (
    AdditiveNoise,
    RunningSquare,
    Sampling,
    memory_faults,
    modes,
    noise_scale,
)

_SPACES = Spaces(observation=Box.symmetric((1.0, 1.0)), action=Box.symmetric((1.0, 1.0)))


class Shifted(Policy):
    """a ~ N(s + shift, 1)."""

    shift: Float[Array, " act"]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " act"]]:
        return carry, obs + self.shift

    def sample(
        self, carry: PyTree, obs: Float[Array, " obs"], *, key: PRNGKeyArray
    ) -> tuple[PyTree, Float[Array, " act"]]:
        return carry, obs + self.shift + jax.random.normal(key, (2,))

    def log_prob(self, carry: PyTree, obs: Float[Array, " obs"], action: Array) -> tuple[PyTree, Float[Array, ""]]:
        return carry, -0.5 * jnp.sum((action - obs - self.shift) ** 2) - jnp.log(2 * jnp.pi)


class Remembering(Shifted):
    """Carries a number from step to step."""

    def initial_carry(self) -> PyTree:
        return jnp.zeros(1)


class Widening(AdditiveNoise):
    """L(s) = (1 + s₀) R."""

    average_scale: None
    floor: Float[Array, " act"]
    square_root: Float[Array, "act act"]

    def root(self, obs: Float[Array, " obs"]) -> Float[Array, "act act"]:
        return (1.0 + obs[0]) * self.square_root


def _policy(shift: tuple[float, float] = (0.0, 0.0), kind: type[Shifted] = Shifted) -> Shifted:
    return kind(shift=jnp.asarray(shift), normalizer=Normalizer.identity(2), spaces=_SPACES)


def _noise(floor: tuple[float, float] = (0.1, 0.2)) -> AdditiveNoise:
    root = jnp.asarray([[0.5, 0.0], [0.3, 0.4]])
    return Widening(None, jnp.asarray(floor), root)


def test_noise_about_the_mode_has_the_covariance_of_its_density() -> None:
    behavior, policy = _noise(), _policy((0.5, -0.5))
    obs = jnp.broadcast_to(jnp.asarray([1.0, 0.0]), (20_000, 2))
    _, actions, roots = behavior.act(policy, RunningSquare.empty(), obs, key=jax.random.key(0))
    residual = np.asarray(actions - modes(policy, obs))
    expected = np.asarray(roots[0] @ roots[0].T) + np.diag([0.01, 0.04])
    np.testing.assert_allclose(expected, [[1.01, 0.6], [0.6, 1.04]], rtol=1e-5)
    np.testing.assert_allclose(residual.mean(axis=0), [0.0, 0.0], atol=0.03)
    np.testing.assert_allclose(np.cov(residual.T), expected, atol=0.04)


@pytest.mark.parametrize("size", [1, 2])
def test_the_log_density_of_noise_is_the_quadratic_form(size: int) -> None:
    random = np.random.default_rng(0)
    roots = np.tril(random.normal(size=(3, 5, size, size))).astype(np.float32)
    floor = np.array([0.3, 0.5], np.float32)[:size]
    behavior = _noise().with_density(_policy(), jnp.asarray(floor))
    context = np.asarray(behavior.settle(jnp.asarray(roots)))
    covariance = roots @ roots.swapaxes(-1, -2) + np.diag(floor**2)
    np.testing.assert_allclose(
        context.swapaxes(-1, -2) @ context @ covariance, np.broadcast_to(np.eye(size), roots.shape), atol=1e-3
    )


def test_log_probabilities_depend_on_the_policy_as_the_normal_density_does() -> None:
    behavior, old, new = _noise(), _policy(), _policy((0.2, -0.1))
    obs = jnp.asarray([[0.0, 0.0], [0.5, 0.3]])
    _, actions, roots = behavior.act(old, RunningSquare.empty(), obs, key=jax.random.key(1))
    context = behavior.settle(roots)
    ratio = behavior.log_prob(new, obs, actions, context) - behavior.log_prob(old, obs, actions, context)
    for row in range(2):
        covariance = np.asarray(roots[row] @ roots[row].T) + np.diag([0.01, 0.04])
        terms = []
        for policy in (new, old):
            residual = np.asarray(actions[row] - modes(policy, obs)[row])
            terms.append(-0.5 * residual @ np.linalg.solve(covariance, residual))
        np.testing.assert_allclose(ratio[row], terms[0] - terms[1], rtol=1e-3)


def test_a_floor_keeps_the_density_finite_where_the_exploration_is_silent() -> None:
    behavior, policy = _noise(), _policy()
    obs = jnp.asarray([[-1.0, 0.0]])
    _, actions, roots = behavior.act(policy, RunningSquare.empty(), obs, key=jax.random.key(0))
    np.testing.assert_array_equal(roots, np.zeros((1, 2, 2)))
    assert np.isfinite(behavior.log_prob(policy, obs, actions, behavior.settle(roots))).all()


def test_own_density_draws_samples_of_the_policy() -> None:
    policy, behavior = _policy((0.3, 0.0)), Sampling()
    obs = jnp.zeros((5_000, 2))
    _, actions, context = behavior.act(policy, RunningSquare.empty(), obs, key=jax.random.key(0))
    np.testing.assert_allclose(np.mean(actions, axis=0), [0.3, 0.0], atol=0.06)
    np.testing.assert_allclose(
        behavior.log_prob(policy, obs, actions, behavior.settle(context)),
        -0.5 * np.sum((np.asarray(actions) - [0.3, 0.0]) ** 2, axis=-1) - np.log(2 * np.pi),
        rtol=1e-4,
        atol=1e-4,
    )


def test_typical_actions_give_the_divergence() -> None:
    """KL(N(0, Σ) ‖ N(m, Σ)) = mᵀ Σ⁻¹ m / 2, from the mode where noise is added and on average where samples are."""
    clone, moved = _policy(), _policy((0.4, -0.2))
    shift = np.array([0.4, -0.2])
    obs = jnp.zeros((20_000, 2))
    own = Sampling()
    samples = own.typical(clone, obs, key=jax.random.key(0))
    departure = np.mean(own.log_prob(clone, obs, samples, ()) - own.log_prob(moved, obs, samples, ()))
    np.testing.assert_allclose(departure, shift @ shift / 2, atol=0.02)

    noise, one = _noise(), obs[:1]
    roots = jax.vmap(noise.root)(one)
    exact = -noise.log_prob(moved, one, noise.typical(clone, one, key=jax.random.key(0)), noise.settle(roots))
    covariance = np.asarray(roots[0] @ roots[0].T) + np.diag([0.01, 0.04])
    np.testing.assert_allclose(exact[0], shift @ np.linalg.solve(covariance, shift) / 2, rtol=1e-3)


def test_the_scale_of_noise_is_its_root_mean_square() -> None:
    policy, obs = _policy(), jnp.zeros((2, 2))
    assert float(noise_scale(policy, obs, jnp.asarray([[3.0, 0.0], [0.0, 4.0]]))) == pytest.approx(2.5)


def test_of_discrete_actions_the_scale_is_the_share_off_the_mode() -> None:
    class First(Policy):
        normalizer: Normalizer
        spaces: Spaces = eqx.field(static=True)

        def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Array]:
            return carry, jnp.zeros((), jnp.int32)

    spaces = Spaces(observation=Box.symmetric((1.0, 1.0)), action=Discrete(size=2))
    policy = First(normalizer=Normalizer.identity(2), spaces=spaces)
    assert float(noise_scale(policy, jnp.zeros((4, 2)), jnp.asarray([0, 1, 0, 0], jnp.int32))) == 0.25


def test_a_policy_with_a_memory_is_refused() -> None:
    assert memory_faults(_policy()) == ()
    assert "must have no memory, and Remembering has a carry" in memory_faults(_policy(kind=Remembering))[0]

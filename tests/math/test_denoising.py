"""Samplers on analytic scores and fields: what they get wrong is theirs, not that of training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.math.denoising import cosine_signal, ddim, ddpm, follow_flow, sampling_steps

MEAN, STD = 0.5, 0.2
SIGNAL = cosine_signal(100)
WIDE = 1e6


def noise_of(noisy: jax.Array, step: jax.Array) -> jax.Array:
    """The exact noise predictor of N(0.5, 0.2²)."""
    share = jnp.asarray(SIGNAL, jnp.float32)[step]
    score = -(noisy - jnp.sqrt(share) * MEAN) / (share * STD**2 + 1.0 - share)
    return -jnp.sqrt(1.0 - share) * score


def velocity_of(point: jax.Array, time: jax.Array) -> jax.Array:
    """The exact velocity from N(0, 1) to N(0.5, 0.2²)."""
    variance = (1.0 - time) ** 2 + (time * STD) ** 2
    return MEAN + (time * STD**2 - (1.0 - time)) / variance * (point - time * MEAN)


def moments(sample) -> tuple[float, float]:
    """The mean and the standard deviation of what a sampler, which is affine here, makes of N(0, 1)."""
    at_zero, at_one = sample(jnp.zeros(1)), sample(jnp.ones(1))
    return float(at_zero[0]), float(at_one[0] - at_zero[0])


def test_the_cosine_schedule_is_that_of_the_literature() -> None:
    np.testing.assert_allclose(SIGNAL[[0, 49]], [0.999369, 0.493844], atol=1e-6)
    np.testing.assert_allclose(SIGNAL[99], 2.43e-7, atol=5e-10)
    np.testing.assert_allclose(1.0 - SIGNAL[99] / SIGNAL[98], 0.999, atol=1e-9)


@pytest.mark.parametrize(
    ("num_steps", "spacing", "std"),
    [(100, "leading", 0.19307), (100, "trailing", 0.19307), (10, "leading", 0.15148), (10, "trailing", 0.14060)],
)
def test_ddim_gives_the_spread_that_its_steps_allow(num_steps: int, spacing: str, std: float) -> None:
    found = moments(
        lambda start: ddim(noise_of, start, SIGNAL, num_steps=num_steps, spacing=spacing, clip=WIDE)  # type: ignore[arg-type]
    )
    np.testing.assert_allclose(found[1], std, atol=6e-6)
    np.testing.assert_allclose(found[0], MEAN, atol=0.011)  # leading steps don't begin with pure noise


@pytest.mark.long
def test_ddpm_gives_its_spread() -> None:
    keys = jax.random.split(jax.random.key(0), 1_600_000)
    starts = jax.random.normal(jax.random.key(1), (len(keys), 1))
    found = jax.jit(jax.vmap(lambda start, key: ddpm(noise_of, start, SIGNAL, clip=WIDE, key=key)))(starts, keys)
    assert abs(float(found.mean()) - MEAN) < 1e-3
    assert abs(float(found.std()) - 0.1854) < 4e-4


@pytest.mark.parametrize(("num_steps", "std"), [(10, 0.15418), (100, 0.19498)])
def test_a_flow_gives_the_spread_that_its_steps_allow(num_steps: int, std: float) -> None:
    found = moments(lambda start: follow_flow(velocity_of, start, num_steps))
    np.testing.assert_allclose(found, (MEAN, std), atol=5e-6)


def test_what_is_denoised_stays_within_the_clip() -> None:
    drawn = jax.random.normal(jax.random.key(0), (1000, 1))
    found = jax.vmap(lambda start: ddim(noise_of, start, SIGNAL, num_steps=10, spacing="trailing", clip=0.4))(drawn)
    assert float(jnp.abs(found).max()) <= 0.4 + 1e-6


def test_the_steps_are_spaced_as_they_are_named() -> None:
    np.testing.assert_array_equal(sampling_steps(100, 10, "leading"), np.arange(90, -1, -10))
    np.testing.assert_array_equal(sampling_steps(100, 10, "trailing"), np.arange(99, 0, -10))

"""Sampling by denoising: diffusion (Ho et al., 2020; Song et al., 2021) and flows (Lipman et al., 2023).

With a predictor of the noise ε(x, t) at the steps t = 0, …, T - 1 and ᾱ_t the share of the variance that is signal,

    x̂_0 = (x - √(1 - ᾱ_t) ε) / √ᾱ_t,
    DDPM:  x ← √ᾱ' β_t / (1 - ᾱ_t) x̂_0 + √α_t (1 - ᾱ') / (1 - ᾱ_t) x + √((1 - ᾱ') / (1 - ᾱ_t) β_t) z,
    DDIM:  x ← √ᾱ' x̂_0 + √(1 - ᾱ') ε,

where ᾱ' is that of the step before, and 1 before the first one. A flow follows x' = u(x, t) from t = 0, noise, to 1.
"""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

Spacing = Literal["leading", "trailing"]
Predictor = Callable[[Float[Array, " entries"], Array], Float[Array, " entries"]]


def cosine_signal(num_steps: int) -> Float[np.ndarray, " steps"]:
    """ᾱ of the squared-cosine schedule with β at most .999 (Nichol and Dhariwal, 2021)."""

    def cosine(share: np.ndarray) -> np.ndarray:
        return np.asarray(np.cos((share + 0.008) / 1.008 * np.pi / 2) ** 2)

    steps = np.arange(num_steps)
    betas = np.minimum(1.0 - cosine((steps + 1) / num_steps) / cosine(steps / num_steps), 0.999)
    return np.asarray(np.cumprod(1.0 - betas))


def sampling_steps(num_train: int, num_steps: int, spacing: Spacing) -> Int[np.ndarray, " steps"]:
    """The steps that DDIM takes, the noisiest first: multiples of their distance, or counted back from the last one."""
    distance = num_train // num_steps
    if spacing == "leading":
        return np.arange(num_steps)[::-1] * distance
    return np.round(np.arange(num_train, 0, -num_train / num_steps)).astype(np.int64)[:num_steps] - 1


def ddpm(
    predict: Predictor,
    start: Float[Array, " entries"],
    signal: Float[np.ndarray, " steps"],
    *,
    clip: float,
    key: PRNGKeyArray,
) -> Float[Array, " entries"]:
    """Denoises pure noise in all steps, with noise of its own in all but the last; x̂_0 is kept within ± `clip`."""
    before = np.concatenate([[1.0], signal[:-1]])
    kept = signal / before
    variance = (1.0 - before) / (1.0 - signal) * (1.0 - kept)
    towards = np.sqrt(before) * (1.0 - kept) / (1.0 - signal)
    stays = np.sqrt(kept) * (1.0 - before) / (1.0 - signal)
    steps = np.arange(len(signal))[::-1]
    drawn = jax.random.normal(key, (len(signal), *start.shape))
    numbers = np.stack([signal, towards, stays, np.sqrt(variance)], axis=1)[steps].astype(np.float32)

    def step(noisy: Array, given: tuple[Array, Array, Array]) -> tuple[Array, None]:
        at, (share, towards, stays, spread), extra = given
        clean = _clean(noisy, predict(noisy, at), share, clip)
        return towards * clean + stays * noisy + spread * extra, None

    return jax.lax.scan(step, start, (jnp.asarray(steps), jnp.asarray(numbers), drawn))[0]


def ddim(
    predict: Predictor,
    start: Float[Array, " entries"],
    signal: Float[np.ndarray, " steps"],
    *,
    num_steps: int,
    spacing: Spacing,
    clip: float,
) -> Float[Array, " entries"]:
    """Denoises pure noise in fewer steps, without more of it; x̂_0 is kept within ± `clip`."""
    steps = sampling_steps(len(signal), num_steps, spacing)
    before = steps - len(signal) // num_steps
    shares = np.stack([signal[steps], np.where(before < 0, 1.0, signal[np.maximum(before, 0)])], axis=1)

    def step(noisy: Array, given: tuple[Array, Array]) -> tuple[Array, None]:
        at, (share, share_before) = given
        clean = _clean(noisy, predict(noisy, at), share, clip)
        noise = (noisy - jnp.sqrt(share) * clean) / jnp.sqrt(1.0 - share)
        return jnp.sqrt(share_before) * clean + jnp.sqrt(1.0 - share_before) * noise, None

    return jax.lax.scan(step, start, (jnp.asarray(steps), jnp.asarray(shares, jnp.float32)))[0]


def follow_flow(velocity: Predictor, start: Float[Array, " entries"], num_steps: int) -> Float[Array, " entries"]:
    """Follows a flow by Euler's method, from time 0 to 1."""

    def step(point: Array, time: Array) -> tuple[Array, None]:
        return point + velocity(point, time) / num_steps, None

    return jax.lax.scan(step, start, jnp.arange(num_steps, dtype=jnp.float32) / num_steps)[0]


def _clean(noisy: Array, noise: Array, share: Array, clip: float) -> Array:
    return jnp.clip((noisy - jnp.sqrt(1.0 - share) * noise) / jnp.sqrt(share), -clip, clip)

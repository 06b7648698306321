"""The diffusion head: actions are denoised step by step (Ho et al., 2020; Chi et al., Diffusion Policy, 2023).

With x_0 an action in units, ε ~ N(0, I), t uniform and x_t = √ᾱ_t x_0 + √(1 - ᾱ_t) ε, the predictor minimizes

    E ‖ε(x_t, t, s) - ε‖²,

or, with ε = (x_t - √ᾱ_t x̂_0(x_t, t, s)) / √(1 - ᾱ_t), E ‖x̂_0(x_t, t, s) - x_0‖²: the noise of an entry that hardly
varies is a steep function of x_t where there is little of it, which layers learn slowly, and x_0 is not.
A sample is denoised from pure noise, by DDPM in all steps or by DDIM in fewer; its density is implicit. What acts
should be the average of the weights along the way: `imitate.bc.average`.
"""

from functools import partial
from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import PositiveFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.math.denoising import Spacing, cosine_signal, ddim, ddpm
from ilkit.nn.conditional_head import ConditionalHead, ConditionalSpec, prepared_to_refine, refine
from ilkit.nn.perceptron import Layers


class Diffusion(ConditionalSpec):
    """Actions that are denoised step by step (Ho et al., 2020; Chi et al., 2023), of any distribution."""

    kind: Literal["diffusion"] = "diffusion"
    num_train_steps: PositiveInt = 100
    """T: the steps from an action to pure noise, of a squared-cosine schedule."""
    predicts: Literal["noise", "action"] = "noise"
    """What the layers put out: ε, as Ho et al. do, or x_0, for chunks whose entries follow each other."""
    sampler: Literal["ddim", "ddpm"] = "ddim"
    """ddpm takes all steps, each with noise of its own; ddim takes `num_steps` of them, without."""
    num_steps: PositiveInt = 10
    """Steps of ddim."""
    spacing: Spacing = "trailing"
    """Which steps ddim takes: counted back from pure noise (trailing), or multiples of their distance (leading)."""
    clip: PositiveFloat = 1.0
    """How far from the middle a denoised action may lie, in half the range of those demonstrated."""

    def idle(self) -> dict[str, str]:
        """The settings of `ddim` where the sampler is another."""
        return {} if self.sampler == "ddim" else dict.fromkeys(("num_steps", "spacing"), "sampler is ddim")

    @model_validator(mode="after")
    def _check_steps(self) -> "Diffusion":
        if self.num_steps > self.num_train_steps:
            raise ValueError(f"num_steps must be at most num_train_steps, {self.num_train_steps}, got {self.num_steps}")
        return self


class DiffusionPolicy(ConditionalHead):
    """x_0, denoised from x_T ~ N(0, I) with ε(x, t, s); the mode is the sample of one key."""

    layers: Layers
    spec: Diffusion = eqx.field(static=True)
    reparameterized: ClassVar[bool] = True

    def mode_from(self, outputs: Float[Array, " features"]) -> Float[Array, " act"]:
        """The sample of key 0: it averages nothing."""
        return self.sample_from(outputs, key=jax.random.key(0))

    def sample_from(self, outputs: Float[Array, " features"], *, key: PRNGKeyArray) -> Float[Array, " act"]:
        """Denoises pure noise."""
        start_key, steps_key = jax.random.split(key)
        start = jax.random.normal(start_key, (self.spaces.action.size,))
        if self.spec.sampler == "ddim":
            return self.steer_from(outputs, start)
        signal = cosine_signal(self.spec.num_train_steps)
        predict = partial(self._noise, outputs)
        return self.units.action(ddpm(predict, start, signal, clip=self.spec.clip, key=steps_key))

    @property
    def noise_size(self) -> int:
        """x_T, whatever the sampler."""
        return self.spaces.action.size

    @property
    def steering(self) -> str:
        """DDIM, even where samples are drawn by DDPM, whose every step draws more noise."""
        spec = self.spec
        return (
            f"DDIM (η = 0), {spec.num_steps} of {spec.num_train_steps} steps ({spec.spacing}), from x_T ~ N(0, I) "
            f"of {self.noise_size} numbers"
        )

    def steer_from(self, outputs: Float[Array, " features"], noise: Float[Array, " act"]) -> Float[Array, " act"]:
        """Denoises x_T by DDIM."""
        spec, signal = self.spec, cosine_signal(self.spec.num_train_steps)
        predict = partial(self._noise, outputs)
        return self.units.action(
            ddim(predict, noise, signal, num_steps=spec.num_steps, spacing=spec.spacing, clip=spec.clip)
        )

    def loss_from(self, outputs: Float[Array, " features"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The squared error of what is predicted at a step that is drawn, averaged over the entries."""
        step_key, noise_key = jax.random.split(key)
        step = jax.random.randint(step_key, (), 0, self.spec.num_train_steps)
        share = jnp.asarray(cosine_signal(self.spec.num_train_steps), jnp.float32)[step]
        clean = self.units.raw(action)
        noise = jax.random.normal(noise_key, clean.shape)
        noisy = jnp.sqrt(share) * clean + jnp.sqrt(1.0 - share) * noise
        target = noise if self.spec.predicts == "noise" else clean
        return jnp.mean((self._predicted(outputs, noisy, step) - target) ** 2)

    def _predicted(self, features: Array, noisy: Array, step: Array) -> Array:
        time = (step + 1) / np.float32(self.spec.num_train_steps)
        return refine(self.layers, features, noisy, time)

    def _noise(self, features: Array, noisy: Array, step: Array) -> Array:
        predicted = self._predicted(features, noisy, step)
        if self.spec.predicts == "noise":
            return predicted
        share = jnp.asarray(cosine_signal(self.spec.num_train_steps), jnp.float32)[step]
        return (noisy - jnp.sqrt(share) * predicted) / jnp.sqrt(1.0 - share)


def policy(spec: Diffusion, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head, not fitted yet.

    **Raises:** `DataError` where actions are discrete.
    """
    return DiffusionPolicy(spec=spec, **prepared_to_refine("diffusion", spec, network, spaces, key=key))

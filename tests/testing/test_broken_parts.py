"""Every check of networks, policies and uncertainties fails for one that breaks its rule."""

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial
from pydantic import PositiveInt

from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.data.training import Loss, Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.registry.find import Component
from ilkit.spec import Spec
from ilkit.stepping.behavior import AdditiveNoise, Behavior
from ilkit.testing import answer_checks, part_checks, steering_checks
from ilkit.testing.arguments import Options
from ilkit.testing.subject import Subject

pytestmark = pytest.mark.bits

COUNTER = itertools.count(1)


class Toy(Spec):
    """A part."""

    kind: Literal["toy"] = "toy"
    num_steps: PositiveInt = 2
    """Steps, where it trains."""


class Linear(Network):
    weight: jax.Array
    scale: float = eqx.field(static=True, default=1.0)

    def __call__(self, carry, inputs):
        return carry, self.weight @ inputs


class NoticesCompilation(Linear):
    def __call__(self, carry, inputs):
        return carry, self.weight @ inputs * (1.0 if isinstance(inputs, jax.core.Tracer) else 2.0)


class MixesItsBatch(Linear):
    def __call__(self, carry, inputs):
        def mean(rows):
            return np.broadcast_to(np.mean(rows, axis=0), rows.shape).astype(np.float32)

        return carry, jax.pure_callback(mean, inputs, inputs, vmap_method="broadcast_all")


class Constant(Linear):
    def __call__(self, carry, inputs):
        return carry, jnp.zeros(2)


def network(kind: type[Linear] = Linear, scale: Callable[[], float] = lambda: 1.0) -> Callable[..., Any]:
    def make(spec, observation, out_size, *, key) -> Network:
        return kind(jax.random.normal(key, (out_size, observation.size)), scale())

    return make


class Normal(Policy):
    gain: jax.Array
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry, obs):
        return carry, self.gain @ obs

    def sample(self, carry, obs, *, key):
        return carry, self.gain @ obs + 0.3 * jax.random.normal(key, (2,))

    def log_prob(self, carry, obs, action):
        return carry, jax.scipy.stats.norm.logpdf(action, self.gain @ obs, 0.3).sum()

    @property
    def noise_size(self):
        return 2

    def steer(self, carry, obs, noise):
        return carry, self.gain @ obs + 0.3 * noise


class DrawsAnother(Normal):
    def sample_with_log_prob(self, carry, obs, *, key):
        return super().sample_with_log_prob(carry, obs, key=jax.random.fold_in(key, 1))


class ForgetsTheSlope(Normal):
    def sample_with_log_prob(self, carry, obs, *, key):
        carry, action, log_prob = super().sample_with_log_prob(carry, obs, key=key)
        return carry, action, log_prob + 0.5


class TooSteep(Normal):
    def steer(self, carry, obs, noise):
        return carry, self.gain @ obs + 0.4 * noise


class TurnsAllAlike(Normal):
    def steer(self, carry, obs, noise):
        return carry, self.gain @ obs + 0.3 * noise[0]


class Wavers(Normal):
    def steer(self, carry, obs, noise):
        return carry, self.gain @ obs + 0.3 * noise + 1e-3 * next(COUNTER)


class Stubborn(Normal):
    def steer(self, carry, obs, noise):
        return carry, self.gain @ obs


class WholeNumbers(Normal):
    def mode(self, carry, obs):
        return carry, jnp.round(self.gain @ obs).astype(jnp.int32)


class InOtherUnits(Normal):
    def mode(self, carry, obs):
        return carry, 500.0 + self.gain @ obs


class Forgetful(Normal):
    def mode(self, carry, obs):
        return jnp.zeros(3), self.gain @ obs


class Unnormalized(Normal):
    def log_prob(self, carry, obs, action):
        return carry, super().log_prob(carry, obs, action)[1] + 0.5


class Unteachable(Normal):
    def step_loss(self, carry, obs, action, *, key):
        return carry, jnp.sum(0.0 * self.gain)


def policy(kind: type[Normal] = Normal) -> Callable[..., Any]:
    def make(spec, network, spaces, *, key) -> Policy:
        gain = jax.random.normal(key, (2, 2))
        return kind(gain=gain, normalizer=Normalizer.identity(2), spaces=spaces)

    return make


class Growing(Uncertainty):
    matrix: jax.Array

    def covariance(self, obs):
        return self.matrix * jnp.exp(3.0 * obs[0])


class Flat(Growing):
    def covariance(self, obs):
        return self.matrix


def uncertainty(kind: type[Growing] = Growing, matrix: Any = ((1.0, 0.2), (0.2, 1.0))) -> Callable[..., Any]:
    def make(spec, policy, demos, *, key) -> Training[Uncertainty]:
        step = Partial(lambda state, key: (state, Loss(jnp.zeros(()))))
        return Training(jnp.asarray(matrix), step, Partial(kind), spec.num_steps)

    return make


class Noise(AdditiveNoise):
    scale: float
    floor: jax.Array
    average_scale: None

    def root(self, obs):
        return self.scale * jnp.eye(2)


class StaticNoise(Noise):
    scale: float = eqx.field(static=True)


class ToyNoise(Toy):
    """A noise with a setting."""

    kind: Literal["toy"] = "toy"
    scale: float = 0.1


def exploration(kind: type[Noise] = Noise) -> Callable[..., Any]:
    def make(spec, spaces) -> Behavior:
        return kind(scale=spec.scale, floor=jnp.zeros(2), average_scale=None)

    return make


GOOD: dict[str, Callable[..., Any]] = {
    "exploration": exploration(),
    "network": network(),
    "policy": policy(),
    "uncertainty": uncertainty(),
}
BROKEN = [
    (part_checks.outputs_jit, "network", network(NoticesCompilation), "what an eager one gives"),
    (part_checks.outputs_jit, "network", network(kind=lambda weight, scale: Linear(weight * jnp.nan)), "finite"),
    (part_checks.outputs_vmap, "network", network(MixesItsBatch), "what single calls give"),
    (part_checks.outputs_are_traced_once, "network", network(scale=lambda: float(next(COUNTER))), "another key"),
    (part_checks.outputs_are_traced_once, "exploration", exploration(StaticNoise), "other numeric settings"),
    (part_checks.actions_fit_the_space, "policy", policy(WholeNumbers), "float32"),
    (part_checks.actions_fit_the_space, "policy", policy(Forgetful), "carry"),
    (part_checks.actions_fit_the_space, "policy", policy(InOtherUnits), "far outside"),
    (part_checks.density_fits_the_samples, "policy", policy(Unnormalized), "share of samples"),
    (steering_checks.samples_come_with_their_density, "policy", policy(DrawsAnother), "with the same key"),
    (steering_checks.samples_come_with_their_density, "policy", policy(ForgetsTheSlope), "that of log_prob"),
    (steering_checks.steering_draws_the_samples, "policy", policy(TooSteep), "apart"),
    (steering_checks.steering_draws_the_samples, "policy", policy(TurnsAllAlike), "apart"),
    (steering_checks.steering_is_deterministic, "policy", policy(Wavers), "for the same noise"),
    (steering_checks.steering_is_deterministic, "policy", policy(Stubborn), "for other noises"),
    (part_checks.covariance_is_one, "uncertainty", uncertainty(matrix=((1.0, 0.2), (0.0, 1.0))), "symmetric"),
    (part_checks.covariance_is_one, "uncertainty", uncertainty(matrix=((1.0, 0.0), (0.0, -1.0))), "eigenvalue"),
    (part_checks.covariance_is_one, "uncertainty", uncertainty(matrix=((1.0,),)), "2 × 2"),
    (answer_checks.fits_a_linear_map, "network", network(Constant), "lower the error"),
    (answer_checks.fits_the_expert, "policy", policy(Unteachable), "actions must be learnt"),
    (answer_checks.grows_off_the_data, "uncertainty", uncertainty(Flat), "twice as large"),
]


def subject(block: str, function: Callable[..., Any]) -> Subject:
    spec = ToyNoise if block == "exploration" else Toy
    return Subject(Component(block, "toy", function, spec), Options())


@cache
def unbroken(block: str) -> Subject:
    return subject(block, GOOD[block])


@pytest.mark.parametrize(("check", "block", "broken", "said"), BROKEN)
def test_what_breaks_a_rule_fails(
    check: Callable[[Subject], None], block: str, broken: Callable[..., Any], said: str
) -> None:
    check(unbroken(block))
    with pytest.raises(AssertionError, match=said):
        check(subject(block, broken))

"""A policy that is disturbed while it acts: noise on its actions, or pushes that last for some steps."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.nn.wrapped_policy import Answer, WrappedPolicy


class DisturbedPolicy(WrappedPolicy):
    """a = a(s) + d, where d ~ N(0, scale²) is drawn anew every `duration` steps; the mode is that of the policy."""

    policy: Policy
    scale: Float[Array, "*act"]
    """The standard deviation of what is added, in the units of the actions."""
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)
    duration: int = eqx.field(static=True)

    @classmethod
    def of(cls, policy: Policy, scale: Float[Array, "*act"], duration: int) -> "DisturbedPolicy":
        """The policy, disturbed."""
        return cls(policy=policy, scale=scale, normalizer=policy.normalizer, spaces=policy.spaces, duration=duration)

    @property
    def wrapped(self) -> Policy:
        """The undisturbed policy."""
        return self.policy

    def initial_carry(self) -> PyTree:
        """What the policy remembers, no disturbance, and the number of the step."""
        return self.policy.initial_carry(), jnp.zeros_like(self.scale), jnp.zeros((), jnp.int32)

    def ask(
        self, carry: PyTree, obs: PyTree, question: Callable[[PyTree, PyTree], tuple[PyTree, Answer]]
    ) -> tuple[PyTree, Answer]:
        """Asks the undisturbed policy."""
        memory, disturbance, step = carry
        memory, answer = question(memory, obs)
        return (memory, disturbance, step + 1), answer

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """The mode of the policy, disturbed."""
        memory, disturbance, step = carry
        drawn = self.scale * jax.random.normal(key, self.scale.shape)
        disturbance = jnp.where(step % self.duration == 0, drawn, disturbance)
        carry, action = self.mode((memory, disturbance, step), obs)
        return carry, action + disturbance

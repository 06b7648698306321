"""A policy that acts as an exploration does around another one, so that what this finds can be looked at."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.nn.wrapped_policy import WrappedPolicy
from ilkit.stepping.behavior import Acting, RunningSquare

_SETTLED = 1e9
"""As many states were visited, so to say, that another one changes the average scale no more."""


class ExploringPolicy(WrappedPolicy):
    """Its mode is that of the policy, its samples are the explored actions."""

    policy: Policy
    behavior: Acting
    running: RunningSquare
    """What the average scale of the noise was found to be."""
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    @classmethod
    def of(cls, policy: Policy, behavior: Acting, running: RunningSquare) -> "ExploringPolicy":
        """The policy with this exploration, at the average scale that it has by now."""
        settled = running._replace(count=jnp.full_like(running.count, _SETTLED))
        return cls(
            policy=policy, behavior=behavior, running=settled, normalizer=policy.normalizer, spaces=policy.spaces
        )

    @property
    def wrapped(self) -> Policy:
        """The policy around which is explored."""
        return self.policy

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """An explored action; what is remembered is what the policy's mode remembers, as while it learns."""
        rows = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], (obs, carry))
        _, actions, _ = self.behavior.act(self.policy, self.running, *rows, key=key)
        return self.policy.mode(carry, obs)[0], actions[0]

"""A policy that is steered: what it draws depends on a noise, and another one chooses that noise."""

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.nn.noise_actor import NoiseActor, SteeredBase


class SteeredPolicy(Policy):
    """a = steer(s, m tanh(x(s))): a policy whose noise an actor chooses."""

    actor: NoiseActor
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)
    steered: str = eqx.field(static=True)
    """By which sampler, in how many steps and from which noise the base acts: with another one the actor knows
    nothing."""

    @classmethod
    def of(cls, actor: NoiseActor) -> "SteeredPolicy":
        """The policy of an actor."""
        base = actor.base.policy
        return cls(actor=actor, normalizer=base.normalizer, spaces=base.spaces, steered=base.steering)

    @property
    def base(self) -> SteeredBase:
        """What is steered."""
        return self.actor.base

    @property
    def reparameterized(self) -> bool:  # type: ignore[override]
        """As the base is."""
        return self.base.policy.reparameterized

    @property
    def has_smooth_mode(self) -> bool:  # type: ignore[override]
        """Whether an action is a smooth function of the noise that leads to it."""
        return self.base.policy.reparameterized

    @property
    def decision_steps(self) -> int:
        """As many as the base decides at once."""
        return self.base.policy.decision_steps

    @property
    def noise_size(self) -> int:
        """ε of the actor."""
        return self.actor.noise_size

    @property
    def steering(self) -> str:
        """The base's, from a noise that an actor chooses."""
        return f"{self.steered}, chosen by an actor from N(0, I) of {self.noise_size} numbers"

    def initial_carry(self) -> PyTree:
        """The base's."""
        return self.base.policy.initial_carry()

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """The action of the median noise."""
        return self.base.steer(carry, obs, self.actor.mode((), obs)[1])

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """The action of a noise that the actor draws."""
        return self.base.steer(carry, obs, self.actor.sample((), obs, key=key)[1])

    def steer(self, carry: PyTree, obs: PyTree, noise: Float[Array, " noise"]) -> tuple[PyTree, Array]:
        """The action of the noise that the actor makes of a noise."""
        return self.base.steer(carry, obs, self.actor.steer((), obs, noise)[1])

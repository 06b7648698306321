"""The rewards that soft values explain: r(s, a) = Q(s, a) - γ V(s') (Reddy et al., SQIL, 2020, equation 5).

Where the step terminated, V(s') is what the absorbing state is worth, whose own reward is (1 - γ) times that.
"""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from ilkit.data.policy import Policy
from ilkit.data.reward import Reward
from ilkit.data.spaces import Spaces
from ilkit.nn.head import Head
from ilkit.nn.perceptron import Layers
from ilkit.off_policy.critics import outputs_of
from ilkit.off_policy.soft_actor import drawn
from ilkit.reinforcement.value_scale import ValueScale
from ilkit.soft_imitation.absorbed import absorbing_value
from ilkit.soft_imitation.soft_q import SoftQ, taken

_DRAWS = 16


class SoftReward(Reward):
    """What the rewards of soft values have in common."""

    discount: eqx.AbstractVar[Float[Array, ""]]
    absorbed: eqx.AbstractVar[Float[Array, ""] | None]
    """The reward of a step in the absorbing state; none where none was learnt from."""

    @abstractmethod
    def value_of(self, obs: PyTree, action: Array) -> Float[Array, ""]:
        """Q(s, a)."""

    @abstractmethod
    def value(self, obs: PyTree) -> Float[Array, ""]:
        """V(s)."""

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        """Q(s, a) - γ V(s')."""
        following = jnp.where(terminated, absorbing_value(self.absorbing, self.discount), self.value(next_obs))
        return self.value_of(obs, action) - self.discount * following

    @property
    def absorbing(self) -> Float[Array, ""]:
        """That of the absorbing state."""
        return jnp.zeros(()) if self.absorbed is None else self.absorbed

    @property
    def has_absorbing(self) -> bool:
        """Whether it was learnt with absorbing states."""
        return self.absorbed is not None


class SoftQReward(SoftReward):
    """That of discrete actions, whose values are a policy's logits."""

    policy: Head
    soft_q: SoftQ
    discount: Float[Array, ""]
    absorbed: Float[Array, ""] | None
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True)

    def value_of(self, obs: PyTree, action: Array) -> Float[Array, ""]:
        """Q(s, a)."""
        return taken(self.soft_q.values(self.policy, obs), action, self.policy)

    def value(self, obs: PyTree) -> Float[Array, ""]:
        """α log Σ_a exp(Q(s, a) / α)."""
        return self.soft_q.soft_maximum(self.soft_q.values(self.policy, obs))


class SoftCriticReward(SoftReward):
    """That of continuous actions, whose values are the least of the critics'."""

    policy: Policy
    critics: Layers
    scale: ValueScale
    temperature: Float[Array, ""]
    discount: Float[Array, ""]
    absorbed: Float[Array, ""] | None
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True)

    def value_of(self, obs: PyTree, action: Array) -> Float[Array, ""]:
        """min_i Q_i(s, a)."""
        return jnp.min(self.scale.values(outputs_of(self.critics, self.policy, obs, action)))

    def value(self, obs: PyTree) -> Float[Array, ""]:
        """E[Q(s, a) - α log π(a | s)], by the same few draws of the actor everywhere."""
        repeated = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (_DRAWS, *jnp.shape(leaf))), obs)
        actions, log_probs = drawn(self.policy, repeated, jax.random.split(jax.random.key(0), _DRAWS))
        values = jax.vmap(lambda action: self.value_of(obs, action))(actions)
        return jnp.mean(values - self.temperature * log_probs)

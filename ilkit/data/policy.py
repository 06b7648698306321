"""What a policy is: one contract for every head."""

from abc import abstractmethod
from typing import ClassVar, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.seeds import Learnt
from ilkit.data.spaces import Spaces
from ilkit.data.windows import Transitions, Window
from ilkit.errors import DataError

P = TypeVar("P", bound="Policy")


class Policy(Learnt):
    """Carry and observation in, carry and action out; one example at a time (`jax.vmap` makes batches).

    Actions are in the units of the action space. The normalizer lives in the policy, which therefore takes
    raw observations: an array, or a dictionary of arrays, as the observation space says.
    """

    spaces: eqx.AbstractVar[Spaces]
    normalizer: eqx.AbstractVar[Normalizer]
    reparameterized: ClassVar[bool] = False
    """Whether `sample` is a differentiable function of the parameters, so that gradients flow through its actions."""
    has_smooth_mode: ClassVar[bool] = True
    """Whether `mode` is, where actions are vectors."""
    has_mode: ClassVar[bool] = True
    """Whether `mode` is worth recording, rather than one action always."""

    @property
    def window(self) -> tuple[int, int]:
        """How many steps before and after the present one `loss` wants to see."""
        return 0, 0

    @property
    def is_stochastic(self) -> bool:
        """Whether `sample` draws, rather than give the mode."""
        return type(self).sample is not Policy.sample

    @property
    def has_density(self) -> bool:
        """Whether `log_prob` gives the density of its actions, rather than refuse to."""
        return type(self).log_prob is not Policy.log_prob

    def initial_carry(self) -> PyTree:
        """The carry at the start of an episode; empty for a policy without memory."""
        return ()

    @abstractmethod
    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """The action to take when nothing is to be explored."""

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """Draws an action; a deterministic policy returns its mode."""
        del key
        return self.mode(carry, obs)

    def log_prob(self, carry: PyTree, obs: PyTree, action: Array) -> tuple[PyTree, Float[Array, ""]]:
        """The log density of an action, in the units of the action space.

        **Raises:** `DataError` where the density is implicit.
        """
        raise DataError(
            f"log_prob needs a policy with a density; that of {type(self).__name__} is implicit. "
            "Choose policy.kind gaussian, mixture, autoregressive or categorical."
        )

    def sample_with_log_prob(
        self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray
    ) -> tuple[PyTree, Array, Float[Array, ""]]:
        """Draws the action that `sample` draws with this key, and its log density.

        **Raises:** `DataError` where the density is implicit.
        """
        after, action = self.sample(carry, obs, key=key)
        return after, action, self.log_prob(carry, obs, action)[1]

    @property
    def noise_size(self) -> int:
        """How many numbers of noise `steer` takes; 0 where the policy can't be steered."""
        return 0

    @property
    def steering(self) -> str:
        """By which sampler, in how many steps and from which noise `steer` makes an action; empty where it can't."""
        return f"{type(self).__name__}, from N(0, I) of {self.noise_size} numbers" if self.noise_size else ""

    @property
    def decision_steps(self) -> int:
        """How many actions are decided at once, from the first step of an episode on: for as long a noise counts."""
        return 1

    def steer(self, carry: PyTree, obs: PyTree, noise: Float[Array, " noise"]) -> tuple[PyTree, Array]:
        """The action that a noise leads to: a deterministic map, which makes samples of a noise from N(0, I).

        **Raises:** `DataError` where the policy can't be steered.
        """
        raise DataError(
            f"steer needs a policy that makes actions of noise, and {type(self).__name__} doesn't. "
            "Choose policy.kind diffusion, flow, cvae, gaussian, mixture or autoregressive."
        )

    def step_loss(
        self, carry: PyTree, obs: PyTree, action: Array, *, key: PRNGKeyArray
    ) -> tuple[PyTree, Float[Array, ""]]:
        """The loss that fits one step to its demonstrated action; the negative log-likelihood unless overridden."""
        del key
        carry, log_prob = self.log_prob(carry, obs, action)
        return carry, -log_prob

    def loss(self, window: Window, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The loss that fits the policy to a window of demonstrated steps.

        By default the carry runs along the window, from its initial value where the episode starts inside, and the
        losses of the present and the later steps, as far as they count, are averaged.
        """
        past, ahead = self.window
        carry = self.remember(window)
        if ahead == 0:
            obs, action = jax.tree.map(lambda rows: rows[past], (window.obs, window.actions))
            return self.step_loss(carry, obs, action, key=key)[1]

        def step(carry: PyTree, given: tuple[PyTree, Array, PRNGKeyArray]) -> tuple[PyTree, Float[Array, ""]]:
            obs, action, key = given
            return self.step_loss(carry, obs, action, key=key)

        obs, actions, mask = jax.tree.map(lambda rows: rows[past:], (window.obs, window.actions, window.fitted))
        losses = jax.lax.scan(step, carry, (obs, actions, jax.random.split(key, ahead + 1)))[1]
        return jnp.sum(jnp.where(mask, losses, 0.0)) / jnp.sum(mask)

    def remember(self, window: Window) -> PyTree:
        """The carry before the present step of a window, which has as many steps before it as the policy wants."""
        past, _ = self.window
        if not past:
            return self.initial_carry()

        def step(carry: PyTree, given: Window) -> tuple[PyTree, None]:
            after, _ = self.mode(carry, given.obs)
            return jax.tree.map(lambda new, old: jnp.where(given.mask, new, old), after, carry), None

        return jax.lax.scan(step, self.initial_carry(), jax.tree.map(lambda rows: rows[:past], window))[0]

    def dropped(self: P, *, key: PRNGKeyArray) -> P:
        """The policy as it is trained on one example, with what dropout leaves out of its network, if anything."""
        del key
        return self

    def fitted(self: P, transitions: Transitions) -> P:
        """The policy with what its head takes from the data: at least the statistics of its normalizer."""
        normalizer = Normalizer.fit_rows(transitions.before, transitions.counted)
        return eqx.tree_at(lambda policy: policy.normalizer, self, normalizer)

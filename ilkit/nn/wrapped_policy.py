"""A policy that acts by another one, and is as that one in all that it doesn't say itself."""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.policy import Policy
from ilkit.data.windows import Transitions, Window

P = TypeVar("P", bound="WrappedPolicy")
Answer = TypeVar("Answer")


class WrappedPolicy(Policy):
    """Asks another policy, which sees what it is shown.

    Who shows it something else overrides `shown`; who has a carry of its own, `initial_carry` and `ask`. Who draws
    samples of its own is stochastic, and has neither the density nor the noise of the wrapped policy.
    """

    @property
    @abstractmethod
    def wrapped(self) -> Policy:
        """The other policy."""

    def shown(self, obs: PyTree) -> PyTree:
        """What the wrapped policy observes; all that is observed unless overridden."""
        return obs

    def ask(
        self, carry: PyTree, obs: PyTree, question: Callable[[PyTree, PyTree], tuple[PyTree, Answer]]
    ) -> tuple[PyTree, Answer]:
        """The carry afterwards, and the wrapped policy's answer by its carry and what it is shown: its `mode`, say."""
        return question(carry, self.shown(obs))

    @property
    def _draws_itself(self) -> bool:
        return type(self).sample is not WrappedPolicy.sample

    @property
    def reparameterized(self) -> bool:  # type: ignore[override]
        """As the wrapped policy is."""
        return self.wrapped.reparameterized and not self._draws_itself

    @property
    def has_smooth_mode(self) -> bool:  # type: ignore[override]
        """As the wrapped policy has."""
        return self.wrapped.has_smooth_mode

    @property
    def has_mode(self) -> bool:  # type: ignore[override]
        """As the wrapped policy has."""
        return self.wrapped.has_mode

    @property
    def window(self) -> tuple[int, int]:
        """That of the wrapped policy."""
        return self.wrapped.window

    @property
    def is_stochastic(self) -> bool:
        """As the wrapped policy is."""
        return self.wrapped.is_stochastic or self._draws_itself

    @property
    def has_density(self) -> bool:
        """As the wrapped policy has."""
        return self.wrapped.has_density and not self._draws_itself

    @property
    def noise_size(self) -> int:
        """That of the wrapped policy."""
        return 0 if self._draws_itself else self.wrapped.noise_size

    @property
    def steering(self) -> str:
        """That of the wrapped policy."""
        return self.wrapped.steering if self.noise_size else ""

    @property
    def decision_steps(self) -> int:
        """As many as the wrapped policy decides at once."""
        return 1 if self._draws_itself else self.wrapped.decision_steps

    def initial_carry(self) -> PyTree:
        """That of the wrapped policy."""
        return self.wrapped.initial_carry()

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """That of the wrapped policy."""
        return self.ask(carry, obs, self.wrapped.mode)

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """That of the wrapped policy."""
        return self.ask(carry, obs, partial(self.wrapped.sample, key=key))

    def log_prob(self, carry: PyTree, obs: PyTree, action: Array) -> tuple[PyTree, Float[Array, ""]]:
        """That of the wrapped policy.

        **Raises:** `DataError` where the density is implicit.
        """
        if not self.has_density:
            return super().log_prob(carry, obs, action)
        return self.ask(carry, obs, lambda memory, shown: self.wrapped.log_prob(memory, shown, action))

    def sample_with_log_prob(
        self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray
    ) -> tuple[PyTree, Array, Float[Array, ""]]:
        """Those of the wrapped policy.

        **Raises:** `DataError` where the density is implicit.
        """
        if not self.has_density:
            return super().sample_with_log_prob(carry, obs, key=key)

        def drawn(memory: PyTree, shown: PyTree) -> tuple[PyTree, tuple[Array, Float[Array, ""]]]:
            after, action, log_prob = self.wrapped.sample_with_log_prob(memory, shown, key=key)
            return after, (action, log_prob)

        after, (action, log_prob) = self.ask(carry, obs, drawn)
        return after, action, log_prob

    def steer(self, carry: PyTree, obs: PyTree, noise: Float[Array, " noise"]) -> tuple[PyTree, Array]:
        """That of the wrapped policy.

        **Raises:** `DataError` where it can't be steered.
        """
        if not self.noise_size:
            return super().steer(carry, obs, noise)
        return self.ask(carry, obs, lambda memory, shown: self.wrapped.steer(memory, shown, noise))

    def step_loss(
        self, carry: PyTree, obs: PyTree, action: Array, *, key: PRNGKeyArray
    ) -> tuple[PyTree, Float[Array, ""]]:
        """That of the wrapped policy."""
        return self.ask(carry, obs, lambda memory, shown: self.wrapped.step_loss(memory, shown, action, key=key))

    def loss(self, window: Window, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """That of the wrapped policy."""
        return self.wrapped.loss(window._replace(obs=jax.vmap(self.shown)(window.obs)), key=key)

    def dropped(self: P, *, key: PRNGKeyArray) -> P:
        """The policy whose wrapped one has dropout."""
        return eqx.tree_at(lambda policy: policy.wrapped, self, self.wrapped.dropped(key=key))

    def fitted(self: P, transitions: Transitions) -> P:
        """The policy whose wrapped one has what it takes from the data, as it is shown them."""
        fitted = self.wrapped.fitted(transitions._replace(obs=jax.vmap(self.shown)(transitions.obs)))
        return eqx.tree_at(lambda policy: (policy.wrapped, policy.normalizer), self, (fitted, fitted.normalizer))

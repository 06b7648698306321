"""How actions are drawn while a policy learns by trial, and the density that they are drawn from."""

import dataclasses
from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.policy import Policy
from ilkit.errors import DataError


class RunningSquare(NamedTuple):
    """The mean square of the noise per action dimension, over the states visited so far."""

    count: Float[Array, ""]  # type: ignore[assignment]
    mean: Float[Array, ""]

    @classmethod
    def empty(cls) -> "RunningSquare":
        """No state visited yet."""
        return cls(jnp.zeros(()), jnp.zeros(()))


class Acting(eqx.Module):
    """How a policy acts while it learns: draws actions for many observations at once.

    A policy with a memory is handed its carry before each observation; others have none. What is to be known of an
    action beside the policy is its context.
    """

    @abstractmethod
    def act(
        self, policy: Policy, running: RunningSquare, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray
    ) -> tuple[RunningSquare, Array, PyTree]:
        """Draws an action and its context for every observation."""

    def remembered(self, policy: Policy, obs: PyTree, carry: PyTree, context: PyTree) -> PyTree:
        """The carries once it has acted: as after the mode, unless what a policy remembers is what it decided."""
        del context
        return jax.vmap(lambda carry, obs: policy.mode(carry, obs)[0])(carry, obs)


class Behavior(Acting):
    """Acting by a density, which needs the context: drawn with the action, then settled once for a whole rollout."""

    @abstractmethod
    def settle(self, context: PyTree) -> PyTree:
        """Turns the contexts of a rollout, time and environments leading, into what `log_prob` takes."""

    @abstractmethod
    def log_prob(
        self, policy: Policy, obs: PyTree, actions: Array, context: PyTree, carry: PyTree = ()
    ) -> Float[Array, " batch"]:
        """The log density of actions, up to a constant that doesn't depend on the policy."""

    @abstractmethod
    def typical(self, policy: Policy, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray) -> Array:
        """Actions whose mean log density under another policy is minus the divergence from it, up to a constant."""

    @abstractmethod
    def with_density(self, policy: Policy, floor: Float[Array, " act"]) -> "Behavior":
        """The behavior whose actions have a finite density, by noise of scale `floor` where they are almost certain.

        **Raises:** `DataError` where actions of the policy have none.
        """


class Sampling(Behavior):
    """Actions are samples of the policy, which must have a density."""

    def act(
        self, policy: Policy, running: RunningSquare, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray
    ) -> tuple[RunningSquare, Array, PyTree]:
        """Samples, without a context."""
        return running, self.typical(policy, obs, carry, key=key), ()

    def settle(self, context: PyTree) -> PyTree:
        """Nothing, as before."""
        return context

    def log_prob(
        self, policy: Policy, obs: PyTree, actions: Array, context: PyTree, carry: PyTree = ()
    ) -> Float[Array, " batch"]:
        """The log density log π(a | s)."""
        return jax.vmap(lambda carry, obs, action: policy.log_prob(carry, obs, action)[1])(carry, obs, actions)

    def typical(self, policy: Policy, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray) -> Array:
        """Samples: E_{a ~ p}[log q(a)] = -KL(p ‖ q) + E_{a ~ p}[log p(a)]."""
        keys = jax.random.split(key, _size(obs))
        return jax.vmap(lambda carry, obs, key: policy.sample(carry, obs, key=key)[1])(carry, obs, keys)

    def with_density(self, policy: Policy, floor: Float[Array, " act"]) -> Behavior:
        """Samples, where the policy has a density."""
        if not policy.has_density:
            raise DataError(
                f"The actions of {type(policy).__name__} have no density of their own, which this finetune.kind needs. "
                "Choose exploration.kind isotropic or policy.kind gaussian."
            )
        return Sampling()


class AdditiveNoise(Behavior):
    """a = μ(s) + L(s) ε + δ η with ε, η ~ N(0, I): the density N(μ, L Lᵀ + δ² I) around the policy's mode μ.

    The context is L and, settled, W with Wᵀ W = (L Lᵀ + δ² I)⁻¹. The floor δ keeps the density finite where L is 0.
    Where `average_scale` is given, L is rescaled so that its root mean square per action dimension, over all the states
    visited so far, is that scale: two explorations can then be compared at equal noise.
    """

    average_scale: eqx.AbstractVar[Float[Array, ""] | None]
    floor: eqx.AbstractVar[Float[Array, " act"]]
    """δ, in units of the action space."""

    @abstractmethod
    def root(self, obs: PyTree) -> Float[Array, "act act"]:
        """L(s), a square root of the noise covariance."""

    def act(
        self, policy: Policy, running: RunningSquare, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray
    ) -> tuple[RunningSquare, Array, PyTree]:
        """Adds noise to the mode."""
        running, roots = self.roots(running, obs)
        noise = jax.random.normal(key, (2 * len(roots) * len(self.floor),)).reshape(2, len(roots), -1)
        explored = jnp.einsum("bij,bj->bi", roots, noise[0])
        return running, modes(policy, obs, carry) + explored + self.floor * noise[1], roots

    def settle(self, context: PyTree) -> PyTree:
        """W, from L."""
        covariance = context @ jnp.swapaxes(context, -1, -2) + jnp.diag(self.floor**2)
        if len(self.floor) == 1:
            return jax.lax.rsqrt(covariance)
        lower = jnp.linalg.cholesky(covariance)
        identity = jnp.broadcast_to(jnp.eye(len(self.floor)), lower.shape)
        return jax.scipy.linalg.solve_triangular(lower, identity, lower=True)

    def log_prob(
        self, policy: Policy, obs: PyTree, actions: Array, context: PyTree, carry: PyTree = ()
    ) -> Float[Array, " batch"]:
        """-‖W (a - μ(s))‖² / 2."""
        return -0.5 * jnp.sum(jnp.einsum("bij,bj->bi", context, actions - modes(policy, obs, carry)) ** 2, axis=-1)

    def typical(self, policy: Policy, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray) -> Array:
        """Modes: the divergence of two normal densities of one covariance is ‖W (μ - μ')‖² / 2."""
        del key
        return modes(policy, obs, carry)

    def with_density(self, policy: Policy, floor: Float[Array, " act"]) -> Behavior:
        """The same noise about this floor, where gradients flow through the mode."""
        for fault in smoothness_faults(policy):
            raise DataError(f"The {fault.replace(':', '', 1)}")
        return dataclasses.replace(self, floor=jnp.asarray(floor))

    def roots(self, running: RunningSquare, obs: PyTree) -> tuple[RunningSquare, Float[Array, "batch act act"]]:
        """L of a batch of visited states, held at the average scale where there is one."""
        roots = jax.vmap(self.root)(obs)
        if self.average_scale is None:
            return running, roots
        square = jnp.mean(jnp.sum(roots**2, axis=(-2, -1)) / roots.shape[-1])
        count = running.count + 1.0
        mean = running.mean + (square - running.mean) / count
        return RunningSquare(count, mean), roots * self.average_scale / jnp.sqrt(jnp.maximum(mean, 1e-12))


def modes(policy: Policy, obs: PyTree, carry: PyTree = ()) -> Array:
    """The mode of the policy at every observation."""
    return jax.vmap(lambda carry, obs: policy.mode(carry, obs)[1])(carry, obs)


def noise_scale(policy: Policy, obs: PyTree, actions: Array, carry: PyTree = ()) -> Float[Array, ""]:
    """The root mean square of actions about the policy's modes, per dimension; of discrete ones, the share off it."""
    expected = modes(policy, obs, carry)
    if jnp.issubdtype(actions.dtype, jnp.integer):
        return jnp.mean(actions != expected)
    return jnp.sqrt(jnp.mean((actions - expected) ** 2))


def _size(obs: PyTree) -> int:
    return len(jax.tree.leaves(obs)[0])


def memory_faults(policy: Policy) -> tuple[str, ...]:
    """What keeps a policy from choosing by the present observation alone."""
    if not jax.tree.leaves(policy.initial_carry()):
        return ()
    return (
        f"policy: must have no memory, and {type(policy).__name__} has a carry. Choose finetune.kind ppo, which "
        "replays it, or a network.kind without memory and a policy.kind other than chunked.",
    )


def smoothness_faults(policy: Policy) -> tuple[str, ...]:
    """What keeps gradients from flowing through the mode of a policy."""
    if policy.has_smooth_mode:
        return ()
    return (
        f"policy: must have a mode through which gradients flow, and that of {type(policy).__name__} is a choice. "
        "Choose exploration.kind own_density, or another policy.kind, such as gaussian or flow.",
    )

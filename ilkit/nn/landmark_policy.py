"""A policy that goes from landmark to landmark on the shortest way, and does something else where it doesn't move."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.normalizer import Normalizer, Untrained
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces, zeros
from ilkit.data.windows import Transitions, Window

FAR = 1e9
"""As many steps as there are to where no way leads."""
_EAGERNESS = 0.99
"""What a step to a landmark counts of a step beyond it: of those on one shortest way, the last one is asked for."""

Acted = TypeVar("Acted")


class LandmarkGraph(Untrained):
    """Landmarks among what was achieved, and the shortest ways between them."""

    places: Float[Array, "landmarks goal"]
    """Landmarks, in units of `scale`."""
    scale: Float[Array, " goal"]
    """The standard deviation of what was achieved, by which distances to landmarks are told."""
    steps: Float[Array, "landmarks landmarks"]
    """How many steps the shortest way has from each to each; FAR where there is none."""
    following: Int[Array, "landmarks landmarks"]
    """The landmark that comes first on it."""
    is_left: Bool[Array, " landmarks"]
    """Whether any way leads on from it: from that where episodes ended alone none does."""

    def nearest(self, achieved: Float[Array, "*goal"], among: Bool[Array, " landmarks"]) -> Int[Array, ""]:
        """The number of the landmark that is nearest, of those that count."""
        away = jnp.sum((self.places - achieved.reshape(-1) / self.scale) ** 2, axis=1)
        return jnp.argmin(jnp.where(among, away, jnp.inf))

    def place(self, number: Int[Array, ""], goal: Float[Array, "*goal"]) -> Float[Array, "*goal"]:
        """Where a landmark is, in the shape of goals."""
        return (self.places[number] * self.scale).reshape(goal.shape).astype(goal.dtype)


class Travel(eqx.Module):
    """What is carried from step to step: the memory of the clone, and how the way to the goal goes."""

    memory: PyTree
    goal: Float[Array, "*goal"]
    """The goal of the last step; another one begins another way."""
    asked: Int[Array, ""]
    """The landmark that was asked for; -1 before the first step."""
    least: Float[Array, ""]
    """The fewest steps from the goal since the last wait was over."""
    waited: Int[Array, ""]
    """The steps since it came nearer."""
    losses: Float[Array, " landmarks"]
    """The steps that were lost on the way to each landmark."""


class LandmarkPolicy(Policy):
    """A clone that is asked for a landmark of the shortest way to the goal, at most `reach` steps away.

    Of all landmarks k within reach of the one that is nearest, i, it is the one with the least

        d(i, k) + d(k, j) + losses(k),

    where j is the one nearest to the goal of those that a way leads to, and stands for the goal itself; of those on one
    way it is the last. Who comes no
    nearer in `patience` steps more than the way to k has, has lost them on it: losses(k) grows by them, and as soon as
    another way is shorter, that is tried.
    """

    inner: Policy
    normalizer: Normalizer
    """That of the clone."""
    graph: LandmarkGraph
    reach: Int[Array, ""]
    patience: Int[Array, ""]
    spaces: Spaces = eqx.field(static=True)

    @property
    def reparameterized(self) -> bool:  # type: ignore[override]
        """As the clone is."""
        return self.inner.reparameterized

    @property
    def is_stochastic(self) -> bool:
        """As the clone is."""
        return self.inner.is_stochastic

    @property
    def has_density(self) -> bool:
        """As the clone has."""
        return self.inner.has_density

    @property
    def has_smooth_mode(self) -> bool:  # type: ignore[override]
        """It hasn't, for landmarks follow one another at once."""
        return False

    @property
    def window(self) -> tuple[int, int]:
        """That of the clone."""
        return self.inner.window

    @property
    def decision_steps(self) -> int:
        """As many as the clone decides at once."""
        return self.inner.decision_steps

    @property
    def noise_size(self) -> int:
        """That of the clone."""
        return self.inner.noise_size

    @property
    def steering(self) -> str:
        """The clone's."""
        return self.inner.steering

    def initial_carry(self) -> Travel:
        """No way yet."""
        goal, nothing = jnp.asarray(zeros(self.spaces.observation)[DESIRED]), jnp.zeros((), jnp.int32)
        return Travel(
            self.inner.initial_carry(), goal, nothing - 1, jnp.zeros(()), nothing, jnp.zeros(len(self.graph.places))
        )

    def mode(self, carry: Travel, obs: PyTree) -> tuple[Travel, Array]:
        """The clone's, towards the landmark."""
        return self._towards(carry, obs, self.inner.mode)

    def sample(self, carry: Travel, obs: PyTree, *, key: PRNGKeyArray) -> tuple[Travel, Array]:
        """The clone's, towards the landmark."""
        return self._towards(carry, obs, lambda memory, asked: self.inner.sample(memory, asked, key=key))

    def log_prob(self, carry: Travel, obs: PyTree, action: Array) -> tuple[Travel, Float[Array, ""]]:
        """The clone's, towards the landmark."""
        return self._towards(carry, obs, lambda memory, asked: self.inner.log_prob(memory, asked, action))

    def sample_with_log_prob(
        self, carry: Travel, obs: PyTree, *, key: PRNGKeyArray
    ) -> tuple[Travel, Array, Float[Array, ""]]:
        """The clone's, towards the landmark."""

        def drawn(memory: PyTree, asked: PyTree) -> tuple[PyTree, tuple[Array, Array]]:
            after, action, log_prob = self.inner.sample_with_log_prob(memory, asked, key=key)
            return after, (action, log_prob)

        after, (action, log_prob) = self._towards(carry, obs, drawn)
        return after, action, log_prob

    def steer(self, carry: Travel, obs: PyTree, noise: Float[Array, " noise"]) -> tuple[Travel, Array]:
        """The clone's, towards the landmark."""
        return self._towards(carry, obs, lambda memory, asked: self.inner.steer(memory, asked, noise))

    def loss(self, window: Window, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The clone's, towards the goal that the window shows."""
        return self.inner.loss(window, key=key)

    def dropped(self, *, key: PRNGKeyArray) -> "LandmarkPolicy":
        """The policy whose clone has dropout."""
        return eqx.tree_at(lambda policy: policy.inner, self, self.inner.dropped(key=key))

    def fitted(self, transitions: Transitions) -> "LandmarkPolicy":
        """The policy whose clone has what it takes from the data; landmarks stay."""
        fitted = self.inner.fitted(transitions)
        return eqx.tree_at(lambda policy: (policy.inner, policy.normalizer), self, (fitted, fitted.normalizer))

    def plan(self, carry: Travel, obs: PyTree) -> tuple[Travel, Float[Array, "*goal"]]:
        """How the way goes by now, and what to ask the clone for."""
        graph, goal = self.graph, obs[DESIRED]
        here = graph.nearest(obs[ACHIEVED], graph.is_left)
        there = graph.nearest(goal, graph.steps[here] < FAR)
        travel = self._judged(carry, goal, graph.steps[here, there], here)
        steps, numbers = graph.steps[here], jnp.arange(len(graph.places))
        near = (steps <= self.reach) | (numbers == graph.following[here, there])
        total = _EAGERNESS * steps + graph.steps[:, there] + travel.losses
        total = jnp.where(near & (numbers != here), total, 2 * FAR)
        best = jnp.argmin(total)
        asked = jnp.where(here == there, there, best).astype(jnp.int32)
        wanted = jnp.where(asked == there, goal, graph.place(asked, goal))
        return replace(travel, asked=asked), wanted

    def _judged(self, carry: Travel, goal: Array, left: Float[Array, ""], here: Int[Array, ""]) -> Travel:
        """The way so far: whether it is another one, comes nearer to the goal or waits in vain."""
        another: Bool[Array, ""] = (carry.asked < 0) | jnp.any(carry.goal != goal)
        losses = jnp.where(another, 0.0, carry.losses)
        nearer = another | (left < carry.least) | (left == 0)
        waited = jnp.where(nearer, 0, carry.waited + 1)
        asked = jnp.maximum(carry.asked, 0)
        in_vain = waited > self.patience + self.graph.steps[here, asked]
        losses = losses.at[asked].add(jnp.where(in_vain, waited.astype(jnp.float32), 0.0))
        least = jnp.where(nearer | in_vain, left, carry.least)
        return Travel(carry.memory, goal, carry.asked, least, jnp.where(in_vain, 0, waited), losses)

    def _towards(
        self, carry: Travel, obs: PyTree, act: Callable[[PyTree, PyTree], tuple[PyTree, Acted]]
    ) -> tuple[Travel, Acted]:
        travel, wanted = self.plan(carry, obs)
        memory, acted = act(travel.memory, {**obs, DESIRED: wanted})
        return replace(travel, memory=memory), acted

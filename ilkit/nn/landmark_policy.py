"""A policy that goes from landmark to landmark on the shortest way, and does something else where it doesn't move."""

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.normalizer import Normalizer, Untrained
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces, zeros
from ilkit.nn.wrapped_policy import Answer, WrappedPolicy

FAR = 1e9
"""As many steps as there are to where no way leads."""
_EAGERNESS = 0.99
"""What a step to a landmark counts of a step beyond it: of those on one shortest way, the last one is asked for."""


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


class LandmarkPolicy(WrappedPolicy):
    """A clone that is asked for a landmark of the shortest way to the goal, at most `reach` steps away.

    Of all landmarks k within reach of the one that is nearest, i, it is the one with the least

        d(i, k) + d(k, j) + losses(k),

    where j is the one nearest to the goal of those that a way leads to, and stands for the goal itself; of those on one
    way it is the last. Who comes no nearer in `patience` steps more than the way to k has, has lost them on it:
    losses(k) grows by them, and as soon as another way is shorter, that is tried.

    It is fitted as the clone is, towards the goals that windows show.
    """

    inner: Policy
    normalizer: Normalizer
    """That of the clone."""
    graph: LandmarkGraph
    reach: Int[Array, ""]
    patience: Int[Array, ""]
    spaces: Spaces = eqx.field(static=True)

    @property
    def wrapped(self) -> Policy:
        """The clone."""
        return self.inner

    @property
    def has_smooth_mode(self) -> bool:  # type: ignore[override]
        """It hasn't, for landmarks follow one another at once."""
        return False

    def initial_carry(self) -> Travel:
        """No way yet."""
        goal, nothing = jnp.asarray(zeros(self.spaces.observation)[DESIRED]), jnp.zeros((), jnp.int32)
        return Travel(
            self.inner.initial_carry(), goal, nothing - 1, jnp.zeros(()), nothing, jnp.zeros(len(self.graph.places))
        )

    def ask(
        self, carry: Travel, obs: PyTree, question: Callable[[PyTree, PyTree], tuple[PyTree, Answer]]
    ) -> tuple[Travel, Answer]:
        """Asks the clone, towards the landmark."""
        travel, wanted = self.plan(carry, obs)
        memory, answer = question(travel.memory, {**obs, DESIRED: wanted})
        return replace(travel, memory=memory), answer

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

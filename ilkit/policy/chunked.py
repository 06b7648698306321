"""Action chunks: any head predicts the next T_p actions at once, of which T_a are executed before it is asked again.

A demonstrator who pauses or takes turns is then followed through what one step at a time would average away (Zhao et
al., Learning Fine-Grained Bimanual Manipulation, 2023; Chi et al., Diffusion Policy, 2023). With `ensemble`, a chunk is
predicted at every step instead, and the action is Σ_i w_i a_i / Σ_i w_i over all predictions of it, the oldest first,
with w_i = exp(-m i).
"""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, MultiDiscrete, Spaces
from ilkit.data.windows import Transitions, Window
from ilkit.errors import DataError
from ilkit.nn.window import window_faults
from ilkit.nn.wrapped_policy import WrappedPolicy
from ilkit.spec import Spec


class Chunked(Spec):
    """Another head over the next actions together, a few of which are executed before it is asked again."""

    kind: Literal["chunked"] = "chunked"
    inner: str = "gaussian"
    """The kind of head that predicts the chunks, whose settings stand beside these."""
    horizon: Annotated[int, Field(ge=2, le=1000)] = 16
    """T_p: the actions that are predicted at once; at the end of an episode its last one is repeated."""
    execute: PositiveInt = 8
    """T_a: the actions of a chunk that are executed before the next one is predicted."""
    ensemble: NonNegativeFloat | None = None
    """m: chunks are predicted at every step and averaged with weights exp(-m i), i = 0 for the oldest; none: not."""

    @model_validator(mode="after")
    def _check_execution(self) -> "Chunked":
        if self.execute > self.horizon:
            raise ValueError(f"execute must be at most horizon, {self.horizon}, got {self.execute}")
        return self

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """A chunk that is longer than any episode."""
        return window_faults("horizon", self.horizon, world)


Predict = Callable[[PyTree, PyTree], tuple[PyTree, Array]]
"""How the head predicts a chunk, by what it remembers and an observation."""


class Ahead(eqx.Module):
    """What is carried from step to step: the memory of the head, and actions that it has predicted."""

    memory: PyTree
    chunks: Array
    """The chunk that is executed; of an ensemble those of the last steps, the newest first."""
    step: Int[Array, ""]
    """Of the chunk; of the episode in an ensemble."""


class ChunkedPolicy(WrappedPolicy):
    """Executes the first T_a of T_p actions of another policy, or an average of all predictions of an action."""

    inner: Policy
    normalizer: Normalizer
    """That of the head."""
    spaces: Spaces = eqx.field(static=True)
    spec: Chunked = eqx.field(static=True)

    @property
    def wrapped(self) -> Policy:
        """The head over chunks."""
        return self.inner

    @property
    def has_density(self) -> bool:
        """It hasn't: that of the head is one of chunks."""
        return False

    @property
    def window(self) -> tuple[int, int]:
        """As many steps before the present one as the head wants, and a chunk from it on."""
        return self.inner.window[0], self.spec.horizon - 1

    def initial_carry(self) -> Ahead:
        """A chunk that is used up, or none."""
        space, spec = self.spaces.action, self.spec
        shape = (spec.horizon, *space.shape)
        if spec.ensemble is not None:
            return Ahead(self.inner.initial_carry(), jnp.zeros((spec.horizon, *shape)), jnp.zeros((), jnp.int32))
        return Ahead(self.inner.initial_carry(), jnp.zeros(shape, space.dtype), jnp.int32(spec.execute))

    def ask(
        self, carry: Ahead, obs: PyTree, question: Callable[[PyTree, PyTree], tuple[PyTree, Any]]
    ) -> tuple[Ahead, Any]:
        """The next action of a chunk that the head answers with; a question counts where a chunk begins."""
        if self.spec.ensemble is not None:
            return self._average(carry, obs, question, self.spec.ensemble)
        carry = jax.lax.cond(
            carry.step >= self.spec.execute,
            lambda: Ahead(*self._predict(carry.memory, obs, question), jnp.int32(0)),
            lambda: Ahead(self.inner.mode(carry.memory, obs)[0], carry.chunks, carry.step),
        )
        return Ahead(carry.memory, carry.chunks, carry.step + 1), carry.chunks[carry.step]

    @property
    def decision_steps(self) -> int:
        """The steps of a chunk, or one where chunks are averaged."""
        return self.spec.execute if self.spec.ensemble is None else 1

    @property
    def steering(self) -> str:
        """The head's, once a chunk."""
        when = "at every step, and averaged" if self.spec.ensemble is not None else f"every {self.spec.execute} steps"
        return f"{self.inner.steering}, for {self.spec.horizon} actions, {when}" if self.noise_size else ""

    def step_loss(
        self, carry: PyTree, obs: PyTree, action: Array, *, key: PRNGKeyArray
    ) -> tuple[PyTree, Float[Array, ""]]:
        """Refused: a step is no chunk."""
        return Policy.step_loss(self, carry, obs, action, key=key)

    def loss(self, window: Window, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The head's loss of chunks instead of actions; the last action of an episode is repeated."""
        seen = self.inner.window[0] + 1
        last = jnp.max(jnp.where(window.mask, jnp.arange(len(window.mask)), 0))
        ahead = jnp.minimum(np.arange(seen)[:, None] + np.arange(self.spec.horizon), last)
        chunks = window.actions[ahead].reshape(seen, -1)
        obs, mask, counts = jax.tree.map(lambda rows: rows[:seen], (window.obs, window.mask, window.counts))
        return self.inner.loss(Window(obs, chunks, mask, counts), key=key)

    def fitted(self, transitions: Transitions) -> "ChunkedPolicy":
        """The policy whose head has what it takes from the data; every action of a chunk is as any action is."""
        count, horizon = transitions.capacity, self.spec.horizon
        actions = transitions.actions.reshape(count, 1, -1)
        alike = jnp.broadcast_to(actions, (count, horizon, actions.shape[-1])).reshape(count, -1)
        ahead = jnp.minimum(jnp.arange(count)[:, None] + np.arange(horizon), transitions.last[:, None])
        joint = transitions.actions[ahead].reshape(count, -1)
        fitted = self.inner.fitted(transitions._replace(actions=alike, joint_actions=joint))
        return eqx.tree_at(lambda policy: (policy.inner, policy.normalizer), self, (fitted, fitted.normalizer))

    def _average(self, carry: Ahead, obs: PyTree, predict: Predict, decay: float) -> tuple[Ahead, Array]:
        memory, chunk = self._predict(carry.memory, obs, predict)
        chunks = jnp.concatenate([chunk[None], carry.chunks[:-1]])
        ages = jnp.arange(self.spec.horizon)
        known: Bool[Array, " horizon"] = ages <= carry.step
        oldest = jnp.minimum(carry.step, self.spec.horizon - 1)
        weights = jnp.where(known, jnp.exp(-decay * (oldest - ages)), 0.0)
        action = jnp.tensordot(weights / jnp.sum(weights), chunks[ages, ages], axes=1)
        return Ahead(memory, chunks, carry.step + 1), action

    def _predict(self, memory: PyTree, obs: PyTree, predict: Predict) -> tuple[PyTree, Array]:
        memory, chunk = predict(memory, obs)
        chunk = chunk.reshape(self.spec.horizon, *self.spaces.action.shape)
        start = self.spaces.action.start if isinstance(self.spaces.action, Discrete) else 0
        return memory, (chunk + start).astype(self.spaces.action.dtype)


def policy(
    spec: Chunked, network: Build[Network], spaces: Spaces, inner: Build[Policy], *, key: PRNGKeyArray
) -> Policy:
    """Builds the head over chunks of actions.

    **Raises:** `DataError` where the head can't serve the actions, or discrete ones were to be averaged.
    """
    del network  # the head has it
    action, count = spaces.action, spec.horizon
    chunks: Box | MultiDiscrete
    if isinstance(action, Box):
        low, high = (tuple(np.tile(end, count).tolist()) for end in action.bounds)
        chunks = Box(shape=(count * action.size,), low=low, high=high, dtype=action.dtype)
    elif spec.ensemble is not None:
        raise DataError("policy.chunked.ensemble averages actions, which are choices here. Leave it empty.")
    else:
        chunks = MultiDiscrete(sizes=((action.size,) if isinstance(action, Discrete) else action.sizes) * count)
    head = inner(Spaces(observation=spaces.observation, action=chunks), key=key)
    return ChunkedPolicy(inner=head, normalizer=head.normalizer, spaces=spaces, spec=spec)

"""How likely a policy makes what was done in clips."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from ilkit.data.policy import Policy
from ilkit.data.preferences import Clips, Pairs


class Acts(NamedTuple):
    """What was seen and done in clips: of both sides of every pair, the first ones in front, or of more tries."""

    obs: PyTree
    """Every array is of shape (sides, pairs, time, ...), or has a single side where both clips saw the same."""
    actions: Array
    mask: Bool[Array, "sides pairs time"]

    @classmethod
    def of(cls, first: Clips, second: Clips) -> "Acts":
        """Those of pairs."""
        sides = [(clips.obs, clips.actions, clips.mask) for clips in (first, second)]
        return cls(*jax.tree.map(lambda *columns: jnp.stack(columns), *sides))

    @classmethod
    def of_pairs(cls, pairs: Pairs) -> "Acts":
        """Those of all pairs that were asked about."""
        return cls.of(pairs.first, pairs.second)

    def seen_once(self) -> "Acts":
        """The same with one side of what was seen: where both clips saw the same, a policy need only look once."""
        return self._replace(obs=jax.tree.map(lambda column: column[:1], self.obs))

    def take(self, rows: Int[Array, " batch"]) -> "Acts":
        """Those of these pairs."""
        return jax.tree.map(lambda column: column[:, rows], self)


def log_probs(policy: Policy, acts: Acts) -> Float[Array, "sides pairs time"]:
    """The log density of each action, 0 outside of the mask.

    A policy with a memory begins each clip without any: what came before it isn't known.
    """
    shape = acts.mask.shape
    if len(jax.tree.leaves(acts.obs)[0]) < len(acts.mask):
        return jnp.where(acts.mask, _of_choices(policy, acts.obs, acts.actions), 0.0)
    if jax.tree.leaves(policy.initial_carry()):
        rows = jax.tree.map(lambda column: column.reshape(-1, *column.shape[2:]), acts)
        found = jax.vmap(lambda *clip: _along(policy, *clip))(rows.obs, rows.actions, rows.mask)
    else:
        rows = jax.tree.map(lambda column: column.reshape(-1, *column.shape[3:]), acts)
        found = jax.vmap(lambda obs, action: policy.log_prob((), obs, action)[1])(rows.obs, rows.actions)
    return jnp.where(acts.mask, found.reshape(shape), 0.0)


def _of_choices(policy: Policy, obs: PyTree, actions: Array) -> Float[Array, "sides pairs time"]:
    """Those of several actions in each state, for a policy without a memory."""
    seen = jax.tree.map(lambda column: column[0].reshape(-1, *column.shape[3:]), obs)
    done = actions.reshape(len(actions), -1, *actions.shape[3:])
    each = jax.vmap(lambda obs, action: policy.log_prob((), obs, action)[1], in_axes=(None, 0))
    return jax.vmap(each, in_axes=(0, 1), out_axes=1)(seen, done).reshape(actions.shape[:3])


def _along(policy: Policy, obs: PyTree, actions: Array, mask: Bool[Array, " time"]) -> Float[Array, " time"]:
    def step(carry: PyTree, given: tuple[PyTree, Array, Array]) -> tuple[PyTree, Float[Array, ""]]:
        obs, action, inside = given
        after, found = policy.log_prob(carry, obs, action)
        return jax.tree.map(lambda new, old: jnp.where(inside, new, old), after, carry), found

    return jax.lax.scan(step, policy.initial_carry(), (obs, actions, mask))[1]

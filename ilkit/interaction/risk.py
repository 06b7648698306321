"""How likely an episode is to end well from a state and an action: twin critics, fitted by temporal differences.

q(s, a) → r + γ (1 - d) min_i q̄_i(s', π(s')), with r = 1 where the episode ended well and targets q̄ that trail behind
(Hoque et al., ThriftyDAgger, 2021). Of the two, the lower one counts.
"""

from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.aggregate import Aggregate
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.data.windows import Transitions
from ilkit.fitting.gradient import descend, draw_rows, partition
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Layers, build_layers

_TRAILING = 0.995
"""How much of the targets stays at each step."""

End = Literal["success", "failure"]


class Critics(eqx.Module):
    """The twin critics, whose outputs lie between 0 and 1."""

    layers: Layers
    """Of both, stacked."""
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    @classmethod
    def build(cls, spaces: Spaces, hidden: tuple[int, ...], *, key: PRNGKeyArray) -> "Critics":
        """Untrained ones."""
        sizes = (spaces.observation.size + spaces.action.size, *hidden, 1)
        layers = eqx.filter_vmap(lambda key: build_layers(sizes, "relu", key=key))(jax.random.split(key))
        return cls(layers, Normalizer.identity(spaces.observation), spaces)

    def logits(self, obs: PyTree, action: Float[Array, " act"]) -> Float[Array, " 2"]:
        """The logits of both."""
        assert isinstance(self.spaces.action, Box)
        units = action / ActionUnits.of(self.spaces.action).half_range
        inputs = jnp.concatenate([flatten(self.spaces.observation, self.normalizer(obs)), units])
        return eqx.filter_vmap(lambda layers: layers(inputs)[0])(self.layers)

    def __call__(self, obs: PyTree, action: Float[Array, " act"]) -> Float[Array, ""]:
        """The lower one."""
        return jnp.min(jax.nn.sigmoid(self.logits(obs, action)))


class Fit(NamedTuple):
    """The settings of a fit of critics."""

    end: End
    """What it means that the environment ends an episode; a time limit means the other."""
    discount: float | Float[Array, ""]
    learning_rate: float | Float[Array, ""]
    batch_size: int
    num_steps: int
    max_steps: int


def fit_critics(fit: Fit, critics: Critics, aggregate: Aggregate, policy: Policy, *, key: PRNGKeyArray) -> Critics:
    """Goes on to fit the critics to all steps so far that count."""
    rows, optimizer = aggregate.transitions, optax.adam(fit.learning_rate)
    ended, good = _ends(fit, aggregate)
    started = Critics(critics.layers, policy.normalizer, critics.spaces)
    trained, fixed = partition(started)

    def loss(trained: PyTree, target: PyTree, drawn: Int[Array, " batch"]) -> Float[Array, ""]:
        critics, trailing = eqx.combine(trained, fixed), eqx.combine(target, fixed)
        obs, after, actions = rows.before(drawn), rows.after(drawn), aggregate.executed[drawn]
        following = jax.vmap(lambda obs: trailing(obs, policy.mode(policy.initial_carry(), obs)[1]))(after)
        value = jnp.where(ended[drawn], good[drawn], fit.discount * following)
        logits = jax.vmap(critics.logits)(obs, actions)
        return jnp.mean(optax.sigmoid_binary_cross_entropy(logits, value[:, None]))

    def step(carried: tuple[PyTree, PyTree, PyTree], key: PRNGKeyArray) -> tuple[tuple[PyTree, PyTree, PyTree], None]:
        trained, target, state = carried
        drawn = _drawn(rows, fit.batch_size, key=key)
        trained, state = descend(optimizer, jax.grad(loss)(trained, target, drawn), state, trained)
        target = jax.tree.map(lambda old, new: _TRAILING * old + (1.0 - _TRAILING) * new, target, trained)
        return (trained, target, state), None

    first = (trained, trained, optimizer.init(trained))
    (trained, _, _), _ = jax.lax.scan(step, first, jax.random.split(key, fit.num_steps))
    found: Critics = eqx.combine(trained, fixed)
    return found


def _drawn(rows: Transitions, batch_size: int, *, key: PRNGKeyArray) -> Int[Array, " batch"]:
    """Rows that count, evenly."""
    if rows.weights is not None:
        return draw_rows(rows, batch_size, key=key)
    return jax.random.randint(key, (batch_size,), 0, rows.count)


def _ends(fit: Fit, aggregate: Aggregate) -> tuple[Array, Float[Array, " rows"]]:
    """Which rows end an episode for good, and 1 where it ended well; what a round has cut goes on."""
    rows = aggregate.transitions
    lengths = jnp.zeros(rows.capacity, jnp.int32).at[rows.episode].add(rows.valid.astype(jnp.int32))
    is_last = jnp.concatenate([rows.episode[1:] != rows.episode[:-1], jnp.ones(1, bool)])
    is_last = is_last | (jnp.arange(rows.capacity) == rows.count - 1)
    limited = is_last & ~rows.terminated & (lengths[rows.episode] >= fit.max_steps)
    good = rows.terminated if fit.end == "success" else limited
    return rows.terminated | limited, good.astype(jnp.float32)

"""A bonus for what is new: what a network hasn't seen, it can't imitate (Burda et al., 2019).

A predictor f̂ is fitted to a random network f where the learner has been, and the bonus is the error

    i(s) = ‖f̂(x) - f(x)‖² / d / std(R),    R ← γ R + i(s),

with inputs x standardized by what was seen so far and clipped to ±5, d outputs, and the sums R of each environment,
which go on when an episode ends: a secret found in one episode is none in the next.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.fitting.gradient import descend
from ilkit.nn.perceptron import Layers, build_layers

_REACH = 5.0
"""Where standardized inputs are clipped."""
_NARROWEST = 1e-3
"""The least standard deviation: of an input as it is, of sums as a share of their mean."""
_HIDDEN, _NUM_OUTPUTS = (64, 64), 32


class RunningMoments(NamedTuple):
    """The mean and the mean square of all numbers so far."""

    count: Float[Array, ""]  # type: ignore[assignment]
    mean: Float[Array, "*entries"]
    square: Float[Array, "*entries"]

    @classmethod
    def empty(cls, shape: tuple[int, ...] = ()) -> "RunningMoments":
        """Nothing so far."""
        return cls(jnp.zeros(()), jnp.zeros(shape), jnp.zeros(shape))

    @property
    def std(self) -> Float[Array, "*entries"]:
        """The standard deviation."""
        return jnp.sqrt(jnp.maximum(self.square - self.mean**2, 0.0))

    def add(self, rows: Float[Array, "rows *entries"]) -> "RunningMoments":
        """Takes rows in."""
        count = self.count + len(rows)
        mean = self.mean + jnp.sum(rows - self.mean, axis=0) / count
        return RunningMoments(count, mean, self.square + jnp.sum(rows**2 - self.square, axis=0) / count)


class Novelty(eqx.Module):
    """How new inputs are, to a learner that steps several environments."""

    predictor: Layers
    target: Layers
    moments: optax.OptState
    seen: RunningMoments
    """Of the inputs."""
    sums: Float[Array, " envs"]
    """R of each environment."""
    returns: RunningMoments
    """Of these sums."""

    @classmethod
    def empty(cls, num_inputs: int, num_envs: int, *, key: PRNGKeyArray) -> "Novelty":
        """Everything is new."""
        sizes = (num_inputs, *_HIDDEN, _NUM_OUTPUTS)
        predictor, target = (build_layers(sizes, "relu", key=layers_key) for layers_key in jax.random.split(key))
        seen, returns = RunningMoments.empty((num_inputs,)), RunningMoments.empty()
        return cls(predictor, target, _optimizer(0.0).init(predictor), seen, jnp.zeros(num_envs), returns)

    def error(self, inputs: Float[Array, "*batch inputs"]) -> Float[Array, "*batch"]:
        """The mean square error of the predictor."""
        return self._error(self.predictor, inputs)

    def bonus(self, inputs: Float[Array, "*batch inputs"]) -> Float[Array, "*batch"]:
        """i(s): the error in standard deviations of its discounted sums."""
        return self.error(inputs) / jnp.maximum(self.returns.std, _NARROWEST * self.returns.mean)

    def visited(self, inputs: Float[Array, "envs inputs"], discount: float | Float[Array, ""]) -> "Novelty":
        """Takes in what the environments have led to in a step."""
        seen = self.seen.add(inputs)
        known = eqx.tree_at(lambda tree: tree.seen, self, seen)
        sums = discount * self.sums + known.error(inputs)
        return eqx.tree_at(lambda tree: (tree.sums, tree.returns), known, (sums, self.returns.add(sums)))

    def learnt(self, inputs: Float[Array, "batch inputs"], learning_rate: float | Float[Array, ""]) -> "Novelty":
        """Takes a step of the predictor on visited inputs."""
        gradient = jax.grad(lambda predictor: jnp.mean(self._error(predictor, inputs)))(self.predictor)
        predictor, moments = descend(_optimizer(learning_rate), gradient, self.moments, self.predictor)
        return eqx.tree_at(lambda tree: (tree.predictor, tree.moments), self, (predictor, moments))

    def _error(self, predictor: Layers, inputs: Float[Array, "*batch inputs"]) -> Float[Array, "*batch"]:
        standardized = jnp.clip((inputs - self.seen.mean) / jnp.maximum(self.seen.std, _NARROWEST), -_REACH, _REACH)
        return jnp.mean((predictor(standardized) - self.target(standardized)) ** 2, axis=-1)


def _optimizer(learning_rate: float | Float[Array, ""]) -> optax.GradientTransformation:
    return optax.flatten(optax.adam(learning_rate))

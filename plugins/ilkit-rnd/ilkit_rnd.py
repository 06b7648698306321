"""Random network distillation: what a network hasn't seen, it can't imitate (Burda et al., 2019).

A predictor f̂ is fitted to a random network f on demonstrated observations x, standardized and clipped to ±5. The error
e(s) = ‖f̂(x) - f(x)‖² stays large where nothing was demonstrated, and

    cov(s) = scale² · min(e(s) / E_demos[e], max_ratio) · I.

It knows how novel a state is, not in which direction the expert's action is open.
"""

from typing import Annotated, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import Field, PositiveFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Space, Spaces
from ilkit.data.training import Loss, Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.data.windows import Transitions
from ilkit.errors import DataError
from ilkit.fitting.gradient import descend, draw_rows
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Layers, build_layers
from ilkit.spec import Spec


class RND(Spec):
    """Novelty of a state as the error in predicting a random network (Burda et al., 2019)."""

    kind: Literal["rnd"] = "rnd"
    scale: PositiveFloat = 0.1
    """The root mean square over the demonstrations of the standard deviation, in units of the action space."""
    max_ratio: Annotated[float, Field(ge=1)] = 100.0
    """The largest ratio of e(s) to its mean over the demonstrations, so that noise made from it stays bounded."""
    hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer of both networks."""
    num_features: PositiveInt = 32
    """The outputs of both networks."""
    learning_rate: PositiveFloat = 1e-3
    """The step size of Adam at the start; it falls linearly to 0."""
    batch_size: PositiveInt = 100
    """Transitions a gradient step."""
    num_steps: PositiveInt = 5_000
    """Gradient steps."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""


class Distillation(eqx.Module):
    """A network that was fitted to the outputs of a random one."""

    predictor: Layers
    target: Layers
    normalizer: Normalizer
    observation: Space = eqx.field(static=True)

    def error(self, obs: PyTree) -> Float[Array, ""]:
        """e(s): the squared distance of the two networks, averaged over features."""
        inputs = jnp.clip(flatten(self.observation, self.normalizer(obs)), -5.0, 5.0)
        return jnp.mean((self.predictor(inputs) - self.target(inputs)) ** 2)


class Novelty(Uncertainty):
    """cov(s) = scale² · min(e(s) / mean_error, max_ratio) · I."""

    distillation: Distillation
    mean_error: Float[Array, ""]
    scale: Float[Array, ""]
    max_ratio: Float[Array, ""]
    action_size: int = eqx.field(static=True)

    def covariance(self, obs: PyTree) -> Float[Array, "act act"]:
        """A multiple of the identity, in squared units of the action space."""
        ratio = self.distillation.error(obs) / self.mean_error
        return self.scale**2 * jnp.minimum(ratio, self.max_ratio) * jnp.eye(self.action_size)


class _State(NamedTuple):
    distillation: Distillation
    optimizer: optax.OptState


def uncertainty(spec: RND, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Training[Uncertainty]:
    """Distills a random network on the demonstrated observations."""
    del policy
    if not isinstance(demos.spaces.action, Box):
        raise DataError("uncertainty.kind rnd needs a continuous action space. Choose an env.kind with one.")
    transitions = demos.transitions()
    return Training(
        state=_initial_state(spec, demos.spaces, transitions, key),
        step=Partial(_step, spec, transitions),
        finish=Partial(_finish, spec, transitions),
        num_steps=spec.num_steps,
    )


@eqx.filter_jit
def _initial_state(spec: RND, spaces: Spaces, transitions: Transitions, key: PRNGKeyArray) -> _State:
    sizes = (spaces.observation.size, *spec.hidden, spec.num_features)
    predictor, target = (build_layers(sizes, "relu", key=layers_key) for layers_key in jax.random.split(key))
    normalizer = Normalizer.fit(transitions.before(), transitions.counted)
    return _State(Distillation(predictor, target, normalizer, spaces.observation), _optimizer(spec).init(predictor))


def _step(spec: RND, transitions: Transitions, state: _State, key: PRNGKeyArray) -> tuple[_State, Loss]:
    obs = transitions.before(draw_rows(transitions, spec.batch_size, key=key))

    def with_predictor(predictor: Layers) -> Distillation:
        return eqx.tree_at(lambda tree: tree.predictor, state.distillation, predictor)

    def loss(predictor: Layers) -> Float[Array, ""]:
        return jnp.mean(jax.vmap(with_predictor(predictor).error)(obs))

    value, gradient = jax.value_and_grad(loss)(state.distillation.predictor)
    predictor, optimizer = descend(_optimizer(spec), gradient, state.optimizer, state.distillation.predictor)
    return _State(with_predictor(predictor), optimizer), Loss(value)


def _finish(spec: RND, transitions: Transitions, state: _State) -> Uncertainty:
    errors = jax.vmap(state.distillation.error)(transitions.before())
    mean_error = jnp.maximum(jnp.sum(jnp.where(transitions.counted, errors, 0.0)) / transitions.num_counted, 1e-12)
    scale, max_ratio = jnp.asarray(spec.scale, jnp.float32), jnp.asarray(spec.max_ratio, jnp.float32)
    return Novelty(state.distillation, mean_error, scale, max_ratio, transitions.actions.shape[1])


def _optimizer(spec: RND) -> optax.GradientTransformation:
    return optax.adam(optax.linear_schedule(spec.learning_rate, 0.0, spec.num_steps))

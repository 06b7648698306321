"""Learning residual dynamics from demonstrations."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.windows import Transitions
from ilkit.errors import DataError, NonFiniteError
from ilkit.fitting.gradient import draw_rows
from ilkit.fitting.minimize import minimize
from ilkit.nn.perceptron import Layers, build_layers
from ilkit.spec import Spec
from ilkit_corrective.constraint import BOUNDED, Batch, Constraint, penalty, slack_error, squared_error
from ilkit_corrective.dynamics import ResidualDynamics, shrunk, spectral_norms
from ilkit_corrective.scale import Scale


class DynamicsSpec(Spec):
    """The settings of residual dynamics and of how they are learnt."""

    constraint: Constraint = "spectral"
    """What keeps the model from changing fast: the norm of each layer (`spectral`), the slope around samples
    (`penalty`), the norm of each layer where samples that don't fit may be given up (`slack`), or nothing (`none`)."""
    lipschitz: PositiveFloat = 2.0
    """L, in numbers without units: of each layer, or around samples with `penalty`."""
    penalty_weight: NonNegativeFloat = 100.0
    """w of `penalty`, which is of the order of `radius`."""
    radius: PositiveFloat = 3e-3
    """ε of `penalty`: how far from the samples slopes are measured, in numbers without units."""
    slack_weight: NonNegativeFloat = 1.0
    """w of `slack`: the squared error, in numbers without units, above which a sample is rather given up."""
    hidden: tuple[PositiveInt, ...] = (256, 256)
    """The width of each hidden layer of ReLU."""
    learning_rate: PositiveFloat = 1e-3
    """The step size of Adam at the start; it falls linearly to 0."""
    weight_decay: NonNegativeFloat = 1e-5
    """The decoupled weight decay of AdamW."""
    batch_size: PositiveInt = 256
    """Transitions a gradient step."""
    num_steps: PositiveInt = 10_000
    """Gradient steps."""


class _Learner(eqx.Module):
    dynamics: ResidualDynamics
    escape: Layers | None
    """λ of `slack`."""


def learn_dynamics(spec: DynamicsSpec, demos: Demonstrations, *, key: PRNGKeyArray) -> ResidualDynamics:
    """Fits f of s' = s + f(s, a) to all demonstrated transitions that count.

    **Raises:** `DataError` where no observation ever differs from the one before it; `NonFiniteError` where a loss
    isn't finite.
    """
    initial_key, steps_key = jax.random.split(key)
    learner, loss = _minimized(
        _traced(spec), demos.transitions(), _initial(spec, _scales(demos), initial_key), steps_key
    )
    if not np.isfinite(loss):
        raise NonFiniteError(
            f"The loss of the dynamics must stay finite, got nan or inf within {spec.num_steps:,} steps. Are the data "
            "finite? `ilkit data check` says where they aren't. If they are, try a smaller learning_rate."
        )
    if spec.constraint not in BOUNDED:
        return learner.dynamics
    layers = learner.dynamics.layers  # their bound was held to the accuracy of the power method: now it is exact
    bounded = shrunk(layers, spectral_norms(layers), jnp.asarray(spec.lipschitz, jnp.float32))
    return eqx.tree_at(lambda tree: tree.layers, learner.dynamics, bounded)


def _traced(spec: DynamicsSpec) -> DynamicsSpec:
    """The settings of the dynamics alone, numbers as arrays: others, and other labels, compile nothing again."""
    alone = DynamicsSpec(**{name: getattr(spec, name) for name in DynamicsSpec.model_fields})
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), alone)


def _scales(demos: Demonstrations) -> tuple[Scale, Scale, Scale]:
    counted = demos.counted
    before, after = (np.asarray(rows[counted], np.float64) for rows in (demos.before(), demos.after()))
    change = Scale.fit(after - before)
    if not np.any(np.asarray(change.deviation)):
        raise DataError(
            f"Dynamics are learnt from what is observed after each action, but in all {demos.num_counted:,} steps it "
            "changes by the same or not at all. Give recordings with consecutive observations."
        )
    return Scale.fit(before), Scale.fit(demos.actions[counted]), change


def _initial(spec: DynamicsSpec, scales: tuple[Scale, Scale, Scale], key: PRNGKeyArray) -> _Learner:
    layers_key, escape_key = jax.random.split(key)
    sizes = (sum(len(scale.mean) for scale in scales[:2]), *spec.hidden)
    layers = build_layers((*sizes, len(scales[2].mean)), "relu", key=layers_key)
    escape = build_layers((*sizes, 1), "relu", key=escape_key) if spec.constraint == "slack" else None
    return _Learner(ResidualDynamics(layers, *scales), escape)


@eqx.filter_jit
def _minimized(
    spec: DynamicsSpec, transitions: Transitions, learner: _Learner, key: PRNGKeyArray
) -> tuple[_Learner, Float[Array, ""]]:
    return minimize(partial(_loss, spec, transitions), _optimizer(spec), learner, spec.num_steps, key=key)


def _loss(spec: DynamicsSpec, transitions: Transitions, learner: _Learner, *, key: PRNGKeyArray) -> Float[Array, ""]:
    rows_key, penalty_key = jax.random.split(key)
    rows = draw_rows(transitions, spec.batch_size, key=rows_key)
    dynamics, before = learner.dynamics, transitions.before(rows)
    inputs = dynamics.inputs(before, transitions.actions[rows])
    batch = Batch(inputs, dynamics.change.scaled(transitions.after(rows) - before))
    if learner.escape is not None:
        return slack_error(dynamics.layers, learner.escape, batch, spec.slack_weight)
    error = squared_error(dynamics.layers, batch)
    if spec.constraint != "penalty":
        return error
    steep = penalty(dynamics.layers, inputs, spec.lipschitz, spec.radius, key=penalty_key)
    return error + spec.penalty_weight * steep


def _optimizer(spec: DynamicsSpec) -> optax.GradientTransformation:
    schedule = optax.linear_schedule(spec.learning_rate, 0.0, spec.num_steps)
    descent = optax.adamw(schedule, weight_decay=spec.weight_decay)
    return optax.chain(descent, _held(spec.lipschitz)) if spec.constraint in BOUNDED else descent


def _held(bound: Float[Array, ""]) -> optax.GradientTransformation:
    """After each step, layers of the dynamics are shrunk to the bound; one step of the power method finds the norms."""

    def init(learner: _Learner) -> tuple[Array, ...]:
        return tuple(jnp.ones(weight.shape[1:]) for weight in learner.dynamics.layers.weights)

    def update(
        updates: _Learner, directions: tuple[Array, ...], learner: _Learner
    ) -> tuple[_Learner, tuple[Array, ...]]:
        stepped = optax.apply_updates(learner, updates)
        layers = stepped.dynamics.layers
        norms, directions = _power_step(layers, directions)
        bounded = shrunk(layers, norms, bound)
        held = eqx.tree_at(lambda tree: tree.dynamics.layers, stepped, bounded)
        return jax.tree.map(jnp.subtract, held, learner), directions

    return optax.GradientTransformation(init, update)


def _power_step(layers: Layers, directions: tuple[Array, ...]) -> tuple[Float[Array, " layers"], tuple[Array, ...]]:
    """The norm of each layer along its direction, and the direction after one step of the power method."""
    after = [weight.T @ (weight @ along) for weight, along in zip(layers.weights, directions, strict=True)]
    unit = tuple(along / jnp.maximum(jnp.linalg.norm(along), 1e-12) for along in after)
    norms = [jnp.linalg.norm(weight @ along) for weight, along in zip(layers.weights, unit, strict=True)]
    return jnp.stack(norms), unit

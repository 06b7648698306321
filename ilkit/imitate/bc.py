"""Behavioral cloning: imitation as supervised learning (Pomerleau, 1988).

Minimizes E_{(s, a) ~ demonstrations}[loss(π, s, a)]: the negative log-likelihood -log π(a | s), or the squared error
‖μ(s) - a‖² where the head is deterministic.
"""

from typing import Literal, NamedTuple

import equinox as eqx
import jax
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, Transitions
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.data.training import Info, Training
from ilkit.fitting.gradient import descend, draw_batch, mean_loss, partition
from ilkit.spec import Spec


class BC(Spec):
    """Behavioral cloning by maximum likelihood, or by squared error for a deterministic head (Pomerleau, 1988)."""

    kind: Literal["bc"] = "bc"
    learning_rate: PositiveFloat = 1e-3
    """The step size of Adam."""
    weight_decay: NonNegativeFloat = 0.0
    """The decoupled weight decay of AdamW."""
    batch_size: PositiveInt = 100
    """Transitions a gradient step."""
    num_steps: PositiveInt = 10_000
    """Gradient steps."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""


class _State(NamedTuple):
    trained: Policy
    fixed: Policy
    optimizer: optax.OptState


def imitate(spec: BC, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Training[Policy]:
    """Fits a policy to the demonstrations."""
    transitions = demos.transitions()
    return Training(
        state=_initial_state(spec, policy, demos.spaces, transitions, key),
        step=Partial(_step, spec, transitions),
        finish=Partial(_finish),
        num_steps=spec.num_steps,
    )


@eqx.filter_jit
def _initial_state(
    spec: BC, policy: Build[Policy], spaces: Spaces, transitions: Transitions, key: PRNGKeyArray
) -> _State:
    initial = policy(spaces, key=key)
    normalizer = Normalizer.fit(transitions.obs, transitions.valid)
    trained, fixed = partition(eqx.tree_at(lambda tree: tree.normalizer, initial, normalizer))
    return _State(trained, fixed, _optimizer(spec).init(trained))


def _step(spec: BC, transitions: Transitions, state: _State, key: PRNGKeyArray) -> tuple[_State, Info]:
    batch_key, loss_key = jax.random.split(key)
    batch = draw_batch(transitions, spec.batch_size, key=batch_key)

    def loss(trained: Policy) -> Float[Array, ""]:
        return mean_loss(eqx.combine(trained, state.fixed), batch.obs, batch.actions, key=loss_key)

    value, gradient = jax.value_and_grad(loss)(state.trained)
    trained, optimizer = descend(_optimizer(spec), gradient, state.optimizer, state.trained)
    return _State(trained, state.fixed, optimizer), {"loss": value}


def _finish(state: _State) -> Policy:
    return eqx.combine(state.trained, state.fixed)


def _optimizer(spec: BC) -> optax.GradientTransformation:
    return optax.adamw(spec.learning_rate, weight_decay=spec.weight_decay)

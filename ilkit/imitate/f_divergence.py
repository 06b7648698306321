"""Imitation as the minimization of an f-divergence between expert and learner (Ke et al., 2020).

Minimizes E_s[D_f(π_e(· | s), π(· | s))] over the demonstrated states s. Its *variational* form needs samples only,

    min_π max_V  E_{(s, a) ~ demonstrations}[g(V(s, a))] - E_{s ~ demonstrations, a ~ π(· | s)}[f*(g(V(s, a)))],

with V a network (the critic), trained for several steps per step of the policy. The expert comes first: with the two
expectations swapped, the same f gives another divergence. f, f* and g are those of `ilkit.math.divergences`.

Three things keep it stable. V is bounded, for V estimates log(π_e / π), which is infinite where the two don't overlap;
both kinds of actions get Gaussian noise before V sees them, so that they overlap (Sønderby et al., 2017); and the
gradient of the policy flows through its actions where they are reparameterized, else it is the likelihood-ratio
gradient with the mean over the other actions at the same state as the baseline.

The *direct* form needs both densities. From demonstrations that of the expert is unknown, and drops out of the forward
KL divergence only, which is maximum likelihood; `minimize_known` takes any f and an expert with a density.
"""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, Transitions
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.data.training import Info, Training
from ilkit.errors import DataError
from ilkit.learn.gradient import descend, draw_batch, partition
from ilkit.math.divergences import DIVERGENCES, Divergence, divergence_of, from_generator
from ilkit.spec import Spec


class FDivergence(Spec):
    """Minimization of an f-divergence between expert and learner: covering or seeking modes (Ke et al., 2020)."""

    kind: Literal["f_divergence"] = "f_divergence"
    divergence: Literal["forward_kl", "reverse_kl", "jensen_shannon", "total_variation", "custom"] = "reverse_kl"
    """Which divergence; `custom` takes that of `function`."""
    function: Path | None = None
    """For `custom`: a Python file that defines `f(u)`, convex, differentiable, f(1) = 0, by jax.numpy."""
    estimator: Literal["variational", "direct"] = "variational"
    """How it is estimated: by a critic, or (forward_kl only, as maximum likelihood) from the learner's density."""
    learning_rate: PositiveFloat = 1e-3
    """The step size of Adam for the policy."""
    critic_learning_rate: PositiveFloat = 1e-3
    """The step size of Adam for the critic."""
    critic_hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer of the critic."""
    num_critic_steps: PositiveInt = 5
    """Steps of the critic before each step of the policy."""
    critic_bound: Annotated[float, Field(gt=0, le=20)] = 5.0
    """The bound of |V|, that is of the estimated |log(π_e / π)|."""
    critic_decay: NonNegativeFloat = 1e-3
    """The weight of E[V²] in the loss of the critic, which keeps V from saturating with the wrong sign."""
    action_noise: NonNegativeFloat = 0.1
    """The noise that continuous actions get before the critic, in standard deviations of the demonstrated ones."""
    num_samples: Annotated[int, Field(ge=2)] = 4
    """Actions of the learner at each state."""
    batch_size: PositiveInt = 100
    """Transitions a step."""
    num_steps: PositiveInt = 3_000
    """Steps of the policy."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""

    @model_validator(mode="after")
    def _check_choices(self) -> "FDivergence":
        if (self.divergence == "custom") != (self.function is not None):
            raise ValueError(f"divergence custom goes with function, got {self.divergence} with {self.function}")
        if self.estimator == "direct" and self.divergence != "forward_kl":
            raise ValueError(
                f"estimator direct needs the expert's density, which demonstrations don't have, but for divergence "
                f"forward_kl; got {self.divergence}. Use variational"
            )
        return self


Critic = tuple[eqx.nn.Linear, ...]
"""V(s, a): the layers of a multilayer perceptron."""


class _State(NamedTuple):
    trained: Policy
    fixed: Policy
    optimizer: optax.OptState
    critic: Critic
    critic_optimizer: optax.OptState
    action_normalizer: Normalizer | None
    """Standardizes actions for the critic; discrete ones become one-hot vectors instead."""


class _Known(NamedTuple):
    expert: Policy
    actions: Array
    cell: Float[Array, ""]


def imitate(spec: FDivergence, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Training[Policy]:
    """Fits a policy to the demonstrations.

    **Raises:** `DataError` where the file of a custom divergence doesn't define a convex f with f(1) = 0.
    """
    transitions = demos.transitions()
    step = _variational_step if spec.estimator == "variational" else _likelihood_step
    return Training(
        state=_initial_state(spec, policy, demos.spaces, transitions, key),
        step=Partial(step, spec, transitions, _divergence(spec)),
        finish=Partial(_finish),
        num_steps=spec.num_steps,
    )


def minimize_known(
    spec: FDivergence,
    policy: Build[Policy],
    demos: Demonstrations,
    expert: Policy,
    actions: Array,
    cell: float = 1.0,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Fits a policy to an expert with a known density, at the demonstrated states, by direct minimization.

    D_f(π_e(· | s), π(· | s)) is summed over `actions`: all of a discrete space, or a grid with cells of the volume
    `cell` that covers both densities.
    """
    transitions = demos.transitions()
    known = _Known(expert, actions, jnp.asarray(cell))
    return Training(
        state=_initial_state(spec, policy, demos.spaces, transitions, key),
        step=Partial(_known_step, spec, transitions, _divergence(spec), known),
        finish=Partial(_finish),
        num_steps=spec.num_steps,
    )


@eqx.filter_jit
def _initial_state(
    spec: FDivergence, policy: Build[Policy], spaces: Spaces, transitions: Transitions, key: PRNGKeyArray
) -> _State:
    policy_key, critic_key = jax.random.split(key)
    initial = policy(spaces, key=policy_key)
    normalizer = Normalizer.fit(transitions.obs, transitions.valid)
    trained, fixed = partition(eqx.tree_at(lambda tree: tree.normalizer, initial, normalizer))
    continuous = isinstance(spaces.action, Box)
    action_normalizer = Normalizer.fit(transitions.actions, transitions.valid) if continuous else None
    sizes = (spaces.observation.size + spaces.action.size, *spec.critic_hidden, 1)
    critic = _initial_critic(sizes, key=critic_key)
    optimizer, critic_optimizer = _optimizer(spec), _critic_optimizer(spec)
    return _State(trained, fixed, optimizer.init(trained), critic, critic_optimizer.init(critic), action_normalizer)


def _initial_critic(sizes: tuple[int, ...], *, key: PRNGKeyArray) -> Critic:
    layers = zip(sizes[:-1], sizes[1:], jax.random.split(key, len(sizes) - 1), strict=True)
    return tuple(eqx.nn.Linear(inputs, outputs, key=layer_key) for inputs, outputs, layer_key in layers)


def _variational_step(
    spec: FDivergence, transitions: Transitions, divergence: Divergence, state: _State, key: PRNGKeyArray
) -> tuple[_State, Info]:
    critic_key, batch_key, loss_key = jax.random.split(key, 3)

    def critic_step(index: Array, carried: tuple[Critic, Any, Array]) -> tuple[Critic, Any, Array]:
        critic, optimizer, _ = carried
        gap_key, batch_key = jax.random.split(jax.random.fold_in(critic_key, index))
        batch = draw_batch(transitions, spec.batch_size, key=batch_key)
        (_, gap), gradient = jax.value_and_grad(
            lambda critic: _critic_loss(spec, divergence, state, critic, batch, key=gap_key), has_aux=True
        )(critic)
        return *descend(_critic_optimizer(spec), gradient, optimizer, critic), gap

    critic, critic_optimizer, gap = jax.lax.fori_loop(
        0, spec.num_critic_steps, critic_step, (state.critic, state.critic_optimizer, jnp.zeros(()))
    )
    state = state._replace(critic=critic, critic_optimizer=critic_optimizer)
    obs = draw_batch(transitions, spec.batch_size, key=batch_key).obs
    state, cost = _policy_step(
        spec, state, lambda policy: _learner_cost(spec, divergence, state, policy, obs, key=loss_key)
    )
    return state, {"loss": cost, "divergence": gap}


def _critic_loss(
    spec: FDivergence, divergence: Divergence, state: _State, critic: Critic, batch: Transitions, *, key: PRNGKeyArray
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """E_expert[g(V)] - E_learner[f*(g(V))], a lower bound of the divergence that is tight at the best V."""
    sample_key, expert_key, learner_key = jax.random.split(key, 3)
    policy = eqx.combine(state.trained, state.fixed)
    sampled = _sample(policy, batch.obs, spec.num_samples, key=sample_key)
    expert = _values(spec, state, critic, batch.obs, batch.actions[:, None], key=expert_key)
    learner = _values(spec, state, critic, batch.obs, sampled, key=learner_key)
    gap = jnp.mean(divergence.expert_term(expert)) - jnp.mean(divergence.learner_term(learner))
    return spec.critic_decay * (jnp.mean(expert**2) + jnp.mean(learner**2)) - gap, gap


def _learner_cost(
    spec: FDivergence,
    divergence: Divergence,
    state: _State,
    policy: Policy,
    obs: Float[Array, "batch obs"],
    *,
    key: PRNGKeyArray,
) -> Float[Array, ""]:
    """-E_learner[f*(g(V))]: what of the divergence depends on the policy, with its gradient."""
    sample_key, noise_key = jax.random.split(key)
    actions = _sample(policy, obs, spec.num_samples, key=sample_key)
    costs = -divergence.learner_term(_values(spec, state, state.critic, obs, actions, key=noise_key))
    if policy.reparameterized:
        return jnp.mean(costs)
    costs = jax.lax.stop_gradient(costs)
    others = (jnp.sum(costs, axis=1, keepdims=True) - costs) / (spec.num_samples - 1)
    score = jnp.mean((costs - others) * _log_prob(policy, obs, jax.lax.stop_gradient(actions)))
    return jnp.mean(costs) + score - jax.lax.stop_gradient(score)


def _sample(policy: Policy, obs: Float[Array, "batch obs"], num_samples: int, *, key: PRNGKeyArray) -> Array:
    keys = jax.random.split(key, (len(obs), num_samples))

    def sample(one: Float[Array, " obs"], key: PRNGKeyArray) -> Array:
        return policy.sample(policy.initial_carry(), one, key=key)[1]

    return jax.vmap(jax.vmap(sample, in_axes=(None, 0)))(obs, keys)


def _log_prob(policy: Policy, obs: Float[Array, "batch obs"], actions: Array) -> Float[Array, "batch samples"]:
    def log_prob(one: Float[Array, " obs"], action: Array) -> Float[Array, ""]:
        return policy.log_prob(policy.initial_carry(), one, action)[1]

    return jax.vmap(jax.vmap(log_prob, in_axes=(None, 0)))(obs, actions)


def _values(
    spec: FDivergence,
    state: _State,
    critic: Critic,
    obs: Float[Array, "batch obs"],
    actions: Array,
    *,
    key: PRNGKeyArray,
) -> Float[Array, "batch samples"]:
    """V of several actions at each state."""
    standardized = jax.vmap(state.fixed.normalizer)(obs)
    if state.action_normalizer is None:
        encoded = jax.nn.one_hot(actions, state.fixed.spaces.action.size)
    else:
        encoded = (actions - state.action_normalizer.mean) / state.action_normalizer.std
        encoded = encoded + spec.action_noise * jax.random.normal(key, encoded.shape)
    outputs = jnp.concatenate(
        [jnp.repeat(standardized, actions.shape[1], axis=0), encoded.reshape(-1, encoded.shape[-1])], axis=-1
    )
    for layer in critic[:-1]:
        outputs = jax.nn.relu(jax.vmap(layer)(outputs))
    values = jax.vmap(critic[-1])(outputs)
    return spec.critic_bound * jnp.tanh(values / spec.critic_bound).reshape(actions.shape[:2])


def _likelihood_step(
    spec: FDivergence, transitions: Transitions, divergence: Divergence, state: _State, key: PRNGKeyArray
) -> tuple[_State, Info]:
    """Forward KL: the expert's density drops out of E_expert[log π_e - log π]."""
    del divergence
    batch_key, loss_key = jax.random.split(key)
    batch = draw_batch(transitions, spec.batch_size, key=batch_key)
    keys = jax.random.split(loss_key, spec.batch_size)

    def loss(policy: Policy) -> Float[Array, ""]:
        losses = jax.vmap(lambda obs, action, key: policy.loss(obs, action, key=key))(batch.obs, batch.actions, keys)
        return jnp.mean(losses)

    state, value = _policy_step(spec, state, loss)
    return state, {"loss": value}


def _known_step(
    spec: FDivergence, transitions: Transitions, divergence: Divergence, known: _Known, state: _State, key: PRNGKeyArray
) -> tuple[_State, Info]:
    obs = draw_batch(transitions, spec.batch_size, key=key).obs
    actions = jnp.broadcast_to(known.actions, (len(obs), *known.actions.shape))
    expert_log_prob = _log_prob(known.expert, obs, actions)

    def loss(policy: Policy) -> Float[Array, ""]:
        return jnp.mean(divergence_of(divergence, expert_log_prob, _log_prob(policy, obs, actions), known.cell))

    state, value = _policy_step(spec, state, loss)
    return state, {"loss": value}


def _policy_step(
    spec: FDivergence, state: _State, loss: Callable[[Policy], Float[Array, ""]]
) -> tuple[_State, Float[Array, ""]]:
    value, gradient = jax.value_and_grad(lambda trained: loss(eqx.combine(trained, state.fixed)))(state.trained)
    trained, optimizer = descend(_optimizer(spec), gradient, state.optimizer, state.trained)
    return state._replace(trained=trained, optimizer=optimizer), value


def _finish(state: _State) -> Policy:
    return eqx.combine(state.trained, state.fixed)


def _optimizer(spec: FDivergence) -> optax.GradientTransformation:
    return optax.adam(spec.learning_rate, b1=0.5)


def _critic_optimizer(spec: FDivergence) -> optax.GradientTransformation:
    return optax.adam(spec.critic_learning_rate, b1=0.5)


def _divergence(spec: FDivergence) -> Divergence:
    if spec.function is None:
        return DIVERGENCES[spec.divergence]
    f = runpy.run_path(str(spec.function)).get("f")
    if not callable(f):
        raise DataError(f"{spec.function} must define a function f(u), and has none. Write it with jax.numpy.")
    ratios = jnp.linspace(0.1, 10.0, 100)
    values = np.asarray(f(ratios))
    if abs(float(f(jnp.ones(())))) > 1e-5 or (np.diff(values, 2) < -1e-4).any():
        raise DataError(f"f in {spec.function} must be convex with f(1) = 0.")
    return from_generator(f)

"""Imitation as the minimization of an f-divergence between expert and learner (Ke et al., 2020).

Minimizes E_s[D_f(π_e(· | s), π(· | s))] over the demonstrated states s. Its variational form needs samples only,

    min_π max_V  E_{(s, a) ~ demonstrations}[g(V(s, a))] - E_{s ~ demonstrations, a ~ π(· | s)}[f*(g(V(s, a)))],

with V a network (the critic), trained for several steps per step of the policy. The expert comes first: with the two
expectations swapped, the same f gives another divergence. f, f* and g are those of `ilkit.math.divergences`.

Four things keep it stable. V is bounded, for V estimates log(π_e / π), which is infinite where the two don't overlap;
both kinds of actions get Gaussian noise before V sees them, so that they overlap (Sønderby et al., 2017); a small
weight on E[V²] draws V back from where its gradient vanishes; and the gradient of the policy flows through its actions
where they are reparameterized, else it is the likelihood-ratio gradient, with the mean over the other actions at the
same state as the baseline.

The expert's density, unknown from demonstrations alone, drops out of the forward KL divergence only, which imitate.kind
`bc` minimizes as maximum likelihood.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.data.training import Training
from ilkit.data.windows import Transitions, Window, windows
from ilkit.errors import refuse
from ilkit.fitting.custom_divergence import divergence_of
from ilkit.fitting.gradient import descend, draw_rows, mean_loss, partition
from ilkit.math.divergences import Divergence
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Layers, build_silent_layers
from ilkit.spec import Spec


class FDivergence(Spec):
    """Minimization of an f-divergence from samples, to cover or to seek the expert's modes (Ke et al., 2020)."""

    kind: Literal["f_divergence"] = "f_divergence"
    divergence: Literal["forward_kl", "reverse_kl", "jensen_shannon", "total_variation", "custom"] = "reverse_kl"
    """Which divergence; `custom` takes that of `function`."""
    function: Path | None = None
    """For `custom`: a Python file that defines `f(u)`, convex, differentiable, f(1) = 0, by jax.numpy."""
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
    pretraining_steps: NonNegativeInt = 0
    """How many of them, at the start, minimize the policy's own loss as `bc` does, while the critic learns already."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""

    @model_validator(mode="after")
    def _check_choices(self) -> "FDivergence":
        if (self.divergence == "custom") != (self.function is not None):
            raise ValueError(f"divergence custom goes with function, got {self.divergence} with {self.function}")
        return self

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy that decides on several actions at once, or whose samples give no gradient."""
        del parts
        if policy.window[1]:
            return ("policy: must decide on one action at a time. Choose another policy.kind than chunked.",)
        if policy.reparameterized or policy.has_density:
            return ()
        return (
            f"policy: must have a density or samples with a gradient, and those of {type(policy).__name__} have "
            "neither. Choose policy.kind gaussian, mixture, autoregressive, flow or diffusion.",
        )


class _Critic(eqx.Module):
    """V, and how it sees observations and actions; discrete ones become one-hot vectors."""

    layers: Layers
    obs: Normalizer
    actions: Normalizer
    spaces: Spaces = eqx.field(static=True)


class _Info(NamedTuple):
    loss: Float[Array, ""]
    divergence: Float[Array, ""]


class _State(NamedTuple):
    trained: Policy
    fixed: Policy
    optimizer: optax.OptState
    critic: _Critic
    critic_optimizer: optax.OptState
    step: Int[Array, ""]


def imitate(spec: FDivergence, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Training[Policy]:
    """Fits a policy to the demonstrations.

    **Raises:** `DataError` where the file of a custom divergence doesn't define a convex f with f(1) = 0.
    """
    transitions = demos.transitions()
    return Training(
        state=_initial_state(spec, policy, demos.spaces, transitions, key),
        step=Partial(_variational_step, spec, divergence_of(spec.divergence, spec.function), transitions),
        finish=Partial(_finish),
        num_steps=spec.num_steps,
    )


@eqx.filter_jit
def _initial_state(
    spec: FDivergence, policy: Build[Policy], spaces: Spaces, transitions: Transitions, key: PRNGKeyArray
) -> _State:
    policy_key, critic_key = jax.random.split(key)
    initial = policy(spaces, key=policy_key).fitted(transitions)
    refuse("imitate.f_divergence", spec.policy_faults(initial, {}))
    trained, fixed = partition(initial)
    sizes = (spaces.observation.size + spaces.action.size, *spec.critic_hidden, 1)
    critic = _Critic(
        layers=build_silent_layers(sizes, "relu", key=critic_key),
        obs=initial.normalizer,
        actions=Normalizer.fit(transitions.actions, transitions.counted),
        spaces=spaces,
    )
    optimizers = _optimizer(spec).init(trained), _critic_optimizer(spec).init(critic.layers)
    return _State(trained, fixed, optimizers[0], critic, optimizers[1], jnp.zeros((), jnp.int32))


def _variational_step(
    spec: FDivergence, divergence: Divergence, transitions: Transitions, state: _State, key: PRNGKeyArray
) -> tuple[_State, _Info]:
    critic_key, batch_key, cost_key = jax.random.split(key, 3)
    state, gap = _train_critic(spec, divergence, transitions, state, key=critic_key)
    rows = draw_rows(transitions, spec.batch_size, key=batch_key)
    batch = windows(transitions, rows, *state.fixed.window)

    def cost(policy: Policy) -> Float[Array, ""]:
        in_game = _learner_cost(spec, divergence, state.critic, policy, batch, key=cost_key)
        if not spec.pretraining_steps:
            return in_game
        own = mean_loss(policy, batch, key=cost_key)
        return jnp.where(state.step < spec.pretraining_steps, own, in_game)

    state, value = _train_policy(spec, state, cost)
    return state, _Info(value, gap)


def _train_critic(
    spec: FDivergence, divergence: Divergence, transitions: Transitions, state: _State, *, key: PRNGKeyArray
) -> tuple[_State, Float[Array, ""]]:
    policy = eqx.combine(state.trained, state.fixed)

    def step(index: Array, carried: tuple[Layers, Any, Array]) -> tuple[Layers, Any, Array]:
        layers, optimizer, _ = carried
        batch_key, loss_key = jax.random.split(jax.random.fold_in(key, index))
        rows = draw_rows(transitions, spec.batch_size, key=batch_key)
        (_, gap), gradient = jax.value_and_grad(
            lambda layers: _critic_loss(
                spec,
                divergence,
                _with_layers(state.critic, layers),
                policy,
                windows(transitions, rows, *policy.window),
                key=loss_key,
            ),
            has_aux=True,
        )(layers)
        return *descend(_critic_optimizer(spec), gradient, optimizer, layers), gap

    layers, optimizer, gap = jax.lax.fori_loop(
        0, spec.num_critic_steps, step, (state.critic.layers, state.critic_optimizer, jnp.zeros(()))
    )
    return state._replace(critic=_with_layers(state.critic, layers), critic_optimizer=optimizer), gap


def _with_layers(critic: _Critic, layers: Layers) -> _Critic:
    return eqx.tree_at(lambda tree: tree.layers, critic, layers)


def _critic_loss(
    spec: FDivergence, divergence: Divergence, critic: _Critic, policy: Policy, batch: Window, *, key: PRNGKeyArray
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The negative of E_expert[g(V)] - E_learner[f*(g(V))], with the decay of V; and that bound of the divergence."""
    sample_key, expert_key, learner_key = jax.random.split(key, 3)
    past, _ = policy.window
    obs = jax.tree.map(lambda rows: rows[:, past], batch.obs)
    sampled = _sample(policy, batch, spec.num_samples, key=sample_key)
    expert = _values(spec, critic, obs, batch.actions[:, past : past + 1], key=expert_key)
    learner = _values(spec, critic, obs, sampled, key=learner_key)
    gap = jnp.mean(divergence.expert_term(expert)) - jnp.mean(divergence.learner_term(learner))
    return spec.critic_decay * (jnp.mean(expert**2) + jnp.mean(learner**2)) - gap, gap


def _learner_cost(
    spec: FDivergence,
    divergence: Divergence,
    critic: _Critic,
    policy: Policy,
    batch: Window,
    *,
    key: PRNGKeyArray,
) -> Float[Array, ""]:
    """-E_learner[f*(g(V))], what of the bound depends on the policy, and its gradient."""
    sample_key, noise_key = jax.random.split(key)
    actions = _sample(policy, batch, spec.num_samples, key=sample_key)
    obs = jax.tree.map(lambda rows: rows[:, policy.window[0]], batch.obs)
    costs = -divergence.learner_term(_values(spec, critic, obs, actions, key=noise_key))
    if policy.reparameterized:
        return jnp.mean(costs)
    costs = jax.lax.stop_gradient(costs)
    others = (jnp.sum(costs, axis=1, keepdims=True) - costs) / (spec.num_samples - 1)
    score = jnp.mean((costs - others) * _log_prob(policy, batch, jax.lax.stop_gradient(actions)))
    return jnp.mean(costs) + score - jax.lax.stop_gradient(score)


def _sample(policy: Policy, batch: Window, num_samples: int, *, key: PRNGKeyArray) -> Array:
    keys = jax.random.split(key, (len(batch.mask), num_samples))

    def sample(window: Window, keys: Key[Array, " samples"]) -> Array:
        carry, obs = policy.remember(window), _present(policy, window)
        return jax.vmap(lambda key: policy.sample(carry, obs, key=key)[1])(keys)

    return jax.vmap(sample)(batch, keys)


def _log_prob(policy: Policy, batch: Window, actions: Array) -> Float[Array, "batch samples"]:
    def log_prob(window: Window, actions: Array) -> Float[Array, " samples"]:
        carry, obs = policy.remember(window), _present(policy, window)
        return jax.vmap(lambda action: policy.log_prob(carry, obs, action)[1])(actions)

    return jax.vmap(log_prob)(batch, actions)


def _present(policy: Policy, window: Window) -> PyTree:
    return jax.tree.map(lambda rows: rows[policy.window[0]], window.obs)


def _values(
    spec: FDivergence, critic: _Critic, obs: PyTree, actions: Array, *, key: PRNGKeyArray
) -> Float[Array, "batch samples"]:
    """V of several actions at each state."""
    encoded = flatten(critic.spaces.action, critic.actions(actions))
    if isinstance(critic.spaces.action, Box):
        encoded = encoded + spec.action_noise * jax.random.normal(key, encoded.shape)
    standardized = flatten(critic.spaces.observation, critic.obs(obs))[:, None]
    repeated = jnp.broadcast_to(standardized, (*encoded.shape[:2], standardized.shape[-1]))
    values = critic.layers(jnp.concatenate([repeated, encoded], axis=-1))[..., 0]
    return spec.critic_bound * jnp.tanh(values / spec.critic_bound)


def _train_policy(
    spec: FDivergence, state: _State, loss: Callable[[Policy], Float[Array, ""]]
) -> tuple[_State, Float[Array, ""]]:
    value, gradient = jax.value_and_grad(lambda trained: loss(eqx.combine(trained, state.fixed)))(state.trained)
    trained, optimizer = descend(_optimizer(spec), gradient, state.optimizer, state.trained)
    return state._replace(trained=trained, optimizer=optimizer, step=state.step + 1), value


def _finish(state: _State) -> Policy:
    return eqx.combine(state.trained, state.fixed)


def _optimizer(spec: FDivergence) -> optax.GradientTransformation:
    return optax.adam(spec.learning_rate, b1=0.5)


def _critic_optimizer(spec: FDivergence) -> optax.GradientTransformation:
    return optax.adam(spec.critic_learning_rate, b1=0.5)

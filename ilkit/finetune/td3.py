"""Twin delayed deep deterministic policy gradients that start from a clone (Fujimoto et al., 2018).

With the clone's mode as the actor μ, two critics Q_1 and Q_2, slowly following copies μ', Q' and a replay buffer:

    y = r + γ (1 - terminated) min_i Q'_i(s', clip(μ'(s') + clip(ε, -c, c))),    ε ~ N(0, σ²),
    Q_i ← argmin E[(Q_i(s, a) - y)²],    ∇J = E[∇_a Q_1(s, a) ∇_θ μ_θ(s)] at a = clip(μ_θ(s)),

where ∇_a Q_1 is dropped where it points out of the action space. The actor moves once for several steps of the critics,
and not at all at first: critics that know nothing yet would lead the clone astray. Until then the slow copies follow
faster, since what lies n steps ahead is learnt only after n of their time constants.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.experience import Experience
from ilkit.data.policy import Policy
from ilkit.data.spaces import check_spaces
from ilkit.data.training import Training, names_of
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import refuse
from ilkit.fitting.gradient import descend, partition
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Layers, build_silent_layers
from ilkit.reinforcement.actions import ascent_within, bounds_of, units_of
from ilkit.reinforcement.anchor import Anchor, anchor_of
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.reinforcement.info import ReinforcementInfo
from ilkit.reinforcement.replay import ReplayBuffer
from ilkit.reinforcement.value_scale import ValueScale, preserve_values
from ilkit.reinforcement.warmup import check_warmup, frozen_until
from ilkit.spec import Spec
from ilkit.stepping.behavior import Behavior, memory_faults, modes, noise_scale, smoothness_faults
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.records import Rollout, Trials
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side

Fraction = Annotated[float, Field(ge=0, le=1)]


class TD3(Spec):
    """Twin delayed deterministic policy gradients, started from the clone (Fujimoto et al., 2018)."""

    kind: Literal["td3"] = "td3"
    learning_rate: NonNegativeFloat = 3e-4
    """The step size of Adam for the actor."""
    critic_learning_rate: PositiveFloat = 1e-3
    """The step size of Adam for the critics."""
    discount: Fraction = 0.99
    """γ: what a reward one step later is worth."""
    target_rate: Fraction = 0.005
    """How far the target networks move towards the learnt ones after every `policy_delay` updates of the critics."""
    warmup_target_rate: Fraction = 0.1
    """The same while only the critics learn: the policy that they judge stands still, and they start from nothing."""
    target_noise: NonNegativeFloat = 0.2
    """σ: the standard deviation of noise on the target's actions, in half ranges of the action space."""
    target_noise_clip: NonNegativeFloat = 0.5
    """c: where that noise is cut, in half ranges of the action space."""
    policy_delay: PositiveInt = 2
    """Updates of the critics for one of the actor."""
    clone_weight: NonNegativeFloat | None = None
    """What a squared departure from the clone costs, in half ranges, against a standardized value; none by default."""
    batch_size: PositiveInt = 256
    """Steps drawn from the buffer for one update."""
    buffer_size: PositiveInt = 100_000
    """Steps that the buffer holds."""
    num_envs: PositiveInt = 8
    """Environments stepped side by side."""
    updates_per_env_step: PositiveInt = 1
    """Updates of the critics for one step of one environment."""
    critic_hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer of the critics."""
    critic_warmup_steps: NonNegativeInt = 250
    """Steps at the start in which only the critics learn."""
    num_steps: PositiveInt = 2_500
    """Steps of every environment."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""

    @property
    def rounds(self) -> int:
        """Updates of the actor in a step."""
        return self.num_envs * self.updates_per_env_step // self.policy_delay

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy with a memory, or whose mode has no gradient."""
        del parts
        return (*memory_faults(policy), *smoothness_faults(policy))

    @model_validator(mode="after")
    def _check_counts(self) -> "TD3":
        check_warmup(self.critic_warmup_steps, self.num_steps)
        if (updates := self.num_envs * self.updates_per_env_step) % self.policy_delay:
            raise ValueError(f"num_envs times updates_per_env_step must be a multiple of policy_delay, got {updates}")
        return self


class _Networks(NamedTuple):
    actor: PyTree
    """The trained part of the policy."""
    critics: PyTree
    """Both critics, stacked; their values are on the learner's scale."""


class _Learner(NamedTuple):
    networks: _Networks
    slow: _Networks
    """The copies that targets are computed with."""
    moments: _Networks
    """What the optimizers keep."""
    scale: ValueScale


class _State(NamedTuple):
    learner: _Learner
    fixed: Policy
    """The part of the policy that isn't trained."""
    behavior: Behavior
    anchor: Anchor | None
    trials: Trials
    buffer: ReplayBuffer
    step: Int[Array, ""]


def finetune(
    spec: TD3,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Improves the clone's mode by twin delayed deterministic policy gradients.

    **Raises:** `DataError` where actions are discrete, or the clone doesn't fit the environment or has a memory.
    """
    world = env()
    check_spaces(world.spaces, cloned.spaces)
    units_of(cloned)
    refuse("finetune.td3", spec.policy_faults(cloned, {}))
    behavior = exploration(cloned.spaces, uncertainty=uncertainty)
    envs = side_by_side(world, spec.num_envs)
    return train_by_trial(
        envs,
        _initial_state(spec, envs, behavior, cloned, key),
        Partial(_collect, envs),
        Partial(_improve, spec),
        Partial(_finish),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs,
        info_names=names_of(ReinforcementInfo),
    )


@eqx.filter_jit
def _initial_state(
    spec: TD3, envs: CompiledEnvs | HostEnvs, behavior: Behavior, cloned: Policy, key: PRNGKeyArray
) -> _State:
    critic_key, env_key = jax.random.split(key)
    actor, fixed = partition(cloned)
    spaces = cloned.spaces
    sizes = (spaces.observation.size + spaces.action.size, *spec.critic_hidden, 1)
    critics = jax.vmap(lambda key: build_silent_layers(sizes, "relu", key=key))(jax.random.split(critic_key))
    networks, optimizers = _Networks(actor, critics), _optimizers(spec)
    moments = _Networks(optimizers.actor.init(actor), optimizers.critics.init(critics))
    return _State(
        learner=_Learner(networks, networks, moments, ValueScale.empty()),
        fixed=fixed,
        behavior=behavior,
        anchor=anchor_of(cloned, spec.clone_weight),
        trials=envs.reset(key=env_key),
        buffer=ReplayBuffer.empty(min(spec.buffer_size, spec.num_steps * spec.num_envs), spaces),
        step=jnp.zeros((), jnp.int32),
    )


def _finish(state: _State) -> Policy:
    policy: Policy = eqx.combine(state.learner.networks.actor, state.fixed)
    return policy


def _collect(envs: CompiledEnvs | HostEnvs, state: _State, *, key: Key[Array, "*seeds"]) -> tuple[_State, Rollout]:
    trials, rollout = envs.collect(_finish(state), state.behavior, state.trials, num_steps=1, key=key)
    return state._replace(trials=trials), rollout


@eqx.filter_jit
def _improve(spec: TD3, state: _State, rollout: Rollout, *, key: PRNGKeyArray) -> tuple[_State, ReinforcementInfo]:
    draw_key, noise_key = jax.random.split(key)
    obs, actions, outcome = jax.tree.map(lambda rows: rows[0], (rollout.obs, rollout.actions, rollout.outcome))
    applied = noise_scale(_finish(state), obs, actions)
    taken = jnp.clip(actions, *bounds_of(state.fixed))
    ended = outcome.terminated.astype(jnp.float32)
    buffer = state.buffer.add(Experience(obs, taken, outcome.rewards, outcome.next_obs, ended))
    shape = (spec.rounds, spec.policy_delay, spec.batch_size)
    noise = jax.random.normal(noise_key, (math.prod(shape) * actions.shape[-1],)).reshape(*shape, -1)
    state = state._replace(buffer=buffer)
    drawn = (buffer.draw(shape, key=draw_key), noise)
    learner, (targets, *losses) = jax.lax.scan(partial(_round, spec, state), state.learner, drawn)
    loss, value_loss = (jnp.mean(each) for each in losses)
    log = state.trials.log
    info = ReinforcementInfo(log.total_episodes, loss, applied, log.mean_return, value_loss)
    return state._replace(learner=_rescaled(learner, targets), step=state.step + 1), info


def _round(
    spec: TD3, state: _State, learner: _Learner, drawn: tuple[Experience, Array]
) -> tuple[_Learner, tuple[Array, Array, Array]]:
    """Updates the critics `policy_delay` times, then the actor and the slow copies once."""
    steps, noise = drawn
    targets = _targets(spec, state.fixed, learner, steps, noise)
    learner, errors = jax.lax.scan(partial(_update_critics, spec, state.fixed), learner, (steps, targets))
    learner, loss = _update_actor(spec, state, learner, jax.tree.map(lambda rows: rows[-1], steps.obs))
    rate = jnp.where(state.step < spec.critic_warmup_steps, spec.warmup_target_rate, spec.target_rate)
    slow = optax.incremental_update(learner.networks, learner.slow, rate)
    return learner._replace(slow=slow), (targets, loss, jnp.mean(errors))


def _update_critics(
    spec: TD3, fixed: Policy, learner: _Learner, drawn: tuple[Experience, Float[Array, " batch"]]
) -> tuple[_Learner, Float[Array, ""]]:
    steps, targets = drawn

    def loss(critics: Layers) -> Float[Array, ""]:
        outputs = _outputs(critics, fixed, steps.obs, steps.actions)
        return 0.5 * jnp.mean(jnp.sum((outputs - learner.scale.standardize(targets)) ** 2, axis=0))

    error, gradient = jax.value_and_grad(loss)(learner.networks.critics)
    optimizer = _optimizers(spec).critics
    critics, moments = descend(optimizer, gradient, learner.moments.critics, learner.networks.critics)
    networks, all_moments = learner.networks._replace(critics=critics), learner.moments._replace(critics=moments)
    return learner._replace(networks=networks, moments=all_moments), error


def _targets(
    spec: TD3, fixed: Policy, learner: _Learner, steps: Experience, noise: Float[Array, "updates batch act"]
) -> Float[Array, "updates batch"]:
    """The value y of every step, in the units of returns."""
    policy: Policy = eqx.combine(learner.slow.actor, fixed)
    reach = spec.target_noise_clip
    smoothing = units_of(fixed).half_range * jnp.clip(spec.target_noise * noise, -reach, reach)
    actions = jnp.clip(jax.vmap(partial(modes, policy))(steps.next_obs) + smoothing, *bounds_of(fixed))
    next_values = learner.scale.values(_outputs(learner.slow.critics, fixed, steps.next_obs, actions))
    return steps.rewards + spec.discount * (1.0 - steps.terminated) * jnp.min(next_values, axis=0)


def _update_actor(spec: TD3, state: _State, learner: _Learner, obs: PyTree) -> tuple[_Learner, Float[Array, ""]]:
    first = jax.tree.map(lambda leaf: leaf[:1], learner.networks.critics)

    def value(actions: Float[Array, "batch act"]) -> Float[Array, ""]:
        return jnp.sum(_outputs(first, state.fixed, obs, actions))

    def loss(actor: Policy) -> tuple[Float[Array, ""], Float[Array, ""]]:
        actions = modes(eqx.combine(actor, state.fixed), obs)
        total, ascent = ascent_within(value, actions, *bounds_of(state.fixed))
        if state.anchor is not None:
            departure = (actions - modes(state.anchor.policy, obs)) / units_of(state.fixed).half_range
            ascent -= state.anchor.weight * jnp.sum(departure**2)
        return -ascent / len(actions), -learner.scale.values(total / len(actions))

    gradient, negative_value = jax.grad(loss, has_aux=True)(learner.networks.actor)
    optimizer = _optimizers(spec).actor
    actor, moments = descend(optimizer, gradient, learner.moments.actor, learner.networks.actor)
    networks, all_moments = learner.networks._replace(actor=actor), learner.moments._replace(actor=moments)
    return learner._replace(networks=networks, moments=all_moments), negative_value


def _rescaled(learner: _Learner, targets: Float[Array, "..."]) -> _Learner:
    scale = learner.scale.add(targets)
    networks, slow = (
        both._replace(critics=preserve_values(both.critics, learner.scale, scale))
        for both in (learner.networks, learner.slow)
    )
    return learner._replace(networks=networks, slow=slow, scale=scale)


def _outputs(
    critics: Layers, fixed: Policy, obs: PyTree, actions: Float[Array, "*batch act"]
) -> Float[Array, "critics *batch"]:
    normalized = flatten(fixed.spaces.observation, fixed.normalizer(obs))
    inputs = jnp.concatenate([normalized, units_of(fixed).raw(actions)], axis=-1)
    return jax.vmap(lambda critic: critic(inputs)[..., 0])(critics)


def _optimizers(spec: TD3) -> _Networks:
    actor, critics = (optax.flatten(optax.adam(rate)) for rate in (spec.learning_rate, spec.critic_learning_rate))
    return _Networks(frozen_until(actor, spec.critic_warmup_steps * spec.rounds), critics)

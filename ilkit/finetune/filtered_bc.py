"""Filtered behavioral cloning: explore, keep the tries that succeeded, clone them beside the demonstrations.

Each round steps the environments by the exploration around the present policy π. Whole episodes whose return reaches
`threshold`, or the best share of those that end in the round, go into a memory S of fixed size, and π takes gradient
steps on

    L = (1 - w) E_demonstrations[ℓ(π, s, a)] + w E_S[ℓ(π, s, a)],    w = 1 - demo_batch_size / batch_size,

where ℓ is the loss of cloning and a what was executed. There is no critic and no density, so that it works for every
head (self-imitation: Oh et al., 2018; reward-weighted regression with weights 0 and 1: Peters and Schaal, 2007).
"""

from collections.abc import Collection
from typing import Annotated, Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Key, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, check_spaces
from ilkit.data.training import Training, names_of
from ilkit.data.uncertainty import Uncertainty
from ilkit.data.windows import Transitions, windows
from ilkit.errors import DataError, refuse
from ilkit.fitting.chunks import check_chunks
from ilkit.fitting.gradient import descend, draw_rows, mean_loss, partition
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.reinforcement.demonstrated import check_demonstrated, check_recorded_spaces, demos_faults
from ilkit.reinforcement.departure import departure
from ilkit.reinforcement.steps import carries_of, flat
from ilkit.reinforcement.success_memory import Ends, SuccessMemory, Underway, best_share, memory_bytes
from ilkit.spec import Spec
from ilkit.stepping.behavior import Behavior, noise_scale
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.memory import first_carries
from ilkit.stepping.records import Rollout, Trials
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class FilteredBC(Spec):
    """Cloning of the tries that succeeded, beside the demonstrations: for every head, without a critic."""

    kind: Literal["filtered_bc"] = "filtered_bc"
    threshold: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    """The return from which on a try is kept; null where the best share is."""
    best_share: Annotated[float, Field(gt=0, le=1)] | None = 0.1
    """The share of the episodes that end in a round that is kept, the best; null where there is a threshold."""
    memory_size: PositiveInt = 1_000
    """Kept episodes that are remembered; the newest replace the oldest."""
    learning_rate: PositiveFloat = 1e-3
    """The step size of Adam."""
    batch_size: PositiveInt = 256
    """Steps that a gradient step learns from."""
    demo_batch_size: NonNegativeInt = 128
    """How many of them are demonstrated; all of them while nothing was kept."""
    num_gradient_steps: PositiveInt = 30
    """Gradient steps of a round."""
    num_envs: PositiveInt = 64
    """Environments stepped side by side."""
    rollout_length: PositiveInt | None = None
    """Steps of every environment in a round; as many as the longest episode has where none are given."""
    num_steps: PositiveInt = 160
    """Rounds."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""
    num_snapshots: NonNegativeInt = 0
    """Policies kept along training, at its start and between equal parts of it; `evaluate` draws their returns."""

    @model_validator(mode="after")
    def _check(self) -> "FilteredBC":
        if (self.threshold is None) == (self.best_share is None):
            raise ValueError(
                "exactly one of threshold and best_share must be given, and the other be null, got "
                f"{self.threshold} and {self.best_share}"
            )
        if self.demo_batch_size >= self.batch_size:
            raise ValueError(
                "demo_batch_size must be below batch_size, else nothing is learnt from tries, "
                f"got {self.demo_batch_size} and {self.batch_size}. Lower it, or raise batch_size"
            )
        return self

    def input_faults(self, given: Collection[str]) -> tuple[str, ...]:
        """Demonstrations that aren't there."""
        return demos_faults(given, "filtered_bc")

    def bytes_needed(self, world: Environment | HostEnvironment) -> int:
        """That of the episodes that are remembered."""
        return self.num_seeds * memory_bytes(self.memory_size, world.max_steps, world.spaces)


class FilteredInfo(NamedTuple):
    """The learning curves of filtered cloning."""

    departure: Float[Array, ""]
    """How far the policy's modes have departed from the clone's."""
    episodes: Float[Array, ""]
    """How many episodes there were."""
    gained: Float[Array, ""]
    """In how many of them there was a reward above 0."""
    kept: Float[Array, ""]
    """The share of the episodes that ended in a round that was kept."""
    loss: Float[Array, ""]
    noise_scale: Float[Array, ""]
    remembered: Float[Array, ""]
    """How many kept episodes are remembered."""
    return_: Float[Array, ""]
    """The mean return of the last complete episode of each environment."""
    rewarded: Float[Array, ""]
    """In how many episodes there was a reward other than 0."""


class _State(NamedTuple):
    trained: PyTree
    fixed: Policy
    """The part of the policy that isn't trained."""
    optimizer: optax.OptState
    behavior: Behavior
    trials: Trials
    underway: Underway
    memory: SuccessMemory
    start: Policy
    """The policy that training started from."""


def finetune(
    spec: FilteredBC,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Improves the clone by cloning its own successes as well.

    **Raises:** `DataError` where the clone doesn't fit the environment, there are no demonstrations or they were
    recorded in another one, where none of them reaches the threshold, or chunks would hold steps that don't count.
    """
    refuse("finetune.filtered_bc", spec.input_faults(() if demos is None else ("demos",)))
    assert demos is not None
    world = env()
    check_spaces(world.spaces, cloned.spaces)
    _check_demos(spec, demos, cloned)
    check_chunks(cloned.window, demos)
    behavior = exploration(cloned.spaces, uncertainty=uncertainty)
    envs = side_by_side(world, spec.num_envs)
    length = spec.rollout_length or world.max_steps
    return train_by_trial(
        envs,
        _initial_state(spec, envs, world.max_steps, behavior, cloned, key),
        Partial(_collect, length, envs),
        Partial(_improve, spec, demos.transitions()),
        Partial(_policy_of),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs * length,
        info_names=names_of(FilteredInfo),
    )


def _check_demos(spec: FilteredBC, demos: Demonstrations, cloned: Policy) -> None:
    if spec.threshold is None:
        check_recorded_spaces(demos, cloned, "filtered_bc")
        return
    check_demonstrated(demos, cloned, "filtered_bc")
    best = float(demos.returns.max())
    if best < spec.threshold:
        raise DataError(
            f"finetune.filtered_bc.threshold must be a return that a demonstration reaches, and the best of "
            f"{demos.num_episodes} has {best:.4g}, got {spec.threshold:g}. Lower it, or hand over successful episodes."
        )


@eqx.filter_jit
def _initial_state(
    spec: FilteredBC,
    envs: CompiledEnvs | HostEnvs,
    max_steps: int,
    behavior: Behavior,
    cloned: Policy,
    key: PRNGKeyArray,
) -> _State:
    trained, fixed = partition(cloned)
    return _State(
        trained=trained,
        fixed=fixed,
        optimizer=optax.adam(spec.learning_rate).init(trained),
        behavior=behavior,
        trials=envs.reset(key=key)._replace(carry=first_carries(cloned, spec.num_envs)),
        underway=Underway.empty(max_steps, spec.num_envs, cloned.spaces),
        memory=SuccessMemory.empty(spec.memory_size, max_steps, cloned.spaces),
        start=cloned,
    )


def _policy_of(state: _State) -> Policy:
    policy: Policy = eqx.combine(state.trained, state.fixed)
    return policy


def _collect(
    length: int, envs: CompiledEnvs | HostEnvs, state: _State, *, key: Key[Array, "*seeds"]
) -> tuple[_State, Rollout]:
    trials, rollout = envs.collect(_policy_of(state), state.behavior, state.trials, num_steps=length, key=key)
    return state._replace(trials=trials), rollout


@eqx.filter_jit
def _improve(
    spec: FilteredBC, demos: Transitions, state: _State, rollout: Rollout, *, key: PRNGKeyArray
) -> tuple[_State, FilteredInfo]:
    policy = _policy_of(state)
    carries = carries_of(policy, rollout)
    applied = noise_scale(policy, *flat((rollout.obs, rollout.actions, carries)))
    last = jax.tree.map(lambda rows: rows[-1], (rollout.obs, carries, carries_of(state.start, rollout)))
    departed = departure(policy, state.start, *last)
    underway, steps, ends = state.underway.add(rollout.obs, _executed(policy, rollout.actions), rollout.outcome)
    chosen = _chosen(spec, ends)
    state = state._replace(underway=underway, memory=state.memory.add(steps, ends, chosen))
    state, loss = _learn(spec, demos, state, key=key)
    log = state.trials.log
    return state, FilteredInfo(
        departure=departed,
        episodes=log.total_episodes,
        gained=log.total_gained,
        kept=jnp.sum(chosen) / jnp.maximum(jnp.sum(ends.ended), 1),
        loss=loss,
        noise_scale=applied,
        remembered=state.memory.num_held.astype(jnp.float32),
        return_=log.mean_return,
        rewarded=log.total_rewarded,
    )


def _executed(policy: Policy, actions: Array) -> Array:
    space = policy.spaces.action
    return jnp.clip(actions, *np.asarray(space.bounds, np.float32)) if isinstance(space, Box) else actions


def _chosen(spec: FilteredBC, ends: Ends) -> Bool[Array, "time envs"]:
    if spec.threshold is not None:
        return ends.ended & (ends.returns >= spec.threshold)
    assert spec.best_share is not None
    return best_share(ends, spec.best_share)


def _learn(
    spec: FilteredBC, demos: Transitions, state: _State, *, key: PRNGKeyArray
) -> tuple[_State, Float[Array, ""]]:
    """The gradient steps of a round, and the mean of their losses."""
    own = spec.batch_size - spec.demo_batch_size
    weight = jnp.where(state.memory.count > 0, own / spec.batch_size, 0.0)
    window = _policy_of(state).window
    optimizer = optax.adam(spec.learning_rate)

    def step(carried: tuple[Any, Any], key: PRNGKeyArray) -> tuple[tuple[Any, Any], Float[Array, ""]]:
        rows_key, memory_key, demo_key, own_key = jax.random.split(key, 4)
        shown = windows(demos, draw_rows(demos, max(spec.demo_batch_size, 1), key=rows_key), *window)
        succeeded = state.memory.draw(own, *window, key=memory_key)

        def loss(trained: PyTree) -> Float[Array, ""]:
            policy: Policy = eqx.combine(trained, state.fixed)
            imitated = mean_loss(policy, shown, key=demo_key)
            return (1.0 - weight) * imitated + weight * mean_loss(policy, succeeded, key=own_key)

        value, gradient = jax.value_and_grad(loss)(carried[0])
        return descend(optimizer, gradient, carried[1], carried[0]), value

    keys = jax.random.split(key, spec.num_gradient_steps)
    (trained, moments), losses = jax.lax.scan(step, (state.trained, state.optimizer), keys)
    return state._replace(trained=trained, optimizer=moments), jnp.mean(losses)

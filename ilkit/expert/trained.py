"""An expert learnt from scratch by proximal policy optimization (Schulman et al., 2017).

Observations are standardized by running statistics of all that was observed so far; at the end they are the policy's
normalizer.
"""

from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree
from pydantic import PositiveInt

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.normalizer import Normalizer, floating
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.data.training import Training, names_of
from ilkit.nn.layered_policy import build_actor
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.reinforcement.info import ReinforcementInfo
from ilkit.reinforcement.on_policy import State, collect, policy_of
from ilkit.reinforcement.proximal import ProximalSpec, improve, initial_state
from ilkit.stepping.behavior import Sampling
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.records import Rollout
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class Trained(ProximalSpec):
    """A policy learnt from scratch by proximal policy optimization (Schulman et al., 2017)."""

    kind: Literal["trained"] = "trained"
    hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer of the policy."""


class _Moments(NamedTuple):
    count: Float[Array, ""]  # type: ignore[assignment]
    mean: PyTree[Float[Array, "..."] | None]
    """Like an observation, with None for entries that aren't real numbers."""
    square: PyTree[Float[Array, "..."] | None]


class _State(NamedTuple):
    learner: State
    observed: _Moments


def expert(spec: Trained, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Training[Policy]:
    """Trains an actor, Gaussian or categorical, in the environment."""
    world = env()
    envs = side_by_side(world, spec.num_envs)
    return train_by_trial(
        envs,
        _initial_state(spec, envs, world.spaces, key),
        Partial(_collect, spec, envs),
        Partial(_improve, spec),
        Partial(_finish),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs * spec.rollout_length,
        info_names=names_of(ReinforcementInfo),
    )


@eqx.filter_jit
def _initial_state(spec: Trained, envs: CompiledEnvs | HostEnvs, spaces: Spaces, key: PRNGKeyArray) -> _State:
    actor_key, critic_key, env_key = jax.random.split(key, 3)
    actor = build_actor(spaces, spec.hidden, key=actor_key)
    learner = initial_state(spec, actor, Sampling(), None, envs.reset(key=env_key), key=critic_key)
    nothing = jax.tree.map(jnp.zeros_like, Normalizer.identity(spaces.observation).mean)
    return _State(learner, _Moments(jnp.zeros(()), nothing, nothing))


def _collect(
    spec: Trained, envs: CompiledEnvs | HostEnvs, state: _State, *, key: Key[Array, "*seeds"]
) -> tuple[_State, Rollout]:
    learner, rollout = collect(spec, envs, state.learner, key=key)
    return state._replace(learner=learner), rollout


def _improve(spec: Trained, state: _State, rollout: Rollout, *, key: PRNGKeyArray) -> tuple[_State, ReinforcementInfo]:
    learner, info = improve(spec, state.learner, rollout, key=key)
    observed = _observe(state.observed, rollout)
    fixed = eqx.tree_at(lambda policy: policy.normalizer, learner.fixed, _normalizer(observed))
    return _State(learner._replace(fixed=fixed), observed), info


@jax.jit
def _observe(observed: _Moments, rollout: Rollout) -> _Moments:
    added = rollout.outcome.rewards.size
    count = observed.count + added
    share = added / count

    def averaged(old: PyTree, power: int) -> PyTree:
        rows = floating(rollout.obs)
        return jax.tree.map(lambda old, rows: old + share * (jnp.mean(rows**power, axis=(0, 1)) - old), old, rows)

    return _Moments(count, averaged(observed.mean, 1), averaged(observed.square, 2))


def _normalizer(observed: _Moments) -> Normalizer:
    def std(mean: Float[Array, "..."], square: Float[Array, "..."]) -> Float[Array, "..."]:
        variance = jnp.maximum(square - mean**2, 0.0)
        return jnp.where(variance > 1e-12, jnp.sqrt(variance), 1.0)

    return Normalizer(observed.mean, jax.tree.map(std, observed.mean, observed.square))


def _finish(state: _State) -> Policy:
    return policy_of(state.learner)

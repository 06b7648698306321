"""Imitation by soft values from demonstrated steps and one's own: the training run, whichever form the values have."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.reward import Imitation, Reward
from ilkit.data.spaces import Box, Spaces
from ilkit.data.training import Training, names_of
from ilkit.data.windows import Transitions
from ilkit.errors import refuse
from ilkit.off_policy.actions import bounds_of
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.reinforcement.departure import departure
from ilkit.reinforcement.info import ReinforcementInfo, RewardedInfo
from ilkit.reinforcement.learnt_reward import earned
from ilkit.soft_imitation.absorbed import Absorbed, absorbing_value, steps_left
from ilkit.soft_imitation.shown import Shown, unrewarded
from ilkit.soft_imitation.spec import SoftImitationSpec
from ilkit.stepping.behavior import Sampling, noise_scale
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.records import Rollout, Trials
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side

Core = Any
"""The state of a form: a named tuple with the policy that training started from as `start`, `trials` and a `buffer`."""


class Form(NamedTuple):
    """What a form does in its own way; each is a `jax.tree_util.Partial` of a function of a module."""

    core: Callable[..., Core]
    """`core(spec, trials, policy, key=key)`: the state at first, of the policy that was built."""
    policy: Callable[[Core], Policy]
    """Who acts."""
    kept: Callable[[Core], Policy]
    """Who comes out in the end."""
    learn: Callable[..., tuple[Core, Float[Array, ""], Float[Array, ""]]]
    """`learn(spec, shown, ended_value, core, key=key)`: the updates of a step, where a termination is worth so much;
    with what is told of the policy and of the values."""
    reward: Callable[..., Reward]
    """`reward(spec, core, absorbed)`: what explains the values, with the reward of a step in the absorbing state."""


class _State(NamedTuple):
    core: Core
    ages: Int[Array, " envs"]
    """How many steps the running episode of each environment had when the last step was taken."""
    absorbed: Absorbed


def match_softly(
    spec: SoftImitationSpec,
    form: Form,
    policy: Build[Policy],
    world: Environment | HostEnvironment,
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """The training run of a policy that follows its values.

    **Raises:** `DataError` where the policy can't, or where demonstrated steps don't follow from each other.
    """
    envs, shown = side_by_side(world, spec.num_envs), Shown.of(spec, demos, world.max_steps)
    return train_by_trial(
        envs,
        _initial_state(spec, form, envs, policy, demos.spaces, demos.transitions(), key),
        Partial(_collect, form, envs),
        Partial(_improve, spec, form, world.max_steps, shown),
        Partial(_finish, spec, form, shown),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs,
        info_names=names_of(RewardedInfo),
    )


@eqx.filter_jit
def _initial_state(
    spec: SoftImitationSpec,
    form: Form,
    envs: CompiledEnvs | HostEnvs,
    policy: Build[Policy],
    spaces: Spaces,
    transitions: Transitions,
    key: PRNGKeyArray,
) -> _State:
    policy_key, env_key, core_key = jax.random.split(key, 3)
    built = policy(spaces, key=policy_key).fitted(transitions)
    refuse(f"match.{spec.kind}", spec.policy_faults(built, {}))
    trials: Trials = envs.reset(key=env_key)
    core = form.core(spec, trials, built, key=core_key)
    return _State(core, trials.log.length, Absorbed.empty(core.buffer.capacity))


def _collect(
    form: Form, envs: CompiledEnvs | HostEnvs, state: _State, *, key: Key[Array, "*seeds"]
) -> tuple[_State, Rollout]:
    core, ages = state.core, state.core.trials.log.length
    trials, rollout = envs.collect(form.policy(core), Sampling(), core.trials, num_steps=1, key=key)
    return state._replace(core=core._replace(trials=trials), ages=ages), rollout


@eqx.filter_jit
def _improve(
    spec: SoftImitationSpec,
    form: Form,
    max_steps: int,
    shown: Shown,
    state: _State,
    rollout: Rollout,
    *,
    key: PRNGKeyArray,
) -> tuple[_State, RewardedInfo]:
    core = state.core
    obs, actions, outcome = jax.tree.map(lambda rows: rows[0], (rollout.obs, rollout.actions, rollout.outcome))
    now = form.policy(core)
    told = {"noise_scale": noise_scale(now, obs, actions), "departure": departure(now, core.start, obs)}
    absorbed = state.absorbed.add(core.buffer.count, steps_left(state.ages, outcome.terminated, max_steps))
    core = core._replace(buffer=core.buffer.add(unrewarded(obs, _taken(now, actions), outcome)))
    ended_value = absorbing_value(shown.absorbing(absorbed, core.buffer.count), spec.discount)
    core, loss, value_loss = form.learn(spec, shown, ended_value, core, key=key)
    state = _State(core, state.ages, absorbed)
    explained = earned(_reward_of(spec, form, shown, state), rollout, spec.discount)
    info = ReinforcementInfo.of(core.trials.log, loss=loss, value_loss=value_loss, **told)
    return state, RewardedInfo(info, jnp.mean(explained))


def _taken(policy: Policy, actions: Array) -> Array:
    """What the environment executes of actions."""
    return jnp.clip(actions, *bounds_of(policy)) if isinstance(policy.spaces.action, Box) else actions


def _reward_of(spec: SoftImitationSpec, form: Form, shown: Shown, state: _State) -> Reward:
    return form.reward(spec, state.core, shown.absorbing(state.absorbed, state.core.buffer.count))


def _finish(spec: SoftImitationSpec, form: Form, shown: Shown, state: _State) -> Imitation:
    return Imitation(form.kept(state.core), _reward_of(spec, form, shown, state))

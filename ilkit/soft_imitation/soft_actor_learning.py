"""Imitation by soft actor-critic from demonstrated steps and one's own: the training run."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.reward import Imitation
from ilkit.data.spaces import Spaces
from ilkit.data.training import Training, names_of
from ilkit.data.windows import Transitions
from ilkit.errors import refuse
from ilkit.matching.info import MatchingInfo
from ilkit.off_policy.actions import bounds_of
from ilkit.off_policy.learning import initial_state, learn
from ilkit.off_policy.soft_actor import SOFT_RULES, policy_of, soft_targets
from ilkit.off_policy.updates import Batch, Learner, State
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.reinforcement.departure import departure
from ilkit.reinforcement.learnt_reward import earned
from ilkit.soft_imitation.absorbed import Absorbed, absorbing_value, steps_left
from ilkit.soft_imitation.shown import Shown, unrewarded
from ilkit.soft_imitation.soft_rewards import SoftCriticReward
from ilkit.soft_imitation.spec import SoftImitationSpec
from ilkit.stepping.behavior import Sampling, noise_scale
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.records import Rollout
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class _State(NamedTuple):
    core: State
    ages: Int[Array, " envs"]
    """How many steps the running episode of each environment had when the last step was taken."""
    absorbed: Absorbed


def match_by_critics(
    spec: SoftImitationSpec,
    policy: Build[Policy],
    world: Environment | HostEnvironment,
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """The training run of an actor that climbs its critics.

    **Raises:** `DataError` where the policy can't be such an actor.
    """
    envs, shown = side_by_side(world, spec.num_envs), Shown.of(spec, demos, world.max_steps)
    return train_by_trial(
        envs,
        _initial_state(spec, envs, policy, demos.spaces, demos.transitions(), key),
        Partial(_collect, envs),
        Partial(_improve, spec, world.max_steps, shown),
        Partial(_finish, spec, shown),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs,
        info_names=names_of(MatchingInfo),
    )


@eqx.filter_jit
def _initial_state(
    spec: SoftImitationSpec,
    envs: CompiledEnvs | HostEnvs,
    policy: Build[Policy],
    spaces: Spaces,
    transitions: Transitions,
    key: PRNGKeyArray,
) -> _State:
    policy_key, critic_key, env_key = jax.random.split(key, 3)
    start = policy(spaces, key=policy_key).fitted(transitions)
    refuse("match.sqil", spec.policy_faults(start, {}))
    trials = envs.reset(key=env_key)
    core = initial_state(spec, SOFT_RULES, trials, Sampling(), start, key=critic_key)
    return _State(core, trials.log.length, Absorbed.empty(core.buffer.capacity))


def _collect(envs: CompiledEnvs | HostEnvs, state: _State, *, key: Key[Array, "*seeds"]) -> tuple[_State, Rollout]:
    core, ages = state.core, state.core.trials.log.length
    trials, rollout = envs.collect(policy_of(core), core.behavior, core.trials, num_steps=1, key=key)
    return state._replace(core=core._replace(trials=trials), ages=ages), rollout


@eqx.filter_jit
def _improve(
    spec: SoftImitationSpec, max_steps: int, shown: Shown, state: _State, rollout: Rollout, *, key: PRNGKeyArray
) -> tuple[_State, MatchingInfo]:
    core = state.core
    obs, actions, outcome = jax.tree.map(lambda rows: rows[0], (rollout.obs, rollout.actions, rollout.outcome))
    now = policy_of(core)
    told = {"noise_scale": noise_scale(now, obs, actions), "departure": departure(now, core.start, obs)}
    absorbed = state.absorbed.add(core.buffer.count, steps_left(state.ages, outcome.terminated, max_steps))
    taken = jnp.clip(actions, *bounds_of(core.fixed))
    core = core._replace(buffer=core.buffer.add(unrewarded(obs, taken, outcome)))
    ended_value = absorbing_value(shown.absorbing(absorbed, core.buffer.count), spec.discount)
    rules = SOFT_RULES._replace(targets=Partial(_targets, ended_value))
    core, loss, value_loss = learn(rules, spec, shown.steps, core, key=key)
    state = _State(core, state.ages, absorbed)
    explained, log = earned(_reward_of(spec, shown, state), rollout, spec.discount), core.trials.log
    return state, MatchingInfo(
        episodes=log.total_episodes,
        learnt_reward=jnp.mean(explained),
        loss=loss,
        return_=log.mean_return,
        value_loss=value_loss,
        **told,
    )


def _targets(
    ended_value: Float[Array, ""], spec: SoftImitationSpec, state: State, learner: Learner, batches: Batch
) -> Float[Array, "updates batch"]:
    """The soft targets, with what the absorbing state is worth where a step terminated."""
    return soft_targets(spec, state, learner, batches) + spec.discount * batches.steps.terminated * ended_value


def _reward_of(spec: SoftImitationSpec, shown: Shown, state: _State) -> SoftCriticReward:
    core = state.core
    return SoftCriticReward(
        policy=policy_of(core),
        critics=core.learner.networks.critics,
        scale=core.learner.scale,
        temperature=jnp.exp(core.learner.networks.actor.log_temperature),
        discount=jnp.asarray(spec.discount, jnp.float32),
        absorbed=shown.absorbing(state.absorbed, core.buffer.count),
        spaces=core.fixed.spaces,
        reads_action=True,
    )


def _finish(spec: SoftImitationSpec, shown: Shown, state: _State) -> Imitation:
    return Imitation(policy_of(state.core), _reward_of(spec, shown, state))

"""Imitation by soft Q-learning from demonstrated steps and one's own: the training run."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.experience import Experience
from ilkit.data.policy import Policy
from ilkit.data.reward import Imitation
from ilkit.data.training import Training, names_of
from ilkit.data.windows import Transitions
from ilkit.errors import refuse
from ilkit.fitting.gradient import partition
from ilkit.matching.info import MatchingInfo
from ilkit.off_policy.demonstrated_replay import draw_mixed
from ilkit.off_policy.replay import ReplayBuffer
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.reinforcement.departure import departure
from ilkit.reinforcement.learnt_reward import earned
from ilkit.soft_imitation.absorbed import Absorbed, absorbing_value, steps_left
from ilkit.soft_imitation.shown import Shown, unrewarded
from ilkit.soft_imitation.soft_q import QLearner, SoftQ, optimizer_of, update, with_values
from ilkit.soft_imitation.soft_rewards import SoftQReward
from ilkit.soft_imitation.spec import SoftImitationSpec
from ilkit.stepping.behavior import Sampling, noise_scale
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.records import Rollout, Trials
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class _State(NamedTuple):
    learner: QLearner
    fixed: Any
    start: Policy
    trials: Trials
    ages: Int[Array, " envs"]
    """How many steps the running episode of each environment had when the last step was taken."""
    buffer: ReplayBuffer
    absorbed: Absorbed


def match_by_values(
    spec: SoftImitationSpec,
    policy: Build[Policy],
    world: Environment | HostEnvironment,
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """The training run of a policy whose logits are its values.

    **Raises:** `DataError` where the policy is no such one.
    """
    envs = side_by_side(world, spec.num_envs)
    shown = Shown.of(spec, demos, world.max_steps)
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
    spaces: Any,
    transitions: Transitions,
    key: PRNGKeyArray,
) -> _State:
    policy_key, env_key = jax.random.split(key)
    built: Any = policy(spaces, key=policy_key).fitted(transitions)
    refuse("match.sqil", spec.policy_faults(built, {}))
    start = with_values(built, _soft_q(spec))
    trained, fixed = partition(start)
    trials, capacity = envs.reset(key=env_key), min(spec.buffer_size, spec.num_steps * spec.num_envs)
    moments = _optimizer(spec).init(trained)
    buffer, absorbed = ReplayBuffer.empty(capacity, spaces), Absorbed.empty(capacity)
    return _State(QLearner(trained, trained, moments), fixed, start, trials, trials.log.length, buffer, absorbed)


def _soft_q(spec: SoftImitationSpec) -> SoftQ:
    return SoftQ.of(spec.entropy_weight, spec.discount)


def _optimizer(spec: SoftImitationSpec) -> optax.GradientTransformation:
    return optimizer_of(spec.critic_learning_rate, spec.num_steps * _updates(spec))


def _updates(spec: SoftImitationSpec) -> int:
    """Of the values in a step."""
    return spec.num_envs * spec.updates_per_env_step


def _policy_of(state: _State) -> Any:
    return eqx.combine(state.learner.trained, state.fixed)


def _kept(state: _State) -> Any:
    """The slow copy, an average of the last policies, which doesn't swing with single updates."""
    return eqx.combine(state.learner.slow, state.fixed)


def _collect(envs: CompiledEnvs | HostEnvs, state: _State, *, key: Key[Array, "*seeds"]) -> tuple[_State, Rollout]:
    ages = state.trials.log.length
    trials, rollout = envs.collect(_policy_of(state), Sampling(), state.trials, num_steps=1, key=key)
    return state._replace(trials=trials, ages=ages), rollout


@eqx.filter_jit
def _improve(
    spec: SoftImitationSpec,
    max_steps: int,
    shown: Shown,
    state: _State,
    rollout: Rollout,
    *,
    key: PRNGKeyArray,
) -> tuple[_State, MatchingInfo]:
    obs, actions, outcome = jax.tree.map(lambda rows: rows[0], (rollout.obs, rollout.actions, rollout.outcome))
    now = _policy_of(state)
    told = {"noise_scale": noise_scale(now, obs, actions), "departure": departure(now, state.start, obs)}
    left = steps_left(state.ages, outcome.terminated, max_steps)
    absorbed = state.absorbed.add(state.buffer.count, left)
    state = state._replace(buffer=state.buffer.add(unrewarded(obs, actions, outcome)), absorbed=absorbed)
    state, loss = _learn(spec, shown, state, key)
    explained = earned(_reward_of(spec, shown, state), rollout, spec.discount)
    log = state.trials.log
    return state, MatchingInfo(
        episodes=log.total_episodes,
        learnt_reward=jnp.mean(explained),
        loss=loss,
        return_=log.mean_return,
        value_loss=loss,
        **told,
    )


def _learn(spec: SoftImitationSpec, shown: Shown, state: _State, key: PRNGKeyArray) -> tuple[_State, Float[Array, ""]]:
    shape = (_updates(spec), spec.batch_size)
    batches, _ = draw_mixed(state.buffer, shown.steps, shape, spec.demo_batch_size, key=key)
    absorbing = shown.absorbing(state.absorbed, state.buffer.count)
    ended_value = absorbing_value(absorbing, spec.discount)

    def step(learner: QLearner, batch: Experience) -> tuple[QLearner, Float[Array, ""]]:
        return update(
            _soft_q(spec),
            learner,
            state.fixed,
            batch,
            ended_value,
            _optimizer(spec),
            discount=spec.discount,
            target_rate=spec.target_rate,
        )

    learner, errors = jax.lax.scan(step, state.learner, batches)
    return state._replace(learner=learner), jnp.mean(errors)


def _reward_of(spec: SoftImitationSpec, shown: Shown, state: _State) -> SoftQReward:
    policy = _kept(state)
    return SoftQReward(
        policy=policy,
        soft_q=_soft_q(spec),
        discount=jnp.asarray(spec.discount, jnp.float32),
        absorbed=shown.absorbing(state.absorbed, state.buffer.count),
        spaces=policy.spaces,
        reads_action=True,
    )


def _finish(spec: SoftImitationSpec, shown: Shown, state: _State) -> Imitation:
    return Imitation(_kept(state), _reward_of(spec, shown, state))

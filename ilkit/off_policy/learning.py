"""Learning from replayed steps: what the kinds that have critics Q_i(s, a) and a replay buffer share.

A step acts once in every environment, puts what happened into the buffer and updates from batches of it, of which
demonstrations may be a share. At first only the critics learn: those that know nothing yet would lead the clone astray.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.experience import Experience
from ilkit.data.policy import Policy
from ilkit.data.reward import Reward
from ilkit.data.spaces import check_spaces
from ilkit.data.training import Training, names_of
from ilkit.errors import DataError, refuse
from ilkit.fitting.gradient import partition
from ilkit.off_policy.actions import bounds_of
from ilkit.off_policy.critics import build_critics, draw_subsets
from ilkit.off_policy.demonstrated_replay import DemonstratedReplay, draw_mixed
from ilkit.off_policy.replay import ReplayBuffer
from ilkit.off_policy.spec import OffPolicySpec, ReplaySpec
from ilkit.off_policy.updates import Batch, Learner, Networks, Rules, State, optimizers_of, run_round
from ilkit.reinforcement.anchor import anchor_of
from ilkit.reinforcement.by_trial import train_by_reward
from ilkit.reinforcement.demonstrated import check_demonstrated
from ilkit.reinforcement.departure import departure
from ilkit.reinforcement.info import ReinforcementInfo
from ilkit.reinforcement.learnt_reward import check_learnt
from ilkit.reinforcement.value_scale import ValueScale
from ilkit.stepping.behavior import Acting, Behavior, noise_scale
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.records import Rollout, Trials
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


def reinforce(
    spec: ReplaySpec,
    rules: Rules,
    world: Environment | HostEnvironment,
    behavior: Behavior,
    cloned: Policy,
    demos: Demonstrations | None = None,
    reward: Reward | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """The training run of a kind from a clone, by the environment's reward or by one that was learnt.

    **Raises:** `DataError` where the clone or the reward doesn't fit the environment, actions are discrete, the clone
    has a memory or the kind refuses it, and where the spec wants demonstrations and there are none to learn from.
    """
    check_spaces(world.spaces, cloned.spaces)
    check_learnt(reward, world.spaces, spec)
    refuse(f"finetune.{spec.kind}", (*spec.faults(world), *spec.policy_faults(cloned, {})))
    envs, shown = side_by_side(world, spec.num_envs), demonstrated(spec, cloned, demos)
    critic_key, env_key = jax.random.split(key)
    return train_by_reward(
        reward,
        spec.discount,
        envs,
        initial_state(spec, rules, envs.reset(key=env_key), behavior, cloned, key=critic_key),
        Partial(_collect, rules, envs),
        Partial(_improve, rules, spec, shown),
        rules.policy,
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs,
        info_names=names_of(ReinforcementInfo),
    )


@eqx.filter_jit
def initial_state(
    spec: ReplaySpec, rules: Rules, trials: Trials, behavior: Acting, cloned: Policy, *, key: PRNGKeyArray
) -> State:
    """Critics that say nothing, an actor as the clone is, and an empty buffer."""
    trained, fixed = partition(cloned)
    actor, optimizers = rules.actor(spec, trained), optimizers_of(spec)
    critics = build_critics(cloned, spec.num_critics, spec.critic_hidden, layer_norm=spec.layer_norm, key=key)
    networks = Networks(actor, critics)
    slow = networks if rules.slow_actor else networks._replace(actor=())
    moments = Networks(optimizers.actor.init(actor), optimizers.critics.init(critics))
    return State(
        learner=Learner(networks, slow, moments, ValueScale.empty()),
        fixed=fixed,
        behavior=behavior,
        anchor=anchor_of(cloned, spec.clone_weight) if isinstance(spec, OffPolicySpec) else None,
        trials=trials,
        buffer=ReplayBuffer.empty(min(spec.buffer_size, spec.num_steps * spec.num_envs), cloned.spaces),
        step=jnp.zeros((), jnp.int32),
        start=cloned,
    )


def _collect(
    rules: Rules, envs: CompiledEnvs | HostEnvs, state: State, *, key: Key[Array, "*seeds"]
) -> tuple[State, Rollout]:
    trials, rollout = envs.collect(rules.policy(state), state.behavior, state.trials, num_steps=1, key=key)
    return state._replace(trials=trials), rollout


@eqx.filter_jit
def _improve(
    rules: Rules,
    spec: ReplaySpec,
    shown: DemonstratedReplay | None,
    state: State,
    rollout: Rollout,
    *,
    key: PRNGKeyArray,
) -> tuple[State, ReinforcementInfo]:
    obs, actions, outcome = jax.tree.map(lambda rows: rows[0], (rollout.obs, rollout.actions, rollout.outcome))
    now = rules.policy(state)
    told = {"noise_scale": noise_scale(now, obs, actions), "departure": departure(now, state.start, obs)}
    taken = jnp.clip(actions, *bounds_of(state.fixed))
    added = Experience(obs, taken, outcome.rewards, outcome.next_obs, outcome.terminated.astype(jnp.float32))
    state = state._replace(buffer=state.buffer.add(added))
    state, loss, value_loss = learn(rules, spec, shown, state, key=key)
    return state, ReinforcementInfo.of(state.trials.log, loss=loss, value_loss=value_loss, **told)


def learn(
    rules: Rules, spec: ReplaySpec, shown: DemonstratedReplay | None, state: State, *, key: PRNGKeyArray
) -> tuple[State, Float[Array, ""], Float[Array, ""]]:
    """Updates from the buffer, as many as belong to a step; with what is told of the actor and of the critics."""
    draw_key, noise_key = jax.random.split(key)
    drawn = _draw(rules, spec, shown, state, draw_key, noise_key)
    learner, losses = jax.lax.scan(partial(run_round, rules, spec, state), state.learner, drawn)
    loss, value_loss = (jnp.mean(each) for each in losses)
    return state._replace(learner=learner, step=state.step + 1), loss, value_loss


def _draw(
    rules: Rules,
    spec: ReplaySpec,
    shown: DemonstratedReplay | None,
    state: State,
    draw_key: PRNGKeyArray,
    noise_key: PRNGKeyArray,
) -> tuple[Batch, PyTree]:
    """The batches of all rounds, and random numbers for the actor."""
    actor_key, subset_key = jax.random.split(jax.random.fold_in(noise_key, 1))
    updates = (spec.rounds, spec.updates_per_round)
    shape = (*updates, spec.batch_size)
    steps, returns = draw_mixed(state.buffer, shown, shape, spec.demo_batch_size, key=draw_key)
    noise = rules.noise(spec, state, shape, key=noise_key)
    subsets = draw_subsets(spec.num_critics, spec.num_target_critics, updates, key=subset_key)
    batches = Batch(steps, noise, subsets, returns)
    return batches, rules.actor_noise(spec, state, (spec.rounds, spec.batch_size), key=actor_key)


def demonstrated(spec: ReplaySpec, cloned: Policy, demos: Demonstrations | None) -> DemonstratedReplay | None:
    """The demonstrations to draw from, where batches have any."""
    if not spec.demo_batch_size:
        return None
    if demos is None:
        raise DataError(f"finetune.{spec.kind}.{spec.input_faults(())[0]}")
    check_demonstrated(demos, cloned, spec.kind)
    return DemonstratedReplay.of(demos, spec.discount)

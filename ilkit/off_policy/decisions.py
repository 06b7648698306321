"""Learning from decisions, of which each is acted by for one step or, where a policy decides a chunk, for several.

A decision is a row of the replay buffer: what was observed when it was taken, what was chosen, the sum of the rewards
until the next one and what was observed then; the discount is that of a decision.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray, PyTree

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.experience import Experience
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces, check_spaces, zeros
from ilkit.data.training import Training, names_of
from ilkit.errors import refuse
from ilkit.off_policy.demonstrated_replay import DemonstratedReplay
from ilkit.off_policy.learning import demonstrated, initial_state, learn
from ilkit.off_policy.spec import ReplaySpec
from ilkit.off_policy.updates import Rules, State
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.reinforcement.departure import departure
from ilkit.reinforcement.info import ReinforcementInfo
from ilkit.stepping.behavior import Acting, noise_scale
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.memory import first_carries
from ilkit.stepping.records import Outcome, Rollout
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class Decision(NamedTuple):
    """What an acting policy hands on as its context."""

    chosen: Float[Array, "*batch entries"]
    """What is learnt about: actions, or what leads to them."""
    carry: PyTree
    """What the policy remembers, once it has acted."""


class Deciding(Acting):
    """Acting by decisions, whose carry is kept: what a policy remembers is what it has decided."""

    def remembered(self, policy: Policy, obs: PyTree, carry: PyTree, context: Decision) -> PyTree:
        """The carry of the decision."""
        return context.carry


class _Pending(NamedTuple):
    """The decision that each environment is acting by."""

    obs: PyTree
    chosen: Float[Array, "envs entries"]
    rewards: Float[Array, " envs"]
    age: Int[Array, " envs"]
    """The steps that were taken by it."""


class _State(NamedTuple):
    core: State
    pending: _Pending


def reinforce_decisions(
    spec: ReplaySpec,
    rules: Rules,
    world: Environment | HostEnvironment,
    acting: Deciding,
    cloned: Policy,
    judged: Policy,
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """The training run of a kind that decides as often as the clone does.

    Critics judge the actions of `judged`: what is chosen, in whatever space.

    **Raises:** `DataError` where the clone doesn't fit the environment, or the kind refuses the demonstrations.
    """
    check_spaces(world.spaces, cloned.spaces)
    refuse(f"finetune.{spec.kind}", tuple(spec.faults(world)))
    envs, shown, steps = side_by_side(world, spec.num_envs), demonstrated(spec, judged, demos), cloned.decision_steps
    return train_by_trial(
        envs,
        _initial_state(spec, rules, envs, acting, judged, key),
        Partial(_collect, rules, envs),
        Partial(_improve, rules, spec, shown),
        Partial(_finish, rules),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs * steps,
        info_names=names_of(ReinforcementInfo),
    )


def decision_spaces(policy: Policy) -> Spaces:
    """The spaces of a policy with all the actions that it decides at once as one vector."""
    space, count = policy.spaces.action, policy.decision_steps
    if count == 1:
        return policy.spaces
    assert isinstance(space, Box)
    low, high = (tuple(np.tile(end, count).tolist()) for end in space.bounds)
    chunk = Box(shape=(count * space.size,), low=low, high=high, dtype=space.dtype)
    return Spaces(observation=policy.spaces.observation, action=chunk)


def memory_faults(policy: Policy) -> tuple[str, ...]:
    """What keeps a policy from deciding by the present observation alone; the rest of a chunk it may remember."""
    past, _ = policy.window
    if not past and (policy.decision_steps > 1 or not jax.tree.leaves(policy.initial_carry())):
        return ()
    return (
        f"policy: must decide by the present observation alone, and {type(policy).__name__} remembers earlier ones. "
        "Choose a network.kind without memory, and of chunks those that are not averaged.",
    )


@eqx.filter_jit
def _initial_state(
    spec: ReplaySpec,
    rules: Rules,
    envs: CompiledEnvs | HostEnvs,
    acting: Deciding,
    judged: Policy,
    key: PRNGKeyArray,
) -> _State:
    critic_key, env_key = jax.random.split(key)
    core = initial_state(spec, rules, envs.reset(key=env_key), acting, judged, key=critic_key)
    first = rules.policy(core)
    carry = first_carries(first, spec.num_envs)
    shape, number = (spec.num_envs, judged.spaces.action.size), jnp.zeros(spec.num_envs)
    obs = jax.tree.map(jnp.asarray, zeros(judged.spaces.observation, spec.num_envs))
    pending = _Pending(obs, jnp.zeros(shape), number, jnp.zeros(spec.num_envs, jnp.int32))
    return _State(core._replace(trials=core.trials._replace(carry=carry), start=first), pending)


def _finish(rules: Rules, state: _State) -> Policy:
    return rules.policy(state.core)


def _collect(
    rules: Rules, envs: CompiledEnvs | HostEnvs, state: _State, *, key: Key[Array, "*seeds"]
) -> tuple[_State, Rollout]:
    core, now = state.core, rules.policy(state.core)
    trials, rollout = envs.collect(now, core.behavior, core.trials, num_steps=now.decision_steps, key=key)
    return state._replace(core=core._replace(trials=trials)), rollout


@eqx.filter_jit
def _improve(
    rules: Rules,
    spec: ReplaySpec,
    shown: DemonstratedReplay | None,
    state: _State,
    rollout: Rollout,
    *,
    key: PRNGKeyArray,
) -> tuple[_State, ReinforcementInfo]:
    obs, actions = jax.tree.map(lambda rows: rows[0], (rollout.obs, rollout.actions))
    now, carry = rules.policy(state.core), rollout.carry
    told = {
        "noise_scale": noise_scale(now, obs, actions, carry),
        "departure": departure(now, state.core.start, obs, carry, carry),
    }
    pending, rows, complete = _completed(state.pending, rollout)
    core = state.core._replace(buffer=state.core.buffer.add(rows, complete))
    core, loss, value_loss = learn(rules, spec, shown, core, key=key)
    return _State(core, pending), ReinforcementInfo.of(core.trials.log, loss=loss, value_loss=value_loss, **told)


def _completed(pending: _Pending, rollout: Rollout) -> tuple[_Pending, Experience, Bool[Array, " rows"]]:
    """The decisions under way after a rollout, and a row for each of its steps, with whether it completed one."""
    num_steps = len(rollout.actions)

    def step(before: _Pending, given: tuple[PyTree, Array, Outcome]) -> tuple[_Pending, tuple[Experience, Array]]:
        obs, chosen, outcome = given
        begins = before.age == 0
        taken = _Pending(
            jax.tree.map(lambda now, then: _where(begins, now, then), obs, before.obs),
            _where(begins, chosen, before.chosen),
            jnp.where(begins, 0.0, before.rewards) + outcome.rewards,
            before.age + 1,
        )
        complete = outcome.terminated | outcome.truncated | (taken.age == num_steps)
        terminated = outcome.terminated.astype(jnp.float32)
        row = Experience(taken.obs, taken.chosen, taken.rewards, outcome.next_obs, terminated)
        return taken._replace(age=jnp.where(complete, 0, taken.age)), (row, complete)

    pending, rows = jax.lax.scan(step, pending, (rollout.obs, rollout.context.chosen, rollout.outcome))
    flat: tuple[Experience, Array] = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), rows)
    return pending, *flat


def _where(mask: Bool[Array, " envs"], one: Array, other: Array) -> Array:
    return jnp.where(mask.reshape(-1, *[1] * (one.ndim - 1)), one, other)

"""Deep exploration by value functions that disagree where little is known (Osband et al., 2016, 2018).

K heads learn from one replay buffer, each from what it makes of the next state itself,

    Q_k ← argmin E[(r + γ (1 - terminated) max_b Q'_k(s', b) - Q_k(s, a))²],    Q_k = f_k + β p_k,

with copies Q'_k of a while ago and random networks p_k that are never trained. Each episode is played by one head, from
its start to its end: an idea is pursued for a whole episode, and what comes of it reaches all heads. With one head, no
prior and random actions at some rate it is DQN (Mnih et al., 2015), which explores by dithering.
"""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.experience import Experience
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Dict, Discrete, Spaces, check_spaces
from ilkit.data.training import Training, names_of
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import refuse
from ilkit.fitting.gradient import descend
from ilkit.nn.perceptron import Layers, build_layers
from ilkit.nn.voting_policy import VotingPolicy, outputs_of
from ilkit.off_policy.replay import ReplayBuffer
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.reinforcement.departure import departure
from ilkit.reinforcement.info import ReinforcementInfo
from ilkit.reinforcement.novelty import Novelty
from ilkit.reinforcement.playing import Playing
from ilkit.spec import Spec
from ilkit.stepping.behavior import Behavior, memory_faults, noise_scale
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.records import Outcome, Rollout, Trials
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side

Fraction = Annotated[float, Field(ge=0, le=1)]


class BootstrappedDQN(Spec):
    """Q-learning by an ensemble, one head of which plays each episode, for discrete actions (Osband et al., 2016)."""

    kind: Literal["bootstrapped_dqn"] = "bootstrapped_dqn"
    num_heads: PositiveInt = 20
    """K: value functions."""
    prior_scale: NonNegativeFloat = 5.0
    """β: how much of a random network each value function holds for good, in units of returns."""
    exploration_rate: Fraction = 0.0
    """ε: the probability of a uniformly random action in place of the head's."""
    novelty_weight: NonNegativeFloat | None = None
    """What is added to a reward for a state as new as is usual, by random network distillation; none by default."""
    novelty_learning_rate: PositiveFloat = 1e-4
    """The step size of Adam for the network that tells what is new."""
    clone_weight: NonNegativeFloat | None = None
    """What the clone's log-probabilities add to every value function, in units of returns; none by default: of the
    clone, only its normalizer is then used."""
    critic_learning_rate: PositiveFloat = 1e-3
    """The step size of Adam."""
    critic_hidden: tuple[PositiveInt, ...] = (50, 50)
    """The width of each hidden layer of a head and of its prior."""
    discount: Fraction = 0.99
    """γ: what a reward one step later is worth."""
    target_period: PositiveInt = 4
    """Updates after which the copies that targets are computed with are replaced."""
    batch_size: PositiveInt = 128
    """Steps drawn from the buffer for one update of all heads; there is none before the buffer holds as many."""
    buffer_size: PositiveInt = 10_000
    """Steps that the buffer holds."""
    num_envs: PositiveInt = 1
    """Environments stepped side by side, each by a head of its own."""
    updates_per_env_step: PositiveInt = 1
    """Updates for one step of one environment."""
    num_steps: PositiveInt = 10_000
    """Steps of every environment."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""
    num_snapshots: NonNegativeInt = 0
    """Policies kept along training, at its start and between equal parts of it; `evaluate` draws their returns."""

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy whose actions aren't one choice, or that remembers something."""
        del parts
        if not isinstance(policy.spaces.action, Discrete):
            return (
                f"kind: needs one choice among discrete actions, got a {policy.spaces.action.kind} space. Choose ppo, "
                "td3 or sac.",
            )
        if self.clone_weight is None:
            return ()
        if not policy.has_density:
            return ("clone_weight: must be none where the policy has no log_prob. Choose policy.kind categorical.",)
        return memory_faults(policy)

    def idle(self) -> dict[str, str]:
        """How fast what is new grows old where it is worth nothing."""
        return {} if self.novelty_weight is not None else {"novelty_learning_rate": "there is a novelty_weight"}

    @model_validator(mode="after")
    def _check_counts(self) -> "BootstrappedDQN":
        if self.batch_size > (held := min(self.buffer_size, self.num_steps * self.num_envs)):
            raise ValueError(
                f"batch_size must be at most the steps that the buffer comes to hold, {held}, else nothing "
                f"is learnt; got {self.batch_size}"
            )
        return self


class _Learner(NamedTuple):
    heads: Layers
    slow: Layers
    """The heads of a while ago, that targets are computed with."""
    moments: optax.OptState
    updates: Int[Array, ""]
    novelty: Novelty | None


class _State(NamedTuple):
    learner: _Learner
    policy: VotingPolicy
    """The policy whose heads are those of the start."""
    behavior: Behavior
    heads: Int[Array, " envs"]
    """The number of the head that plays each environment."""
    trials: Trials
    buffer: ReplayBuffer
    """Steps whose observations are what networks make of them: inputs of the heads, and values that are fixed."""


def finetune(
    spec: BootstrappedDQN,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Learns values by trials, with or without what the clone knows.

    **Raises:** `DataError` where actions aren't discrete, or the clone doesn't fit the environment or has a memory.
    """
    del uncertainty, demos
    world = env()
    check_spaces(world.spaces, cloned.spaces)
    refuse("finetune.bootstrapped_dqn", spec.policy_faults(cloned, {}))
    envs = side_by_side(world, spec.num_envs)
    return train_by_trial(
        envs,
        _initial_state(spec, envs, exploration(cloned.spaces), cloned, key),
        Partial(_collect, spec, envs),
        Partial(_improve, spec),
        Partial(_finish),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs,
        info_names=names_of(ReinforcementInfo),
    )


@eqx.filter_jit
def _initial_state(
    spec: BootstrappedDQN, envs: CompiledEnvs | HostEnvs, behavior: Behavior, cloned: Policy, key: PRNGKeyArray
) -> _State:
    heads_key, priors_key, playing_key, novelty_key, env_key = jax.random.split(key, 5)
    spaces = cloned.spaces
    sizes = (spaces.observation.size, *spec.critic_hidden, spaces.action.size)
    heads, priors = (
        jax.vmap(lambda key: build_layers(sizes, "relu", key=key))(jax.random.split(key, spec.num_heads))
        for key in (heads_key, priors_key)
    )
    policy = VotingPolicy(
        heads=heads,
        priors=priors,
        prior_scale=jnp.asarray(spec.prior_scale, jnp.float32),
        clone=None if spec.clone_weight is None else cloned,
        clone_weight=jnp.asarray(spec.clone_weight or 0.0, jnp.float32),
        normalizer=cloned.normalizer,
        spaces=spaces,
    )
    wanted = spec.novelty_weight is not None
    novelty = Novelty.empty(spaces.observation.size, spec.num_envs, key=novelty_key) if wanted else None
    return _State(
        learner=_Learner(heads, heads, _optimizer(spec).init(heads), jnp.zeros((), jnp.int32), novelty),
        policy=policy,
        behavior=behavior,
        heads=jax.random.randint(playing_key, (spec.num_envs,), 0, spec.num_heads),
        trials=envs.reset(key=env_key),
        buffer=ReplayBuffer.empty(min(spec.buffer_size, spec.num_steps * spec.num_envs), _seen_spaces(spec, spaces)),
    )


def _seen_spaces(spec: BootstrappedDQN, spaces: Spaces) -> Spaces:
    inputs, fixed = spaces.observation.size, spec.num_heads * spaces.action.size
    entries = tuple((name, Box.symmetric((np.inf,) * size)) for name, size in (("fixed", fixed), ("inputs", inputs)))
    return Spaces(observation=Dict(entries=entries), action=spaces.action)


def _finish(state: _State) -> Policy:
    return eqx.tree_at(lambda policy: policy.heads, state.policy, state.learner.heads)


def _collect(
    spec: BootstrappedDQN, envs: CompiledEnvs | HostEnvs, state: _State, *, key: Key[Array, "*seeds"]
) -> tuple[_State, Rollout]:
    rate = jnp.broadcast_to(jnp.asarray(spec.exploration_rate, jnp.float32), key.shape)
    acting = Playing(state.behavior, state.heads, rate)
    trials, rollout = envs.collect(_finish(state), acting, state.trials, num_steps=1, key=key)
    return state._replace(trials=trials), rollout


@eqx.filter_jit
def _improve(
    spec: BootstrappedDQN, state: _State, rollout: Rollout, *, key: PRNGKeyArray
) -> tuple[_State, ReinforcementInfo]:
    draw_key, playing_key = jax.random.split(key)
    obs, actions, outcome = jax.tree.map(lambda rows: rows[0], (rollout.obs, rollout.actions, rollout.outcome))
    now = _finish(state)
    told = {"noise_scale": noise_scale(now, obs, actions), "departure": departure(now, state.policy, obs)}
    seen = _seen(state.policy, obs, actions, outcome)
    buffer, learner = state.buffer.add(seen), state.learner
    if learner.novelty is not None:
        learner = learner._replace(novelty=learner.novelty.visited(seen.next_obs["inputs"], spec.discount))
    drawn_heads = jax.random.randint(playing_key, state.heads.shape, 0, spec.num_heads)
    heads = jnp.where(outcome.terminated | outcome.truncated, drawn_heads, state.heads)
    shape = (spec.num_envs * spec.updates_per_env_step, spec.batch_size)
    learner, losses = jax.lax.cond(
        buffer.count >= spec.batch_size,
        partial(jax.lax.scan, partial(_update, spec)),
        lambda learner, _: (learner, jnp.zeros(shape[0])),
        learner,
        buffer.draw(shape, key=draw_key),
    )
    loss = jnp.mean(losses)
    info = ReinforcementInfo.of(state.trials.log, loss=loss, value_loss=loss, **told)
    return state._replace(learner=learner, buffer=buffer, heads=heads), info


def _seen(policy: VotingPolicy, obs: PyTree, actions: Array, outcome: Outcome) -> Experience:
    def seen(obs: PyTree) -> dict[str, Array]:
        return {"inputs": policy.inputs(obs), "fixed": policy.fixed(obs).reshape(-1)}

    before, after = jax.vmap(seen)(obs), jax.vmap(seen)(outcome.next_obs)
    places = actions - policy.action_at(jnp.zeros((), jnp.int32))
    return Experience(before, places, outcome.rewards, after, outcome.terminated.astype(jnp.float32))


def _update(spec: BootstrappedDQN, learner: _Learner, steps: Experience) -> tuple[_Learner, Float[Array, ""]]:
    """One step of Adam for all heads, each of which has its own error on the same steps."""

    def values(heads: Layers, seen: dict[str, Array]) -> Float[Array, "heads batch actions"]:
        outputs = outputs_of(heads, seen["inputs"])
        return outputs + jnp.moveaxis(seen["fixed"].reshape(-1, spec.num_heads, outputs.shape[-1]), 1, 0)

    following = jnp.max(values(learner.slow, steps.next_obs), axis=-1)
    rewards, novelty = steps.rewards, learner.novelty
    if novelty is not None and spec.novelty_weight is not None:
        rewards += spec.novelty_weight * novelty.bonus(steps.next_obs["inputs"])
        novelty = novelty.learnt(steps.next_obs["inputs"], spec.novelty_learning_rate)
    targets = rewards + spec.discount * (1.0 - steps.terminated) * following

    def loss(heads: Layers) -> Float[Array, ""]:
        valued = values(heads, steps.obs)
        chosen = jnp.sum(valued * jax.nn.one_hot(steps.actions, valued.shape[-1]), axis=-1)
        return jnp.sum(jnp.mean((chosen - targets) ** 2, axis=-1))

    error, gradient = jax.value_and_grad(loss)(learner.heads)
    heads, moments = descend(_optimizer(spec), gradient, learner.moments, learner.heads)
    updates = learner.updates + 1
    slow = jax.tree.map(lambda new, old: jnp.where(updates % spec.target_period == 0, new, old), heads, learner.slow)
    return _Learner(heads, slow, moments, updates, novelty), error / spec.num_heads


def _optimizer(spec: BootstrappedDQN) -> optax.GradientTransformation:
    return optax.flatten(optax.adam(spec.critic_learning_rate))

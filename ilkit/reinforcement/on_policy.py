"""Learning from rollouts of the present policy: its critic, its advantages, and what goes on between iterations."""

from typing import Annotated, NamedTuple

import equinox as eqx
import jax
import optax
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from ilkit.data.policy import Policy
from ilkit.fitting.gradient import partition
from ilkit.math.returns import generalized_advantages
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Layers, build_silent_layers
from ilkit.reinforcement.anchor import Anchor
from ilkit.reinforcement.departure import departure
from ilkit.reinforcement.steps import Steps, as_rows, carries_of, flat
from ilkit.reinforcement.value_scale import ValueScale, preserve_values
from ilkit.spec import Spec
from ilkit.stepping.behavior import Behavior
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.memory import first_carries
from ilkit.stepping.records import Rollout, Trials
from ilkit.stepping.side_by_side import CompiledEnvs


class OnPolicySpec(Spec):
    """The settings of learning from rollouts of the present policy, with a critic."""

    critic_learning_rate: PositiveFloat = 1e-3
    """The step size of Adam for the critic."""
    discount: Annotated[float, Field(ge=0, le=1)] = 0.99
    """γ: what a reward one step later is worth."""
    trace_decay: Annotated[float, Field(ge=0, le=1)] = 0.95
    """λ of the generalized advantage estimate: 0 trusts the critic, 1 the observed rewards."""
    max_gradient_norm: PositiveFloat = 0.5
    """The norm that a gradient is cut to."""
    num_envs: PositiveInt = 64
    """Environments stepped side by side."""
    rollout_length: PositiveInt = 64
    """Steps of every environment in an iteration."""
    num_epochs: PositiveInt = 8
    """Passes over the data of an iteration."""
    num_minibatches: PositiveInt = 8
    """Gradient steps a pass."""
    critic_hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer of the critic."""
    num_steps: PositiveInt = 100
    """Iterations, of num_envs times rollout_length steps of the environment each."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""

    @property
    def warmup_iterations(self) -> int:
        """Iterations at the start in which only the critic learns."""
        return 0

    @model_validator(mode="after")
    def _check_minibatches(self) -> "OnPolicySpec":
        if self.num_envs * self.rollout_length % self.num_minibatches:
            raise ValueError(
                "num_envs times rollout_length must be a multiple of num_minibatches, "
                f"got {self.num_envs} times {self.rollout_length} and {self.num_minibatches}"
            )
        return self


class Learner(NamedTuple):
    """What gradients change, or one thing for either of them."""

    policy: PyTree
    """The trained part of the policy."""
    critic: PyTree


class State(NamedTuple):
    """All that changes from one iteration to the next."""

    learner: Learner
    fixed: Policy
    """The part of the policy that isn't trained."""
    optimizer: Learner
    scale: ValueScale
    behavior: Behavior
    anchor: Anchor | None
    trials: Trials
    start: Policy
    """The policy that training started from."""


def begin(
    spec: OnPolicySpec, policy: Policy, behavior: Behavior, anchor: Anchor | None, trials: Trials, *, key: PRNGKeyArray
) -> State:
    """Draws a critic whose values are 0 everywhere; the policy stays as it is, and has no optimizer yet."""
    trained, fixed = partition(policy)
    critic = build_silent_layers((policy.spaces.observation.size, *spec.critic_hidden, 1), "tanh", key=key)
    trials = trials._replace(carry=first_carries(policy, len(trials.log.length)))
    return State(
        Learner(trained, critic),
        fixed,
        Learner((), clipped_adam(spec.critic_learning_rate, spec.max_gradient_norm).init(critic)),
        ValueScale.empty(),
        behavior,
        anchor,
        trials,
        policy,
    )


def policy_of(state: State) -> Policy:
    """The policy learnt so far."""
    policy: Policy = eqx.combine(state.learner.policy, state.fixed)
    return policy


def collect(
    spec: OnPolicySpec, envs: CompiledEnvs | HostEnvs, state: State, *, key: Key[Array, "*seeds"]
) -> tuple[State, Rollout]:
    """Steps the environments with the present policy."""
    trials, rollout = envs.collect(
        policy_of(state), state.behavior, state.trials, num_steps=spec.rollout_length, key=key
    )
    return state._replace(trials=trials), rollout


def departure_at_end(state: State, rollout: Rollout, carry: PyTree) -> Float[Array, ""]:
    """The departure at the last step of a rollout, which tells as much of it as all of them."""
    seen = (rollout.obs, carry, carries_of(state.start, rollout))
    return departure(policy_of(state), state.start, *jax.tree.map(lambda rows: rows[-1], seen))


def prepare(
    spec: OnPolicySpec, state: State, rollout: Rollout, carry: PyTree, *, key: PRNGKeyArray
) -> tuple[State, Steps]:
    """The steps of a rollout as rows; of a policy with a memory the environments, each with all of its steps."""
    policy, outcome = policy_of(state), rollout.outcome

    def values(obs: PyTree) -> Float[Array, "time envs"]:
        return state.scale.values(critic_outputs(state.learner.critic, policy, obs))

    now = values(rollout.obs)
    advantages = generalized_advantages(
        outcome.rewards,
        now,
        values(outcome.next_obs),
        outcome.terminated,
        outcome.truncated,
        discount=spec.discount,
        trace_decay=spec.trace_decay,
    )
    targets = advantages + now
    scale = state.scale.add(targets)
    learner = state.learner._replace(critic=preserve_values(state.learner.critic, state.scale, scale))
    steps = Steps(
        rollout.obs,
        rollout.actions,
        state.behavior.settle(rollout.context),
        *_densities(state, rollout, carry, key=key),
        advantages,
        scale.standardize(targets),
        outcome.terminated | outcome.truncated,
    )
    return state._replace(learner=learner, scale=scale), as_rows(steps, rollout.carry)


def _densities(
    state: State, rollout: Rollout, carry: PyTree, *, key: PRNGKeyArray
) -> tuple[Float[Array, "time envs"], Array | None]:
    """The log densities of the actions that were taken, and actions that the anchor would take, if there is one."""
    context = state.behavior.settle(rollout.context)
    obs, actions, context, carry = flat((rollout.obs, rollout.actions, context, carry))
    log_probs, typical = state.behavior.log_prob(policy_of(state), obs, actions, context, carry), None
    if state.anchor is not None:
        anchor = state.anchor.policy
        typical = state.behavior.typical(anchor, obs, flat(carries_of(anchor, rollout)), key=key)
    shape = rollout.outcome.rewards.shape
    return jax.tree.map(lambda rows: rows.reshape(*shape, *rows.shape[1:]), (log_probs, typical))


def critic_outputs(critic: Layers, policy: Policy, obs: PyTree) -> Float[Array, "*batch"]:
    """The standardized values of observations."""
    return critic(flatten(policy.spaces.observation, policy.normalizer(obs)))[..., 0]


def clipped_adam(
    learning_rate: float | Float[Array, ""], max_norm: float | Float[Array, ""]
) -> optax.GradientTransformation:
    """Adam on gradients that are cut to a norm."""
    return optax.flatten(optax.chain(optax.clip_by_global_norm(max_norm), optax.adam(learning_rate)))

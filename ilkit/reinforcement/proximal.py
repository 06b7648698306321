"""Proximal policy optimization (Schulman et al., 2017): what its uses have in common.

An iteration collects a rollout with π_old and takes a few epochs of gradient steps on

    L_π = -E[min(w A, clip(w, 1 - c, 1 + c) A)] + β KL(π_clone ‖ π),    L_V = ½ E[(V(s) - (A_old(s, a) + V_old(s)))²]

with the ratio w = π(a | s) / π_old(a | s) and the advantage A, which is A_old standardized in each minibatch.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import NonNegativeFloat, PositiveFloat

from ilkit.data.policy import Policy
from ilkit.fitting.gradient import descend
from ilkit.reinforcement.anchor import Anchor
from ilkit.reinforcement.info import ReinforcementInfo
from ilkit.reinforcement.on_policy import (
    Learner,
    OnPolicySpec,
    State,
    begin,
    clipped_adam,
    critic_outputs,
    departure_at_end,
    policy_of,
    prepare,
)
from ilkit.reinforcement.permutations import permutations
from ilkit.reinforcement.steps import Steps, carries_of, flat, replayed
from ilkit.reinforcement.warmup import frozen_until
from ilkit.stepping.behavior import Behavior, noise_scale
from ilkit.stepping.records import Rollout, Trials


class ProximalSpec(OnPolicySpec):
    """The settings of proximal policy optimization."""

    learning_rate: NonNegativeFloat = 3e-4
    """The step size of Adam for the policy."""
    clip: PositiveFloat = 0.2
    """c: how far the ratio of new to old density may depart from 1 before its gradient is cut."""


@eqx.filter_jit
def improve(
    spec: ProximalSpec, state: State, rollout: Rollout, *, key: PRNGKeyArray
) -> tuple[State, ReinforcementInfo]:
    """Takes the gradient steps of one iteration; at first those of the critic only."""
    order_key, typical_key = jax.random.split(key)
    carry = carries_of(policy_of(state), rollout)
    applied = noise_scale(policy_of(state), *flat((rollout.obs, rollout.actions, carry)))
    departed = departure_at_end(state, rollout, carry)
    state, batch = prepare(spec, state, rollout, carry, key=typical_key)
    size = len(batch.targets)
    order = permutations(spec.num_epochs, size, key=order_key).reshape(-1, size // spec.num_minibatches)
    minibatches = jax.tree.map(lambda rows: rows[order], batch)
    optimizers = _optimizers(spec)

    def step(carried: tuple[Learner, Learner], minibatch: Steps) -> tuple[tuple[Learner, Learner], tuple[Array, Array]]:
        learner, optimizer = carried
        gradient, losses = jax.grad(_loss, has_aux=True)(learner, spec, state, minibatch)
        policy, policy_optimizer = descend(optimizers.policy, gradient.policy, optimizer.policy, learner.policy)
        critic, critic_optimizer = descend(optimizers.critic, gradient.critic, optimizer.critic, learner.critic)
        return (Learner(policy, critic), Learner(policy_optimizer, critic_optimizer)), losses

    (learner, optimizer), losses = jax.lax.scan(step, (state.learner, state.optimizer), minibatches)
    loss, value_loss = jax.tree.map(jnp.mean, losses)
    info = ReinforcementInfo.of(
        state.trials.log, departure=departed, loss=loss, noise_scale=applied, value_loss=value_loss
    )
    return state._replace(learner=learner, optimizer=optimizer), info


def clipped_loss(
    log_ratios: Float[Array, " batch"],
    advantages: Float[Array, " batch"],
    clip: Float[Array, ""] | float,
) -> Float[Array, ""]:
    """-E[min(w A, clip(w, 1 - c, 1 + c) A)], with the advantages standardized first."""
    standardized = (advantages - jnp.mean(advantages)) / (jnp.std(advantages) + 1e-8)
    ratios = jnp.exp(log_ratios)
    clipped = jnp.clip(ratios, 1.0 - clip, 1.0 + clip)
    return -jnp.mean(jnp.minimum(ratios * standardized, clipped * standardized))


def _loss(
    learner: Learner, spec: ProximalSpec, state: State, batch: Steps
) -> tuple[Float[Array, ""], tuple[Float[Array, ""], Float[Array, ""]]]:
    """The sum of both losses, and each of them."""
    policy: Policy = eqx.combine(learner.policy, state.fixed)
    batch, carry = replayed(policy, batch)
    log_probs = state.behavior.log_prob(policy, batch.obs, batch.actions, batch.context, carry)
    policy_loss = clipped_loss(log_probs - batch.log_probs, batch.advantages, spec.clip)
    if state.anchor is not None and batch.typical is not None:
        departure = -state.behavior.log_prob(policy, batch.obs, batch.typical, batch.context, carry)
        policy_loss += state.anchor.weight * jnp.mean(departure)
    errors = critic_outputs(learner.critic, policy, batch.obs) - batch.targets
    value_loss = 0.5 * jnp.mean(errors**2)
    return policy_loss + value_loss, (policy_loss, value_loss)


def initial_state(
    spec: ProximalSpec, policy: Policy, behavior: Behavior, anchor: Anchor | None, trials: Trials, *, key: PRNGKeyArray
) -> State:
    """Draws a critic whose values are 0 everywhere; the policy stays as it is."""
    state = begin(spec, policy, behavior, anchor, trials, key=key)
    moments = _optimizers(spec).policy.init(state.learner.policy)
    return state._replace(optimizer=state.optimizer._replace(policy=moments))


def _optimizers(spec: ProximalSpec) -> Learner:
    warmup = spec.warmup_iterations * spec.num_epochs * spec.num_minibatches
    policy = clipped_adam(spec.learning_rate, spec.max_gradient_norm)
    return Learner(frozen_until(policy, warmup), clipped_adam(spec.critic_learning_rate, spec.max_gradient_norm))

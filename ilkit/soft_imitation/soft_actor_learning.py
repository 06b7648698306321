"""The form of imitation by soft values for continuous actions: an actor that climbs its critics."""

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.policy import Policy
from ilkit.off_policy.learning import initial_state, learn
from ilkit.off_policy.soft_actor import SOFT_RULES, policy_of, soft_targets
from ilkit.off_policy.updates import Batch, Learner, State
from ilkit.soft_imitation.learning import Form
from ilkit.soft_imitation.shown import Shown
from ilkit.soft_imitation.soft_rewards import SoftCriticReward
from ilkit.soft_imitation.spec import SoftImitationSpec
from ilkit.stepping.behavior import Sampling
from ilkit.stepping.records import Trials


def _core(spec: SoftImitationSpec, trials: Trials, policy: Policy, *, key: PRNGKeyArray) -> State:
    return initial_state(spec, SOFT_RULES, trials, Sampling(), policy, key=key)


def _learn(
    spec: SoftImitationSpec, shown: Shown, ended_value: Float[Array, ""], core: State, *, key: PRNGKeyArray
) -> tuple[State, Float[Array, ""], Float[Array, ""]]:
    rules = SOFT_RULES._replace(targets=Partial(_targets, ended_value))
    return learn(rules, spec, shown.steps, core, key=key)


def _targets(
    ended_value: Float[Array, ""], spec: SoftImitationSpec, state: State, learner: Learner, batches: Batch
) -> Float[Array, "updates batch"]:
    """The soft targets, with what the absorbing state is worth where a step terminated."""
    return soft_targets(spec, state, learner, batches) + spec.discount * batches.steps.terminated * ended_value


def _reward(spec: SoftImitationSpec, core: State, absorbed: Float[Array, ""] | None) -> SoftCriticReward:
    return SoftCriticReward(
        policy=policy_of(core),
        critics=core.learner.networks.critics,
        scale=core.learner.scale,
        temperature=jnp.exp(core.learner.networks.actor.log_temperature),
        discount=jnp.asarray(spec.discount, jnp.float32),
        absorbed=absorbed,
        spaces=core.fixed.spaces,
        reads_action=True,
    )


SOFT_ACTOR_CRITIC = Form(
    core=Partial(_core),
    policy=Partial(policy_of),
    kept=Partial(policy_of),
    learn=Partial(_learn),
    reward=Partial(_reward),
)
"""The actor that acts is the one that is kept."""

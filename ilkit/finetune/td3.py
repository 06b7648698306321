"""Twin delayed deep deterministic policy gradients that start from a clone (Fujimoto et al., 2018).

With the clone's mode as the actor μ, two critics Q_1 and Q_2, slowly following copies μ', Q' and a replay buffer:

    y = r + γ (1 - terminated) min_i Q'_i(s', clip(μ'(s') + clip(ε, -c, c))),    ε ~ N(0, σ²),
    Q_i ← argmin E[(Q_i(s, a) - y)²],    ∇J = E[∇_a Q_1(s, a) ∇_θ μ_θ(s)] at a = clip(μ_θ(s)),

where ∇_a Q_1 is dropped where it points out of the action space. The actor moves once for several steps of the critics.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import NonNegativeFloat

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.reward import Reward
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.off_policy.critics import least_values
from ilkit.off_policy.deterministic_actor import (
    DeterministicSpec,
    actor_of,
    climbing_loss,
    no_noise,
    smoothing_noise,
    target_actions,
    whole_actor,
)
from ilkit.off_policy.learning import reinforce
from ilkit.off_policy.updates import Batch, Learner, Rules, State
from ilkit.reinforcement.cautious_reward import cautious, disagreement_faults, member_faults
from ilkit.stepping.behavior import Behavior


class TD3(DeterministicSpec):
    """Twin delayed deterministic policy gradients, started from the clone (Fujimoto et al., 2018)."""

    kind: Literal["td3"] = "td3"
    disagreement_penalty: NonNegativeFloat | None = None
    """κ: what the standard deviation of a learnt reward's members costs, in its units; none by default."""

    def input_faults(self, given: Collection[str]) -> tuple[str, ...]:
        """The demonstrations that batches lack, or a penalty on the disagreement of a reward that isn't there."""
        return (*super().input_faults(given), *disagreement_faults(self.disagreement_penalty, given))

    def source_faults(self, sources: Mapping[str, Any]) -> tuple[str, ...]:
        """A penalty on the disagreement of a reward that agrees with itself everywhere."""
        return member_faults(self.disagreement_penalty, sources)


def finetune(
    spec: TD3,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    reward: Reward | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Improves the clone's mode by twin delayed deterministic policy gradients.

    **Raises:** `DataError` where actions are discrete, the clone doesn't fit the environment or has a memory, and where
    the reward or demonstrations that are asked for don't suit.
    """
    world, behavior = env(), exploration(cloned.spaces, uncertainty=uncertainty)
    paid = cautious(reward, spec.disagreement_penalty, spec.kind)
    return reinforce(spec, _RULES, world, behavior, cloned, demos, paid, key=key)


def _targets(spec: TD3, state: State, learner: Learner, batches: Batch) -> Float[Array, "updates batch"]:
    steps, actions = batches.steps, target_actions(spec, state, learner, batches)
    next_values = least_values(
        learner.slow.critics, learner.scale, state.fixed, steps.next_obs, actions, batches.subset
    )
    return steps.rewards + spec.discount * (1.0 - steps.terminated) * next_values


_RULES = Rules(
    policy=Partial(actor_of),
    targets=Partial(_targets),
    actor_loss=Partial(climbing_loss),
    noise=Partial(smoothing_noise),
    actor_noise=Partial(no_noise),
    actor=Partial(whole_actor),
    slow_actor=True,
)

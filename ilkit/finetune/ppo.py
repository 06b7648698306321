"""Proximal policy optimization that starts from a clone (Schulman et al., 2017).

Where exploration adds noise, actions are a = μ(s) + L(s) ε + δ η around the mode μ of the policy, the ratio is that of
the densities N(μ(s), L Lᵀ + δ² I), and only μ is learnt. With `own_density` actions are samples of the policy, whose
own density is learnt. Densities are those of actions before the environment clips them.

A critic that knows nothing yet would lead the clone astray: at first only the critic learns.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import equinox as eqx
import jax
from jax.tree_util import Partial
from jaxtyping import PRNGKeyArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.reward import Reward
from ilkit.data.spaces import check_spaces
from ilkit.data.training import Training, names_of
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import refuse
from ilkit.reinforcement.anchor import anchor_of
from ilkit.reinforcement.by_trial import train_by_reward
from ilkit.reinforcement.cautious_reward import cautious, disagreement_faults, member_faults
from ilkit.reinforcement.densities import density_faults, density_floor
from ilkit.reinforcement.info import ReinforcementInfo
from ilkit.reinforcement.learnt_reward import check_learnt
from ilkit.reinforcement.on_policy import State, collect, policy_of
from ilkit.reinforcement.proximal import ProximalSpec, improve, initial_state
from ilkit.reinforcement.warmup import check_warmup
from ilkit.stepping.behavior import Behavior
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class PPO(ProximalSpec):
    """Proximal policy optimization that starts from the clone (Schulman et al., 2017)."""

    kind: Literal["ppo"] = "ppo"
    critic_warmup_steps: NonNegativeInt = 10
    """Iterations at the start in which only the critic learns."""
    clone_weight: NonNegativeFloat | None = None
    """β: what the divergence from the clone costs, in units of the standardized advantage; none by default."""
    disagreement_penalty: NonNegativeFloat | None = None
    """κ: what the standard deviation of a learnt reward's members costs, in its units; none by default."""
    noise_floor: PositiveFloat = 0.02
    """δ: the standard deviation of noise beside the exploration's, in half ranges of the action space."""
    num_snapshots: NonNegativeInt = 0
    """Policies kept along training, at its start and between equal parts of it; `evaluate` draws their returns."""

    @property
    def warmup_iterations(self) -> int:
        """Iterations at the start in which only the critic learns."""
        return self.critic_warmup_steps

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A density that is missing, or minibatches that would cut the environments of a policy with a memory."""
        return (*density_faults(policy, parts["exploration"]), *self._minibatch_faults(policy))

    def input_faults(self, given: Collection[str]) -> tuple[str, ...]:
        """A penalty on the disagreement of a reward that isn't there."""
        return disagreement_faults(self.disagreement_penalty, given)

    def source_faults(self, sources: Mapping[str, Any]) -> tuple[str, ...]:
        """A penalty on the disagreement of a reward that agrees with itself everywhere."""
        return member_faults(self.disagreement_penalty, sources)

    def _minibatch_faults(self, policy: Policy) -> tuple[str, ...]:
        if not jax.tree.leaves(policy.initial_carry()) or self.num_envs % self.num_minibatches == 0:
            return ()
        return (
            f"num_envs: must be a multiple of num_minibatches ({self.num_minibatches}) where the policy has a memory, "
            f"got {self.num_envs}: a minibatch is then whole environments, replayed from what was remembered.",
        )

    @model_validator(mode="after")
    def _check_warmup(self) -> "PPO":
        check_warmup(self.critic_warmup_steps, self.num_steps)
        return self


def finetune(
    spec: PPO,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    reward: Reward | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Improves the clone by proximal policy optimization.

    **Raises:** `DataError` where the clone or the reward doesn't fit the environment, and where neither the exploration
    nor the clone gives actions a density.
    """
    del demos
    world = env()
    check_spaces(world.spaces, cloned.spaces)
    check_learnt(reward, world.spaces, spec)
    refuse("finetune.ppo", spec.policy_faults(cloned, {"exploration": exploration}))
    behavior = exploration(cloned.spaces, uncertainty=uncertainty).with_density(
        cloned, density_floor(spec.noise_floor, cloned.spaces)
    )
    envs = side_by_side(world, spec.num_envs)
    return train_by_reward(
        cautious(reward, spec.disagreement_penalty, spec.kind),
        spec.discount,
        envs,
        _initial_state(spec, envs, behavior, cloned, key),
        Partial(collect, spec, envs),
        Partial(improve, spec),
        Partial(policy_of),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs * spec.rollout_length,
        info_names=names_of(ReinforcementInfo),
    )


@eqx.filter_jit
def _initial_state(
    spec: PPO, envs: CompiledEnvs | HostEnvs, behavior: Behavior, cloned: Policy, key: PRNGKeyArray
) -> State:
    critic_key, env_key = jax.random.split(key)
    anchor = anchor_of(cloned, spec.clone_weight)
    return initial_state(spec, cloned, behavior, anchor, envs.reset(key=env_key), key=critic_key)

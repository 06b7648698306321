"""Proximal policy optimization that starts from a clone (Schulman et al., 2017).

Where an exploration is chosen, actions are a = μ(s) + L(s) ε + δ η around the mode μ of the policy, the ratio is that
of the densities N(μ(s), L Lᵀ + δ² I), and only μ is learnt. With exploration `none` actions are samples of the policy,
whose own density is learnt. Densities are those of actions before the environment clips them.

A critic that knows nothing yet would lead the clone astray: at first only the critic learns.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import PRNGKeyArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.exploration import Exploration
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, check_spaces
from ilkit.data.training import Training, names_of
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError
from ilkit.nn.action_units import ActionUnits
from ilkit.reinforcement.info import ReinforcementInfo
from ilkit.reinforcement.proximal import ProximalSpec, State, collect, improve, initial_state, policy_of
from ilkit.reinforcement.warmup import check_warmup
from ilkit.stepping.behavior import AdditiveNoise, Behavior, OwnDensity, anchor_of, require_no_memory
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class PPO(ProximalSpec):
    """Proximal policy optimization that starts from the clone (Schulman et al., 2017)."""

    kind: Literal["ppo"] = "ppo"
    critic_warmup_steps: NonNegativeInt = 10
    """Iterations at the start in which only the critic learns."""
    clone_weight: NonNegativeFloat | None = None
    """β: what the divergence from the clone costs, in units of the standardized advantage; none by default."""
    noise_floor: PositiveFloat = 0.02
    """δ: the standard deviation of noise beside the exploration's, in half ranges of the action space."""

    @property
    def warmup_iterations(self) -> int:
        """Iterations at the start in which only the critic learns."""
        return self.critic_warmup_steps

    @model_validator(mode="after")
    def _check_warmup(self) -> "PPO":
        check_warmup(self.critic_warmup_steps, self.num_steps)
        return self


def finetune(
    spec: PPO,
    exploration: Build[Exploration],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Improves the clone by proximal policy optimization.

    **Raises:** `DataError` where the clone doesn't fit the environment or has a memory, and where neither the
    exploration nor the clone gives actions a density.
    """
    world = env()
    check_spaces(world.spaces, cloned.spaces)
    require_no_memory(cloned)
    behavior = _behavior(spec, exploration, cloned, uncertainty)
    envs = side_by_side(world, spec.num_envs)
    return Training(
        state=_initial_state(spec, envs, behavior, cloned, key),
        step=Partial(_step, spec, envs),
        finish=Partial(policy_of),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs * spec.rollout_length,
        resume=Partial(_resume, envs) if isinstance(envs, HostEnvs) else None,
        info_names=names_of(ReinforcementInfo),
    )


@eqx.filter_jit
def _initial_state(
    spec: PPO, envs: CompiledEnvs | HostEnvs, behavior: Behavior, cloned: Policy, key: PRNGKeyArray
) -> State:
    critic_key, env_key = jax.random.split(key)
    anchor = anchor_of(cloned, spec.clone_weight)
    return initial_state(spec, cloned, behavior, anchor, envs.reset(key=env_key), key=critic_key)


def _step(spec: PPO, envs: CompiledEnvs | HostEnvs, state: State, key: PRNGKeyArray) -> tuple[State, ReinforcementInfo]:
    collect_key, improve_key = jax.random.split(key)
    state, rollout = collect(spec, envs, state, key=collect_key)
    return improve(spec, state, rollout, key=improve_key)


def _resume(envs: HostEnvs, state: State) -> bool:
    return envs.resume(state.trials)


def _behavior(spec: PPO, exploration: Build[Exploration], cloned: Policy, uncertainty: Uncertainty) -> Behavior:
    if exploration.kind == "none":
        if type(cloned).log_prob is Policy.log_prob:
            raise DataError(
                f"finetune.kind ppo needs actions with a density, and that of {type(cloned).__name__} has none without "
                "noise. Choose exploration.kind isotropic or policy.kind gaussian."
            )
        return OwnDensity()
    noise = exploration(uncertainty, cloned.spaces)
    assert isinstance(cloned.spaces.action, Box)
    half_range = ActionUnits.of(cloned.spaces.action).half_range
    return AdditiveNoise(noise, jnp.asarray(spec.noise_floor * half_range))

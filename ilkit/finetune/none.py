"""No reinforcement: the clone as it explores. Its samples are the explored actions, so that these can be evaluated."""

from typing import Literal, NamedTuple

import equinox as eqx
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key, PRNGKeyArray
from pydantic import PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import check_spaces
from ilkit.data.training import Training, names_of
from ilkit.data.uncertainty import Uncertainty
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.reinforcement.steps import carries_of, flat
from ilkit.spec import Spec
from ilkit.stepping.behavior import Behavior, noise_scale
from ilkit.stepping.exploring_policy import ExploringPolicy
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.memory import first_carries
from ilkit.stepping.records import Rollout, Trials
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class None_(Spec):  # noqa: N801 (a class can't be called None)
    """Nothing learnt: a policy whose samples are the explored actions, to be evaluated as stochastic."""

    kind: Literal["none"] = "none"
    num_envs: PositiveInt = 64
    """Environments stepped side by side."""
    rollout_length: PositiveInt = 64
    """Steps of every environment in an iteration."""
    num_steps: PositiveInt = 1
    """Iterations, over whose states an average scale of noise is found."""
    num_seeds: PositiveInt = 1
    """Policies, one of each clone."""


class TrialInfo(NamedTuple):
    """What an iteration tells."""

    episodes: Float[Array, ""]
    noise_scale: Float[Array, ""]
    return_: Float[Array, ""]
    """The mean return of the last complete episode of each environment."""


class _State(NamedTuple):
    policy: Policy
    behavior: Behavior
    trials: Trials


def finetune(
    spec: None_,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Runs the clone as it explores, and learns nothing.

    **Raises:** `DataError` where the clone doesn't fit the environment.
    """
    del demos
    world = env()
    check_spaces(world.spaces, cloned.spaces)
    envs = side_by_side(world, spec.num_envs)
    return train_by_trial(
        envs,
        _initial_state(envs, exploration(cloned.spaces, uncertainty=uncertainty), cloned, key),
        Partial(_collect, spec, envs),
        Partial(_tell),
        Partial(_finish),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs * spec.rollout_length,
        info_names=names_of(TrialInfo),
    )


@eqx.filter_jit
def _initial_state(envs: CompiledEnvs | HostEnvs, behavior: Behavior, cloned: Policy, key: PRNGKeyArray) -> _State:
    trials = envs.reset(key=key)
    return _State(cloned, behavior, trials._replace(carry=first_carries(cloned, len(trials.log.length))))


def _collect(
    spec: None_, envs: CompiledEnvs | HostEnvs, state: _State, *, key: Key[Array, "*seeds"]
) -> tuple[_State, Rollout]:
    trials, rollout = envs.collect(state.policy, state.behavior, state.trials, num_steps=spec.rollout_length, key=key)
    return state._replace(trials=trials), rollout


@eqx.filter_jit
def _tell(state: _State, rollout: Rollout, *, key: PRNGKeyArray) -> tuple[_State, TrialInfo]:
    del key
    carries = carries_of(state.policy, rollout)
    applied = noise_scale(state.policy, *flat((rollout.obs, rollout.actions, carries)))
    return state, TrialInfo(state.trials.log.total_episodes, applied, state.trials.log.mean_return)


def _finish(state: _State) -> Policy:
    return ExploringPolicy.of(state.policy, state.behavior, state.trials.running)

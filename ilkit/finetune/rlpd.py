"""Reinforcement with prior data (Ball et al., Efficient Online Reinforcement Learning with Offline Data, 2023).

A soft actor-critic (`ilkit.off_policy.soft_actor`) half of whose batches are demonstrations, with many normalized
critics that are updated often: for one step of the environment twenty times, then the actor once, by their mean, on
the last batch. The policy may be untrained.

With `cal_ql_weight` the critics stay modest about actions that nobody showed: in states of the demonstrations the loss
of each has in addition (Kumar et al., 2020; Nakamoto et al., Cal-QL, 2023)

    w E[log Σ_a exp(q(s, a)) / p(a) - Q(s, a_shown)],    q(s, a) = Q(s, a) of uniform actions, max(Q(s, a), R) of π's,

over actions a of density p that are drawn uniformly, by π at s and by π at s', with the return R of the demonstration
from s on, below which a value isn't pressed. Values are standardized in it.
"""

import math
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.nn.perceptron import Layers
from ilkit.off_policy.actions import units_of
from ilkit.off_policy.critics import outputs_of
from ilkit.off_policy.demonstrated_replay import places_of
from ilkit.off_policy.learning import reinforce
from ilkit.off_policy.soft_actor import SOFT_RULES, SoftSpec, drawn, soft_targets
from ilkit.off_policy.updates import Batch, Learner, State
from ilkit.stepping.behavior import Behavior


class RLPD(SoftSpec):
    """Soft actor-critic with demonstrations in every batch and many normalized critics (Ball et al., 2023)."""

    kind: Literal["rlpd"] = "rlpd"
    critic_learning_rate: PositiveFloat = 3e-4
    """The step size of Adam for the critics: as small as the actor's, for they take many steps."""
    demo_batch_size: PositiveInt = 128
    """How many of the steps of an update are demonstrations."""
    num_envs: PositiveInt = 1
    """Environments stepped side by side."""
    updates_per_env_step: PositiveInt = 20
    """Updates of the critics for one step of one environment, and for one update of the actor."""
    num_critics: PositiveInt = 10
    """Critics that are learnt."""
    clone_half_life: PositiveFloat | None = 1_200.0
    """Steps of every environment after the warm-up in which the cost of a departure halves; none where it stays."""
    layer_norm: bool = True
    """Whether hidden values of the critics are normalized, which bounds what they say of unknown actions."""
    cal_ql_weight: PositiveFloat | None = None
    """w: what modesty weighs against the squared errors of the critics; none by default."""
    cal_ql_actions: PositiveInt = 10
    """Actions that are drawn in each of the three ways, where modesty has a weight."""
    critic_warmup_steps: NonNegativeInt = 500
    """Steps at the start in which only the critics learn."""
    num_steps: PositiveInt = 5_000
    """Steps of every environment."""

    @property
    def updates_per_round(self) -> int:
        """Updates of the critics for one of the actor."""
        return self.updates_per_env_step

    @property
    def climbs_mean(self) -> bool:
        """Whether the actor climbs the mean of the critics: it does."""
        return True


class _Noise(NamedTuple):
    targets: Key[Array, "*updates batch"]
    penalty: Key[Array, "*updates"]


def finetune(
    spec: RLPD,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Improves the clone's samples by its own steps and demonstrations.

    **Raises:** `DataError` where the clone has no density whose samples are differentiable and within the bounds, has a
    memory or doesn't fit the environment, and where the demonstrations don't suit.
    """
    world, behavior = env(), exploration(cloned.spaces, uncertainty=uncertainty)
    modest = SOFT_RULES._replace(targets=Partial(_targets), noise=Partial(_noise), penalty=Partial(_penalty))
    rules = SOFT_RULES if spec.cal_ql_weight is None else modest
    return reinforce(spec, rules, world, behavior, cloned, demos, key=key)


def conservative_loss(
    outputs: Float[Array, "actions critics batch"],
    log_densities: Float[Array, "actions #critics batch"],
    shown: Float[Array, "critics batch"],
) -> Float[Array, ""]:
    """E[log Σ_a exp(q(s, a)) / p(a) - Q(s, a_shown)], summed over the critics."""
    excess = jax.nn.logsumexp(outputs - log_densities, axis=0) - shown
    return jnp.mean(jnp.sum(excess, axis=0))


def _noise(spec: RLPD, state: State, shape: tuple[int, ...], *, key: PRNGKeyArray) -> _Noise:
    del spec, state
    targets_key, penalty_key = jax.random.split(key)
    return _Noise(jax.random.split(targets_key, shape), jax.random.split(penalty_key, shape[:-1]))


def _targets(spec: RLPD, state: State, learner: Learner, batches: Batch) -> Float[Array, "updates batch"]:
    return soft_targets(spec, state, learner, batches._replace(noise=batches.noise.targets))


def _penalty(critics: Layers, spec: RLPD, state: State, learner: Learner, batch: Batch) -> Float[Array, ""]:
    places, _ = places_of(spec.batch_size, spec.demo_batch_size)
    shown = jax.tree.map(lambda rows: rows[places], batch.steps)
    policy: Policy = eqx.combine(learner.networks.actor.policy, state.fixed)
    uniform_key, *policy_keys = jax.random.split(batch.noise.penalty, 3)
    now, then = (
        _draws(spec, policy, obs, key) for obs, key in zip((shown.obs, shown.next_obs), policy_keys, strict=True)
    )
    units, shape = units_of(policy), (spec.cal_ql_actions, *shown.actions.shape)
    numbers = jax.random.uniform(uniform_key, (math.prod(shape),), minval=-1.0).reshape(shape)
    uniform = units.center + units.half_range * numbers
    actions = jnp.concatenate([uniform, now[0], then[0], shown.actions[None]])
    outputs = jax.vmap(lambda each: outputs_of(critics, policy, shown.obs, each))(actions)
    assert batch.returns is not None
    bound = learner.scale.standardize(batch.returns)
    outputs, own = outputs[:-1], outputs[-1]
    bounded = jnp.maximum(outputs[spec.cal_ql_actions :], bound)
    outputs = jnp.concatenate([outputs[: spec.cal_ql_actions], bounded])
    flat = jnp.full(shape[:2], -shape[-1] * jnp.log(2.0))
    log_densities = jax.lax.stop_gradient(jnp.concatenate([flat, now[1], then[1]]))[:, None]
    assert spec.cal_ql_weight is not None
    return spec.cal_ql_weight * conservative_loss(outputs, log_densities, own)


def _draws(
    spec: RLPD, policy: Policy, obs: PyTree, key: PRNGKeyArray
) -> tuple[Float[Array, "actions batch act"], Float[Array, "actions batch"]]:
    """Several actions of the policy at each observation, and their log densities."""
    keys = jax.random.split(key, (spec.cal_ql_actions, len(jax.tree.leaves(obs)[0])))
    return jax.vmap(lambda keys: drawn(policy, obs, keys))(keys)

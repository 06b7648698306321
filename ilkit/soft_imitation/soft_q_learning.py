"""The form of imitation by soft values for discrete actions: a policy whose logits are its values."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.experience import Experience
from ilkit.data.policy import Policy
from ilkit.fitting.gradient import partition
from ilkit.off_policy.demonstrated_replay import draw_mixed
from ilkit.off_policy.replay import ReplayBuffer
from ilkit.soft_imitation.learning import Form
from ilkit.soft_imitation.shown import Shown
from ilkit.soft_imitation.soft_q import QLearner, SoftQ, optimizer_of, update, with_values
from ilkit.soft_imitation.soft_rewards import SoftQReward
from ilkit.soft_imitation.spec import SoftImitationSpec
from ilkit.stepping.records import Trials


class _Core(NamedTuple):
    learner: QLearner
    fixed: Any
    start: Policy
    trials: Trials
    buffer: ReplayBuffer


def _core(spec: SoftImitationSpec, trials: Trials, policy: Any, *, key: PRNGKeyArray) -> _Core:
    del key
    start = with_values(policy, _soft_q(spec))
    trained, fixed = partition(start)
    learner = QLearner(trained, trained, _optimizer(spec).init(trained))
    buffer = ReplayBuffer.empty(min(spec.buffer_size, spec.num_steps * spec.num_envs), policy.spaces)
    return _Core(learner, fixed, start, trials, buffer)


def _soft_q(spec: SoftImitationSpec) -> SoftQ:
    return SoftQ.of(spec.entropy_weight, spec.discount)


def _optimizer(spec: SoftImitationSpec) -> optax.GradientTransformation:
    return optimizer_of(spec.critic_learning_rate, spec.num_steps * _updates(spec))


def _updates(spec: SoftImitationSpec) -> int:
    """Of the values in a step."""
    return spec.num_envs * spec.updates_per_env_step


def _policy(core: _Core) -> Any:
    return eqx.combine(core.learner.trained, core.fixed)


def _kept(core: _Core) -> Any:
    return eqx.combine(core.learner.slow, core.fixed)


def _learn(
    spec: SoftImitationSpec, shown: Shown, ended_value: Float[Array, ""], core: _Core, *, key: PRNGKeyArray
) -> tuple[_Core, Float[Array, ""], Float[Array, ""]]:
    shape = (_updates(spec), spec.batch_size)
    batches, _ = draw_mixed(core.buffer, shown.steps, shape, spec.demo_batch_size, key=key)
    values = {"discount": spec.discount, "target_rate": spec.target_rate}

    def step(learner: QLearner, batch: Experience) -> tuple[QLearner, Float[Array, ""]]:
        return update(_soft_q(spec), learner, core.fixed, batch, ended_value, _optimizer(spec), **values)

    learner, errors = jax.lax.scan(step, core.learner, batches)
    return core._replace(learner=learner), jnp.mean(errors), jnp.mean(errors)


def _reward(spec: SoftImitationSpec, core: _Core, absorbed: Float[Array, ""] | None) -> SoftQReward:
    policy = _kept(core)
    return SoftQReward(
        policy=policy,
        soft_q=_soft_q(spec),
        discount=jnp.asarray(spec.discount, jnp.float32),
        absorbed=absorbed,
        spaces=policy.spaces,
        reads_action=True,
    )


SOFT_Q = Form(
    core=Partial(_core),
    policy=Partial(_policy),
    kept=Partial(_kept),
    learn=Partial(_learn),
    reward=Partial(_reward),
)
"""What is kept is the slow copy, an average of the last policies, which doesn't swing with single updates."""

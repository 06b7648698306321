"""Fine-tuning on a reward that was learnt: it decides what is learnt, and the environment's stays what is told."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Bool, Float, PyTree

from ilkit.data.build import Build
from ilkit.data.reward import Reward
from ilkit.data.spaces import Box, Spaces
from ilkit.env import point_mass
from ilkit.errors import DataError
from ilkit.finetune import ppo, sac, td3
from ilkit.measuring.remarks import remarks
from ilkit.running import loop
from tests.stepping.steering import register_steering

SMALL = {"num_envs": 4, "num_steps": 3, "critic_warmup_steps": 1, "critic_hidden": (8,)}
SPECS = {
    "ppo": (ppo, ppo.PPO(rollout_length=4, num_minibatches=2, num_epochs=1, **SMALL)),
    "sac": (sac, sac.SAC(batch_size=8, **SMALL)),
    "td3": (td3, td3.TD3(batch_size=8, **SMALL)),
}


class Centered(Reward):
    """-‖next_obs - center‖², whatever is done; after a termination, `worth` a step."""

    center: Float[Array, " obs"]
    worth: Float[Array, ""]
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True, default=False)

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        return -jnp.sum((next_obs - self.center) ** 2)

    @property
    def absorbing(self) -> Float[Array, ""]:
        return self.worth


class Wanted(Reward):
    """-‖a - wanted‖², of the action alone."""

    wanted: Float[Array, " act"]
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True, default=True)

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        return -jnp.sum((action - self.wanted) ** 2)


@pytest.fixture
def steering(monkeypatch: pytest.MonkeyPatch) -> Build[Any]:
    return register_steering(monkeypatch)


def wanted(env: Build[Any], *action: float) -> Wanted:
    return Wanted(jnp.asarray(action, jnp.float32), env().spaces)


def centered(env: Build[Any], center: float = 0.0) -> Centered:
    return Centered(jnp.full(env().spaces.observation.size, center), jnp.zeros(()), env().spaces)


def tune(kind: str, env: Any, clone: Any, explore: Any, reward: Any, **changes: Any) -> Any:
    module, spec = SPECS[kind]
    cloned = clone(env, "gaussian", squash=True) if kind == "sac" else clone(env)
    exploring = explore("own_density") if kind == "sac" else explore("isotropic", scale=0.3)
    spec = type(spec).model_validate(spec.model_dump() | changes)
    return loop.train(
        lambda key: module.finetune(spec, exploring, env, cloned, reward=reward, key=key), key=jax.random.key(0)
    )


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_the_environments_own_reward_handed_over_learns_the_same(
    kind: str, steering: Any, clone: Any, explore: Any
) -> None:
    """On the host; only the curve of what was earned is new."""
    handed, own = (tune(kind, steering, clone, explore, reward) for reward in (centered(steering), None))
    found, expected = (jax.tree.leaves(eqx.filter(one.stacked, eqx.is_array)) for one in (handed, own))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert set(handed.curves) == {*own.curves, "learnt_reward"}
    unrewarded = {**handed.curves, "rewarded": np.zeros((1, 3)), "gained": np.zeros((1, 3))}
    assert not any("success" in remark for remark in remarks(unrewarded))
    assert (handed.curves["learnt_reward"] < 0).all()


@pytest.mark.bits
@pytest.mark.parametrize("kind", sorted(SPECS))
def test_returns_stay_the_environments_whatever_is_earned(kind: str, push: Any, clone: Any, explore: Any) -> None:
    """A clone that stands still earns another sum of another reward in the same episodes."""
    changes = {"learning_rate": 0.0, "num_steps": 40}
    near, far, own = (
        tune(kind, push, clone, explore, one, **changes) for one in (centered(push), centered(push, 9.0), None)
    )
    assert (near.curves["return"][:, -1] < 0).all()
    for handed in (near, far):
        np.testing.assert_array_equal(handed.curves["return"], own.curves["return"])
        np.testing.assert_array_equal(handed.curves["rewarded"], own.curves["rewarded"])
    assert far.curves["learnt_reward"].mean() < near.curves["learnt_reward"].mean() - 50


def test_each_seed_learns_from_its_own_reward(push: Any, clone: Any, explore: Any) -> None:
    rewards = [wanted(push, 0.5, -0.5), wanted(push, -0.5, 0.5)]
    spec = ppo.PPO(
        **{**SMALL, "num_envs": 16, "num_steps": 60, "rollout_length": 8},
        **{"discount": 0.0, "learning_rate": 3e-3, "num_epochs": 8},
    )
    tuned = loop.train(
        lambda reward, *, key: ppo.finetune(
            spec, explore("isotropic", scale=0.3), push, clone(push), reward=reward, key=key
        ),
        jax.tree.map(lambda *arrays: jnp.stack(arrays), *rewards),
        key=jax.random.key(0),
        num_seeds=2,
    )
    states = jax.random.uniform(jax.random.key(1), (64, 4), minval=-1.0)
    wants, others = [0.5, -0.5], [-0.5, 0.5]
    for policy, (own, other) in zip(tuned, [(wants, others), (others, wants)], strict=True):
        modes = np.clip(jax.vmap(lambda obs, policy=policy: policy.mode((), obs)[1])(states), -1, 1)
        assert np.mean((modes - own) ** 2) < 0.3 * np.mean((modes - other) ** 2)


def other_box(push: Any) -> Any:
    return push().spaces.model_copy(update={"observation": Box.symmetric((np.inf,) * 3)})


def other_actions(push: Any) -> Any:
    return push().spaces.model_copy(update={"action": Box.symmetric((1.0,) * 3)})


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_a_reward_of_other_spaces_is_refused(kind: str, push: Any, clone: Any, explore: Any) -> None:
    with pytest.raises(DataError, match="The reward was learnt from observations of"):
        tune(kind, push, clone, explore, Wanted(jnp.zeros(2), other_box(push)))
    with pytest.raises(DataError, match=r"The reward depends on actions of .* inputs: state"):
        tune(kind, push, clone, explore, Wanted(jnp.zeros(3), other_actions(push)))


def test_a_reward_of_states_alone_is_of_use_where_there_are_other_actions(push: Any, clone: Any, explore: Any) -> None:
    reward = Centered(jnp.zeros(4), jnp.zeros(()), other_actions(push))
    assert np.isfinite(tune("td3", push, clone, explore, reward).curves["learnt_reward"]).all()


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_discount_1_with_absorbing_states_is_refused(kind: str, push: Any, clone: Any, explore: Any) -> None:
    with pytest.raises(DataError, match=rf"finetune\.{kind}\.discount: must be below 1 .* absorbing_states: false"):
        tune(kind, push, clone, explore, centered(push), discount=1.0)
    tune(kind, push, clone, explore, wanted(push, 0.0, 0.0), discount=1.0)


def test_demonstrations_with_the_environments_rewards_are_no_part_of_the_batches(
    push: Any, clone: Any, explore: Any
) -> None:
    with pytest.raises(DataError, match=r"finetune\.td3\.demo_batch_size: must be 0 where a learnt reward is"):
        tune("td3", push, clone, explore, centered(push), demo_batch_size=4)


def test_actions_outside_of_the_bounds_earn_what_the_executed_ones_earn(clone: Any, explore: Any) -> None:
    narrow = Build("env", "point_mass", point_mass.env, point_mass.PointMass(max_force=1e-3))
    tuned = tune("ppo", narrow, clone, explore, wanted(narrow, 0.0, 0.0))
    assert (tuned.curves["learnt_reward"] > -3e-6).all()

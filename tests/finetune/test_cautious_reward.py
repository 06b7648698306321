"""What the members of a learnt reward disagree about costs, and nothing without a weight."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Bool, Float, PyTree

from ilkit.data.reward import Reward
from ilkit.data.spaces import Spaces
from ilkit.errors import DataError
from ilkit.finetune import ppo, td3
from ilkit.reinforcement.cautious_reward import cautious
from ilkit.running import loop

pytestmark = pytest.mark.bits

SMALL = {"num_envs": 4, "num_steps": 3, "critic_warmup_steps": 1, "critic_hidden": (8,)}
SPECS = {
    "ppo": (ppo, ppo.PPO(rollout_length=4, num_minibatches=2, num_epochs=1, **SMALL)),
    "td3": (td3, td3.TD3(batch_size=8, **SMALL)),
}
STEP = (jnp.asarray([0.5, -1.0]), jnp.asarray([0.0]), jnp.asarray([0.0, 0.0]), jnp.asarray(False))


class Torn(Reward):
    """Members that want the first entry of what follows to be large, each as many times as its weight says."""

    weights: Float[Array, " members"]
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True, default=False)

    @property
    def num_members(self) -> int:
        return self.weights.shape[-1]

    def members(
        self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]
    ) -> Float[Array, " members"]:
        return self.weights * obs[0]

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        return jnp.mean(self.members(obs, action, next_obs, terminated))


def torn(env: Any, *weights: float) -> Torn:
    return Torn(jnp.asarray(weights), env().spaces)


def tuned(kind: str, push: Any, clone: Any, explore: Any, reward: Any, penalty: float | None) -> Any:
    module, spec = SPECS[kind]
    spec = spec.model_copy(update={"disagreement_penalty": penalty})
    return loop.train(
        lambda key: module.finetune(spec, explore("isotropic", scale=0.3), push, clone(push), reward=reward, key=key),
        key=jax.random.key(0),
    )


def test_disagreement_costs_its_standard_deviation(push: Any) -> None:
    found = cautious(torn(push, 1.0, 3.0), 0.5, "ppo")
    assert found is not None
    assert float(found(*STEP)) == pytest.approx(0.5 * (2.0 - 0.5 * 1.0))
    np.testing.assert_allclose(found.members(*STEP), [0.5, 1.5])


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_what_it_earns_falls_with_the_penalty(kind: str, push: Any, clone: Any, explore: Any) -> None:
    plain, none, much = (
        tuned(kind, push, clone, explore, torn(push, 1.0, 3.0), penalty) for penalty in (None, 0.0, 10.0)
    )
    assert np.array_equal(plain.curves["learnt_reward"], none.curves["learnt_reward"])
    leaves = zip(jax.tree.leaves(plain.stacked), jax.tree.leaves(none.stacked), strict=True)
    assert all(np.array_equal(one, other) for one, other in leaves)
    first = plain.curves["learnt_reward"][0, 0], much.curves["learnt_reward"][0, 0]
    assert first[1] < first[0]


def test_a_single_member_can_not_disagree(push: Any) -> None:
    with pytest.raises(DataError, match=r"finetune\.ppo\.disagreement_penalty: needs a reward of several members"):
        cautious(torn(push, 1.0), 0.5, "ppo")


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_a_penalty_without_a_reward_is_a_fault(kind: str) -> None:
    spec = SPECS[kind][1].model_copy(update={"disagreement_penalty": 0.5})
    assert "needs a reward that was learnt, got 0.5 without" in spec.input_faults(("cloned",))[0]
    assert not spec.input_faults(("cloned", "reward"))

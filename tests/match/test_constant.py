"""A constant reward: its sign alone decides how long a pole stands."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.errors import DataError
from ilkit.match import constant
from ilkit.network import lstm, mlp
from ilkit.policy import categorical, deterministic

pytestmark = pytest.mark.bits

_SMALL: dict[str, Any] = {"num_envs": 8, "num_minibatches": 4, "critic_hidden": (8,)}


def test_the_sign_alone_decides_how_long_the_pole_stands(
    balance: Any, head: Any, demos: Any, train: Any, mean_return: Any
) -> None:
    returns = {}
    for sign in ("positive", "negative"):
        spec = constant.Constant(reward=sign, num_steps=40, learning_rate=1e-2, **_SMALL)
        learnt = train(constant, spec, head, balance, demos)
        returns[sign] = mean_return(balance, learnt[0].policy)
        assert learnt.curves["return"][0, -1] > 5.0  # the environment's, which is never below 0
    assert returns["positive"] > 30.0
    assert returns["negative"] < 12.0


@pytest.mark.parametrize(("sign", "value"), [("positive", 1.0), ("negative", -1.0)])
def test_every_step_earns_it_and_nothing_follows_a_termination(
    sign: str, value: float, balance: Any, head: Any, demos: Any, train: Any
) -> None:
    spec = constant.Constant(reward=sign, num_steps=2, num_seeds=2, **_SMALL)
    learnt = train(constant, spec, head, balance, demos)
    obs, action = jnp.zeros(4), jnp.zeros((), jnp.int32)
    for one in learnt:
        assert float(one.reward(obs, action, obs, jnp.asarray(True))) == value
        assert float(one.reward.earned(obs, action, obs, jnp.asarray(True), discount=0.9)) == value
        assert not one.reward.reads_action
    np.testing.assert_array_equal(learnt.curves["learnt_reward"], np.full((2, 2), value))


def test_an_environment_on_the_host_is_matched_in(hosted: Any, head: Any, demos: Any, train: Any) -> None:
    spec = constant.Constant(num_steps=2, num_envs=2, num_minibatches=2, rollout_length=16, critic_hidden=(8,))
    learnt = train(constant, spec, head, hosted, demos)
    assert learnt.curves["env_steps"].tolist() == [32, 64]
    assert learnt.curves["return"][0, -1] > 5.0


def test_policies_that_single_steps_do_not_lead_are_refused(balance: Any, demos: Any, push: Any, pushes: Any) -> None:
    fully = Build("network", "mlp", mlp.network, mlp.MLP())
    recurrent = Build("network", "lstm", lstm.network, lstm.LSTM())
    certain = Build("policy", "deterministic", deterministic.policy, deterministic.Deterministic(), (fully,))
    remembering = Build("policy", "categorical", categorical.policy, categorical.Categorical(), (recurrent,))
    with pytest.raises(DataError, match=r"policy: must have a density, and that of DeterministicPolicy is implicit"):
        constant.match(constant.Constant(), certain, push, pushes, key=jax.random.key(0))
    with pytest.raises(DataError, match=r"policy: must have no memory, and CategoricalPolicy has a carry"):
        constant.match(constant.Constant(), remembering, balance, demos, key=jax.random.key(0))


def test_demonstrations_of_other_spaces_are_refused(push: Any, head: Any, demos: Any) -> None:
    with pytest.raises(DataError, match=r"must have the spaces of the environment that match\.kind constant tries"):
        constant.match(constant.Constant(), head, push, demos, key=jax.random.key(0))

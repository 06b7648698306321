"""Soft actor-critic from a clone: what it leaves alone, learns and refuses."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.env import point_mass
from ilkit.errors import DataError
from ilkit.finetune.sac import SAC, finetune
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes

_SMALL: dict[str, Any] = {"num_envs": 4, "batch_size": 8, "buffer_size": 12, "critic_hidden": (8,)}


def _train(spec: SAC, *inputs: Any, seed: int = 0, **named: Any) -> Any:
    return loop.train(lambda key: finetune(spec, *inputs, key=key, **named), key=jax.random.key(seed))


@pytest.fixture(scope="module")
def demos(push: Any, clone: Any) -> Demonstrations:
    policy = clone(push, "gaussian", squash=True)
    return collect_episodes(push(), policy, num_episodes=3, key=jax.random.key(5), stochastic=True).demonstrations()


def test_the_actor_waits_for_the_critics_and_moves_then(
    push: Any, clone: Any, known: Any, explore: Any, leaves: Any
) -> None:
    cloned = clone(push, "gaussian", squash=True)
    spec = SAC(critic_warmup_steps=2, num_steps=3, **_SMALL)
    training = finetune(spec, explore("own_density"), push, cloned, known(1.0, 1.0), key=jax.random.key(0))
    state, moved, temperatures = training.state, [], []
    for step in range(3):
        state, info = jax.jit(training.step)(state, jax.random.key(step))
        assert all(np.isfinite(value) for value in info)
        moved.append(leaves(training.finish(state)) != leaves(cloned))
        temperatures.append(float(state.learner.networks.actor.log_temperature))
    assert moved == [False, False, True]
    assert temperatures[0] == temperatures[1] == np.float32(np.log(0.1)) != temperatures[2]


def test_a_clone_that_hardly_pushes_learns_to_come_to_rest(
    push: Any, clone: Any, known: Any, explore: Any, mean_return: Callable[[Any, Policy], float]
) -> None:
    blunt = clone(push, "gaussian", squash=True, state_dependent_std=False)
    spec = SAC(
        critic_warmup_steps=100, num_steps=500, batch_size=64, critic_hidden=(32, 32), learning_rate=3e-3, num_envs=4
    )
    tuned = _train(spec, explore("own_density"), push, blunt, known(1.0, 1.0))
    assert mean_return(push, tuned[0]) > 0.3 * mean_return(push, blunt)


def test_demonstrations_that_no_batch_holds_change_no_bit(
    push: Any, clone: Any, known: Any, explore: Any, leaves: Any, demos: Demonstrations
) -> None:
    inputs = (explore("own_density"), push, clone(push, "gaussian", squash=True), known(1.0, 1.0))
    spec = SAC(critic_warmup_steps=1, num_steps=8, **_SMALL)
    plain, given = _train(spec, *inputs), _train(spec, *inputs, demos=demos)
    shared = _train(spec.model_copy(update={"demo_batch_size": 4}), *inputs, demos=demos)
    assert leaves(plain[0]) == leaves(given[0]) != leaves(shared[0])


def test_a_share_of_demonstrations_needs_some(push: Any, clone: Any, known: Any, explore: Any) -> None:
    spec = SAC(demo_batch_size=128)
    with pytest.raises(DataError, match="demo_batch_size: needs demonstrations where it isn't 0, got 128 without"):
        _train(spec, explore("own_density"), push, clone(push, "gaussian", squash=True), known(1.0, 1.0))
    assert spec.input_faults({"cloned"})
    assert not spec.input_faults({"cloned", "demos"})
    assert not SAC().input_faults({"cloned"})


def test_demonstrations_of_another_action_space_are_refused(
    push: Any, clone: Any, known: Any, explore: Any, demos: Demonstrations
) -> None:
    other = Build("env", "point_mass", point_mass.env, point_mass.PointMass(max_force=3.0))
    with pytest.raises(DataError, match=r"that finetune\.kind sac improves: .*a bound of -3, got -8"):
        _train(
            SAC(demo_batch_size=8),
            explore("own_density"),
            other,
            clone(other, "gaussian", squash=True),
            known(1.0, 1.0),
            demos=demos,
        )


@pytest.mark.parametrize(("head", "squash"), [("gaussian", False), ("deterministic", True)])
def test_a_head_without_a_squashed_density_is_refused(
    head: str, squash: bool, push: Any, clone: Any, known: Any, explore: Any
) -> None:
    with pytest.raises(DataError, match=r"finetune\.sac\.policy: .*Choose policy\.kind gaussian with squash: true"):
        _train(SAC(), explore("isotropic"), push, clone(push, head, squash=squash), known(1.0, 1.0))


def test_discrete_actions_are_refused_before_a_run(balance: Any, clone: Any, known: Any, explore: Any) -> None:
    (fault,) = SAC().faults(balance())
    assert "needs a continuous action space, got a discrete one. Choose ppo" in fault
    with pytest.raises(DataError, match=r"finetune\.sac\.kind: needs a continuous action space"):
        _train(SAC(), explore("own_density"), balance, clone(balance, "categorical"), known(1.0))


def test_a_share_above_the_batch_and_more_targets_than_critics_are_refused() -> None:
    with pytest.raises(ValidationError, match="at most batch_size, of which it is a share, got 257 of 256"):
        SAC(demo_batch_size=257)
    with pytest.raises(ValidationError, match="num_target_critics must be at most num_critics, got 6 of 5"):
        SAC(num_target_critics=6)


def test_an_environment_on_the_host_is_learnt_in(
    hosted: Any, clone: Any, known: Any, explore: Any, leaves: Any
) -> None:
    cloned = clone(hosted, "gaussian", squash=True)
    spec = SAC(critic_warmup_steps=1, num_steps=8, **_SMALL | {"buffer_size": 100})
    training = finetune(spec, explore("own_density"), hosted, cloned, known(1.0), key=jax.random.key(0))
    state = training.state
    for step in range(training.num_steps):
        state, info = training.step(training.gather(state, jax.random.key(step)), jax.random.key(100 + step))
    assert int(state.learner.buffer.count) == 32
    assert float(info.episodes) == 8.0
    assert leaves(training.finish(state)) != leaves(cloned)

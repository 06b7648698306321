"""Proximal policy optimization from a clone: what it leaves alone, what it learns, and what it refuses."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.policy import Policy
from ilkit.errors import DataError
from ilkit.finetune.ppo import PPO, finetune
from ilkit.running import loop

_SMALL = {"num_envs": 4, "rollout_length": 8, "num_epochs": 2, "num_minibatches": 2, "critic_hidden": (8,)}


def _train(spec: PPO, *inputs: Any, seed: int = 0) -> Any:
    return loop.train(lambda key: finetune(spec, *inputs, key=key), key=jax.random.key(seed))


def _size(optimizer: Any) -> float:
    """Σ|moments|, and the number of updates, of an optimizer's state."""
    return sum(float(jnp.sum(jnp.abs(leaf))) for leaf in jax.tree.leaves(optimizer))


@pytest.mark.parametrize(
    ("head", "settings"),
    [("gaussian", {"learning_rate": 0.0, "critic_warmup_steps": 0}), ("deterministic", {"learning_rate": 0.0})],
)
def test_without_a_step_of_the_policy_the_clone_comes_back(
    settings: dict[str, Any], head: str, push: Any, clone: Any, known: Any, explore: Any, leaves: Any
) -> None:
    cloned = clone(push, head)
    exploration = explore("none") if head == "gaussian" else explore("isotropic")
    spec = PPO(num_steps=3, **_SMALL, **{"critic_warmup_steps": 2} | settings)
    tuned = _train(spec, exploration, push, cloned, known(1.0, 1.0))
    assert jax.tree.structure(tuned[0]) == jax.tree.structure(cloned)
    assert leaves(tuned[0]) == leaves(cloned)


def test_after_the_warm_up_the_policy_moves_and_its_normalizer_does_not(
    push: Any, clone: Any, known: Any, explore: Any, leaves: Any
) -> None:
    cloned = clone(push)
    spec = PPO(critic_warmup_steps=2, num_steps=3, **_SMALL)
    training = finetune(spec, explore("isotropic"), push, cloned, known(1.0, 1.0), key=jax.random.key(0))
    state, moved, critics, moments = training.state, [], [], []
    for step in range(training.num_steps):
        state, _ = jax.jit(training.step)(state, jax.random.key(step))
        moved.append(leaves(training.finish(state)) != leaves(cloned))
        critics.append(leaves(state.learner.critic))
        moments.append(_size(state.optimizer.policy.inner_state))
    assert moved == [False, False, True]
    assert moments[:2] == [0.0, 0.0] < moments[2:]
    assert critics[0] != critics[1] != critics[2]
    assert leaves(training.finish(state).normalizer) == leaves(cloned.normalizer)


def test_the_divergence_from_the_clone_has_a_price(push: Any, clone: Any, known: Any, explore: Any) -> None:
    cloned = clone(push)
    obs = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (64, 4)), jnp.float32)

    def departure(weight: float | None) -> float:
        spec = PPO(learning_rate=0.01, critic_warmup_steps=0, clone_weight=weight, num_steps=6, **_SMALL)
        tuned = _train(spec, explore("isotropic", scale=0.5), push, cloned, known(1.0, 1.0))[0]
        act = jax.vmap(lambda obs, policy: policy.mode((), obs)[1], in_axes=(0, None))
        return float(jnp.sqrt(jnp.mean((act(obs, tuned) - act(obs, cloned)) ** 2)))

    assert departure(100.0) < 0.5 * departure(None)


def test_pushing_left_and_right_is_learnt_from_a_clone_without_an_opinion(
    balance: Any, clone: Any, known: Any, explore: Any, mean_return: Callable[[Any, Policy], float]
) -> None:
    cloned = clone(balance, "categorical")
    spec = PPO(
        learning_rate=0.02,
        critic_warmup_steps=1,
        num_envs=16,
        rollout_length=32,
        num_epochs=4,
        num_minibatches=4,
        num_steps=20,
        critic_hidden=(16,),
    )
    tuned = _train(spec, explore("own_density"), balance, cloned, known(1.0))
    assert mean_return(balance, tuned[0]) > 2 * mean_return(balance, cloned)
    assert 0.0 <= tuned.curves["noise_scale"].min() <= tuned.curves["noise_scale"].max() <= 1.0


def test_a_clone_that_pushes_blindly_learns_to_come_to_rest(
    push: Any, blind: Any, known: Any, explore: Any, mean_return: Callable[[Any, Policy], float]
) -> None:
    spec = PPO(
        learning_rate=1e-3,
        discount=0.9,
        critic_warmup_steps=5,
        num_envs=16,
        rollout_length=30,
        num_epochs=4,
        num_minibatches=4,
        num_steps=60,
        critic_hidden=(32,),
    )
    tuned = _train(spec, explore("isotropic", scale=1.0), push, blind(1), known(1.0, 1.0))
    assert mean_return(push, tuned[0]) > 0.2 * mean_return(push, blind(1))


def test_seeds_start_from_their_own_clones_with_their_own_noise(
    push: Any, clone: Any, known: Any, explore: Any, leaves: Any
) -> None:
    clones, uncertainties = [clone(push, seed=seed) for seed in (0, 1)], [known(0.1, 0.1), known(2.0, 2.0)]
    stacked = [jax.tree.map(lambda *arrays: jnp.stack(arrays), *both) for both in (clones, uncertainties)]

    def train(**settings: Any) -> Any:
        spec = PPO(num_steps=2, num_seeds=2, critic_warmup_steps=0, **_SMALL, **settings)
        return loop.train(
            lambda cloned, uncertainty, *, key: finetune(
                spec, explore("ensemble_covariance"), push, cloned, uncertainty, key=key
            ),
            *stacked,
            key=jax.random.key(0),
            num_seeds=2,
        )

    still = train(learning_rate=0.0)
    assert [leaves(policy) for policy in still] == [leaves(cloned) for cloned in clones]
    moved = train()
    assert not still.curves["departure"].any()
    assert moved.curves["departure"][:, 0].tolist() == [0.0, 0.0]  # of the policy that collected
    assert (moved.curves["departure"][:, 1] > 0.0).all()
    assert all(leaves(policy) != leaves(cloned) for policy, cloned in zip(moved, clones, strict=True))
    floor = (0.02 * 8.0) ** 2
    expected = np.sqrt([[0.1 + floor], [2.0 + floor]])
    np.testing.assert_allclose(moved.curves["noise_scale"], np.broadcast_to(expected, (2, 2)), rtol=0.4)


@pytest.mark.parametrize("head", ["gaussian", "deterministic"])
def test_an_environment_on_the_host_is_stepped_through_its_resets(
    head: str, hosted: Any, clone: Any, known: Any, explore: Any, leaves: Any
) -> None:
    cloned = clone(hosted, head)
    exploration = explore("none") if head == "gaussian" else explore("isotropic")
    spec = PPO(critic_warmup_steps=1, num_steps=2, **_SMALL)
    training = finetune(spec, exploration, hosted, cloned, known(1.0), key=jax.random.key(0))
    tuned = _train(spec, exploration, hosted, cloned, known(1.0))
    assert training.gather
    assert set(tuned.curves) == {"step", "env_steps", *training.info_names}
    assert all(np.isfinite(curve).all() for curve in tuned.curves.values())
    # Episodes of 3 steps in 4 environments, 8 steps an iteration.
    np.testing.assert_array_equal(tuned.curves["episodes"], [[8.0, 20.0]])
    assert tuned.curves["return"].max() < 0.0
    assert leaves(tuned[0]) != leaves(cloned)


def test_actions_need_a_density(push: Any, clone: Any, known: Any, explore: Any) -> None:
    with pytest.raises(DataError, match=r"DeterministicPolicy.*density.*exploration\.kind isotropic"):
        finetune(PPO(), explore("none"), push, clone(push), known(1.0, 1.0), key=jax.random.key(0))


def test_a_clone_of_another_environment_is_refused(
    push: Any, balance: Any, clone: Any, known: Any, explore: Any
) -> None:
    with pytest.raises(DataError, match="must be those of the environment"):
        finetune(PPO(), explore("none"), push, clone(balance, "categorical"), known(1.0, 1.0), key=jax.random.key(0))


@pytest.mark.parametrize("num_steps", [1, 10])
def test_a_warm_up_that_never_ends_is_refused(num_steps: int) -> None:
    said = f"critic_warmup_steps must be below num_steps.*got 10 and {num_steps}.*raise num_steps"
    with pytest.raises(ValidationError, match=said):
        PPO(num_steps=num_steps)


def test_minibatches_divide_a_rollout() -> None:
    with pytest.raises(ValidationError, match="multiple of num_minibatches, got 3 times 5 and 2"):
        PPO(num_envs=3, rollout_length=5, num_minibatches=2)

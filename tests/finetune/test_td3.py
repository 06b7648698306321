"""Twin delayed deterministic policy gradients from a clone: what they leave alone, learn and refuse."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.data.training import names_of
from ilkit.env import gymnasium, point_mass
from ilkit.errors import DataError
from ilkit.finetune.td3 import TD3, finetune
from ilkit.running import loop
from ilkit.stepping.host_envs import HostEnvs

_SMALL = {"num_envs": 4, "batch_size": 8, "buffer_size": 12, "critic_hidden": (8,)}


def _train(spec: TD3, *inputs: Any, seed: int = 0) -> Any:
    return loop.train(lambda key: finetune(spec, *inputs, key=key), key=jax.random.key(seed))


def _size(optimizer: Any) -> float:
    """Σ|moments|, and the number of updates, of an optimizer's state."""
    return sum(float(jnp.sum(jnp.abs(leaf))) for leaf in jax.tree.leaves(optimizer))


@pytest.mark.parametrize(
    ("head", "settings"),
    [("deterministic", {"critic_warmup_steps": 0}), ("gaussian", {"critic_warmup_steps": 9})],
)
def test_without_a_step_of_the_actor_the_clone_comes_back(
    settings: dict[str, Any], head: str, push: Any, clone: Any, known: Any, explore: Any, leaves: Any
) -> None:
    cloned = clone(push, head)
    spec = TD3(num_steps=10, learning_rate=0.0, **_SMALL, **settings)
    tuned = _train(spec, explore("isotropic"), push, cloned, known(1.0, 1.0))
    assert jax.tree.structure(tuned[0]) == jax.tree.structure(cloned)
    assert leaves(tuned[0]) == leaves(cloned)


def test_after_the_warm_up_the_actor_moves_and_its_normalizer_does_not(
    push: Any, clone: Any, known: Any, explore: Any, leaves: Any
) -> None:
    cloned = clone(push)
    spec = TD3(critic_warmup_steps=2, num_steps=3, **_SMALL)
    training = finetune(spec, explore("isotropic"), push, cloned, known(1.0, 1.0), key=jax.random.key(0))
    state, moved, critics, moments = training.state, [], [], []
    for step in range(training.num_steps):
        state, _ = jax.jit(training.step)(state, jax.random.key(step))
        moved.append(leaves(training.finish(state)) != leaves(cloned))
        critics.append(leaves(state.learner.networks.critics))
        moments.append(_size(state.learner.moments.actor.inner_state))
    assert moved == [False, False, True]
    assert moments[:2] == [0.0, 0.0] < moments[2:]
    assert critics[0] != critics[1] != critics[2]
    assert leaves(training.finish(state).normalizer) == leaves(cloned.normalizer)


@pytest.mark.parametrize("seed", [1, 4])
def test_a_clone_that_pushes_blindly_learns_to_come_to_rest(
    seed: int, push: Any, blind: Any, known: Any, explore: Any, mean_return: Callable[[Any, Policy], float]
) -> None:
    """With target networks that are slow in the warm-up too, the critics mislead both clones to a tenfold cost."""
    spec = TD3(critic_warmup_steps=200, num_steps=500, batch_size=64, critic_hidden=(32, 32))
    tuned = _train(spec, explore("isotropic", scale=1.0), push, blind(seed), known(1.0, 1.0), seed=seed)
    assert mean_return(push, tuned[0]) > 0.2 * mean_return(push, blind(seed))


def test_seeds_start_from_their_own_clones_with_their_own_noise(
    push: Any, clone: Any, known: Any, explore: Any, leaves: Any
) -> None:
    clones, uncertainties = [clone(push, seed=seed) for seed in (0, 1)], [known(0.1, 0.1), known(2.0, 2.0)]
    stacked = [jax.tree.map(lambda *arrays: jnp.stack(arrays), *both) for both in (clones, uncertainties)]

    def train(**settings: Any) -> Any:
        spec = TD3(num_steps=40, num_seeds=2, **_SMALL, **{"critic_warmup_steps": 0} | settings)
        return loop.train(
            lambda cloned, uncertainty, *, key: finetune(
                spec, explore("ensemble_covariance"), push, cloned, uncertainty, key=key
            ),
            *stacked,
            key=jax.random.key(0),
            num_seeds=2,
        )

    assert [leaves(policy) for policy in train(learning_rate=0.0)] == [leaves(cloned) for cloned in clones]
    moved = train()
    assert all(leaves(policy) != leaves(cloned) for policy, cloned in zip(moved, clones, strict=True))
    np.testing.assert_allclose(moved.curves["noise_scale"].mean(axis=1), np.sqrt([0.1, 2.0]), rtol=0.2)


def test_an_environment_on_the_host_is_stepped_through_its_resets(
    hosted: Any, clone: Any, known: Any, explore: Any, leaves: Any
) -> None:
    cloned = clone(hosted)
    spec = TD3(critic_warmup_steps=1, num_steps=8, **_SMALL | {"buffer_size": 100})
    training = finetune(spec, explore("isotropic"), hosted, cloned, known(1.0), key=jax.random.key(0))
    state = training.state
    for step in range(training.num_steps):
        state, info = training.step(training.gather(state, jax.random.key(step)), jax.random.key(100 + step))
        assert names_of(info) == training.info_names
        assert all(np.isfinite(value) for value in info)
    # Episodes of 3 steps: in 8 steps of 4 environments, each has two complete ones.
    assert int(state.learner.buffer.count) == 32
    assert float(info.episodes) == 8.0
    assert float(info.return_) < 0.0
    assert leaves(training.finish(state)) != leaves(cloned)


class Breaking(gym.Env):
    """Breaks in its twentieth step since it was made, or at once."""

    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, at_once: bool = False) -> None:
        self.at_once, self.steps = at_once, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if self.at_once:
            raise RuntimeError("a joint came off")
        return np.zeros(2, np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        if self.steps == 20:
            raise RuntimeError("a joint came off")
        return np.zeros(2, np.float32), 0.0, False, False, {}


@pytest.mark.parametrize(("at_once", "said"), [(False, "after 19 steps"), (True, "before the first step")])
def test_an_environment_that_breaks_is_named(
    at_once: bool, said: str, clone: Any, known: Any, explore: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(gym.registry, "Breaking-v0", gym.envs.registration.EnvSpec("Breaking-v0", Breaking))
    world = Build(
        "env",
        "gymnasium",
        gymnasium.env,
        gymnasium.Gymnasium(id="Breaking-v0", max_steps=7, kwargs={"at_once": at_once}),
    )
    spec = TD3(critic_warmup_steps=1, num_steps=30, **_SMALL)
    with pytest.raises(DataError, match=f"raised {said}: RuntimeError: a joint"):
        _train(spec, explore("isotropic"), world, clone(world), known(1.0))


def test_seeds_on_the_host_step_in_one_call(
    hosted: Any, clone: Any, known: Any, explore: Any, leaves: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    step = HostEnvs._step

    def counted(self: HostEnvs, actions: Any, lead: Any) -> Any:
        taken.append(np.shape(actions))
        return step(self, actions, lead)

    monkeypatch.setattr(HostEnvs, "_step", counted)
    clones = jax.tree.map(lambda *arrays: jnp.stack(arrays), *(clone(hosted, seed=seed) for seed in (0, 1, 2)))
    tuned = loop.train(
        lambda cloned, *, key: finetune(
            TD3(critic_warmup_steps=1, num_steps=12, num_seeds=3, **_SMALL),
            explore("isotropic"),
            hosted,
            cloned,
            known(1.0),
            key=key,
        ),
        clones,
        key=jax.random.key(0),
        num_seeds=3,
    )
    assert taken == [(3, 4, 1)] * 12
    assert len({tuple(leaves(policy)) for policy in tuned}) == 3
    assert tuned.curves["episodes"].shape[0] == 3
    assert np.isfinite(tuned.curves["return"]).all()


def test_discrete_actions_are_refused(balance: Any, clone: Any, known: Any, explore: Any) -> None:
    with pytest.raises(DataError, match=r"continuous action space, got a discrete one\. Choose ppo"):
        finetune(TD3(), explore("none"), balance, clone(balance, "categorical"), known(1.0), key=jax.random.key(0))


@pytest.mark.parametrize("num_steps", [1, 250])
def test_a_warm_up_that_never_ends_is_refused(num_steps: int) -> None:
    said = f"critic_warmup_steps must be below num_steps.*got 250 and {num_steps}.*raise num_steps"
    with pytest.raises(ValidationError, match=said):
        TD3(num_steps=num_steps)


def test_rounds_of_updates_are_whole() -> None:
    with pytest.raises(ValidationError, match="multiple of policy_delay, got 3"):
        TD3(num_envs=3)


def test_rewards_of_any_size_are_learnt_on_a_scale_that_holds_them_already(
    clone: Any, known: Any, explore: Any
) -> None:
    """Targets of some thousands would else be learnt on the scale 1 at first, at an error of their square."""
    costly = Build("env", "point_mass", point_mass.env, point_mass.PointMass(position_cost=1e4))
    spec = TD3(critic_warmup_steps=1, num_steps=2, **_SMALL)
    training = finetune(spec, explore("isotropic"), costly, clone(costly), known(1.0, 1.0), key=jax.random.key(0))
    _, info = jax.jit(training.step)(training.state, jax.random.key(1))
    assert 0.1 < float(info.value_loss) < 100.0

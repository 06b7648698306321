"""Learning by interaction in an environment on the host: to the same bytes after a stop, and what raises is said."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, PyTree

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.errors import DataError
from ilkit.interact.dagger import DAgger, interact
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.testing.arguments import Options, part
from tests.stepping.steering import register_steering

pytestmark = pytest.mark.bits

SPEC = DAgger(num_rounds=4, num_envs=2, num_gradient_steps=100, num_validation_episodes=2, learning_rate=1e-2)


class Person:
    """Answers so many questions, and leaves."""

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def __call__(self, action: np.ndarray) -> np.ndarray:
        self.patience -= 1
        if self.patience < 0:
            raise RuntimeError("the person has left")
        return np.asarray(action)


class Leaning(Policy):
    """Steers straight to 0, where a person is given by asking it, on the host."""

    gain: Array
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)
    person: Person | None = eqx.field(static=True, default=None)

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        action = jnp.clip(-5.0 * self.gain * (obs + 0.05), -1.0, 1.0)
        if self.person is None:
            return carry, action
        shape = jax.ShapeDtypeStruct((1,), np.float32)
        return carry, jax.pure_callback(self.person, shape, action, vmap_method="sequential")


@pytest.fixture
def steering(monkeypatch: pytest.MonkeyPatch) -> Build[Any]:
    return register_steering(monkeypatch)


def expert_of(env: Build[Any], person: Person | None = None) -> Policy:
    spaces = env().spaces
    return Leaning(jnp.ones(1), Normalizer.identity(spaces.observation), spaces, person)


def training(env: Build[Any], expert: Policy, num_seeds: int) -> tuple[Any, Any]:
    demos: Demonstrations = collect_episodes(
        env(), expert_of(env), num_episodes=2, key=jax.random.key(9)
    ).demonstrations()
    policy = part("policy", Options(parts={"policy": {"kind": "deterministic"}}))
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * num_seeds), expert)
    return loop.prepare(
        lambda one, *, key: interact(SPEC, policy, env, demos, one, key=key),
        (stacked,),
        key=jax.random.key(0),
        num_seeds=num_seeds,
    )


def test_two_seeds_learn_from_all_that_was_labeled(steering: Build[Any]) -> None:
    run, key = training(steering, expert_of(steering), 2)
    found = loop.drive(run, key, 2)
    assert found.curves["labels"][:, -1].tolist() == [160, 160]
    best = collect_episodes(steering(), expert_of(steering), num_episodes=20, key=jax.random.key(5)).returns.mean()
    for one in found:
        reached = collect_episodes(steering(), one.policy, num_episodes=20, key=jax.random.key(5)).returns.mean()
        assert reached > best - 0.3
    demos, executed = found[0].demos.demonstrations(), np.asarray(found[0].demos.executed)
    moved = demos.after()[:, 0] - demos.before()[:, 0]
    assert np.allclose(moved, 0.05 + executed[: demos.num_steps, 0] / 5, atol=1e-5)


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(steering: Build[Any]) -> None:
    run, key = training(steering, expert_of(steering), 1)
    whole = loop.drive(run, key, 1)
    *_, half = (
        one for one in loop.advance(run, loop.start(run, 1), key=key, num_seeds=1, chunk_size=1) if one.step <= 2
    )
    again, key = training(steering, expert_of(steering), 1)
    resumed = loop.drive(again, key, 1, progress=half)
    for mine, theirs in zip(jax.tree.leaves(whole.stacked), jax.tree.leaves(resumed.stacked), strict=True):
        assert np.asarray(mine).tobytes() == np.asarray(theirs).tobytes()


def test_an_expert_that_raises_keeps_the_rounds_before(steering: Build[Any]) -> None:
    run, key = training(steering, expert_of(steering, Person(patience=90)), 1)
    rounds = loop.advance(run, loop.start(run, 1), key=key, num_seeds=1, chunk_size=1)
    assert next(rounds).step == 1
    with pytest.raises(DataError, match="the person has left"):
        list(rounds)

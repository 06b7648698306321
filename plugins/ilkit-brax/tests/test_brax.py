"""The adapter of Brax: ilkit's conformance kit, and the steps of a library with Brax's interface, a stand-in."""

import dataclasses
import sys
import types
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ilkit_brax import Brax, env

from ilkit.data.environment import Environment, Invertible
from ilkit.data.spaces import Box
from ilkit.errors import DataError
from ilkit.testing import checks


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Physics:
    q: Any
    qd: Any
    tip: Any


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    pipeline_state: Physics
    obs: Any
    reward: Any
    done: Any
    metrics: dict[str, Any]
    info: dict[str, Any]

    def replace(self, **changes: Any) -> "State":
        return dataclasses.replace(self, **changes)


class Rod:
    """A rod in the plane that is turned; Brax's interface, with physics that follow from q and q̇."""

    def __init__(self, backend: str = "generalized", exclude_velocity: bool = False) -> None:
        if backend not in ("generalized", "spring"):
            raise ValueError(f"unknown backend {backend}")
        warnings.warn("Brax is not actively being maintained.", stacklevel=1)
        self.strength = 0.3 if backend == "spring" else 0.1
        self.exclude_velocity = exclude_velocity
        self.action_size, self.observation_size = 1, 1 if exclude_velocity else 2

    def pipeline_init(self, q: Any, qd: Any) -> Physics:
        return Physics(q, qd, jnp.concatenate([jnp.cos(q), jnp.sin(q)]) * 2.0)

    def reset(self, rng: Any) -> State:
        physics = self.pipeline_init(jax.random.uniform(rng, (1,)), jnp.zeros(1))
        return State(physics, self.seen(physics), jnp.zeros(()), jnp.zeros(()), {"speed": jnp.zeros(())}, {})

    def step(self, state: State, action: Any) -> State:
        before = state.pipeline_state
        qd = before.qd + self.strength * action + 0.01 * before.tip[1:]
        physics = self.pipeline_init(before.q + 0.1 * qd, qd)
        done = jnp.where(jnp.abs(physics.q[0]) > 3.0, 1.0, 0.0)
        obs, metrics = self.seen(physics), {"speed": jnp.abs(qd[0])}
        return state.replace(pipeline_state=physics, obs=obs, reward=1.0, done=done, metrics=metrics)

    def seen(self, physics: Physics) -> Any:
        return physics.q if self.exclude_velocity else jnp.concatenate([physics.q, physics.qd])


@pytest.fixture(autouse=True)
def brax(monkeypatch: pytest.MonkeyPatch) -> None:
    package, envs = types.ModuleType("brax"), types.ModuleType("brax.envs")
    envs._envs = {"rod": Rod}  # type: ignore[attr-defined]
    envs.get_environment = lambda name, **kwargs: {"rod": Rod}[name](**kwargs)  # type: ignore[attr-defined]
    package.envs = envs  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "brax", package)
    monkeypatch.setitem(sys.modules, "brax.envs", envs)


def test_conformance() -> None:
    found = checks("env", "brax", settings={"id": "rod"})
    assert len(found) >= 16
    for check in found:
        check()


@pytest.mark.filterwarnings("ignore:Brax is not actively")
@pytest.mark.parametrize("backend", ["generalized", "spring"])
def test_steps_are_those_of_the_library(backend: str) -> None:
    made, library = env(Brax(id="rod", kwargs=(("backend", backend),))), Rod(backend)
    tree, state, ends = library.reset(jax.random.key(1)), made.reset(key=jax.random.key(1)), []
    for index in range(60):
        tree = library.step(tree, jnp.asarray([0.5]))
        state, found = made.step(state, jnp.asarray([0.5]), key=jax.random.key(index))
        np.testing.assert_allclose(made.observe(state), tree.obs, rtol=1e-6)
        assert float(found.reward) == 1.0
        assert bool(found.terminated) == bool(tree.done)
        ends.append(bool(tree.done))
    assert not ends[0]
    assert ends[-1]


def test_what_follows_from_the_positions_is_computed_anew() -> None:
    made = env(Brax(id="rod"))
    found = made.state_of(jnp.asarray([0.5, -0.25]))
    names = [made.state_names.index(f"pipeline_state.{name}") for name in ("q[0]", "qd[0]", "tip[0]", "tip[1]")]
    expected = [0.5, -0.25, 2.0 * np.cos(0.5), 2.0 * np.sin(0.5)]
    np.testing.assert_allclose(np.asarray(found)[names], expected, rtol=1e-6)


def test_spaces_and_limit() -> None:
    made = env(Brax(id="rod", max_steps=9))
    assert isinstance(made, Environment)
    assert made.spaces.observation == Box.symmetric((np.inf, np.inf))
    assert made.spaces.action == Box.symmetric((1.0,))
    assert made.max_steps == 9


def test_a_hidden_velocity_is_refused_when_the_state_is_asked_for() -> None:
    made = env(Brax(id="rod", kwargs=(("exclude_velocity", True),)))
    assert isinstance(made, Environment)
    assert not isinstance(made, Invertible)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Brax(id="rood"), "Did you mean 'rod'"),
        (Brax(id="rod", kwargs=(("wheels", 3),)), "wheels"),
        (Brax(id="rod", kwargs=(("backend", "steam"),)), "steam"),
    ],
)
def test_wrong_settings_are_refused(spec: Brax, message: str) -> None:
    with pytest.raises(DataError, match=message):
        env(spec)


def test_without_brax_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brax", None)
    with pytest.raises(DataError, match=r"ilkit-brax\[brax\]"):
        env(Brax(id="never_seen"))

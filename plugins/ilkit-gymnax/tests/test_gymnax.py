"""The adapter of gymnax: ilkit's conformance kit, and the steps of a library with gymnax's interface, a stand-in."""

import dataclasses
import sys
import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ilkit_gymnax import Gymnax, env

from ilkit.data.environment import Environment, Invertible
from ilkit.data.spaces import Box, Discrete
from ilkit.errors import DataError
from ilkit.testing import checks


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CartState:
    position: Any
    velocity: Any
    lucky: Any
    time: Any


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CartParams:
    force: float = 0.5
    edge: float = 2.0
    max_steps_in_episode: int = 20


class BoxSpace:
    def __init__(self, low: Any, high: Any, shape: tuple[int, ...]) -> None:
        self.low, self.high, self.shape = low, high, shape

    def sample(self, key: Any) -> Any:
        return jax.random.uniform(key, self.shape, minval=self.low, maxval=self.high)


class DiscreteSpace:
    def __init__(self, num_categories: int) -> None:
        self.n, self.shape = num_categories, ()

    def sample(self, key: Any) -> Any:
        return jax.random.randint(key, (), 0, self.n)


class Cart:
    """A cart that is pushed from the middle; gymnax's interface, with its one `done` for both ends of an episode."""

    def __init__(self, continuous: bool = False) -> None:
        self.continuous = continuous

    def reset_env(self, key: Any, params: CartParams) -> tuple[Any, CartState]:
        position = jax.random.uniform(key, (), minval=-0.1, maxval=0.1)
        state = CartState(position, 0.0, False, 0)
        return self.get_obs(state, params), state

    def step_env(self, key: Any, state: CartState, action: Any, params: CartParams) -> Any:
        push = action[0] if self.continuous else 2.0 * action - 1.0
        velocity = state.velocity + params.force * push + 0.01 * jax.random.normal(key)
        after = CartState(state.position + 0.1 * velocity, velocity, velocity > 0.0, state.time + 1)
        obs, done = self.get_obs(after, params), self.is_terminal(after, params)
        return obs, after, 1.0 - jnp.abs(after.position), done, {"discount": 1.0 - done}

    def get_obs(self, state: CartState, params: Any = None, key: Any = None) -> Any:
        return jnp.array([[state.position], [state.velocity]])

    def is_terminal(self, state: CartState, params: CartParams) -> Any:
        return (jnp.abs(state.position) > params.edge) | (state.time >= params.max_steps_in_episode)

    def action_space(self, params: CartParams) -> Any:
        return BoxSpace(-1.0, 1.0, (1,)) if self.continuous else DiscreteSpace(2)

    def observation_space(self, params: CartParams) -> Any:
        largest = np.finfo(np.float32).max
        return BoxSpace(np.array([[-3.0], [-largest]]), np.array([[3.0], [largest]]), (2, 1))


class Blind(Cart):
    """The same, its velocity hidden."""

    def get_obs(self, state: CartState, params: Any = None, key: Any = None) -> Any:
        return jnp.array([[state.position], [0.0]])


class Late(Cart):
    """The same, but a step lets see the state before it."""

    def step_env(self, key: Any, state: CartState, action: Any, params: CartParams) -> Any:
        return self.get_obs(state, params), *super().step_env(key, state, action, params)[1:]


def make(name: str, **kwargs: Any) -> tuple[Cart, CartParams]:
    return {"Cart-v0": Cart, "Blind-v0": Blind, "Late-v0": Late}[name](**kwargs), CartParams()


@pytest.fixture(autouse=True)
def gymnax(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("gymnax")
    module.make, module.registered_envs = make, ["Cart-v0", "Blind-v0", "Late-v0"]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gymnax", module)


@pytest.mark.parametrize("kwargs", [{}, {"continuous": True}], ids=["discrete", "continuous"])
def test_conformance(kwargs: dict[str, Any]) -> None:
    found = checks("env", "gymnax", settings={"id": "Cart-v0", "kwargs": kwargs})
    assert len(found) >= 15
    for check in found:
        check()


def states_of_the_library(num_steps: int, params: CartParams) -> list[tuple[Any, ...]]:
    library, key = Cart(), jax.random.key(1)
    state, rows = library.reset_env(key, params)[1], []
    for index in range(num_steps):
        obs, state, reward, done, _ = library.step_env(jax.random.key(index), state, jnp.asarray(1), params)
        rows.append((obs, state, reward, done))
    return rows


def test_steps_are_those_of_the_library_beyond_its_time_limit() -> None:
    made = env(Gymnax(id="Cart-v0", params=(("edge", 30.0), ("force", 0.2))))
    state, ends = made.reset(key=jax.random.key(1)), []
    for index, expected in enumerate(states_of_the_library(30, CartParams(force=0.2, edge=30.0))):
        state, found = made.step(state, jnp.asarray(1), key=jax.random.key(index))
        obs, tree, reward, done = expected
        np.testing.assert_allclose(made.observe(state), obs.ravel(), rtol=1e-6)
        np.testing.assert_allclose(found.reward, reward, rtol=1e-6)
        assert float(state[made.state_names.index("time (lower 16 bits)")]) == int(tree.time)
        ends.append((bool(found.terminated), bool(done)))
    assert ends == [(False, index >= 19) for index in range(30)]


def test_an_end_at_the_edge_is_terminated() -> None:
    made = env(Gymnax(id="Cart-v0", params=(("edge", 0.5),), max_steps=7))
    assert made.max_steps == 7
    state, ends = made.reset(key=jax.random.key(1)), []
    for index in range(12):
        state, transition = made.step(state, jnp.asarray(1), key=jax.random.key(index))
        assert bool(transition.terminated) == (abs(float(made.observe(state)[0])) > 0.5)
        ends.append(bool(transition.terminated))
    assert not ends[0]
    assert ends[-1]


def test_spaces_and_limit_are_those_of_the_library() -> None:
    made = env(Gymnax(id="Cart-v0", kwargs=(("continuous", True),)))
    assert isinstance(made, Environment)
    assert made.spaces.observation == Box(low=(-3.0, -np.inf), high=(3.0, np.inf))
    assert made.spaces.action == Box.symmetric((1.0,))
    assert env(Gymnax(id="Cart-v0")).spaces.action == Discrete(size=2)
    assert made.max_steps == 20
    assert env(Gymnax(id="Cart-v0", params=(("max_steps_in_episode", 9),))).max_steps == 9


def test_a_hidden_velocity_is_refused_when_the_state_is_asked_for() -> None:
    made = env(Gymnax(id="Blind-v0"))
    assert isinstance(made, Environment)
    assert not isinstance(made, Invertible)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Gymnax(id="Kart-v0"), "Did you mean 'Cart-v0'"),
        (Gymnax(id="Late-v0"), "must follow from its state"),
        (Gymnax(id="Cart-v0", kwargs=(("wheels", 3),)), "wheels"),
        (Gymnax(id="Cart-v0", params=(("forse", 1.0),)), "Did you mean 'force'"),
    ],
)
def test_wrong_settings_are_refused(spec: Gymnax, message: str) -> None:
    with pytest.raises(DataError, match=message):
        env(spec)


def test_without_gymnax_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnax", None)
    with pytest.raises(DataError, match=r"ilkit-gymnax\[gymnax\]"):
        env(Gymnax(id="Never-seen"))

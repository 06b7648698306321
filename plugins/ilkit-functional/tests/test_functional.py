"""Gymnasium's functional environments: ilkit's conformance kit, and the steps of gymnasium's own adapter."""

import dataclasses
import sys
import types
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.envs.functional_jax_env import FunctionalJaxEnv
from gymnasium.experimental.functional import FuncEnv
from ilkit_functional import Functional, env

from ilkit.data.environment import Environment
from ilkit.data.spaces import Box, Discrete
from ilkit.errors import DataError
from ilkit.testing import checks


@dataclasses.dataclass(frozen=True)
class WheelParams:
    friction: float = 0.1


class Wheel(FuncEnv):
    """A wheel that is turned, with noise in its motion."""

    size = 1.0
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def initial(self, rng: Any, params: Any = WheelParams) -> Any:
        return jax.random.uniform(rng, (2,), minval=-1.0, maxval=1.0)

    def transition(self, state: Any, action: Any, rng: Any, params: Any = WheelParams) -> Any:
        push = jnp.clip(action[0], -1.0, 1.0) + 0.01 * jax.random.normal(rng)
        speed = (1.0 - params.friction) * state[1] + push
        return jnp.stack([state[0] + 0.1 * speed, speed])

    def observation(self, state: Any, rng: Any, params: Any = WheelParams) -> Any:
        return jnp.stack([self.size * jnp.cos(state[0]), self.size * jnp.sin(state[0]), state[1]])

    def reward(self, state: Any, action: Any, next_state: Any, rng: Any, params: Any = WheelParams) -> Any:
        return jnp.cos(next_state[0]) - 0.1 * action[0] ** 2

    def terminal(self, state: Any, rng: Any, params: Any = WheelParams) -> Any:
        return jnp.abs(state[1]) > 3.0

    def get_default_params(self, **kwargs: Any) -> WheelParams:
        return WheelParams(**kwargs)


class Walk(FuncEnv):
    """A walk along seven fields, numbered from 2, by the actions 1 (left) and 2 (right); without parameters."""

    observation_space = gymnasium.spaces.Discrete(7, start=2)
    action_space = gymnasium.spaces.Discrete(2, start=1)

    def initial(self, rng: Any, params: None = None) -> Any:
        return {"field": jax.random.randint(rng, (), 4, 7), "steps": 0}

    def transition(self, state: Any, action: Any, rng: Any, params: None = None) -> Any:
        return {"field": jnp.clip(state["field"] + 2 * action - 3, 2, 8), "steps": state["steps"] + 1}

    def observation(self, state: Any, rng: Any, params: None = None) -> Any:
        return state["field"]

    def reward(self, state: Any, action: Any, next_state: Any, rng: Any, params: None = None) -> Any:
        return jnp.where(next_state["field"] == 8, 1.0, 0.0)

    def terminal(self, state: Any, rng: Any, params: None = None) -> Any:
        return state["field"] == 8


class Noisy(Wheel):
    """The wheel, observed with noise."""

    def observation(self, state: Any, rng: Any, params: Any = WheelParams) -> Any:
        return super().observation(state, rng, params) + jax.random.normal(rng, (3,))


class Many(Wheel):
    """The wheel with several kinds of actions."""

    action_space = gymnasium.spaces.MultiBinary(2)


@pytest.fixture(autouse=True)
def wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("wheels")
    for found in (Wheel, Walk, Noisy, Many):
        setattr(module, found.__name__, found)
    module.WheelParams = WheelParams  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wheels", module)


def test_conformance() -> None:
    found = checks("env", "functional", settings={"id": "wheels:Wheel"})
    assert len(found) >= 16
    for check in found:
        check()


@pytest.mark.parametrize(("found", "actions"), [(Wheel, [[0.4], [-1.0], [0.9]]), (Walk, [2, 2, 1])])
def test_steps_are_those_of_the_adapter_of_gymnasium(found: Any, actions: list[Any]) -> None:
    theirs, ours = FunctionalJaxEnv(found()), env(Functional(id=f"wheels:{found.__name__}"))
    obs, _ = theirs.reset(seed=3)
    state = ours.layout.flatten(theirs.state)  # type: ignore[attr-defined]
    discrete = found is Walk
    for action in actions * 8:
        key = jax.random.split(theirs.rng)[0]
        np.testing.assert_allclose(ours.observe(state), np.eye(7)[obs - 2] if discrete else obs, rtol=1e-6)
        given = jnp.asarray(action, jnp.int32 if discrete else jnp.float32)
        obs, reward, terminated, _, _ = theirs.step(given)
        state, transition = ours.step(state, given - 1 if discrete else given, key=key)
        np.testing.assert_allclose(transition.reward, reward, rtol=1e-5)
        assert bool(transition.terminated) == terminated


def test_options_and_params_are_set() -> None:
    large = env(Functional(id="wheels:Wheel", options=(("size", 2.0),), params=(("friction", 1.0),), max_steps=9))
    state = jnp.asarray([0.0, 1.0])
    np.testing.assert_allclose(large.observe(state), [2.0, 0.0, 1.0])
    after = large.step(state, jnp.zeros(1), key=jax.random.key(0))[0]
    assert abs(float(after[1])) < 0.1
    assert large.max_steps == 9


def test_the_state_is_read_off_the_observation() -> None:
    made = env(Functional(id="wheels:Wheel"))
    np.testing.assert_allclose(made.state_of(made.observe(jnp.asarray([2.5, -1.0]))), [2.5, -1.0], rtol=1e-6)


def test_spaces_begin_at_zero() -> None:
    made = env(Functional(id="wheels:Walk"))
    assert isinstance(made, Environment)
    assert made.spaces.action == Discrete(size=2)
    assert made.spaces.observation == Box(low=(0.0,) * 7, high=(1.0,) * 7)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Functional(id="nowhere:Wheel"), r"ilkit-functional\[phys2d\]"),
        (Functional(id="wheels:Whel"), "subclass"),
        (Functional(id="wheels:WheelParams"), "subclass"),
        (Functional(id="wheels:Wheel", params=(("frictoin", 1.0),)), "Did you mean 'friction'"),
        (Functional(id="wheels:Walk", params=(("friction", 1.0),)), "no env.params"),
        (Functional(id="wheels:Noisy"), "noisy"),
        (Functional(id="wheels:Many"), "MultiBinary"),
    ],
)
def test_wrong_settings_are_refused(spec: Functional, message: str) -> None:
    with pytest.raises(DataError, match=message):
        env(spec)

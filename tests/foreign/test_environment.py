"""Environments of other libraries: laid out, read off their observations, drawn."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, PRNGKeyArray, PyTree

from ilkit.data.environment import Invertible, Transition
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.foreign.environment import Dynamics, ForeignEnvironment, foreign_environment

pytestmark = pytest.mark.bits


class Wheel(Dynamics):
    """A wheel that is turned; the state counts steps, draws its own noise and has a speed that is seen or not."""

    sees_speed: bool = True
    noise: float = 0.0
    wide: bool = False

    def initial(self, *, key: PRNGKeyArray) -> PyTree:
        angle_key, own_key = jax.random.split(key)
        angle = jax.random.uniform(angle_key, (), minval=-3.0, maxval=3.0)
        return {"angle": angle, "speed": jnp.zeros(1), "time": jnp.asarray(0), "key": own_key, "friction": 0.1}

    def advance(self, state: PyTree, action: Array, *, key: PRNGKeyArray) -> tuple[PyTree, Transition]:
        speed = (1.0 - state["friction"]) * state["speed"] + action
        speed += self.noise * jax.random.normal(state["key"], (1,))
        after = state | {"angle": state["angle"] + speed[0], "speed": speed, "time": state["time"] + 1}
        return after | {"key": jax.random.split(state["key"])[0]}, Transition(-speed[0], speed[0] > 5.0)

    def observation(self, state: PyTree) -> Array:
        angle = state["angle"]
        seen = [jnp.cos(angle), jnp.sin(angle), *([state["speed"][0]] if self.sees_speed else [])]
        return jnp.stack([jnp.stack(seen)] * 2) if self.wide else jnp.stack(seen)


def wrapped(dynamics: Dynamics, size: int = 3) -> ForeignEnvironment:
    spaces = Spaces(observation=Box.symmetric((np.inf,) * size), action=Box.symmetric((1.0,)))
    return foreign_environment(dynamics, name="wheel", spaces=spaces, max_steps=50)


def test_steps_are_those_of_the_library() -> None:
    env, key, dynamics = wrapped(Wheel()), jax.random.key(4), Wheel()
    tree, state = dynamics.initial(key=key), env.reset(key=key)
    for index in range(20):
        action = jnp.sin(jnp.asarray([float(index)]))
        tree, expected = dynamics.advance(tree, action, key=key)
        state, found = env.step(state, action, key=key)
        assert float(found.reward) == float(expected.reward)
        assert (
            jax.random.key_data(env.layout.unflatten(state)["key"]).tolist()
            == jax.random.key_data(tree["key"]).tolist()
        )
        np.testing.assert_array_equal(env.observe(state), dynamics.observation(tree))
    assert int(env.layout.unflatten(state)["time"]) == 20


def test_angles_and_copies_are_read_off_the_observation() -> None:
    env = wrapped(Wheel())
    assert isinstance(env, Invertible)
    state = env.layout.flatten(
        {
            "angle": jnp.asarray(2.0),
            "speed": jnp.asarray([0.5]),
            "time": jnp.asarray(9),
            "key": jax.random.key(8),
            "friction": 0.1,
        }
    )
    found = env.layout.unflatten(env.state_of(env.observe(state)))
    assert float(found["angle"]) == pytest.approx(2.0)
    assert found["speed"].tolist() == [0.5]
    assert int(found["time"]) == 0
    assert float(found["friction"]) == pytest.approx(0.1)


@pytest.mark.parametrize(("dynamics", "size"), [(Wheel(sees_speed=False), 2), (Wheel(noise=0.1), 3)])
def test_hidden_states_are_found(dynamics: Dynamics, size: int) -> None:
    assert not isinstance(wrapped(dynamics, size), Invertible)


def test_observations_are_flattened_and_their_size_is_checked() -> None:
    assert wrapped(Wheel(wide=True), 6).observe(wrapped(Wheel()).reset(key=jax.random.key(0))).shape == (6,)
    with pytest.raises(DataError, match="size of their space, 4, got 3"):
        wrapped(Wheel(), 4)


def test_it_is_built_inside_of_a_compiled_function_too() -> None:
    @jax.jit
    def reset(key: PRNGKeyArray) -> Array:
        return wrapped(Wheel()).reset(key=key)

    key = jax.random.key(1)
    np.testing.assert_array_equal(reset(key), wrapped(Wheel()).reset(key=key))


def test_bars_rise_with_the_observation() -> None:
    env = wrapped(Wheel())
    low = env.layout.flatten(env.layout.unflatten(env.reset(key=jax.random.key(0))) | {"speed": jnp.asarray([-1.0])})
    high = env.layout.flatten(env.layout.unflatten(low) | {"speed": jnp.asarray([1.0])})
    first, second = (np.asarray(eqx.filter_jit(env.frame)(state, 120)).astype(int) for state in (low, high))
    assert first.shape == (120, 160, 3)
    changed = (first != second).any(axis=(0, 2))
    assert changed[107:].any()
    assert not changed[:106].any()


class Winch(Wheel):
    """A wheel whose reward counts its turns, which aren't seen."""

    def advance(self, state: PyTree, action: Array, *, key: PRNGKeyArray) -> tuple[PyTree, Transition]:
        after, transition = Wheel.advance(self, state, action, key=key)
        return after, transition._replace(reward=after["angle"])


def test_hidden_turns_are_found() -> None:
    assert isinstance(wrapped(Wheel()), Invertible)
    assert not isinstance(wrapped(Winch()), Invertible)

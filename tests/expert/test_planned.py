"""Planning on a grid, against a closed form and the published expert of the mountain car."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.environment import Environment, Transition
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.env import cart_pole, gymnasium, mountain_car, pendulum
from ilkit.errors import DataError
from ilkit.expert.planned import Planned, PlannedPolicy, expert
from ilkit.spec import Spec
from ilkit.stepping.contestants import run_with_random
from ilkit.stepping.episodes import collect_episodes

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
CAR = Build("env", "mountain_car", mountain_car.env, mountain_car.MountainCar())


class Stairs(Spec):
    """Steps of one unit to the left or to the right, or to a place given; the right end terminates."""


class StairsEnvironment(Environment):
    """Each step costs 1, and the state is a place from 0 to 10."""

    spaces: Spaces = eqx.field(static=True)
    is_random: bool = eqx.field(static=True, default=False)
    state_box: Box = eqx.field(static=True, default=Box(low=(0.0,), high=(10.0,)))
    state_names: tuple[str, ...] = eqx.field(static=True, default=("place",))
    max_steps: int = eqx.field(static=True, default=20)

    def reset(self, *, key):
        return jax.random.uniform(key, (1,), maxval=10.0)

    def step(self, state, action, *, key):
        move = action * 2.0 - 1.0 if isinstance(self.spaces.action, Discrete) else action[0]
        state = jnp.clip(state + move + (jax.random.normal(key) if self.is_random else 0.0), 0.0, 10.0)
        return state, Transition(jnp.asarray(-1.0), state[0] >= 10.0)

    def observe(self, state):
        return state

    def state_of(self, obs):
        return obs


def stairs(action=Discrete(size=2), *, is_random: bool = False) -> Build:
    spaces = Spaces(observation=Box(low=(0.0,), high=(10.0,)), action=action)
    return Build("env", "stairs", lambda spec: StairsEnvironment(spaces, is_random), Stairs())


@pytest.mark.parametrize("discount", [0.9, 1.0])
def test_values_on_a_grid_that_steps_never_leave_are_exact(discount: float) -> None:
    planned = expert(Planned(num_points=11, discount=discount, num_sweeps=50), stairs(), key=KEY)
    steps = np.maximum(10.0 - np.arange(11), 1.0)
    exact = -steps if discount == 1.0 else -(1 - discount**steps) / (1 - discount)
    np.testing.assert_allclose(planned.values, exact, rtol=1e-5)
    assert [int(planned.mode((), jnp.asarray([place]))[1]) for place in (0.0, 3.3, 9.9)] == [1, 1, 1]


def test_vectors_of_actions_are_taken_from_a_grid_of_them() -> None:
    planned = expert(
        Planned(num_points=21, num_actions=4, num_sweeps=50), stairs(Box(low=(-1.0,), high=(2.0,))), key=KEY
    )
    np.testing.assert_allclose(planned.actions[:, 0], [-1.0, 0.0, 1.0, 2.0], atol=1e-6)
    np.testing.assert_array_equal(planned.mode((), jnp.asarray([2.2]))[1], [2.0])


def test_the_planned_car_is_as_fast_as_the_published_expert() -> None:
    """-98.75 ± 8.71 per episode (Ho and Ermon, 2016)."""
    run = collect_episodes(CAR(), expert(Planned(), CAR, key=KEY), num_episodes=50, key=KEY)
    assert run.terminated.all()
    assert -101.0 < run.returns.mean() < -96.0


def test_where_left_and_right_are_exchanged_another_plan_is_as_good() -> None:
    exchanged = Build("env", "mountain_car", mountain_car.env, mountain_car.MountainCar(force=-0.001))
    plans = [expert(Planned(num_points=61), build, key=KEY) for build in (CAR, exchanged)]
    one, other = (
        collect_episodes(build(), plan, num_episodes=16, key=KEY)
        for build, plan in zip((CAR, exchanged), plans, strict=True)
    )
    np.testing.assert_array_equal(one.returns, other.returns)
    astray = collect_episodes(exchanged(), plans[0], num_episodes=16, key=KEY)
    np.testing.assert_array_equal(astray.returns, -200.0)


@pytest.mark.parametrize(
    ("world", "said"),
    [
        (Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole()), "states of at most 3 entries, .*, got 4"),
        (Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium()), "needs a compiled environment"),
        (stairs(is_random=True), "whose steps draw nothing"),
    ],
)
def test_what_has_no_grid_is_refused_where_it_is_checked_and_where_it_runs(world: Build, said: str) -> None:
    with pytest.raises(DataError, match=said):
        expert(Planned(), world, key=KEY)
    assert len(list(Planned().faults(world()))) == 1


def test_limits_of_actions_must_be_finite() -> None:
    with pytest.raises(DataError, match="finite limits of actions"):
        expert(Planned(), stairs(Box(low=(-np.inf,), high=(np.inf,))), key=KEY)


def test_memory_is_told_before_it_is_taken() -> None:
    world = pendulum.env(pendulum.Pendulum())
    assert Planned(num_points=10, num_actions=5).bytes_needed(world) == 8 * 5 * 100 * 4
    assert isinstance(
        expert(
            Planned(num_points=5, num_sweeps=1), Build("env", "pendulum", pendulum.env, pendulum.Pendulum()), key=KEY
        ),
        PlannedPolicy,
    )


def test_a_plan_is_run_beside_other_policies_as_the_runner_stores_it() -> None:
    plan = expert(Planned(num_points=31), CAR, key=KEY)
    stored = Seeds(jax.tree.map(lambda leaf: leaf[None], plan), {}, 1)
    found = run_with_random(CAR(), {"expert": stored}, 3, stochastic=True, key=KEY)
    own = collect_episodes(CAR(), plan, num_episodes=3, key=KEY)
    np.testing.assert_array_equal(found["expert"][0].returns, own.returns)

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.env import mountain_car_continuous, pendulum
from ilkit.errors import DataError
from ilkit.expert import energy_pump, swing_up
from ilkit.stepping.episodes import collect_episodes

pytestmark = pytest.mark.bits

PENDULUM = Build("env", "pendulum", pendulum.env, pendulum.Pendulum())
CAR = Build(
    "env",
    "mountain_car_continuous",
    mountain_car_continuous.env,
    mountain_car_continuous.MountainCarContinuous(),
)
KEY = jax.random.key(0)


def test_swing_up_is_close_to_the_best_known_return() -> None:
    run = collect_episodes(
        PENDULUM(), swing_up.expert(swing_up.SwingUp(), PENDULUM, key=KEY), num_episodes=100, key=KEY
    )
    assert run.returns.mean() > -165  # the best known policies average about -145
    assert (run.obs[:, -1, 0] > 0.999).all()  # upright


def test_swing_up_rises_from_rest_and_rests_at_the_top() -> None:
    expert = swing_up.expert(swing_up.SwingUp(), PENDULUM, key=KEY)
    hanging = np.asarray([[np.pi, 0.0], [0.0, 0.0]])
    run = collect_episodes(PENDULUM(), expert, num_episodes=2, key=KEY, initial_states=hanging)
    assert (run.obs[:, -1, 0] > 0.999).all()
    np.testing.assert_allclose(run.executed[1], 0.0, atol=1e-5)


def test_swing_up_knows_the_pendulum_it_is_given() -> None:
    heavy = Build(
        "env", "pendulum", pendulum.env, pendulum.Pendulum(gravity=14.0, mass=1.3, length=0.9, max_torque=3.0)
    )
    run = collect_episodes(heavy(), swing_up.expert(swing_up.SwingUp(), heavy, key=KEY), num_episodes=30, key=KEY)
    assert (run.obs[:, -1, 0] > 0.999).mean() > 0.9


def test_energy_pump_climbs_the_hill_at_little_cost() -> None:
    expert = energy_pump.expert(energy_pump.EnergyPump(), CAR, key=KEY)
    run = collect_episodes(CAR(), expert, num_episodes=100, key=KEY)
    assert run.terminated.all()
    assert run.returns.min() > 95
    with_all_force = energy_pump.expert(energy_pump.EnergyPump(force=1.0), CAR, key=KEY)
    hasty = collect_episodes(CAR(), with_all_force, num_episodes=100, key=KEY)
    assert hasty.lengths.mean() < run.lengths.mean()
    assert hasty.returns.mean() < run.returns.mean()


def test_controllers_are_policies_under_jit_and_vmap() -> None:
    for module, spec, build in (
        (swing_up, swing_up.SwingUp(), PENDULUM),
        (energy_pump, energy_pump.EnergyPump(), CAR),
    ):
        expert = module.expert(spec, build, key=KEY)
        obs = jnp.asarray(np.random.default_rng(0).normal(size=(5, expert.spaces.observation.size)), jnp.float32)
        batched = jax.jit(jax.vmap(lambda row, expert=expert: expert.mode((), row)[1]))(obs)
        single = jnp.stack([expert.mode((), row)[1] for row in obs])
        np.testing.assert_allclose(batched, single, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(expert.normalizer(obs[0]), obs[0])


@pytest.mark.parametrize(
    ("module", "spec", "wrong", "right"),
    [
        (swing_up, swing_up.SwingUp(), CAR, "a rod that turns"),
        (energy_pump, energy_pump.EnergyPump(), PENDULUM, "a car between hills"),
    ],
)
def test_the_wrong_environment_is_named(module, spec, wrong: Build, right: str) -> None:
    with pytest.raises(DataError, match=right):
        module.expert(spec, wrong, key=KEY)

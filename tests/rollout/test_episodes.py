import jax
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.env import gymnasium, mountain_car_continuous, pendulum
from ilkit.errors import DataError
from ilkit.expert import energy_pump, swing_up
from ilkit.rollout import episodes
from ilkit.rollout.episodes import Episodes

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
PENDULUM = Build("env", "pendulum", pendulum.env, pendulum.Pendulum(max_steps=40))
CAR = Build(
    "env", "mountain_car_continuous", mountain_car_continuous.env, mountain_car_continuous.MountainCarContinuous()
)
SWING_UP = swing_up.expert(swing_up.SwingUp(), PENDULUM, key=KEY)
PUMP = energy_pump.expert(energy_pump.EnergyPump(force=1.0), CAR, key=KEY)


def record(seed: int = 0, **settings) -> Demonstrations:
    return episodes.rollout(Episodes(**settings), PENDULUM, SWING_UP, key=jax.random.key(seed))


def test_a_number_of_episodes() -> None:
    demos = record(num_episodes=7)
    assert demos.num_episodes == 7
    assert demos.num_steps == 7 * 40
    assert demos.truncated.all()
    assert not demos.terminated.any()
    np.testing.assert_array_equal(demos.obs, record(num_episodes=9).obs[: 7 * 41])
    assert not np.array_equal(demos.obs, record(seed=1, num_episodes=7).obs)


def test_a_number_of_steps_cuts_the_last_episode() -> None:
    whole = record(num_episodes=3)
    demos = record(num_episodes=None, num_steps=90)
    np.testing.assert_array_equal(demos.lengths, [40, 40, 10])
    np.testing.assert_array_equal(demos.actions, whole.actions[:90])
    np.testing.assert_array_equal(demos.obs, whole.obs[:93])
    assert demos.truncated.all()


def test_a_number_of_steps_where_episodes_end_early() -> None:
    def record(**settings) -> Demonstrations:
        return episodes.rollout(Episodes(**settings), CAR, PUMP, key=KEY)

    whole = record(num_episodes=40)
    demos = record(num_episodes=None, num_steps=2500)
    assert demos.num_steps == 2500
    np.testing.assert_array_equal(demos.actions, whole.actions[:2500])
    np.testing.assert_array_equal(demos.terminated, [True] * (demos.num_episodes - 1) + [False])
    np.testing.assert_array_equal(demos.truncated, ~demos.terminated)
    exact = record(num_episodes=None, num_steps=int(whole.lengths[:5].sum()))
    assert exact.terminated.all()
    assert exact.num_episodes == 5


def test_the_label_is_the_intended_or_the_executed_action() -> None:
    intended = record(num_episodes=20, action_noise=0.5)
    executed = record(num_episodes=20, action_noise=0.5, label="executed")
    np.testing.assert_array_equal(intended.obs, executed.obs)
    np.testing.assert_array_equal(intended.executed, executed.actions)
    assert executed.executed is None
    inside = np.abs(intended.actions) < 0.5
    noise = (executed.actions - intended.actions)[inside]
    assert noise.std() == pytest.approx(0.5, rel=0.2)
    assert np.abs(executed.actions).max() <= 2.0
    np.testing.assert_allclose(
        intended.actions[:40], jax.vmap(lambda obs: SWING_UP.mode((), obs)[1])(intended.obs[:40]), atol=1e-4
    )


def test_uniform_initial_states_fill_their_box() -> None:
    demos = record(num_episodes=64, initial_states="uniform", initial_low=(1.0, -2.0), initial_high=(2.0, -1.0))
    first = demos.obs[::41]
    angles = np.arctan2(first[:, 1], first[:, 0])
    for values, low in ((angles, 1.0), (first[:, 2], -2.0)):
        assert low <= values.min() < low + 0.1
        assert low + 0.9 < values.max() <= low + 1.0
    fewer = record(num_episodes=3, initial_states="uniform", initial_low=(1.0, -2.0), initial_high=(2.0, -1.0))
    np.testing.assert_array_equal(fewer.obs[::41], first[:3])
    everywhere = record(num_episodes=64, initial_states="uniform").obs[::41]
    assert np.abs(everywhere[:, 2]).max() > 6


@pytest.mark.parametrize(
    "settings",
    [
        {"num_episodes": 3, "num_steps": 10},
        {"num_episodes": None},
        {"initial_low": (0.0, 0.0)},
        {"action_noise": -1.0},
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict) -> None:
    with pytest.raises(ValidationError):
        Episodes(**settings)


def test_initial_states_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="2 entries"):
        record(initial_states="uniform", initial_low=(0.0,))
    with pytest.raises(DataError, match="exceed"):
        record(initial_states="uniform", initial_low=(0.0, 9.0))
    host = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium())
    with pytest.raises(DataError, match="states are vectors"):
        episodes.rollout(Episodes(initial_states="uniform"), host, SWING_UP, key=KEY)

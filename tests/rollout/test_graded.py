import jax
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.env import gymnasium, pendulum
from ilkit.expert import swing_up
from ilkit.rollout import episodes, graded
from ilkit.rollout.graded import Graded
from ilkit.stepping.random_policy import RandomPolicy

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
PENDULUM = Build("env", "pendulum", pendulum.env, pendulum.Pendulum(max_steps=40))
SWING_UP = swing_up.expert(swing_up.SwingUp(), PENDULUM, key=KEY)


def record(**settings) -> Demonstrations:
    return graded.rollout(Graded(**settings), PENDULUM, SWING_UP, key=KEY)


def test_tries_begin_where_episodes_begin_and_differ() -> None:
    demos = record(num_starts=5, tries=3, action_noise=(0.0, 1.0, 1.0))
    single = episodes.rollout(episodes.Episodes(num_episodes=5), PENDULUM, SWING_UP, key=KEY)
    starts = demos.before(demos.starts)
    np.testing.assert_array_equal(starts, np.repeat(single.before(single.starts), 3, axis=0))
    np.testing.assert_array_equal(demos.take(np.arange(0, 15, 3)).obs, single.obs)
    second, third = demos.take(np.arange(1, 15, 3)), demos.take(np.arange(2, 15, 3))
    inside = np.abs(second.actions) < 2
    assert not (second.actions == third.actions)[inside].any()


def test_more_noise_is_worse_and_what_was_done_is_recorded() -> None:
    demos = record(num_starts=40, tries=2, action_noise=(0.1, 8.0))
    returns = demos.returns.reshape(40, 2).mean(axis=0)
    assert returns[0] > returns[1] + 20
    assert demos.executed is None
    assert np.abs(demos.actions).max() <= 2.0


def test_more_starts_and_more_tries_change_no_other() -> None:
    few = record(num_starts=3, tries=2, action_noise=(1.0,))
    many = record(num_starts=4, tries=3, action_noise=(1.0,))
    np.testing.assert_array_equal(many.take(np.asarray([0, 1, 3, 4, 6, 7])).obs, few.obs)


def test_uniform_starts_and_short_episodes() -> None:
    ends = {"initial_low": (1.0, -2.0), "initial_high": (2.0, -1.0)}
    demos = record(num_starts=6, stochastic=True, action_noise=(0.5,), initial_states="uniform", length=7, **ends)
    first = demos.before(demos.starts)
    np.testing.assert_array_equal(first[::2], first[1::2])
    assert (np.arctan2(first[:, 1], first[:, 0]) >= 1.0).all()
    assert (demos.lengths == 7).all()
    assert demos.truncated.all()


def test_starts_that_cannot_be_spread_are_found_before_anything_runs() -> None:
    spec = Graded(stochastic=True, initial_states="uniform")
    host = gymnasium.env(gymnasium.Gymnasium(id="CartPole-v1"))
    assert [fault.split(":")[0] for fault in spec.faults(host)] == ["initial_states"]
    assert not list(spec.faults(PENDULUM()))


def test_tries_in_an_environment_on_the_host() -> None:
    build = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id="CartPole-v1", max_steps=30))
    policy = RandomPolicy.of(build().spaces)
    demos = graded.rollout(Graded(num_starts=3, stochastic=True), build, policy, key=KEY)
    first = demos.before(demos.starts)
    np.testing.assert_array_equal(first[::2], first[1::2])
    assert len(np.unique(first, axis=0)) == 3
    one, other = demos.take(np.asarray([0])), demos.take(np.asarray([1]))
    assert one.actions.tolist() != other.actions.tolist()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tries": 3, "action_noise": (0.1, 0.2)}, "one for each of 3 tries, got 2"),
        ({"tries": 2}, "tries at one start must differ"),
        ({"stochastic": True, "initial_low": (0.0, 0.0)}, "need initial_states: uniform"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, said) -> None:
    with pytest.raises(ValidationError, match=said):
        Graded(**settings)

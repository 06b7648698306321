"""The ledge and the corridor: who knows the way gets there, who explores alike everywhere falls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.environment import Demonstrated, Drawable, Environment, Mapped, Placed
from ilkit.env import corridor, ledge
from ilkit.rollout.episodes import Episodes, rollout
from ilkit.stepping.episodes import collect_episodes

KEY = jax.random.key(0)
LEDGE = ledge.env(ledge.Ledge())
CORRIDOR = corridor.env(corridor.Corridor())


def demonstrated(env: Environment, noise: float = 0.0) -> np.ndarray:
    assert isinstance(env, Demonstrated)
    return collect_episodes(env, env.demonstrator(), num_episodes=64, key=KEY, action_noise=noise).returns


@pytest.mark.parametrize("env", [LEDGE, CORRIDOR], ids=["ledge", "corridor"])
def test_the_demonstrator_gets_there_and_noise_does_not(env: Environment) -> None:
    np.testing.assert_array_equal(demonstrated(env), 1.0)
    assert demonstrated(env, 0.4 if env is LEDGE else 2.0).mean() < 0.1


@pytest.mark.parametrize(("mark", "leap", "lands"), [(0.5, 0.727, 1.0), (0.5, 0.56, 0.0), (-0.2, -0.45, 1.0)])
def test_a_leap_lands_within_the_tolerance_of_where_the_mark_says(mark: float, leap: float, lands: float) -> None:
    state, transition = LEDGE.step(jnp.array([40.0, 0.0, mark]), jnp.array([leap]), key=KEY)
    assert bool(transition.terminated)
    assert float(transition.reward) == lands
    np.testing.assert_allclose(state, [41.0, leap, mark], rtol=1e-6)


def test_who_leaves_the_ledge_falls_and_its_last_step_leads_to_the_middle_of_the_edge() -> None:
    calm = ledge.env(ledge.Ledge(gust=0.0))
    _, transition = calm.step(jnp.array([10.0, 0.3, 0.0]), jnp.array([0.2]), key=KEY)
    assert bool(transition.terminated)
    assert float(transition.reward) == 0.0
    at_edge, transition = calm.step(jnp.array([39.0, 0.3, 0.0]), jnp.array([0.05]), key=KEY)
    assert not bool(transition.terminated)
    np.testing.assert_array_equal(at_edge, [40.0, 0.0, 0.0])
    np.testing.assert_array_equal(calm.observe(at_edge), [1.0, 0.0, 0.0])


def test_recordings_can_end_at_the_edge() -> None:
    spec = Episodes(num_episodes=5, max_steps=40)
    build: Build = Build("env", "ledge", ledge.env, ledge.Ledge())
    assert isinstance(LEDGE, Demonstrated)
    demos = rollout(spec, build, LEDGE.demonstrator(), key=KEY)
    np.testing.assert_array_equal(demos.lengths, 40)
    assert demos.truncated.all()
    assert not demos.rewards.any()
    np.testing.assert_array_equal(demos.after(demos.stops - 1)[:, 0], 1.0)
    assert not demos.before()[:, 0].any()


@pytest.mark.parametrize("env", [LEDGE, CORRIDOR], ids=["ledge", "corridor"])
def test_states_are_drawn_where_they_lie_on_the_map(env: Environment) -> None:
    assert isinstance(env, Drawable)
    assert isinstance(env, Mapped | Placed)
    first, later = env.state_box.low, (*env.state_box.high[:1], *env.state_box.low[1:])
    frames = [np.asarray(env.frame(jnp.asarray(state), 60)) for state in (first, later)]
    assert (frames[0] != frames[1]).any()
    chart, (left, right, lower, upper) = env.chart(60)
    assert chart.shape == frames[0].shape
    place = env.place if isinstance(env, Placed) else env.position
    x, y = np.asarray(place(jnp.asarray(later)))
    assert left < x < right
    assert lower < y < upper

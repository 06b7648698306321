"""Learnt rewards in an evaluation: maps and correlations beside the environment's."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Bool, Float, PyTree

from ilkit.data.reward import Reward
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.measuring.reward_map import correlation, measure_rewards
from ilkit.measuring.state_slice import mapped_states


class Costs(Reward):
    """slope times the point mass's own reward, and an offset."""

    slope: Float[Array, ""]
    env: Any
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True, default=True)

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        return self.slope * self.env.step(obs, action, key=jax.random.key(0))[1].reward + 3.0


def costs(setting: Any, *slopes: float) -> Seeds[Reward]:
    world = jax.tree.map(lambda leaf: jnp.broadcast_to(jnp.asarray(leaf), (len(slopes),)), setting.env())
    return Seeds(Costs(jnp.asarray(slopes, jnp.float32), world, setting.spaces), {}, len(slopes))


def test_the_environments_own_reward_is_recognized_whatever_its_scale(push: Any, weak: Any) -> None:
    report = push.evaluate(cloned=weak, own=costs(push, 2.0, 5.0), reverse=costs(push, -1.0))
    assert report.metrics["own"]["correlation_drawn"] == pytest.approx(1.0, abs=1e-4)
    assert report.metrics["own"]["correlation_demonstrated"] == pytest.approx(1.0, abs=1e-4)
    assert report.metrics["reverse"]["correlation_drawn"] == pytest.approx(-1.0, abs=1e-4)
    for said in ("Learnt rewards", "the environment&#x27;s", "own", "reverse", "the mean over 16 actions"):
        assert said.replace("&#x27;", "'") in report.html.replace("&#x27;", "'")


def test_maps_are_the_rewards_of_the_states_on_them(push: Any) -> None:
    world = push.env()
    mapped = mapped_states(world, push.demos)
    found = measure_rewards({"own": costs(push, 1.0, 3.0)}, world, mapped, push.demos, (0, 3))
    assert found.names == ("x (m)", "y velocity (m/s)")
    assert found.true_map is not None
    assert found.scores["own"].grid is not None
    np.testing.assert_allclose(found.scores["own"].grid.rewards, 2 * found.true_map.rewards + 3, rtol=1e-4)
    x, y, rewards = found.true_map
    steps = rewards - rewards[20, 20]  # the middle of the grid; what actions cost is the same everywhere
    expected = -(world.spec.position_cost * x[None] ** 2 + world.spec.velocity_cost * y[:, None] ** 2)
    np.testing.assert_allclose(steps, expected, rtol=1e-3, atol=1e-4)


def test_a_constant_correlates_with_nothing(push: Any, weak: Any) -> None:
    assert np.isnan(correlation(np.ones(5), np.arange(5.0)))
    report = push.evaluate(cloned=weak, flat=costs(push, 0.0))
    assert report.metrics["flat"] == {"absorbing": 0.0}
    assert "undefined" in report.html


@pytest.mark.filterwarnings("ignore:Episodes aren't drawn")  # without the library that draws it
def test_on_the_host_demonstrated_steps_alone_tell(hosted: Any) -> None:
    reward = Seeds(Next(jnp.ones(1), hosted.spaces), {}, 1)
    report = hosted.evaluate(uncertainty=None, cloned=hosted.expert, learnt=reward)
    assert "correlation_drawn" not in report.metrics["learnt"]
    assert "no maps" in report.html


class Next(Reward):
    """The first entry of what a step led to."""

    slope: Float[Array, ""]
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True, default=False)

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        return self.slope * next_obs[0]


def test_a_reward_of_other_observations_is_refused(push: Any, weak: Any) -> None:
    spaces = push.spaces.model_copy(update={"observation": Box.symmetric((1.0,) * 3)})
    with pytest.raises(DataError, match="The reward was learnt from observations of"):
        push.evaluate(cloned=weak, learnt=Seeds(Next(jnp.ones(1), spaces), {}, 1))


def test_rewards_alone_are_refused(push: Any) -> None:
    with pytest.raises(DataError, match="at least one policy beside rewards"):
        push.evaluate(own=costs(push, 1.0))

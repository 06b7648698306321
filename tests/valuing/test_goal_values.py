"""What states are worth on the way to goals, against closed forms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial
from pydantic import ValidationError

from ilkit.data.goal_entries import ACHIEVED, DESIRED, STEPS_LEFT
from ilkit.data.normalizer import Normalizer
from ilkit.data.spaces import Box, Dict
from ilkit.env import reach_grid
from ilkit.imitate.gcivl import GCIVL, imitate
from ilkit.testing.arguments import Options, part
from ilkit.testing.stand_ins import wandering
from ilkit.valuing.goal_values import GoalValues, Steps, clone_weights, expectile_loss
from ilkit.valuing.spec import ValueSpec

KEY = jax.random.key(0)
POINT = Box(shape=(1,), low=-np.inf, high=np.inf)
SPACE = Dict(entries={"observation": POINT, ACHIEVED: POINT, DESIRED: POINT, STEPS_LEFT: POINT})


def observed(achieved: list[float]) -> dict[str, jax.Array]:
    """Observations at these places, all of which ask for the place 5."""
    place = jnp.asarray(achieved)[:, None]
    return {"observation": place, ACHIEVED: place, DESIRED: jnp.full_like(place, 5.0), STEPS_LEFT: 99.0 * place}


def linear(slopes: tuple[float, float] = (1.0, 1.0)) -> GoalValues:
    """V_i = slope_i · (achieved - desired)."""
    spec = ValueSpec(value_hidden=(), value_layer_norm=False)
    values = GoalValues.of(spec, Normalizer.identity(SPACE), SPACE, key=KEY)
    assert values.observation.size == 3
    weights = jnp.asarray(slopes)[:, None, None] * jnp.asarray([1.0, -1.0, 0.0])
    return eqx.tree_at(lambda one: one.layers.weights, values, (weights,))


def test_values_see_all_but_how_many_steps_are_left() -> None:
    np.testing.assert_allclose(linear((1.0, 2.0))(observed([3.0, 6.0])), [[-2.0, 1.0], [-4.0, 2.0]])


def test_the_loss_weighs_what_is_better_than_expected_by_the_expectile_and_what_is_worse_by_the_rest() -> None:
    spec = ValueSpec(discount=0.5, expectile=0.9)
    here, there = observed([3.0, 3.0, 4.0]), observed([4.9, 2.0, 9.0])
    steps = Steps(here, there, jnp.asarray([1, 1, 0]), jnp.asarray([False, False, True]))
    loss, mean = expectile_loss(spec, linear((1.0, 3.0)), linear((1.0, 2.0)), steps)
    # the slow copies: -2, -4 and then -.1, -.2: at least -1 - .1 = -1.1 against -3 on average, better
    # -2, -4 and then -3, -6: -1 - 3 = -4 against -3, worse
    # at the goal the target is 0, against -1.5, better
    first = 0.9 * ((-1.05 + 2) ** 2 + (-1.1 + 6) ** 2)
    second = 0.1 * ((-2.5 + 2) ** 2 + (-4 + 6) ** 2)
    third = 0.9 * (1.0**2 + 3.0**2)
    assert float(loss) == pytest.approx((first + second + third) / 3, rel=1e-5)
    assert float(mean) == pytest.approx((-2 - 2 - 1 - 6 - 6 - 3) / 6)


def test_several_steps_cost_their_discounted_number_and_the_goal_is_worth_nothing() -> None:
    spec = ValueSpec(discount=0.5, expectile=0.5)
    steps = Steps(observed([3.0, 3.0]), observed([4.0, 9.0]), jnp.asarray([2, 3]), jnp.asarray([False, True]))
    loss, _ = expectile_loss(spec, linear(), linear(), steps)
    # from -2: -1 - .5 and a quarter of -1; -1 - .5 - .25 to the goal
    assert float(loss) == pytest.approx(0.5 * ((2 - 1.75) ** 2 + (2 - 1.75) ** 2), rel=1e-5)


def test_weights_grow_with_what_is_gained_up_to_the_largest() -> None:
    spec = ValueSpec(max_weight=7.0)
    weights = clone_weights(spec, linear((1.0, 3.0)), 0.5, observed([1.0, 1.0, 1.0]), observed([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(weights, [1.0, np.exp(1.0), 7.0], rtol=1e-6)


@pytest.mark.long
def test_on_a_chain_values_are_minus_the_discounted_number_of_steps() -> None:
    world = reach_grid.env(reach_grid.ReachGrid(layout=("#######", "#.....#", "#######"), show_horizon=False))
    head = part("policy", Options(parts={"policy": {"kind": "categorical"}, "network": {"kind": "mlp", "hidden": [8]}}))
    spec = GCIVL(
        **{"num_steps": 3000, "learning_rate": 3e-3, "value_hidden": (32,), "discount": 0.8, "expectile": 0.99},
        **{"target_rate": 0.1, "batch_size": 128},
    )
    training = imitate(spec, head, wandering(world, 100), key=KEY)
    assert isinstance(training.step, Partial)

    @eqx.filter_jit
    def trained(state: object, step: Partial) -> object:
        keys = jax.random.split(KEY, spec.num_steps)
        return jax.lax.scan(step, state, keys)[0]

    state = trained(training.state, jax.tree.map(lambda leaf: jnp.asarray(leaf), training.step))
    values = eqx.combine(state.trained.values, state.fixed.values)
    place, goal = (jnp.asarray(axis.ravel()) for axis in np.meshgrid(np.arange(5), np.arange(5)))
    found = values({"observation": place, ACHIEVED: place, DESIRED: goal})
    apart = np.abs(np.asarray(place - goal))
    np.testing.assert_allclose(found, np.broadcast_to(-(1 - 0.8**apart) / (1 - 0.8), found.shape), atol=0.15)


def test_shares_of_goals_must_add_up_to_1() -> None:
    with pytest.raises(ValidationError, match=r"value_current, value_future and value_random must add up to 1"):
        ValueSpec(value_current=0.5)
    assert ValueSpec(value_current=0.5, value_random=0.0).value_future == 0.5

"""What adversaries reach in tables, where the best discriminator is known: divergences of what is visited."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ilkit.env import grid_world
from ilkit.env.grid_world import GridWorld
from ilkit.math.divergences import DIVERGENCES, divergence_of
from ilkit.math.maximum_entropy import occupancies, soft_values


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def pairs(temperature):
    """How often the soft policy of a temperature visits each state with each action, as shares of its steps."""
    world = grid_world.env(GridWorld(layout=("..G", "S#."), rewards=(("G", 1.0),), slip=0.2, max_steps=8))
    transitions, rewards, initial = (np.asarray(one, np.float64) for one in world.tabular()[:3])
    transitions, initial = jnp.asarray(transitions / transitions.sum(axis=-1, keepdims=True)), jnp.asarray(initial)
    chances = jnp.exp(soft_values(transitions, jnp.asarray(rewards / temperature), 8).log_policy)
    states = occupancies(transitions, initial, chances)[:-1]
    found = np.asarray(jnp.einsum("ts,tsa->sa", states, chances)).ravel()
    return jnp.asarray(found[found > 0] / found.sum())


def highest(objective, size):
    """The largest value of a concave function of so many numbers from 0 on, by gradient steps."""
    optimizer = optax.adam(0.03)

    def step(carried, _):
        at, state = carried
        value, gradient = jax.value_and_grad(objective)(at)
        updates, state = optimizer.update(-gradient, state)
        return (optax.apply_updates(at, updates), state), value

    values = jax.lax.scan(step, (jnp.zeros(size), optimizer.init(jnp.zeros(size))), None, length=3000)[1]
    return float(values[-1])


def test_the_best_discriminator_tells_how_far_visits_are_apart():
    expert, learner = pairs(0.2), pairs(2.0)
    middle = (expert + learner) / 2
    distance = 0.5 * float((expert * jnp.log(expert / middle) + learner * jnp.log(learner / middle)).sum())
    assert distance > 0.05

    def fit(logits):
        return expert @ jax.nn.log_sigmoid(logits) + learner @ jax.nn.log_sigmoid(-logits)

    assert highest(fit, len(expert)) == pytest.approx(2 * distance - 2 * np.log(2.0), abs=1e-3)
    assert float(fit(jnp.log(expert / learner))) == pytest.approx(2 * distance - 2 * np.log(2.0), abs=1e-12)


@pytest.mark.parametrize("name", sorted(DIVERGENCES))
def test_the_inner_maximum_is_the_divergence(name):
    expert, learner, divergence = pairs(0.2), pairs(2.0), DIVERGENCES[name]

    def bound(v):
        return expert @ divergence.expert_term(v) - learner @ divergence.learner_term(v)

    wanted = float(divergence_of(divergence, jnp.log(expert), jnp.log(learner)))
    assert wanted > 0.05
    assert highest(bound, len(expert)) == pytest.approx(wanted, abs=1e-3)
    assert float(bound(jnp.zeros(len(expert)))) == pytest.approx(0.0, abs=1e-12)

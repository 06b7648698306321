"""Clean demonstrations that every test spoils in its own way."""

from collections.abc import Callable

import jax
import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment
from ilkit.env import cart_pole, mountain_car_continuous, pendulum, point_mass
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy

ENVIRONMENTS: dict[str, Callable[[], Environment]] = {
    "cart_pole": lambda: cart_pole.env(cart_pole.CartPole()),
    "mountain_car_continuous": lambda: mountain_car_continuous.env(
        mountain_car_continuous.MountainCarContinuous(max_steps=60)
    ),
    "pendulum": lambda: pendulum.env(pendulum.Pendulum(max_steps=50)),
    "point_mass": lambda: point_mass.env(point_mass.PointMass(max_steps=40)),
}


def recorded(kind: str, num_episodes: int = 12) -> Demonstrations:
    env = ENVIRONMENTS[kind]()
    policy = RandomPolicy.of(env.spaces)
    episodes = collect_episodes(env, policy, num_episodes=num_episodes, key=jax.random.key(3), stochastic=True)
    return episodes.demonstrations()


@pytest.fixture(scope="session")
def clean_of() -> Callable[[str], Demonstrations]:
    made: dict[str, Demonstrations] = {}

    def clean(kind: str) -> Demonstrations:
        if kind not in made:
            made[kind] = recorded(kind)
        return made[kind]

    return clean


@pytest.fixture
def clean(clean_of: Callable[[str], Demonstrations]) -> Demonstrations:
    """A copy to write into."""
    return jax.tree.map(np.copy, clean_of("point_mass"))

"""Recordings in place of an environment: spaces, and no step."""

import json

import jax
import pytest

from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.env.recorded import Recorded, env
from ilkit.errors import DataError
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy


def test_spaces_are_those_of_the_settings():
    told = {"observation": {"kind": "box", "low": [0.0], "high": [1.0]}, "action": {"kind": "discrete", "size": 3}}
    spec = Recorded.model_validate_json(json.dumps(told))
    assert env(spec).spaces == Spaces(observation=Box(low=(0.0,), high=(1.0,)), action=Discrete(size=3))


def test_spaces_that_are_not_told_are_asked_for():
    with pytest.raises(DataError, match=r"Set observation and action of env\.recorded"):
        _ = env(Recorded(action=Discrete(size=3))).spaces


def test_nothing_is_stepped():
    world = env(Recorded(observation=Box.symmetric([1.0]), action=Box.symmetric([1.0])))
    with pytest.raises(DataError, match=r"Recordings can't be stepped in\. Choose another env\.kind"):
        collect_episodes(world, RandomPolicy.of(world.spaces), num_episodes=1, key=jax.random.key(0))

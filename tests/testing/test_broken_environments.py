"""Every check of environments fails for one that breaks its rule."""

import dataclasses
import itertools
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import equinox as eqx
import gymnasium
import jax.numpy as jnp
import pytest

from ilkit.data.environment import Environment, HostEnvironment, Transition
from ilkit.data.known_dynamics import LinearQuadratic
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.env import grid_world
from ilkit.env.grid_world import GridWorld, GridWorldEnvironment
from ilkit.registry.find import Component
from ilkit.spec import Spec
from ilkit.testing import env_checks, table_checks
from ilkit.testing.arguments import Options
from ilkit.testing.problems import Tracking, TrackingEnvironment, tracking
from ilkit.testing.subject import Subject

pytestmark = pytest.mark.bits

COUNTER = itertools.count(1)


class Toy(Spec):
    """An environment."""

    kind: Literal["toy"] = "toy"


class Drifting(TrackingEnvironment):
    """Resets differently every time it is made."""

    drift: float = eqx.field(static=True, default_factory=lambda: float(next(COUNTER)))

    def reset(self, *, key):
        return super().reset(key=key) + self.drift


class Fixed(TrackingEnvironment):
    def reset(self, *, key):
        return jnp.ones(2)


class Escaping(TrackingEnvironment):
    def observe(self, state):
        return 3.0 * state


class Exploding(TrackingEnvironment):
    def step(self, state, action, *, key):
        after, transition = super().step(state, action, key=key)
        return after, Transition(transition.reward / 0.0, transition.terminated)


class Blind(TrackingEnvironment):
    def state_of(self, obs):
        return jnp.zeros(2)


class Unclipped(TrackingEnvironment):
    def step(self, state, action, *, key):
        after, transition = super().step(state, action, key=key)
        return after, Transition(jnp.sum(action), transition.terminated)


class Clipping(TrackingEnvironment):
    """Its reward is its action, clipped to `ends`."""

    ends: tuple[float, float] = eqx.field(static=True)

    def step(self, state, action, *, key):
        after, transition = super().step(state, action, key=key)
        return after, Transition(jnp.sum(jnp.clip(action, *self.ends)), transition.terminated)


class Dark(TrackingEnvironment):
    def frame(self, state, height):
        return jnp.zeros((4, 4, 3), jnp.uint8)


class Gray(TrackingEnvironment):
    def frame(self, state, height):
        return super().frame(state, height).astype(jnp.float32)


class Mirrored(TrackingEnvironment):
    def mirror(self, obs, action):
        return obs * jnp.asarray([1.0, -1.0]), action


class Unlike(TrackingEnvironment):
    def linear_quadratic(self):
        return LinearQuadratic(*(jnp.eye(2) for _ in range(4)))


class Certain(GridWorldEnvironment):
    def tabular(self):
        found = super().tabular()
        return found._replace(transitions=jnp.eye(len(found.initial))[found.transitions.argmax(axis=-1)])


class Generous(GridWorldEnvironment):
    def tabular(self):
        found = super().tabular()
        return found._replace(rewards=found.rewards + 1.0)


class Leaking(GridWorldEnvironment):
    def tabular(self):
        found = super().tabular()
        return found._replace(transitions=0.9 * found.transitions)


def like_grid(cls):
    """The grid, as an environment of another class."""

    def env(spec) -> Environment:
        made = grid_world.env(GridWorld())
        fields = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
        return cls(**fields)

    return env


class Unseeded(HostEnvironment):
    """Observes something else whenever it is made or reset."""

    spaces: Spaces
    max_steps: int

    def make(self):
        env = gymnasium.make("CartPole-v1")
        return gymnasium.wrappers.TransformObservation(env, lambda obs: obs + next(COUNTER), env.observation_space)


class Remembering(Unseeded):
    """Carries something from an episode to the next."""

    def make(self):
        env, counter = gymnasium.make("CartPole-v1"), itertools.count()
        return gymnasium.wrappers.TransformObservation(env, lambda obs: obs + next(counter), env.observation_space)


class Short(Unseeded):
    """Observes less than it says."""

    def make(self):
        env = gymnasium.make("CartPole-v1")
        return gymnasium.wrappers.TransformObservation(env, lambda obs: obs[:3], env.observation_space)


def like_tracking(kind: type[TrackingEnvironment], **changes: Any) -> Callable[..., Any]:
    def make(spec) -> Environment:
        good = tracking(Tracking())
        fields = {field.name: getattr(good, field.name) for field in dataclasses.fields(good)}
        return kind(**fields | changes)

    return make


def on_host(kind: type[Unseeded]) -> Callable[..., Any]:
    def make(spec) -> HostEnvironment:
        box = Box(low=(-4.8, -9.0, -0.42, -9.0), high=(4.8, 9.0, 0.42, 9.0))
        return kind(Spaces(observation=box, action=Discrete(size=2)), 200)

    return make


def clipping(space: tuple[float, float], ends: tuple[float, float]) -> Callable[..., Any]:
    low, high = space
    observation = tracking(Tracking()).spaces.observation
    spaces = Spaces(observation=observation, action=Box(low=(low, low), high=(high, high)))
    return like_tracking(Clipping, ends=ends, spaces=spaces)


INFINITY = float("inf")
BROKEN = [
    (env_checks.same_key_same_episode, like_tracking(Drifting), "two differ"),
    (env_checks.different_key_different_episode, like_tracking(Fixed), "another initial state"),
    (env_checks.any_key_same_start, like_tracking(TrackingEnvironment), "start all episodes in one state"),
    (env_checks.episodes_stay_in_their_spaces, like_tracking(Escaping), "must be between"),
    (env_checks.episodes_stay_in_their_spaces, like_tracking(Exploding), "finite"),
    (env_checks.description_fits, like_tracking(TrackingEnvironment, state_names=("x",)), "entries"),
    (
        env_checks.description_fits,
        like_tracking(TrackingEnvironment, state_box=Box.symmetric((1.0, float("inf")))),
        "finite",
    ),
    (env_checks.description_fits, like_tracking(TrackingEnvironment, max_steps=0), "positive"),
    (env_checks.observations_can_be_inverted, like_tracking(Blind), "undo"),
    (env_checks.actions_are_clipped, like_tracking(Unclipped), "clipped"),
    (env_checks.actions_are_clipped, clipping((0.0, 1.0), (-1.0, 1.0)), "clipped"),
    (env_checks.actions_are_clipped, clipping((0.0, 1.0), (0.0, 2.0)), "clipped"),
    (env_checks.actions_are_clipped, clipping((-1.0, 0.0), (-1.0, 1.0)), "clipped"),
    (env_checks.actions_are_clipped, clipping((0.0, INFINITY), (-1.0, INFINITY)), "clipped"),
    (env_checks.frames_show_the_state, like_tracking(Dark), "must not be equal"),
    (env_checks.frames_show_the_state, like_tracking(Gray), "uint8"),
    (env_checks.mirror_is_a_symmetry, like_tracking(Mirrored), "symmetry"),
    (env_checks.matrices_are_the_dynamics, like_tracking(Unlike), "matrices"),
    (table_checks.tables_are_the_dynamics, like_grid(Certain), "transitions must be"),
    (table_checks.tables_are_the_dynamics, like_grid(Generous), "rewards must be"),
    (table_checks.tables_are_the_dynamics, like_grid(Leaking), "sum to 1"),
    (env_checks.host_episodes_repeat, on_host(Unseeded), "same seed"),
    (env_checks.host_episodes_repeat, on_host(Remembering), "same seed"),
    (env_checks.host_episodes_repeat, on_host(Short), "vectors of 4"),
]


def within(low: float) -> Spaces:
    return Spaces(observation=Box.symmetric((1.5, 1.5)), action=Box(shape=(2,), low=low, high=1.0))


def subject(function: Callable[..., Any]) -> Subject:
    return Subject(Component("env", "toy", function, Toy), Options())


@cache
def unbroken() -> Subject:
    return subject(like_tracking(TrackingEnvironment))


@pytest.mark.parametrize(("check", "broken", "said"), BROKEN)
def test_what_breaks_a_rule_fails(check: Callable[[Subject], None], broken: Callable[..., Any], said: str) -> None:
    if check in list(env_checks.checks_of(unbroken())):
        check(unbroken())
    with pytest.raises(AssertionError, match=said):
        check(subject(broken))


@pytest.mark.parametrize(
    "space", [(0.5, 1.0), (0.0, 1.0), (-3.0, -2.0), (0.5, INFINITY), (-INFINITY, INFINITY), (-INFINITY, -1.0)]
)
def test_actions_that_are_clipped_to_any_space_pass(space: tuple[float, float]) -> None:
    env_checks.actions_are_clipped(subject(clipping(space, space)))


def test_checks_are_listed_where_they_apply() -> None:
    plain = set(env_checks.checks_of(unbroken()))
    assert env_checks.mirror_is_a_symmetry in set(env_checks.checks_of(subject(like_tracking(Mirrored)))) - plain
    assert env_checks.matrices_are_the_dynamics in set(env_checks.checks_of(subject(like_tracking(Unlike)))) - plain
    assert list(env_checks.checks_of(subject(on_host(Short)))) == [env_checks.host_episodes_repeat]

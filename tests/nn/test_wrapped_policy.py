"""What wraps a policy is as that policy is, but for what it says itself."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from ilkit.data.goal_entries import ACHIEVED, DESIRED, OBSERVATION, STEPS_LEFT
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Dict, Spaces
from ilkit.data.tasks import TASK
from ilkit.data.windows import Transitions, Window
from ilkit.errors import DataError
from ilkit.nn.committee import Committee
from ilkit.nn.conditioned_policy import ConditionedPolicy, Told
from ilkit.nn.landmark_policy import LandmarkGraph, LandmarkPolicy
from ilkit.nn.unclocked_policy import UnclockedPolicy
from ilkit.nn.wrapped_policy import WrappedPolicy
from ilkit.policy.chunked import Chunked, ChunkedPolicy
from ilkit.stepping.behavior import RunningSquare, Sampling
from ilkit.stepping.disturbed_policy import DisturbedPolicy
from ilkit.stepping.exploring_policy import ExploringPolicy

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
LINE = Box.symmetric((10.0,))
ACTION = Box.symmetric((1.0,))
SPACES = Spaces(observation=Dict(entries=((OBSERVATION, LINE), (ACHIEVED, LINE), (DESIRED, LINE))), action=ACTION)
OBS = {OBSERVATION: jnp.array([0.5]), ACHIEVED: jnp.array([0.0]), DESIRED: jnp.array([0.25])}
TRAITS = (
    "reparameterized",
    "has_smooth_mode",
    "has_mode",
    "window",
    "is_stochastic",
    "has_density",
    "noise_size",
    "steering",
    "decision_steps",
)


class Plain(Policy):
    """The sum of all that is observed, plus 10 for each step before."""

    gain: Array
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def initial_carry(self) -> Array:
        return jnp.zeros(())

    def mode(self, carry: Array, obs: Any) -> tuple[Array, Array]:
        total = sum(jnp.sum(leaf) for leaf in jax.tree.leaves(obs))
        return carry + 1, jnp.full(self.spaces.action.shape, self.gain * total + 10.0 * carry)

    def fitted(self, transitions: Transitions) -> "Plain":
        total = sum(jnp.sum(leaf) for leaf in jax.tree.leaves(transitions.obs))
        return eqx.tree_at(lambda one: (one.gain, one.normalizer.std), self, (total, jnp.full((1,), 7.0)))

    def dropped(self, *, key: Any) -> "Plain":
        return eqx.tree_at(lambda one: one.gain, self, jnp.array(5.0))


class Rich(Plain):
    """The same with all that a policy can have."""

    reparameterized: ClassVar[bool] = True
    has_smooth_mode: ClassVar[bool] = False
    has_mode: ClassVar[bool] = False

    @property
    def window(self) -> tuple[int, int]:
        return 1, 0

    @property
    def noise_size(self) -> int:
        return 3

    @property
    def decision_steps(self) -> int:
        return 4

    def sample(self, carry: Array, obs: Any, *, key: Any) -> tuple[Array, Array]:
        after, action = self.mode(carry, obs)
        return after, action + jax.random.normal(key, action.shape)

    def log_prob(self, carry: Array, obs: Any, action: Array) -> tuple[Array, Array]:
        after, mode = self.mode(carry, obs)
        return after, -jnp.sum((action - mode) ** 2)

    def steer(self, carry: Array, obs: Any, noise: Array) -> tuple[Array, Array]:
        after, action = self.mode(carry, obs)
        return after, action + jnp.sum(noise)

    def step_loss(self, carry: Array, obs: Any, action: Array, *, key: Any) -> tuple[Array, Array]:
        after, log_prob = self.log_prob(carry, obs, action)
        return after, 2.0 - log_prob


def inner(kind: type[Plain], observation: Any = SPACES.observation, action: Box = ACTION) -> Plain:
    spaces = Spaces(observation=observation, action=action)
    return kind(jnp.ones(()), Normalizer(jnp.zeros(1), jnp.ones(1)), spaces)


def conditioned(kind: type[Plain]) -> WrappedPolicy:
    one = inner(kind)
    told = Told({TASK: jnp.array(4.0)})
    return ConditionedPolicy(one, told, one.normalizer, Spaces(observation=LINE, action=ACTION), None)


def unclocked(kind: type[Plain]) -> WrappedPolicy:
    one = inner(kind)
    clocked = Dict(entries=(*SPACES.observation.entries, (STEPS_LEFT, LINE)))
    return UnclockedPolicy(one, one.normalizer, Spaces(observation=clocked, action=ACTION))


def landmark(kind: type[Plain]) -> WrappedPolicy:
    steps = jnp.array([[0.0, 3.0], [3.0, 0.0]])
    ways = jnp.array([[0, 1], [0, 1]], jnp.int32)
    graph = LandmarkGraph(jnp.array([[0.0], [2.0]]), jnp.ones(1), steps, ways, jnp.ones(2, bool))
    one = inner(kind)
    return LandmarkPolicy(one, one.normalizer, graph, jnp.int32(5), jnp.int32(5), SPACES)


def chunked(kind: type[Plain], ensemble: float | None = None) -> WrappedPolicy:
    one = inner(kind, action=Box.symmetric((1.0,) * 3))
    return ChunkedPolicy(one, one.normalizer, SPACES, Chunked(horizon=3, execute=2, ensemble=ensemble))


def averaged(kind: type[Plain]) -> WrappedPolicy:
    return chunked(kind, 0.1)


def disturbed(kind: type[Plain]) -> WrappedPolicy:
    return DisturbedPolicy.of(inner(kind), jnp.ones(1), 2)


def exploring(kind: type[Plain]) -> WrappedPolicy:
    return ExploringPolicy.of(inner(kind), Sampling(), RunningSquare.empty())


OF_CHUNKS = ", for 3 actions, every 2 steps"
OWN_SAMPLES = {"reparameterized": False, "is_stochastic": True, "has_density": False}
OWN_SAMPLES |= {"noise_size": 0, "steering": "", "decision_steps": 1}
SAID: dict[Callable[[type[Plain]], WrappedPolicy], dict[str, Any]] = {
    conditioned: {},
    unclocked: {},
    landmark: {"has_smooth_mode": False},
    chunked: {"has_density": False, "decision_steps": 2},
    averaged: {"has_density": False, "decision_steps": 1},
    disturbed: OWN_SAMPLES,
    exploring: OWN_SAMPLES,
}
"""What each says itself."""


def test_every_trait_of_a_policy_is_in_this_test() -> None:
    said = {name for name, one in vars(Policy).items() if isinstance(one, property)}
    said |= {name for name, hint in inspect.get_annotations(Policy).items() if "ClassVar" in str(hint)}
    assert said == set(TRAITS)


@pytest.mark.parametrize("kind", [Plain, Rich])
@pytest.mark.parametrize("wrapper", SAID)
def test_traits_are_those_of_what_is_wrapped(
    wrapper: Callable[[type[Plain]], WrappedPolicy], kind: type[Plain]
) -> None:
    one = wrapper(kind)
    expected = {trait: getattr(one.wrapped, trait) for trait in TRAITS} | SAID[wrapper]
    if wrapper in (chunked, averaged):
        expected["window"] = (one.wrapped.window[0], 2)
        when = "every 2 steps" if wrapper is chunked else "at every step, and averaged"
        expected["steering"] = f"{one.wrapped.steering}, for 3 actions, {when}" if kind is Rich else ""
    assert {trait: getattr(one, trait) for trait in TRAITS} == expected


def test_acts_by_what_it_is_shown() -> None:
    for one, obs, shown in (
        (conditioned(Rich), OBS[OBSERVATION], {OBSERVATION: OBS[OBSERVATION], TASK: jnp.array(4.0)}),
        (unclocked(Rich), {**OBS, STEPS_LEFT: jnp.ones(1)}, OBS),
    ):
        carry, action, its = jnp.array(1.0), jnp.array([3.0]), one.wrapped
        assert jax.tree.all(jax.tree.map(jnp.array_equal, one.shown(obs), shown))
        for mine, expected in (
            (one.mode(carry, obs), its.mode(carry, shown)),
            (one.sample(carry, obs, key=KEY), its.sample(carry, shown, key=KEY)),
            (one.log_prob(carry, obs, action), its.log_prob(carry, shown, action)),
            (one.sample_with_log_prob(carry, obs, key=KEY), its.sample_with_log_prob(carry, shown, key=KEY)),
            (one.steer(carry, obs, jnp.ones(3)), its.steer(carry, shown, jnp.ones(3))),
            (one.step_loss(carry, obs, action, key=KEY), its.step_loss(carry, shown, action, key=KEY)),
        ):
            assert all(np.array_equal(*both) for both in zip(mine, expected, strict=True))
        given, seen = (jax.tree.map(lambda leaf: jnp.stack([leaf, leaf + 1]), rows) for rows in (obs, shown))
        if TASK in seen:
            seen[TASK] = jnp.full(2, 4.0)
        window = Window(given, jnp.zeros((2, 1)), jnp.ones(2, bool))
        as_shown = window._replace(obs=seen)
        assert one.loss(window, key=KEY) == its.loss(as_shown, key=KEY)
        assert one.remember(window) == its.remember(as_shown) == 1.0
        assert one.dropped(key=KEY).mode(carry, obs)[1] == its.dropped(key=KEY).mode(carry, shown)[1]


def test_is_fitted_by_what_it_is_shown() -> None:
    obs = {**OBS, STEPS_LEFT: jnp.ones(1)}
    rows = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), obs)
    nothing = jnp.zeros(1)
    given = Transitions(rows, nothing[:, None], nothing, nothing > 0, jnp.zeros(1, int), jnp.array(1), jnp.array(1))
    fitted = unclocked(Plain).fitted(given)
    assert fitted.wrapped.gain == 1.5
    assert fitted.normalizer.std == fitted.wrapped.normalizer.std == 7.0


def test_a_landmark_is_asked_for_in_all_that_is_done() -> None:
    one, obs = landmark(Rich), {**OBS, DESIRED: jnp.array([5.0])}
    travel, wanted = one.plan(one.initial_carry(), obs)
    shown, action = {**obs, DESIRED: wanted}, jnp.array([3.0])
    assert wanted == 5.0
    for mine, expected in (
        (one.mode(one.initial_carry(), obs)[1], one.wrapped.mode(travel.memory, shown)[1]),
        (one.log_prob(one.initial_carry(), obs, action)[1], one.wrapped.log_prob(travel.memory, shown, action)[1]),
        (
            one.sample_with_log_prob(one.initial_carry(), obs, key=KEY)[2],
            one.wrapped.sample_with_log_prob(travel.memory, shown, key=KEY)[2],
        ),
        (one.steer(one.initial_carry(), obs, jnp.ones(3))[1], one.wrapped.steer(travel.memory, shown, jnp.ones(3))[1]),
    ):
        np.testing.assert_array_equal(mine, expected)


@pytest.mark.parametrize("wrapper", [chunked, disturbed, exploring])
def test_a_density_that_it_has_not_is_refused(wrapper: Callable[[type[Plain]], WrappedPolicy]) -> None:
    one = wrapper(Rich)
    with pytest.raises(DataError, match="implicit"):
        one.log_prob(one.initial_carry(), OBS, jnp.zeros(1))
    with pytest.raises(DataError, match="implicit"):
        one.sample_with_log_prob(one.initial_carry(), OBS, key=KEY)


@pytest.mark.parametrize("wrapper", [disturbed, exploring])
def test_noise_does_not_make_samples_that_are_drawn_otherwise(wrapper: Callable[[type[Plain]], WrappedPolicy]) -> None:
    one = wrapper(Rich)
    with pytest.raises(DataError, match="makes actions of noise"):
        one.steer(one.initial_carry(), OBS, jnp.ones(3))


def test_a_chunk_is_no_step() -> None:
    one = chunked(Rich)
    with pytest.raises(DataError, match="implicit"):
        one.step_loss(one.initial_carry(), OBS, jnp.zeros(1), key=KEY)


@pytest.mark.parametrize("kind", [Plain, Rich])
def test_a_committee_has_the_mode_of_its_members(kind: type[Plain]) -> None:
    one = inner(kind)
    together = Committee(jax.tree.map(lambda leaf: leaf[None], one), one.normalizer, one.spaces)
    assert (together.has_mode, together.has_smooth_mode) == (one.has_mode, one.has_smooth_mode)

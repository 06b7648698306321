"""Chunks: what is predicted at once is executed in order, and averaged where there is an ensemble."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from ilkit.data.build import Build
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, MultiDiscrete, Spaces
from ilkit.data.windows import Transitions, Window
from ilkit.errors import DataError
from ilkit.network.mlp import MLP, network
from ilkit.policy import categorical, chunked, deterministic, energy
from ilkit.policy.chunked import Chunked
from ilkit.testing.problems import demonstrations

pytestmark = pytest.mark.bits

OBSERVATION = Box.symmetric((100.0,))
NETWORK = Build("network", "mlp", network, MLP(hidden=()))
REACH = Spaces(observation=OBSERVATION, action=Box.symmetric((1000.0, 1000.0)))


class Counts(Policy):
    """Predicts for an observation t the chunk (t, -t), (t + 1, -t - 1), … plus what it remembers: 1000 a step."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    @property
    def window(self) -> tuple[int, int]:
        return 1, 0

    def initial_carry(self) -> Array:
        return jnp.zeros(())

    def mode(self, carry: Array, obs: Array) -> tuple[Array, Array]:
        ahead = obs + jnp.arange(self.spaces.action.size // 2) + 1000.0 * carry
        return carry + 1, jnp.stack([ahead, -ahead], axis=1).ravel()


def counts(spec: Chunked) -> Policy:
    def head(_: Any, network: Any, spaces: Spaces, *, key: Any) -> Policy:
        return Counts(Normalizer.identity(OBSERVATION), spaces)

    inner = Build("policy", "counts", head, MLP(), (NETWORK,))
    return chunked.policy(spec, NETWORK, REACH, inner, key=jax.random.key(0))


def acted(policy: Policy, steps: int) -> np.ndarray:
    obs = jnp.arange(steps, dtype=jnp.float32)[:, None]
    return np.asarray(jax.lax.scan(lambda carry, one: policy.mode(carry, one), policy.initial_carry(), obs)[1])


def test_as_many_actions_as_are_to_be_executed_come_from_one_chunk() -> None:
    actions = acted(counts(Chunked(horizon=4, execute=3)), 7)
    decided = np.array([0, 0, 0, 3, 3, 3, 6])  # the memory goes on at every step
    np.testing.assert_array_equal(actions[:, 0], np.arange(7) + 1000 * decided)
    np.testing.assert_array_equal(actions[:, 1], -actions[:, 0])


def test_an_ensemble_averages_all_predictions_of_an_action_the_oldest_first() -> None:
    actions = acted(counts(Chunked(horizon=3, execute=1, ensemble=0.5)), 5)[:, 0]
    weights = np.exp(-0.5 * np.arange(3))
    for step, decided in enumerate([[0], [0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4]]):
        used = weights[: len(decided)]
        expected = step + 1000 * (used * decided).sum() / used.sum()
        np.testing.assert_allclose(actions[step], expected, rtol=1e-5)


def test_a_chunk_to_fit_repeats_the_last_action_of_its_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = counts(Chunked(horizon=3, execute=3))
    assert policy.window == (1, 2)
    rows = jnp.array([10.0, 11.0, 12.0, 13.0])
    actions = jnp.stack([rows, -rows], axis=1)
    given = Window(rows[:, None], actions, jnp.array([True, True, True, False]))
    with monkeypatch.context() as patch:
        handed: list[Window] = []
        patch.setattr(Counts, "loss", lambda self, window, *, key: handed.append(window) or jnp.zeros(()))
        policy.loss(given, key=jax.random.key(0))
    np.testing.assert_array_equal(handed[0].obs[:, 0], [10.0, 11.0])
    np.testing.assert_array_equal(handed[0].actions[:, ::2], [[10.0, 11.0, 12.0], [11.0, 12.0, 12.0]])
    np.testing.assert_array_equal(handed[0].mask, [True, True])


def build(module: Any, spec: Any, action: Any, **settings: Any) -> Policy:
    inner = Build("policy", spec.kind, module.policy, spec, (NETWORK,))
    spaces = Spaces(observation=OBSERVATION, action=action)
    return chunked.policy(Chunked(horizon=4, **settings), NETWORK, spaces, inner, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("action", "chunks"),
    [
        (Discrete(size=3, start=5), MultiDiscrete(sizes=(3,) * 4)),
        (MultiDiscrete(sizes=(2, 3)), MultiDiscrete(sizes=(2, 3) * 4)),
    ],
)
def test_choices_become_several_choices_at_once(action: Any, chunks: MultiDiscrete) -> None:
    policy: Any = build(categorical, categorical.Categorical(), action, execute=2)
    assert policy.inner.spaces.action == chunks
    least, most = (action.start, action.start + 2) if isinstance(action, Discrete) else action.bounds
    for key in jax.random.split(jax.random.key(1), 20):
        drawn = policy.sample(policy.initial_carry(), jnp.ones(1), key=key)[1]
        assert drawn.shape == action.shape
        assert drawn.dtype == jnp.int32
        assert (drawn >= least).all()
        assert (drawn <= most).all()


def test_what_a_head_takes_from_the_data_it_takes_from_every_action_of_a_chunk() -> None:
    demos = demonstrations(4, "continuous")
    unbounded = Box(low=(-np.inf,) * demos.spaces.action.size, high=(np.inf,) * demos.spaces.action.size)
    single = deterministic.policy(
        deterministic.Deterministic(),
        NETWORK,
        Spaces(observation=demos.spaces.observation, action=unbounded),
        key=jax.random.key(0),
    ).fitted(demos.transitions())
    inner = Build("policy", "deterministic", deterministic.policy, deterministic.Deterministic(), (NETWORK,))
    spaces = Spaces(observation=demos.spaces.observation, action=unbounded)
    several: Any = chunked.policy(Chunked(horizon=4, execute=1), NETWORK, spaces, inner, key=jax.random.key(0))
    several = several.fitted(demos.transitions())
    np.testing.assert_allclose(several.inner.units.center, np.tile(single.units.center, 4), rtol=1e-5)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(several.normalizer.mean, single.normalizer.mean)


def test_a_head_is_shown_which_actions_follow_each_other() -> None:
    seen: list[Transitions] = []

    class Watches(Counts):
        def fitted(self, transitions: Transitions) -> Policy:
            seen.append(transitions)
            return super().fitted(transitions)

    def head(_: Any, network: Any, spaces: Spaces, *, key: Any) -> Policy:
        return Watches(Normalizer.identity(OBSERVATION), spaces)

    inner = Build("policy", "counts", head, MLP(), (NETWORK,))
    policy = chunked.policy(Chunked(horizon=3, execute=1), NETWORK, REACH, inner, key=jax.random.key(0))
    demos = demonstrations(2, "continuous")
    transitions = demos.transitions()
    policy.fitted(transitions)
    first = demos.lengths[0]
    joint = np.asarray(seen[0].joint_actions)[:first].reshape(first, 3, -1)
    wanted = np.minimum(np.arange(first)[:, None] + np.arange(3), first - 1)
    np.testing.assert_array_equal(joint, demos.actions[:first].reshape(first, -1)[wanted])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="at most horizon"):
        Chunked(horizon=4, execute=5)
    with pytest.raises(DataError, match="ensemble averages"):
        build(categorical, categorical.Categorical(), Discrete(size=3), execute=1, ensemble=0.1)
    policy = build(deterministic, deterministic.Deterministic(), REACH.action, execute=1)
    assert not policy.has_density
    with pytest.raises(DataError, match="density"):
        policy.log_prob(policy.initial_carry(), jnp.zeros(1), jnp.zeros(2))


def test_a_chunk_has_a_smooth_mode_where_its_head_has_one() -> None:
    assert build(deterministic, deterministic.Deterministic(), REACH.action, execute=1).has_smooth_mode
    assert not build(energy, energy.Energy(hidden=(4,), features=2), REACH.action, execute=1).has_smooth_mode

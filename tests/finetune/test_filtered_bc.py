"""Filtered cloning: what it keeps, learns, leaves alone and refuses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, Transition
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.finetune.filtered_bc import FilteredBC, finetune
from ilkit.measuring.remarks import remarks
from ilkit.network.gru import GRU
from ilkit.network.gru import network as gru
from ilkit.network.mlp import MLP
from ilkit.network.mlp import network as mlp
from ilkit.policy.chunked import Chunked
from ilkit.policy.chunked import policy as chunked
from ilkit.policy.gaussian import Gaussian
from ilkit.policy.gaussian import policy as gaussian
from ilkit.running import loop
from ilkit.spec import Spec

KEY = jax.random.key(0)
SMALL: dict[str, Any] = {"num_envs": 16, "batch_size": 32, "demo_batch_size": 8, "memory_size": 64}


class BarSpec(Spec):
    """A bar to be reached at the second step."""


class Bar(Environment):
    """Two steps; the reward is 1 where the second action is above 0.5."""

    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " 1"]:
        return jnp.zeros(1)

    def step(self, state: Float[Array, " 1"], action: Array, *, key: PRNGKeyArray) -> Any:
        last = state[0] > 0
        return state + 1.0, Transition(jnp.where(last & (action[0] > 0.5), 1.0, 0.0), last)

    def observe(self, state: Float[Array, " 1"]) -> Float[Array, " 1"]:
        return state


def bar(spec: BarSpec) -> Environment:
    return Bar(Spaces(observation=Box.symmetric((np.inf,)), action=Box.symmetric((1.0,))), 2)


ENV: Build[Environment] = Build("env", "bar", bar, BarSpec())


def shown(action: float, reward: float = 1.0) -> Demonstrations:
    """One episode in which nothing is done, then this."""
    return Demonstrations(
        obs=np.arange(3, dtype=np.float32)[:, None],
        actions=np.array([[0.0], [action]], np.float32),
        rewards=np.array([0.0, reward], np.float32),
        terminated=np.array([True]),
        truncated=np.array([False]),
        lengths=np.array([2], np.int32),
        spaces=ENV().spaces,
    )


def train(spec: FilteredBC, exploration: Build[Any], cloned: Policy, demos: Demonstrations | None) -> Seeds[Policy]:
    return loop.train(lambda key: finetune(spec, exploration, ENV, cloned, None, demos, key=key), key=KEY)


def still(clone: Any) -> Policy:
    """A linear clone that does nothing yet."""
    cloned = clone(ENV)
    nothing = jax.tree.map(jnp.zeros_like, cloned.network.layers)
    policy: Policy = eqx.tree_at(lambda tree: tree.network.layers, cloned, nothing)
    return policy


def leap(policy: Policy) -> float:
    return float(policy.mode(policy.initial_carry(), jnp.ones(1))[1][0])


def test_what_reached_the_threshold_is_cloned(clone: Any, explore: Any) -> None:
    spec = FilteredBC(threshold=1.0, best_share=None, num_steps=30, num_gradient_steps=20, learning_rate=1e-2, **SMALL)
    learnt = train(spec, explore("isotropic", scale=0.3), still(clone), shown(0.4))
    assert leap(learnt[0]) > 0.5
    assert learnt.curves["kept"][0, -1] > 0.5
    assert learnt.curves["remembered"][0, -1] == SMALL["memory_size"]


def test_the_best_share_climbs_where_a_threshold_would_not_be_known(clone: Any, explore: Any) -> None:
    spec = FilteredBC(best_share=0.25, num_steps=30, num_gradient_steps=20, learning_rate=1e-2, **SMALL)
    learnt = train(spec, explore("isotropic", scale=0.3), still(clone), shown(0.4))
    assert leap(learnt[0]) > 0.5
    np.testing.assert_allclose(learnt.curves["kept"][0], 0.25)


def test_where_nothing_succeeds_the_demonstrations_are_cloned_and_it_is_said(clone: Any, explore: Any) -> None:
    spec = FilteredBC(threshold=1.0, best_share=None, num_steps=30, num_gradient_steps=20, learning_rate=1e-2, **SMALL)
    learnt = train(spec, explore("none"), still(clone), shown(0.3))
    assert not learnt.curves["kept"].any()
    assert leap(learnt[0]) == pytest.approx(0.3, abs=0.02)
    said = remarks(learnt.curves, has_goal=True)
    assert said == ["no success found in all of training: no reward above 0 in any of 480 episodes"]


def chunks() -> Policy:
    network: Build = Build("network", "mlp", mlp, MLP(hidden=(4,)))
    inner: Build = Build("policy", "gaussian", gaussian, Gaussian(), (network,))
    return chunked(Chunked(horizon=2, execute=2), network, ENV().spaces, inner, key=KEY)


def remembering() -> Policy:
    network: Build = Build("network", "gru", gru, GRU(hidden_size=4, window=2))
    return gaussian(Gaussian(), network, ENV().spaces, key=KEY)


@pytest.mark.parametrize("build", [chunks, remembering])
def test_heads_that_see_several_steps_are_cloned(build: Callable[[], Policy], explore: Any) -> None:
    spec = FilteredBC(best_share=0.5, num_steps=2, num_gradient_steps=2, **SMALL)
    learnt = train(spec, explore("own_density"), build(), shown(0.4))
    assert np.isfinite(learnt.curves["loss"]).all()
    assert learnt.curves["departure"][0, -1] > 0.0


@pytest.mark.parametrize(
    ("demos", "threshold", "said"),
    [
        (lambda: None, 1.0, "demos: must be handed over.*Add the argument demos"),
        (lambda: shown(0.4), 2.0, r"threshold must be a return that a demonstration reaches, and the best of 1 has 1,"),
        (lambda: shown(0.4, reward=0.0), 1.0, "all of these are 0"),
        (lambda: shown(0.4, reward=np.nan), 1.0, "needs the rewards"),
        (lambda: elsewhere(), None, "must have the spaces of the policy"),
    ],
    ids=["missing", "too_high", "all_0", "unknown", "elsewhere"],
)
def test_what_nothing_can_be_learnt_from_is_refused(
    demos: Callable[[], Any], threshold: float | None, said: str, clone: Any, explore: Any
) -> None:
    share = 0.1 if threshold is None else None
    spec = FilteredBC(threshold=threshold, best_share=share, num_steps=1)
    with pytest.raises(DataError, match=said):
        finetune(spec, explore("isotropic"), ENV, clone(ENV), None, demos(), key=KEY)


def elsewhere() -> Demonstrations:
    spaces = Spaces(observation=Box.symmetric((np.inf, np.inf)), action=Box.symmetric((1.0,)))
    return replace(shown(0.4), obs=np.zeros((3, 2), np.float32), spaces=spaces)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"threshold": 1.0}, "exactly one of threshold and best_share"),
        ({"best_share": None}, "exactly one of threshold and best_share"),
        ({"batch_size": 8, "demo_batch_size": 8}, "demo_batch_size must be below batch_size"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        FilteredBC(**settings)

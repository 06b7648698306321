"""Thinned demonstrations are learnt from as those that hold the steps that count alone would be."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.tree_util import Partial

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.data.windows import Transitions, Window, windows
from ilkit.errors import DataError
from ilkit.fitting.fit import fit
from ilkit.fitting.gradient import draw_multiplied, draw_rows, mean_loss
from ilkit.network import gru, mlp
from ilkit.policy import autoregressive, chunked, deterministic, diffusion, gaussian
from ilkit.running.loop import train

RNG = np.random.default_rng(0)
UNBOUNDED = Spaces(observation=Box.symmetric((np.inf, np.inf)), action=Box.symmetric((np.inf,)))
MLP = Build("network", "mlp", mlp.network, mlp.MLP(hidden=(8,)))
GRU = Build("network", "gru", gru.network, gru.GRU(hidden_size=4, num_layers=1, window=3))


def recorded(weights: list[float], num_episodes: int = 1) -> Demonstrations:
    """Episodes of random numbers, with these weights of all steps."""
    steps = len(weights)
    return Demonstrations(
        obs=RNG.normal(size=(steps + num_episodes, 2)).astype(np.float32),
        actions=RNG.normal(size=(steps, 1)).astype(np.float32),
        rewards=np.zeros(steps, np.float32),
        terminated=np.zeros(num_episodes, bool),
        truncated=np.ones(num_episodes, bool),
        lengths=np.full(num_episodes, steps // num_episodes, np.int32),
        spaces=UNBOUNDED,
        weights=np.asarray(weights, np.float32),
    )


def alone(demos: Demonstrations) -> Demonstrations:
    """The steps that count, an episode each."""
    rows = np.flatnonzero(demos.counted)
    return Demonstrations(
        obs=np.stack([demos.before(rows), demos.after(rows)], axis=1).reshape(-1, 2),
        actions=demos.actions[rows],
        rewards=demos.rewards[rows],
        terminated=np.zeros(len(rows), bool),
        truncated=np.ones(len(rows), bool),
        lengths=np.ones(len(rows), np.int32),
        spaces=demos.spaces,
    )


def test_rows_are_drawn_in_proportion_to_their_weights_and_none_without() -> None:
    rows = recorded([0.0, 1.0, 0.0, 0.5, 2.5, 0.0]).transitions()
    drawn = np.bincount(draw_rows(rows, 40_000, key=jax.random.key(0)), minlength=8) / 40_000
    np.testing.assert_allclose(drawn, [0, 0.25, 0, 0.125, 0.625, 0, 0, 0], atol=0.01)
    assert drawn[[0, 2, 5, 6, 7]].sum() == 0.0
    assert int(rows.num_counted) == 3


def test_members_draw_in_proportion_to_multiplicities_and_weights() -> None:
    held, weights = jnp.asarray([[1, 2, 1], [0, 0, 3]]), jnp.asarray([0.5, 1.0, 0.0])
    cumulative = jnp.cumsum(held[:1] * weights, axis=1)
    drawn = np.asarray(draw_multiplied(cumulative, 10_000, key=jax.random.key(0)))
    np.testing.assert_allclose(np.bincount(drawn[0], minlength=3) / 10_000, [0.2, 0.8, 0.0], atol=0.02)


@pytest.mark.parametrize(
    "head",
    [
        Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(), (MLP,)),
        Build(
            "policy",
            "autoregressive",
            autoregressive.policy,
            autoregressive.Autoregressive(hidden=(8,), features=4, num_bins=4, bins="quantile"),
            (MLP,),
        ),
        Build("policy", "diffusion", diffusion.policy, diffusion.Diffusion(hidden=(8,), features=4), (MLP,)),
    ],
    ids=lambda build: build.kind,
)
def test_a_head_takes_from_thinned_data_what_it_takes_from_the_steps_that_count(head: Build[Policy]) -> None:
    """The padding is the same, so that sums are of the same numbers: to rounding."""
    demos = recorded([0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    policy = head(demos.spaces, key=jax.random.key(0))
    thinned, kept = (eqx.filter_jit(policy.fitted)(one.transitions()) for one in (demos, alone(demos)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), thinned, kept)
    assert not np.allclose(
        thinned.normalizer.mean, policy.fitted(replace(demos, weights=None).transitions()).normalizer.mean
    )


def test_a_clone_of_thinned_steps_is_fitted_to_their_weighted_mean() -> None:
    demos = recorded([0.0, 1.0, 3.0, 0.0])
    demos = replace(
        demos, obs=np.zeros_like(demos.obs), actions=np.asarray([[50.0], [1.0], [-1.0], [-70.0]], np.float32)
    )
    head = Build("policy", "deterministic", deterministic.policy, deterministic.Deterministic(), (MLP,))
    clone = train(
        lambda key: fit(mean_loss, Partial(optax.adam, 3e-3), head, demos, batch_size=256, num_steps=600, key=key),
        key=jax.random.key(0),
    )[0]
    np.testing.assert_allclose(clone.mode((), jnp.zeros(2))[1], [-0.5], atol=0.1)


def test_a_memory_sees_the_steps_on_the_way_and_is_fitted_to_those_that_count() -> None:
    demos = recorded([1.0, 0.0, 1.0, 0.0])
    policy = gaussian.policy(gaussian.Gaussian(), GRU, demos.spaces, key=jax.random.key(0))

    def loss(rows: Transitions) -> float:
        window: Window = jax.tree.map(lambda leaf: leaf[0], windows(rows, jnp.asarray([2]), *policy.window))
        return float(policy.loss(window, key=jax.random.key(1)))

    rows = demos.transitions()
    other_action = rows._replace(actions=rows.actions.at[1].set(9.0))
    other_obs = rows._replace(obs=rows.obs.at[1].set(9.0))
    counting = rows._replace(actions=rows.actions.at[0].set(9.0))
    assert loss(other_action) == loss(rows)
    assert loss(other_obs) != loss(rows)
    assert loss(counting) != loss(rows)


@pytest.mark.parametrize(
    ("weights", "fits"),
    [([1.0, 0.0] * 4, False), ([1.0] * 4 + [0.0] * 4, True), ([0.0, 0.0, 0.0, 2.0] * 2, True)],
    ids=["every second", "one episode", "the last of each"],
)
def test_chunks_take_steps_that_are_followed_by_steps_that_count(weights: list[float], fits: bool) -> None:
    inner = Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(), (MLP,))
    head = Build("policy", "chunked", chunked.policy, chunked.Chunked(horizon=3, execute=3), (MLP,), inner)
    demos = recorded(weights, num_episodes=2)

    def run() -> object:
        return fit(mean_loss, Partial(optax.adam, 1e-3), head, demos, batch_size=4, num_steps=1, key=jax.random.key(0))

    if fits:
        run()
        return
    with pytest.raises(DataError, match="3 actions at once needs all of them, and after 4 of 4 steps"):
        run()

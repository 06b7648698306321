"""Every head on every network: fitted along a window, acting step by step, and stored."""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from ilkit.artifact.store import load, save
from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.data.windows import Transitions, windows
from ilkit.fitting.gradient import mean_loss, partition
from ilkit.registry.find import find, installed
from ilkit.registry.params import parse

SMALL: dict[str, Any] = {"hidden": [8], "features": 4}
HEADS: dict[str, dict[str, Any]] = {
    "autoregressive": {**SMALL, "num_bins": 4},
    "categorical": {},
    "chunked": {"inner": "mixture", "horizon": 3, "execute": 2},
    "cvae": {**SMALL, "latent": 2},
    "deterministic": {},
    "diffusion": {**SMALL, "num_steps": 2},
    "energy": {**SMALL, "num_negatives": 4, "num_candidates": 4},
    "flow": {**SMALL, "num_steps": 2},
    "gaussian": {},
    "mixture": {"num_components": 2},
}
NETWORKS: dict[str, dict[str, Any]] = {
    "cnn": {"channels": [4], "kernel_sizes": [2], "strides": [1], "hidden": [8]},
    "frame_stack": {"num_frames": 3, "inner": "mlp"},
    "graph_conditioned": {"inner": "mlp"},
    "gru": {"hidden_size": 8, "num_layers": 1, "window": 3},
    "lstm": {"hidden_size": 8, "num_layers": 1, "window": 3},
    "mlp": {"hidden": [8]},
    "residual_mlp": {"width": 8, "num_blocks": 1, "dropout": 0.1},
    "transformer": {"width": 8, "num_layers": 1, "num_heads": 2, "context": 3},
}
LENGTHS = (5, 4)


def build(block: str, kind: str, settings: dict[str, Any], parts: tuple[Build[Any], ...] = ()) -> Build[Any]:
    component = find(block, kind)
    spec: Any = parse(component.spec, settings, block)
    inner = build(block, spec.inner, {}, parts) if component.wraps else None
    return component.build(spec, parts, inner)


def recorded(space: Box, discrete: bool) -> Transitions:
    """Two episodes of random steps."""
    random, count = np.random.default_rng(0), sum(LENGTHS)
    obs = random.uniform(0.0, 1.0, (count + 2, *space.shape))
    obs = (255 * obs).astype(np.uint8) if space.dtype == "uint8" else obs.astype(np.float32)
    actions = random.integers(0, 3, count) if discrete else random.uniform(-1.0, 1.0, (count, 2)).astype(np.float32)
    return Transitions(
        jnp.asarray(obs),
        jnp.asarray(actions.astype(np.int32) if discrete else actions),
        jnp.zeros(count),
        jnp.zeros(count, bool),
        jnp.repeat(jnp.arange(2), jnp.asarray(LENGTHS), total_repeat_length=count),
        jnp.int32(count),
        jnp.int32(2),
    )


def test_all_kinds_are_tried() -> None:
    assert set(HEADS) == set(installed()["policy"])
    assert set(NETWORKS) == set(installed()["network"])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("head", HEADS)
def test_a_head_on_a_network_is_fitted_acts_and_is_stored(head: str, network: str, tmp_path: Path) -> None:
    space = Box(shape=(3, 3, 1), low=0, high=255, dtype="uint8") if network == "cnn" else Box.symmetric((1.0, 1.0))
    discrete = head == "categorical"
    action = Discrete(size=3) if discrete else Box.symmetric((1.0, 1.0))
    chosen = build("policy", head, HEADS[head], (build("network", network, NETWORKS[network]),))
    transitions = recorded(space, discrete)

    @eqx.filter_jit
    def fitted_and_acting(key: Array) -> tuple[Policy, Any, Any, Array]:
        policy = chosen(Spaces(observation=space, action=action), key=key).fitted(transitions)
        trained, fixed = partition(policy)
        batch = windows(transitions, jnp.array([0, 2, 5, 8]), *policy.window)

        def loss(trained: Policy) -> Array:
            return mean_loss(eqx.combine(trained, fixed), batch, key=key)

        value, gradient = jax.value_and_grad(loss)(trained)
        moved = jax.tree.map(lambda weight, slope: weight - 1e-3 * slope, trained, gradient)

        def act(carry: Any, given: tuple[Array, Array]) -> tuple[Any, Array]:
            obs, key = given
            return policy.sample(carry, obs, key=key)

        acted = jax.lax.scan(act, policy.initial_carry(), (transitions.obs[:6], jax.random.split(key, 6)))[1]
        return eqx.combine(moved, fixed), value, gradient, acted

    learnt, value, gradient, acted = fitted_and_acting(jax.random.key(0))
    assert np.isfinite(value)
    slopes = [np.asarray(leaf) for leaf in jax.tree.leaves(gradient)]
    assert all(np.isfinite(slope).all() for slope in slopes)
    assert sum(np.any(slope != 0) for slope in slopes) >= len(slopes) // 2
    assert acted.shape == (6, *action.shape)
    assert acted.dtype == action.dtype
    assert np.isfinite(acted).all()
    save(
        Seeds(jax.tree.map(lambda leaf: leaf[None] if eqx.is_array(leaf) else leaf, learnt), {}, 1), tmp_path / "policy"
    )
    again = load(tmp_path / "policy").stacked
    assert jax.tree.structure(again) == jax.tree.structure(learnt)
    pairs = zip(jax.tree.leaves(again), jax.tree.leaves(learnt), strict=True)
    assert all(np.array_equal(np.asarray(mine)[0], np.asarray(theirs)) for mine, theirs in pairs)

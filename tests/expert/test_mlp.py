from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.env import cart_pole, point_mass
from ilkit.errors import DataError
from ilkit.expert.mlp import MLP, expert

PUSH = Build("env", "point_mass", point_mass.env, point_mass.PointMass())
BALANCE = Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole())
KEY = jax.random.key(0)
Save = Callable[..., MLP]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes random weights of these sizes and more arrays: `save((4, 8, 2), log_std=...)`."""

    def write(sizes: tuple[int, ...], *, pad_obs: bool = False, **arrays: np.ndarray) -> MLP:
        generator = np.random.default_rng(0)
        for index, shape in enumerate(pairwise(sizes)):
            arrays = {f"w{index}": generator.normal(size=shape), f"b{index}": generator.normal(size=shape[1])} | arrays
        np.savez(tmp_path / "expert.npz", **arrays)
        return MLP(path=tmp_path / "expert.npz", pad_obs=pad_obs)

    return write


def act(spec: MLP, env: Build, obs: np.ndarray) -> np.ndarray:
    policy = expert(spec, env, key=KEY)
    return np.asarray(policy.mode((), jnp.asarray(obs, jnp.float32))[1])


def test_it_is_the_network_on_standardized_observations(save: Save) -> None:
    mean, std = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.5, 1.0, 2.0, 4.0])
    spec, obs = save((4, 8, 2), obs_mean=mean, obs_std=std), np.array([0.3, -1.0, 2.0, 0.1])
    arrays = np.load(spec.path)
    hidden = np.tanh((obs - mean) / (std + 1e-6) @ arrays["w0"] + arrays["b0"])
    np.testing.assert_allclose(act(spec, PUSH, obs), hidden @ arrays["w1"] + arrays["b1"], rtol=1e-5)


def test_absent_entries_count_as_zeros(save: Save) -> None:
    mean, std = np.linspace(-1, 1, 6), np.linspace(1, 2, 6)
    spec, obs = save((6, 8, 2), pad_obs=True, obs_mean=mean, obs_std=std), np.array([0.3, -1.0, 2.0, 0.1])
    arrays = np.load(spec.path)
    hidden = np.tanh((np.append(obs, [0.0, 0.0]) - mean) / (std + 1e-6) @ arrays["w0"] + arrays["b0"])
    np.testing.assert_allclose(act(spec, PUSH, obs), hidden @ arrays["w1"] + arrays["b1"], rtol=1e-5)


def test_samples_spread_by_log_std(save: Save) -> None:
    policy = expert(save((4, 8, 2), log_std=np.log([0.1, 2.0])), PUSH, key=KEY)
    keys = jax.random.split(KEY, 4000)
    actions = jax.vmap(lambda key: policy.sample((), jnp.zeros(4), key=key)[1])(keys)
    np.testing.assert_allclose(actions.std(axis=0), [0.1, 2.0], rtol=0.05)
    expected = -0.5 * np.log(2 * np.pi * np.array([0.1, 2.0]) ** 2).sum()
    assert float(policy.log_prob((), jnp.zeros(4), policy.mode((), jnp.zeros(4))[1])[1]) == pytest.approx(expected)


def test_squashed_outputs_fill_the_range_of_the_action_space(save: Save) -> None:
    last = np.linspace(-0.2, 0.2, 16).reshape(8, 2)
    spec = save((4, 8, 2), w1=last, b1=np.zeros(2), log_std=np.array([-1.0, -0.5])).model_copy(update={"squash": True})
    plain, squashed = (expert(one, PUSH, key=KEY) for one in (spec.model_copy(update={"squash": False}), spec))
    obs, largest = jnp.array([0.3, -1.0, 2.0, 0.1]), 8.0
    raw = plain.mode((), obs)[1]
    np.testing.assert_allclose(squashed.mode((), obs)[1], largest * np.tanh(raw), rtol=1e-5)
    grid = jnp.linspace(-largest, largest, 400)[1:-1]
    actions = jnp.stack(jnp.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    density = jnp.exp(jax.vmap(lambda action: squashed.log_prob((), obs, action)[1])(actions))
    assert float(density.sum() * (grid[1] - grid[0]) ** 2) == pytest.approx(1.0, abs=0.02)


def test_squashing_needs_bounds(save: Save) -> None:
    with pytest.raises(DataError, match="finite bounds"):
        expert(save((4, 8, 2)).model_copy(update={"squash": True}), BALANCE, key=KEY)


def test_discrete_actions_are_preferred_by_the_outputs(save: Save) -> None:
    spec = save((4, 2), w0=np.zeros((4, 2)), b0=np.log([0.2, 0.8]))
    policy = expert(spec, BALANCE, key=KEY)
    assert int(policy.mode((), jnp.zeros(4))[1]) == 1
    assert float(policy.log_prob((), jnp.zeros(4), jnp.asarray(0))[1]) == pytest.approx(np.log(0.2))


@pytest.mark.parametrize(
    ("sizes", "arrays", "message"),
    [
        ((5, 8, 2), {}, "w0 must take the 4 entries .* got 5.*pad_obs"),
        ((3, 8, 2), {}, "w0 must take the 4 entries .* got 3"),
        ((4, 8, 3), {}, "2 outputs, one an action, got 3"),
        ((4, 2), {"obs_mean": np.zeros(4)}, "both or none"),
        ((4, 2), {"obs_mean": np.zeros(3), "obs_std": np.ones(3)}, "obs_mean must be a vector of 4"),
        ((4, 2), {"w0": np.full((4, 2), np.nan)}, "w0 must be finite"),
        ((4, 2), {"w1": np.zeros((3, 2))}, "w1 must be a matrix of 2 rows"),
        ((4, 2), {"w0": np.array([["a", "b"]] * 4)}, "must hold the weights w0"),
        ((4, 2), {"extra": np.array([{}], dtype=object)}, "without pickled objects"),
    ],
)
def test_archives_that_do_not_fit_are_refused(
    save: Save, sizes: tuple[int, ...], arrays: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        expert(save(sizes, **arrays), PUSH, key=KEY)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "expert.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"must be a NumPy archive"):
        expert(MLP(path=tmp_path / "expert.npz"), PUSH, key=KEY)
    with pytest.raises(DataError, match="There is no"):
        expert(MLP(path=tmp_path / "other.npz"), PUSH, key=KEY)

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from ilkit.data.training import Training, names_of
from ilkit.errors import DataError, NonFiniteError
from ilkit.running import loop
from ilkit.running.checkpoint import load_checkpoint, save_checkpoint

pytestmark = pytest.mark.bits


class Walked(NamedTuple):
    mean: jax.Array
    scale: jax.Array


def walk(scale: jax.Array, state: jax.Array, key: jax.Array) -> tuple[jax.Array, Walked]:
    state = state + scale * jax.random.normal(key, state.shape)
    return state, Walked(state.mean(), scale)


def random_walk(num_steps: int = 600) -> Callable[..., Training[jax.Array]]:
    def make(*, key: jax.Array) -> Training[jax.Array]:
        return Training(
            state=jax.random.normal(key, (3,)),
            step=Partial(walk, jnp.asarray(0.1)),
            finish=Partial(jnp.negative),
            num_steps=num_steps,
            env_steps_per_step=2,
        )

    return make


@pytest.mark.parametrize(("num_seeds", "num_threads"), [(1, 1), (3, 1), (3, 2)])
def test_the_chunk_size_changes_no_bit(num_seeds: int, num_threads: int) -> None:
    runs = [
        loop.train(random_walk(), key=jax.random.key(1), num_seeds=num_seeds, num_threads=num_threads, chunk_size=size)
        for size in (600, 7, None)
    ]
    assert runs[0].stacked.shape == (num_seeds, 3)
    for run in runs[1:]:
        assert eqx.tree_equal(run, runs[0])


def test_curves_are_means_over_windows_with_their_axes() -> None:
    learnt = loop.train(random_walk(600), key=jax.random.key(1), num_seeds=2)
    assert learnt.curves["step"].tolist() == [*range(3, 601, 3)]
    assert learnt.curves["env_steps"].tolist() == [*range(6, 1201, 6)]
    assert learnt.curves["mean"].shape == (2, 200)
    np.testing.assert_allclose(learnt.curves["scale"], 0.1, rtol=1e-6)


class Watched(NamedTuple):
    walked: Walked
    seen_: jax.Array


def test_an_info_inside_of_an_info_makes_curves_in_its_place() -> None:
    def watched(state: jax.Array, key: jax.Array) -> tuple[jax.Array, Watched]:
        state, info = walk(jnp.asarray(0.1), state, key)
        return state, Watched(info, jnp.asarray(2.0))

    training = Training(jnp.zeros(3), watched, Partial(jnp.negative), 4)
    learnt = loop.train(lambda *, key: training, key=jax.random.key(1))
    assert names_of(Watched) == ("mean", "scale", "seen")
    assert list(learnt.curves) == ["step", "mean", "scale", "seen"]
    np.testing.assert_allclose(learnt.curves["scale"], 0.1, rtol=1e-6)
    np.testing.assert_array_equal(learnt.curves["seen"], 2.0)


def test_seeds_differ_and_one_seed_is_what_it_would_be_alone() -> None:
    three = loop.train(random_walk(5), key=jax.random.key(1), num_seeds=3)
    one = loop.train(random_walk(5), key=jax.random.key(1), num_seeds=1)
    assert not np.allclose(three[0], three[1])
    np.testing.assert_allclose(three[0], one[0], rtol=1e-5)


def test_on_several_threads_a_seed_is_to_the_last_bit_what_it_would_be_alone() -> None:
    three = loop.train(random_walk(), key=jax.random.key(1), num_seeds=3, num_threads=2)
    four = loop.train(random_walk(), key=jax.random.key(1), num_seeds=4, num_threads=3)
    one = loop.train(random_walk(), key=jax.random.key(1), num_seeds=1)
    assert eqx.tree_equal(three[0], one[0])
    assert eqx.tree_equal([three[seed] for seed in range(3)], [four[seed] for seed in range(3)])
    assert set(three.curves) == set(one.curves)
    for name in ("mean", "scale"):
        np.testing.assert_array_equal(three.curves[name], four.curves[name][:3])


def test_seeds_on_several_threads_are_compiled_once() -> None:
    traced = []

    def counted(scale: jax.Array, state: jax.Array, key: jax.Array) -> tuple[jax.Array, Walked]:
        traced.append(scale)
        return walk(scale, state, key)

    def make(*, key: jax.Array) -> Training[jax.Array]:
        start = jax.random.normal(key, (3,))
        return Training(
            state=start, step=Partial(counted, jnp.asarray(0.1)), finish=Partial(jnp.negative), num_steps=50
        )

    loop.train(make, key=jax.random.key(1), num_seeds=4, num_threads=2)
    assert len(traced) == 2  # for the names of its infos, and to compile


def test_another_setting_of_the_step_or_another_number_of_steps_compiles_nothing() -> None:
    loop.train(random_walk(5), key=jax.random.key(1))
    traced = []

    def counted(scale: jax.Array, state: jax.Array, key: jax.Array) -> tuple[jax.Array, Walked]:
        traced.append(scale)
        return walk(scale, state, key)

    def make(scale: float, num_steps: int) -> Callable[..., Training[jax.Array]]:
        return lambda *, key: eqx.tree_at(
            lambda run: run.step,
            eqx.tree_at(lambda run: run.state, random_walk(num_steps)(key=key), jnp.zeros(3)),
            Partial(counted, scale),
        )

    loop.train(make(0.1, 5), key=jax.random.key(1))
    once = len(traced)
    loop.train(make(0.2, 9), key=jax.random.key(2))
    assert len(traced) - once <= 1, "finding the names of the info may trace, the compiled chunk must not"


def test_what_differs_between_seeds_belongs_into_the_state() -> None:
    def make(*, key: jax.Array) -> Training[jax.Array]:
        return eqx.tree_at(lambda run: run.step, random_walk()(key=key), Partial(walk, jax.random.normal(key)))

    with pytest.raises(DataError, match=r"belongs into Training\.state"):
        loop.train(make, key=jax.random.key(1), num_seeds=2)


def test_a_number_that_is_not_finite_stops_the_run_and_is_named() -> None:
    class Told(NamedTuple):
        fine: jax.Array
        loss: jax.Array

    def burst(state: jax.Array, key: jax.Array) -> tuple[jax.Array, Told]:
        return state + 1, Told(jnp.ones(()), jnp.where(state[0] > 20, jnp.nan, 1.0))

    def make(*, key: jax.Array) -> Training[jax.Array]:
        return Training(state=jnp.zeros(1), step=Partial(burst), finish=Partial(jnp.negative), num_steps=50)

    with pytest.raises(NonFiniteError, match=r"loss must stay finite.*between steps 20 and 30.*learning_rate"):
        loop.train(make, key=jax.random.key(1), chunk_size=10)


def test_an_info_that_is_no_named_tuple_is_refused() -> None:
    def step(state: jax.Array, key: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
        return state, {"loss": jnp.ones(())}

    def make(*, key: jax.Array) -> Training[jax.Array]:
        return Training(state=jnp.zeros(1), step=Partial(step), finish=Partial(jnp.negative), num_steps=50)

    with pytest.raises(DataError, match="must return its info as a NamedTuple of scalars, got dict"):
        loop.train(make, key=jax.random.key(1))


@pytest.mark.parametrize("num_seeds", [1, 2])
def test_a_run_that_goes_on_from_a_checkpoint_ends_in_the_same_bits(tmp_path: Path, num_seeds: int) -> None:
    key = jax.random.key(3)
    training, step_key = loop.prepare(random_walk(), (), key=key, num_seeds=num_seeds)
    progress = next(
        loop.advance(training, loop.start(training, num_seeds), key=step_key, num_seeds=num_seeds, chunk_size=123)
    )
    save_checkpoint(progress, tmp_path)
    training, step_key = loop.prepare(random_walk(), (), key=key, num_seeds=num_seeds)
    resumed = load_checkpoint(loop.start(training, num_seeds), tmp_path)
    assert resumed.step == 123
    for last in loop.advance(training, resumed, key=step_key, num_seeds=num_seeds):
        resumed = last
    whole = loop.train(random_walk(), key=key, num_seeds=num_seeds)
    assert eqx.tree_equal(loop.finish(training, resumed, num_seeds), whole)


def test_a_checkpoint_that_cant_be_read_starts_over(tmp_path: Path) -> None:
    training, _ = loop.prepare(random_walk(), (), key=jax.random.key(3), num_seeds=1)
    (tmp_path / "last.safetensors").write_bytes(b"half a checkp")
    assert load_checkpoint(loop.start(training, 1), tmp_path).step == 0

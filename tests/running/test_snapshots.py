"""What training would have made, had it ended earlier, and that keeping it changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from ilkit.artifact.store import load, save
from ilkit.data.training import Training
from ilkit.running import loop
from ilkit.running.checkpoint import load_checkpoint, save_checkpoint
from ilkit.running.snapshots import snapshot_steps

pytestmark = pytest.mark.bits

KEY = jax.random.key(1)


class Told(NamedTuple):
    mean: jax.Array


class Walked(NamedTuple):
    place: jax.Array
    name: str = "walk"


def walk(state: jax.Array, key: jax.Array) -> tuple[jax.Array, Told]:
    state = state + jax.random.normal(key, state.shape)
    return state, Told(state.mean())


def push(state: jax.Array, key: Any) -> jax.Array:
    """On the host, one key or one a seed."""
    del key
    return state + 0.5


def arrive(state: jax.Array) -> Walked:
    return Walked(-state)


def walks(num_steps: int = 50, gather: Any = None) -> Callable[..., Training[Walked]]:
    return lambda *, key: Training(
        state=jax.random.normal(key, (3,)),
        step=Partial(walk),
        finish=Partial(arrive),
        num_steps=num_steps,
        env_steps_per_step=4,
        gather=gather,
    )


@pytest.mark.parametrize("gather", [None, Partial(push)])
@pytest.mark.parametrize(("num_seeds", "num_threads"), [(1, 1), (3, 1), (3, 2)])
def test_a_snapshot_is_what_a_shorter_run_makes_and_the_end_stays_the_same(
    num_seeds: int, num_threads: int, gather: Any
) -> None:
    def run(num_steps: int, **chosen: Any) -> Any:
        return loop.train(walks(num_steps, gather), key=KEY, num_seeds=num_seeds, num_threads=num_threads, **chosen)

    plain, kept = run(50), run(50, num_snapshots=5)
    assert plain.snapshots is None
    assert eqx.tree_equal((plain.stacked, plain.curves), (kept.stacked, kept.curves))
    assert kept.snapshots.steps.tolist() == [0, 10, 20, 30, 40]
    places = kept.snapshots.part("place")  # of a stage that makes several artifacts, each has its own
    assert eqx.tree_equal((places.stacked, places.steps), (kept.snapshots.stacked.place, kept.snapshots.steps))
    assert kept.snapshots.env_steps.tolist() == [0, 40, 80, 120, 160]
    for step, one in list(zip(kept.snapshots.steps, kept.snapshots, strict=True))[1:]:
        assert len(one) == num_seeds
        assert eqx.tree_equal(one.stacked, run(int(step)).stacked)
    for size in (1, 7, 50):
        assert eqx.tree_equal(run(50, num_snapshots=5, chunk_size=size), kept)


def test_the_first_snapshot_is_that_of_the_start() -> None:
    training, _ = loop.prepare(walks(), (), key=KEY, num_seeds=2)
    first = next(iter(loop.train(walks(), key=KEY, num_seeds=2, num_snapshots=3).snapshots))
    np.testing.assert_array_equal(first.stacked.place, -training.state)
    assert first.stacked.name == "walk"


@pytest.mark.parametrize(
    ("num_steps", "num_snapshots", "expected"), [(10, 3, [0, 3, 6]), (2, 5, [0, 1]), (7, 1, [0]), (7, 0, [])]
)
def test_snapshots_lie_between_equal_parts_and_at_most_one_at_a_step(
    num_steps: int, num_snapshots: int, expected: list[int]
) -> None:
    training, _ = loop.prepare(walks(num_steps), (), key=KEY, num_seeds=1, num_snapshots=num_snapshots)
    assert snapshot_steps(training).tolist() == expected


@pytest.mark.parametrize(("num_seeds", "gather"), [(1, None), (2, None), (2, Partial(push))])
@pytest.mark.parametrize("at", [20, 23])
def test_a_run_that_goes_on_from_a_checkpoint_keeps_the_same_snapshots(
    tmp_path: Path, num_seeds: int, gather: Any, at: int
) -> None:
    sizes = {"num_seeds": num_seeds, "num_snapshots": 5}
    training, key = loop.prepare(walks(50, gather), (), key=KEY, **sizes)
    steps = loop.advance(training, loop.start(training, num_seeds), key=key, num_seeds=num_seeds, chunk_size=1)
    save_checkpoint(next(progress for progress in steps if progress.step == at), tmp_path)
    resumed = load_checkpoint(loop.start(training, num_seeds), tmp_path)
    assert resumed.step == at
    found = loop.drive(training, key, num_seeds, progress=resumed)
    assert eqx.tree_equal(found, loop.train(walks(50, gather), key=KEY, **sizes))


def test_an_artifact_holds_its_snapshots(tmp_path: Path) -> None:
    class Nothing(NamedTuple):
        loss: jax.Array

    def make(*, key: jax.Array) -> Training[jax.Array]:
        def step(state: jax.Array, key: jax.Array) -> tuple[jax.Array, Nothing]:
            return state + 1.0, Nothing(jnp.ones(()))

        return Training(state=jax.random.normal(key, (2,)), step=Partial(step), finish=Partial(jnp.abs), num_steps=4)

    made = loop.train(make, key=KEY, num_seeds=2, num_snapshots=2)
    save(made, tmp_path / "made")
    assert eqx.tree_equal(load(tmp_path / "made"), made)

"""Checks of a training run: its step is pure, compiles once, and doesn't notice how it is driven."""

import equinox as eqx
import jax

from ilkit.testing.arguments import other_settings
from ilkit.testing.comparison import difference, distance, expect, not_finite
from ilkit.testing.subject import Subject
from ilkit.testing.traces import CountedTraces

RELATIVE, ABSOLUTE = 1e-3, 1e-4
"""How far one compiled step may be from an eager one: rounding, enlarged by an optimizer."""


def step_jits(subject: Subject) -> None:
    """A compiled step and an eager one give the same to rounding."""
    training, key = subject.prepare()
    eager, _ = training.step(training.state, jax.random.fold_in(key, 0))
    _, progress = subject.first_step()
    found = distance(progress.state, eager, relative=RELATIVE, absolute=ABSOLUTE)
    expect(not found, f"A compiled step must give what an eager one gives, but {found}.")


def step_is_traced_once(subject: Subject) -> None:
    """A second step, another key, more data of the same capacity or other numeric settings compile nothing again."""
    traces = CountedTraces()
    training, key = subject.prepare()
    state, _ = traces(training.step, training.state, key)
    traces(training.step, state, key)
    traces.expect_one("a second step: keep the types of the state's arrays, weak types included")
    training, key = subject.prepare(1)
    traces(training.step, training.state, key)
    traces.expect_one("another key: what depends on the key belongs into the state")
    training, key = subject.prepare(variant=1)
    traces(training.step, training.state, key)
    traces.expect_one("other data of the same capacity: hand data to the step by jax.tree_util.Partial")
    training, key = subject.prepare(spec=other_settings(subject.spec))
    traces(training.step, training.state, key)
    traces.expect_one("other numeric settings: hand the spec to the step by jax.tree_util.Partial")


def seeds_train_together(subject: Subject) -> None:
    """Two seeds train in one compiled call; in its first step, a seed learns what it would learn alone."""
    training, together = subject.first_step(num_seeds=2)
    found = not_finite(together)
    expect(not found, f"Several seeds must stay finite, but {found} is not.")
    _, alone = subject.first_step()
    first = jax.tree.map(lambda leaf: leaf[0], together.state)
    found = distance(alone.state, first, relative=RELATIVE, absolute=ABSOLUTE)
    expect(not found, f"A seed must learn among others as it does alone, but {found}.")
    learnt = eqx.filter_eval_shape(eqx.filter_vmap(training.finish), together.state)
    sizes = {leaf.shape[:1] for leaf in jax.tree.leaves(learnt) if hasattr(leaf, "shape")}
    expect(sizes == {(2,)}, f"What two seeds have learnt must have a leading axis of 2, got {sizes}.")


def chunks_change_no_bit(subject: Subject) -> None:
    """Chunks of 1 step, of 3 steps and of all steps give the same bits."""
    for size in (1, 3):
        found = difference(subject.outcome(), subject.train(chunk_size=size))
        expect(not found, f"Chunks of {size} must give the bits of one chunk, but they differ in {found}.")


CHECKS = (step_jits, step_is_traced_once, seeds_train_together, chunks_change_no_bit)
"""The checks that every component that trains has to pass."""

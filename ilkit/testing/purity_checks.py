"""Checks that a component is a pure function of its arguments and its key, and that its outcome can be kept."""

import tempfile
from pathlib import Path
from types import UnionType
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ilkit.artifact.store import load, save
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.report import Report
from ilkit.data.training import Training
from ilkit.declaration import type_name
from ilkit.testing.comparison import difference, expect, not_finite, snapshot
from ilkit.testing.subject import Subject


def same_key_same_output(subject: Subject) -> None:
    """The same arguments and the same key give the same bits."""
    again = subject.train() if subject.trains else subject.make()
    found = difference(subject.outcome(), again)
    expect(not found, f"The same key must give the same bits, but two calls differ in {found}. Use no global state.")


def different_key_different_output(subject: Subject) -> None:
    """Another key gives another outcome."""
    expect(
        difference(subject.outcome(0), subject.outcome(1)),
        "Another key must give another outcome, but it gave the same bits. Draw from `key`; for a component that draws "
        "nothing, say checks(..., draws=False).",
    )


def any_key_same_output(subject: Subject) -> None:
    """Another key gives the same outcome, for the component draws nothing."""
    found = difference(subject.outcome(0), subject.outcome(1))
    expect(not found, f"A component with draws=False must not use its key, but another key changes {found}.")


def inputs_unchanged(subject: Subject) -> None:
    """No argument is changed or given away, neither by the call nor by the training that follows."""
    positional, named = subject.positional(), subject.named()
    before = snapshot((positional, named))
    if subject.trains:
        subject.train_on(positional)
    else:
        subject.call(positional, named)
    _expect_unchanged(before, (positional, named))


def finite(subject: Subject) -> None:
    """Every number of the outcome is finite, but rewards that nobody knows, which are NaN."""
    outcome = subject.outcome()
    found = not_finite(jax.tree.map(_with_known_rewards, outcome, is_leaf=_is_demonstrations))
    expect(not found, f"Every number must be finite, but {found} of {type(outcome).__name__} is not.")


def returns_what_it_declares(subject: Subject) -> None:
    """The outcome is of the type that the declaration promises, and so is each of several artifacts."""
    declaration = subject.declaration
    if subject.trains:
        _expect_type(subject.make(), Training, subject)
    learnt = subject.learnt()
    _expect_type(learnt, declaration.makes, subject)
    for name, expected in declaration.artifacts.items() if declaration.role == "stage" else ():
        _expect_type(learnt if name is None else getattr(learnt, name), expected, subject)


def artifact_round_trips(subject: Subject) -> None:
    """What is saved, loaded and saved again has the same bytes and the same values."""
    for artifact in subject.artifacts().values():
        _expect_round_trip(artifact)


CHECKS = (inputs_unchanged, finite, returns_what_it_declares)
"""The checks that everything but an environment has to pass, whether it takes a key or not."""


def _is_demonstrations(thing: Any) -> bool:
    return isinstance(thing, Demonstrations)


def _with_known_rewards(demos: Any) -> Any:
    if not _is_demonstrations(demos):
        return demos
    return eqx.tree_at(lambda tree: tree.rewards, demos, np.where(np.isnan(demos.rewards), 0.0, demos.rewards))


def _expect_round_trip(artifact: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "first"), Path(folder, "second")
        save(artifact, first)
        loaded = load(first)
        save(loaded, second)
        names = sorted(path.name for path in first.iterdir())
        expect(names == sorted(path.name for path in second.iterdir()), "Saving again must write the same files.")
        for name in names:
            same = (first / name).read_bytes() == (second / name).read_bytes()
            expect(same, f"Saving what was loaded must write the same bytes, but {name} differs.")
    if not isinstance(artifact, Report):
        found = difference(artifact, loaded)
        expect(not found, f"Loading must give what was saved, but it differs in {found}.")


def _expect_type(made: Any, expected: Any, subject: Subject) -> None:
    if isinstance(expected, type | UnionType):
        where = f"{subject.component.block}.{subject.component.kind}"
        found = type(made).__name__
        expect(isinstance(made, expected), f"{where} must make {type_name(expected)}, as it declares, got {found}.")


def _expect_unchanged(before: Any, after: Any) -> None:
    try:
        found = difference(before, snapshot(after))
    except RuntimeError as error:  # what JAX raises for the arrays of a donated buffer
        raise AssertionError(f"No argument may be given away: {error} Copy it into the state.") from error
    expect(not found, f"No argument may be changed, but {found} was. Copy an array before you write to it.")

"""Everything that can be seen in demonstrations without their environment."""

from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b

import numpy as np
from jaxtyping import Bool

from ilkit.curating.columns import column_faults
from ilkit.curating.fault import Fault, Place, num_episodes_of, places_of
from ilkit.curating.flat import as_vectors, without_goals
from ilkit.curating.reading import unsound
from ilkit.curating.repeats import repeat_faults
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Discrete, Leaf
from ilkit.errors import counted
from ilkit.files.cuts import off_cuts

_CHUNK = 1 << 15

Test = Callable[[np.ndarray], Bool[np.ndarray, "rows ..."]]


def find_faults(demos: Demonstrations) -> tuple[Fault, ...]:
    """Every kind of defect in demonstrations; where lengths and rows disagree, nothing but that."""
    if broken := unsound(demos):
        return broken
    others = as_vectors(without_goals(demos))  # where one is stands among what else is observed, too
    demos = as_vectors(demos)
    return (
        *_not_finite(demos),
        *outside_faults(demos, demos.spaces.action),
        *_ends(demos),
        *_cuts(demos),
        *column_faults(others),
        *repeat_faults(demos),
        *_identical_episodes(demos),
    )


def _not_finite(demos: Demonstrations) -> Iterator[Fault]:
    remedy = "Leave these episodes out, or record them again."
    for name in ("obs", "actions"):
        rows = getattr(demos, name)
        if np.issubdtype(rows.dtype, np.floating):
            counts = demos.lengths + (1 if name == "obs" else 0)
            yield from _where(rows, lambda chunk: ~np.isfinite(chunk), f"{name} not finite", counts, remedy)
    if not np.isnan(demos.rewards).all():  # a source without rewards has NaN everywhere
        fault = partial(_where, test=lambda chunk: ~np.isfinite(chunk), name="rewards not finite")
        yield from fault(demos.rewards, counts=demos.lengths, remedy=remedy)


def outside_faults(demos: Demonstrations, space: Leaf, whose: str = "their space") -> Iterator[Fault]:
    """At most one fault: actions outside of a space, that of the demonstrations or of an environment."""
    if isinstance(space, Discrete):
        low, high = np.asarray(space.start), np.asarray(space.start + space.size - 1)
    else:
        low, high = np.asarray(space.bounds, np.float32)

    def outside(chunk: np.ndarray) -> Bool[np.ndarray, "rows ..."]:
        beyond = (chunk < low) | (chunk > high)
        return beyond & np.isfinite(chunk) if chunk.dtype.kind == "f" else beyond

    remedy = "Environments clip such actions: clip them to learn what was done, or correct the action space."
    yield from _where(demos.actions, outside, f"actions outside of {whose}", demos.lengths, remedy)


def _where(rows: np.ndarray, test: Test, name: str, counts: np.ndarray, remedy: str) -> Iterator[Fault]:
    """At most one fault: the entries that a test holds for, in chunks of rows."""
    entries = 0
    bad, first = [], []
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        found = test(chunk).reshape(len(chunk), -1)
        if found.any():
            hit = np.flatnonzero(found.any(axis=1))
            entries += int(np.count_nonzero(found))
            bad.append(start + hit)
            first.append(np.argmax(found[hit], axis=1))
    if bad:
        where, dims = np.concatenate(bad), np.concatenate(first)
        told = (
            f"{counted(entries, 'entry')} in {counted(len(where), 'row')} of "
            f"{counted(num_episodes_of(where, counts), 'episode')}"
        )
        yield Fault(name, len(where), told, places_of(where, counts, dims if rows.ndim > 1 else None), remedy)


def _ends(demos: Demonstrations) -> Iterator[Fault]:
    for name, wrong, remedy in (
        (
            "episodes without an end",
            ~demos.terminated & ~demos.truncated,
            "Mark them as truncated if the recording just stopped, as terminated if the environment ended them.",
        ),
        (
            "episodes terminated and truncated",
            demos.terminated & demos.truncated,
            "Keep terminated where the environment ended the episode: nothing is bootstrapped there.",
        ),
    ):
        yield from _episodes(np.flatnonzero(wrong), name, demos.num_episodes, remedy)


def _cuts(demos: Demonstrations) -> Iterator[Fault]:
    if off := off_cuts(demos.obs, demos.lengths + 1):
        remedy = "Import them again, with flags of first steps named by `starts`."
        yield Fault("cuts off by a row", off.num_off, str(off).removesuffix("."), remedy=remedy)


def _identical_episodes(demos: Demonstrations) -> Iterator[Fault]:
    first: dict[bytes, int] = {}
    again, stop = [], 0
    for episode, length in enumerate(demos.lengths.tolist()):
        start, stop = stop, stop + length
        digest = blake2b(demos.obs[start + episode : stop + episode + 1].tobytes(), digest_size=16)
        digest.update(demos.actions[start:stop].tobytes())
        if first.setdefault(digest.digest(), episode) != episode:
            again.append(episode)
    remedy = "Leave the repetitions out: they would count twice, and leak between the parts of a split."
    yield from _episodes(
        np.asarray(again, np.int64), "episodes identical to an earlier one", demos.num_episodes, remedy
    )


def _episodes(which: np.ndarray, name: str, num_episodes: int, remedy: str) -> Iterator[Fault]:
    if len(which):
        told = f"{len(which):,} of {counted(num_episodes, 'episode')}"
        yield Fault(name, len(which), told, tuple(Place(int(one)) for one in which[:3]), remedy)

"""A check that other processes make the same: nothing hangs on the order of a set, on a folder or on earlier calls."""

from ilkit.testing.comparison import expect
from ilkit.testing.subject import Subject
from ilkit.testing.witness import testify


def other_processes_same_output(subject: Subject) -> None:
    """Two processes, of other orders of sets and in other folders, make the same bits, whatever each made before."""
    for first, second in zip(*testify(subject), strict=True):
        found = [name or "their values" for name in {**first, **second} if first.get(name) != second.get(name)]
        expect(
            not found,
            f"Two processes must make the same bits, but they differ in {found[:1]}. Sort a set before you go through "
            "it, read nothing off the folder, and let a cache know all inputs.",
        )

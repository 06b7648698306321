"""Opening artifacts of demonstrations, and writing new ones where nothing is lost."""

from pathlib import Path
from typing import Any

from ilkit.artifact.store import load, save
from ilkit.curating.fault import Fault
from ilkit.data.aggregate import Aggregate
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.seeds import Seeds
from ilkit.errors import DataError


def read_demonstrations(folder: Path) -> Demonstrations:
    """Reads demonstrations, sound or not; of what a policy has asked, the answers to its first training seed.

    **Raises:** `ArtifactError` where the folder is no artifact, `DataError` where it is one of something else.
    """
    found = load(folder)
    if isinstance(found, Seeds) and isinstance(found.stacked, Aggregate):
        found = found[0].answered()
    if not isinstance(found, Demonstrations):
        raise DataError(f"{folder} must be the artifact of demonstrations, got that of {_name(found)}.")
    return found


def read_sound(folder: Path) -> Demonstrations:
    """Reads demonstrations whose lengths, rows and spaces agree.

    **Raises:** as `read_demonstrations`, and `DataError` where they don't.
    """
    demos = read_demonstrations(folder)
    for fault in unsound(demos):
        raise DataError(f"{folder}: {fault}")
    return demos


def unsound(demos: Demonstrations) -> tuple[Fault, ...]:
    """Lengths, rows and spaces that disagree, which every other look at demonstrations relies on."""
    if not len(demos.lengths):
        return (Fault("no episodes", 1, "lengths is empty", (), "Record at least one."),)
    try:
        demos.check()
    except DataError as error:
        return (Fault("arrays disagree", 1, str(error).removesuffix(".")),)
    return ()


def check_free(folder: Path, *, force: bool) -> None:
    """Checks that a folder can be written without losing anything; with `force`, an artifact may be replaced.

    **Raises:** `DataError` where something is there.
    """
    if folder.exists() and not force:
        raise DataError(f"{folder} must not exist yet. Choose another folder, or replace it with --force.")
    if folder.exists() and not (folder / "spec.json").is_file():
        raise DataError(f"{folder} is no artifact, so it isn't replaced. Choose another folder.")


def write_demonstrations(made: dict[Path, Demonstrations], *, force: bool) -> None:
    """Writes artifacts, each whole or not at all, after having checked that every folder is free.

    **Raises:** `DataError` where one isn't, `ArtifactError` where one can't be written.
    """
    for folder in made:
        check_free(folder, force=force)
    for folder, demos in made.items():
        save(demos, folder)


def _name(found: Any) -> str:
    return type(found.stacked if isinstance(found, Seeds) else found).__name__

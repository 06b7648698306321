"""Demonstrations in a file of another library, in any format."""

from pathlib import Path
from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.format import Format, Wanted, warn
from ilkit.files.adoption import adopt, check_finite


class File(Wanted):
    """A recording in a file or folder of the format that `format` chooses."""

    kind: Literal["file"] = "file"
    path: Path = Path("demonstrations.npz")
    """The file or folder, from the folder of `params.yaml`."""


def dataset(
    spec: File,
    format: Build[Format],
    env: Build[Environment | HostEnvironment] | None = None,
    *,
    key: PRNGKeyArray,
) -> Demonstrations:
    """Reads the episodes, with the environment's spaces where there is one.

    **Raises:** `DataError` where the file can't be read or doesn't fit the environment.
    """
    del key
    demos = format().read(spec.path, warn, spec)
    check_finite(demos, spec.path)
    return demos if env is None else adopt(demos, env().spaces, spec.path)

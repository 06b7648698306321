"""No augmentation: the demonstrations as they are."""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.spec import Spec


class None_(Spec):  # noqa: N801 (a class can't be called None)
    """The demonstrations as they are."""

    kind: Literal["none"] = "none"

    @property
    def shares_starts(self) -> bool:
        """No more than there are already."""
        return False


def augment(
    spec: None_, env: Build[Environment | HostEnvironment], demos: Demonstrations, *, key: PRNGKeyArray
) -> Demonstrations:
    """Returns what it is given."""
    del spec, env, key
    return demos

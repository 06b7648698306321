"""The demonstrator that an environment comes with."""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.environment import Demonstrated, Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.errors import DataError
from ilkit.spec import Spec


class Scripted(Spec):
    """The demonstrator that an environment comes with, such as fork, ledge, particle, recall, brake_light or rope."""

    kind: Literal["scripted"] = "scripted"


def expert(spec: Scripted, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Policy:
    """Asks the environment for it.

    **Raises:** `DataError` where the environment comes without one.
    """
    del spec, key
    world = env()
    if not isinstance(world, Demonstrated):
        raise DataError(f"expert.kind scripted needs an environment with a demonstrator, got env.kind {env.kind}.")
    return world.demonstrator()

"""A policy that was learnt before, read from its artifact."""

from pathlib import Path
from typing import Literal

from jaxtyping import PRNGKeyArray
from pydantic import NonNegativeInt

from ilkit.artifact import codec
from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import check_spaces
from ilkit.errors import DataError
from ilkit.spec import Spec


class Checkpoint(Spec):
    """A policy that was learnt before, read from its artifact."""

    kind: Literal["checkpoint"] = "checkpoint"
    path: Path = Path("expert")
    """The folder of the artifact, from the folder of `params.yaml`; one that no stage of the pipeline writes."""
    seed: NonNegativeInt = 0
    """Which of the training seeds in it to take."""


def expert(spec: Checkpoint, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Policy:
    """Reads the policy.

    **Raises:** `ArtifactError` where there is no artifact that can be read, `DataError` where it holds no policy, not
    that many seeds, or a policy for other spaces than the environment's.
    """
    del key
    learnt = codec.read(spec.path)
    if not isinstance(learnt, Seeds) or not isinstance(learnt.stacked, Policy):
        raise DataError(
            f"expert.checkpoint.path must be the artifact of a policy, got that of something else: {spec.path}."
        )
    if spec.seed >= len(learnt):
        raise DataError(
            f"expert.checkpoint.seed must be below the {len(learnt)} seeds of {spec.path}, got {spec.seed}."
        )
    policy: Policy = learnt[spec.seed]
    check_spaces(env().spaces, policy.spaces)
    return policy

"""Demonstrations that ilkit itself has written: by `ilkit data`, or by a stage of another pipeline."""

from pathlib import Path
from typing import Literal

from jaxtyping import PRNGKeyArray
from pydantic import NonNegativeInt

from ilkit.artifact import codec
from ilkit.data.aggregate import Aggregate, answers_of
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.goal_settings import Goal
from ilkit.data.seeds import Seeds
from ilkit.errors import DataError
from ilkit.files.adoption import adopt, check_finite
from ilkit.files.goals import give_goals
from ilkit.spec import Spec


class Artifact(Spec):
    """A folder of demonstrations that ilkit has written; it needs no format."""

    kind: Literal["artifact"] = "artifact"
    path: Path = Path("demos")
    """The folder, from the folder of `params.yaml`; one that no stage of the pipeline writes. Of what a policy has
    gathered by `interact` elsewhere, the steps that the expert has answered are taken."""
    training_seed: NonNegativeInt = 0
    """Whose, where several training seeds have gathered."""
    goal: Goal | None = None
    """What of an observation without goals is one, as in `dataset.file.goal`."""


def dataset(
    spec: Artifact,
    env: Build[Environment | HostEnvironment] | None = None,
    *,
    key: PRNGKeyArray,
) -> Demonstrations:
    """Reads the episodes, with the environment's spaces where there is one.

    **Raises:** `ArtifactError` where the folder can't be read, `DataError` where it holds something else or doesn't fit
    the environment.
    """
    del key
    demos = codec.read(spec.path)
    if isinstance(demos, Seeds) and isinstance(demos.stacked, Aggregate):
        demos = answers_of(demos, spec.training_seed, "dataset.artifact.training_seed")
    if not isinstance(demos, Demonstrations):
        raise DataError(f"dataset.artifact.path must be the artifact of demonstrations, got {spec.path}.")
    if spec.goal is not None:
        demos = give_goals(demos, spec.goal, spec.path)
    check_finite(demos, spec.path)
    return demos if env is None else adopt(demos, env().spaces, spec.path)

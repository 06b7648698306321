"""Pairs of recorded episodes in a table: each line names two by their numbers, and says which is better."""

import csv
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import PRNGKeyArray

from ilkit.artifact import codec
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.preferences import Preferences, shuffled
from ilkit.errors import DataError
from ilkit.files.adoption import adopt, check_finite
from ilkit.files.bounds import check_bounds
from ilkit.files.recording import reading
from ilkit.spec import Spec

_BETTER, _WORSE, _SHARE = "better", "worse", "share"


class Rankings(Spec):
    """Pairs of whole episodes, compared in a table."""

    kind: Literal["rankings"] = "rankings"
    path: Path = Path("rankings.csv")
    """The table, from the folder of `params.yaml`: a line `better,worse`, then the numbers, from 0, of two episodes in
    each line; in a third column `share`, if it is there, how many of those who were asked say so, from 0 to 1."""
    demos: Path = Path("demos")
    """The folder of the episodes, demonstrations that ilkit has written: `ilkit data import` makes such."""


def comparisons(
    spec: Rankings, env: Build[Environment | HostEnvironment] | None = None, *, key: PRNGKeyArray
) -> Preferences:
    """Reads the pairs, with the environment's spaces where there is one; which episode comes first is drawn anew.

    **Raises:** `ArtifactError` where the episodes can't be read, `DataError` where the table can't, a line isn't about
    two of them, or they don't fit the environment.
    """
    demos = codec.read(spec.demos)
    if not isinstance(demos, Demonstrations):
        raise DataError(f"comparisons.rankings.demos must be the artifact of demonstrations, got {spec.demos}.")
    check_finite(demos, spec.demos)
    demos = demos if env is None else adopt(demos, env().spaces, spec.demos)
    check_bounds(demos, spec.demos, lambda episode: f"episode {episode}")
    lines = _lines(spec.path, demos.num_episodes)
    better, worse = (np.asarray([line[side] for line in lines], np.int64) for side in (0, 1))
    shares = np.asarray([line[2] for line in lines], np.float32)
    mixed = shuffled(Preferences(demos.take(better), demos.take(worse), shares), key=key)
    mixed.check_telling()
    return mixed


def _lines(path: Path, num_episodes: int) -> list[tuple[int, int, float]]:
    with reading(path, "a table of rankings (.csv)"), path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        names = table.fieldnames or []
        if not {_BETTER, _WORSE} <= set(names):
            raise DataError(f"{path} must begin with a line `better,worse` or `better,worse,share`, got {names}.")
        lines = [_line(row, f"{path}, line {table.line_num}:", num_episodes) for row in table]
    if not lines:
        raise DataError(f"{path} must compare at least one pair of episodes, got none.")
    return lines


def _line(row: dict[str, str], where: str, num_episodes: int) -> tuple[int, int, float]:
    try:
        better, worse = int(row[_BETTER]), int(row[_WORSE])
        share = float(row[_SHARE]) if _SHARE in row else 1.0
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{where} two numbers of episodes are wanted, and a share where the table has one. {error}."
        ) from error
    for number in (better, worse):
        if not 0 <= number < num_episodes:
            raise DataError(f"{where} episodes are numbered from 0 to {num_episodes - 1}, got {number}.")
    if better == worse:
        raise DataError(f"{where} an episode can't be better than itself, got {better} twice. Remove the line.")
    if not 0 <= share <= 1:
        raise DataError(f"{where} a share must be from 0 to 1, got {share:g}. Divide by the number of annotators.")
    return better, worse, share

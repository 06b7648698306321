"""A project of two stages, an expert and its episodes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ilkit.running.components import write_components
from tests.running.projects import write_pipeline

PIPELINE = """
from ilkit import pipeline, stages

@pipeline
def play(params):
    expert = stages.expert(params.expert, params.env)
    return stages.rollout(params.rollout, params.env, expert)
"""

PARAMS = """
seed: 3
num_threads: 1
env: {kind: point_mass, point_mass: {}}
expert: {kind: lqr, lqr: {}}
rollout: {kind: episodes, episodes: {num_episodes: 2, action_noise: 0.1}}
"""


@pytest.fixture(scope="session")
def write_project() -> Callable[[Path], Path]:
    """Writes the project into a folder, ready to be run."""

    def write(folder: Path) -> Path:
        write_components(write_pipeline(folder, PIPELINE, PARAMS))
        return folder

    return write

"""Recorded demonstrations, cloned and measured: one task after the other, with the same learner."""

from ilkit import pipeline, stages

TASKS = ("half_cheetah", "ant")
"""The blocks of the environments in params.yaml; NAME_data is the recording of each, NAME_expert its expert."""


@pipeline
def locomotion(params):
    """Clones every recording and measures the clone beside its expert; returns a report for each task."""
    return tuple(clone(params, task) for task in TASKS)


def clone(params, task):
    """Leave out the expert where there is none to run: returns are then measured against the recorded ones."""
    env = getattr(params, task)
    demos = stages.dataset(getattr(params, f"{task}_data"), params.format, env)
    expert = stages.expert(getattr(params, f"{task}_expert"), env)
    cloned = stages.imitate(params.imitate, params.policy, demos, name=f"{task}_clone")
    return stages.evaluate(params.evaluate, env, demos, expert, cloned=cloned, name=task)

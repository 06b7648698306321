"""Adversarial imitation against its paper: clones and matched policies from 1, 4, 7 and 10 thinned trajectories."""

from ilkit import pipeline, stages

TASKS = ("acrobot", "mountain_car", "cart_pole")
"""The blocks of the environments."""
SIZES = (1, 4, 7, 10)
"""How many trajectories are demonstrated: the first ones of ten."""
METHODS = ("gail", "airl", "sqil")
"""The blocks of what matches at every size."""
DIVERGENCES = ("forward_kl", "reverse_kl", "jensen_shannon", "total_variation")
"""The blocks of f-divergences, which are compared at one size."""
SIZE = 4
"""That size."""


@pipeline
def adversarial(params):
    """A report for each task, with the numbers of Ho and Ermon (2016) as marks."""
    return tuple(_compared(params, task) for task in TASKS)


def _compared(params, task):
    env = getattr(params, task)
    expert = stages.expert(getattr(params, f"{task}_expert"), env)
    demos = stages.rollout(getattr(params, f"{task}_rollout"), env, expert)
    shown = {size: stages.augment(getattr(params, f"{task}_{size}"), env, demos) for size in SIZES}

    def cloned(size):
        return stages.imitate(params.bc, params.policy, shown[size], name=f"{task}_bc_{size}")

    def matched(block, size):
        name = f"{task}_{block}_{size}"
        return stages.match(getattr(params, block), params.policy, env, shown[size], name=name).policy

    clones = {f"bc_{size}": cloned(size) for size in SIZES}
    matches = {f"{block}_{size}": matched(block, size) for block in METHODS for size in SIZES}
    others = {f"{block}_{SIZE}": matched(block, SIZE) for block in DIVERGENCES}
    evaluate = getattr(params, f"{task}_evaluate")
    return stages.evaluate(evaluate, env, shown[SIZES[-1]], expert, **clones, **matches, **others)

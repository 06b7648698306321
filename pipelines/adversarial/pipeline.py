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
SETS = {"mountain_car": ("second", "third")}
"""Further sets of data at the least size, where a single trajectory's start decides how much it shows."""


@pipeline
def adversarial(params):
    """A report for each task, with the numbers of Ho and Ermon (2016) as marks."""
    return tuple(_compared(params, task) for task in TASKS)


def _compared(params, task):
    env = getattr(params, task)
    expert = stages.expert(getattr(params, f"{task}_expert"), env)
    rollout, least = getattr(params, f"{task}_rollout"), SIZES[0]
    demos = stages.rollout(rollout, env, expert)
    shown = {str(size): stages.augment(getattr(params, f"{task}_{size}"), env, demos) for size in SIZES}
    for one in SETS.get(task, ()):
        others = stages.rollout(rollout, env, expert, name=f"{task}_rollout_of_{one}")
        place, block = f"{least}_of_{one}", getattr(params, f"{task}_{least}")
        shown[place] = stages.augment(block, env, others, name=f"{task}_{place}")

    def cloned(place):
        return stages.imitate(params.bc, params.policy, shown[place], name=f"{task}_bc_{place}")

    def matched(block, place):
        name = f"{task}_{block}_{place}"
        return stages.match(getattr(params, block), params.policy, env, shown[place], name=name).policy

    learnt = {f"bc_{place}": cloned(place) for place in shown}
    learnt |= {f"{block}_{place}": matched(block, place) for block in METHODS for place in shown}
    learnt |= {f"{block}_{SIZE}": matched(block, str(SIZE)) for block in DIVERGENCES}
    return stages.evaluate(getattr(params, f"{task}_evaluate"), env, shown[str(SIZES[-1])], expert, **learnt)

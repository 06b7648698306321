"""Does a clone of one task survive more disturbance when it was trained on others, too, at equal data of its own task?

Multi-task learning is said to alleviate distributional shift: mistakes of one task may have been dealt with in another.
Three pendulums of other masses are swung up. Each is cloned alone, and together with the two others, told apart by
their number or by their mass; from a few recordings of its own, and from many. Then all clones are disturbed by noise
and by pushes.
"""

from ilkit import pipeline, stages

TASKS = ("light", "medium", "heavy")
"""The blocks of the environments; `as_TASK` is that of the policy of one of them."""
AMOUNTS = {"few": ("numbered", "weighed"), "many": ("weighed",)}
"""The blocks of recordings of each task, and those of the ways to tell tasks apart that are tried with so many."""
DISTURBANCES = ("noise", "pushes")
"""The blocks of what the clones have to survive."""


@pipeline
def multi_task(params):
    """Clones of one task and of all of them, and what each survives in every task."""
    experts = {task: stages.expert(params.expert, getattr(params, task), name=f"{task}_expert") for task in TASKS}
    clones = {task: {} for task in TASKS}
    demos = {}
    for amount, joined in AMOUNTS.items():
        demos[amount] = {task: _record(params, amount, task, experts[task]) for task in TASKS}
        for task in TASKS:
            alone = stages.imitate(params.imitate, params.policy, demos[amount][task], name=f"{task}_alone_{amount}")
            clones[task][f"alone_{amount}"] = alone
        for kind in joined:
            together = stages.join(getattr(params, kind), name=f"{kind}_{amount}", **demos[amount])
            of_all = stages.imitate(params.imitate_all, params.policy, together, name=f"{kind}_{amount}_clone")
            for task in TASKS:
                one = stages.condition(getattr(params, f"as_{task}"), of_all, name=f"{task}_{kind}_{amount}")
                clones[task][f"{kind}_{amount}"] = one
    reports = []
    for task in TASKS:
        given = (getattr(params, task), demos["few"][task], experts[task])
        for kind in DISTURBANCES:
            reports.append(stages.evaluate(getattr(params, kind), *given, name=f"{task}_{kind}", **clones[task]))
    return tuple(reports)


def _record(params, amount, task, expert):
    return stages.rollout(getattr(params, amount), getattr(params, task), expert, name=f"{task}_{amount}")

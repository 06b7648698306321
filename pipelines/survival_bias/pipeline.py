"""Does a learnt reward pay for what was shown, or for staying alive? Its sign, with absorbing states and without."""

from ilkit import pipeline, stages

TASKS = ("cart_pole", "mountain_car")
"""The blocks of the environments: one that ends for who is bad, one that ends for who is good."""
CONSTANT = ("constant_positive", "constant_negative")
"""The blocks of what pays the same for every step, and knows nothing of the demonstrations."""
LEARNT = tuple(
    f"{after}_{reward}" for after in ("ending", "absorbing") for reward in ("positive", "negative", "logit", "sqil")
)
"""The blocks of what is learnt: the sign that a discriminator pays, or SQIL, and whether episodes end or go on in an
absorbing state."""


@pipeline
def survival_bias(params):
    """A report for each task: whose return depends on the sign of its reward has learnt from how episodes end."""
    return tuple(_compared(params, task) for task in TASKS)


def _compared(params, task):
    env = getattr(params, task)
    expert = stages.expert(getattr(params, f"{task}_expert"), env)
    demos = stages.rollout(params.rollout, env, expert, name=f"{task}_rollout")
    thinned = stages.augment(getattr(params, f"{task}_thin"), env, demos)

    def matched(block):
        return stages.match(getattr(params, block), params.policy, env, thinned, name=f"{task}_{block}").policy

    learnt = {block: matched(block) for block in (*CONSTANT, *LEARNT)}
    return stages.evaluate(params.evaluate, env, thinned, expert, name=f"{task}_evaluate", **learnt)

"""Errors that compound, and those that can't be helped: a clone and DAgger on a rope and at a cliff."""

from ilkit import pipeline, stages


@pipeline
def compounding_error(params):
    """Measures on both how cost grows with the horizon, beside what is calculated."""
    return tuple(_costs_on(params, task) for task in ("rope", "cliff"))


def _costs_on(params, task):
    """The expert demonstrates where nothing goes wrong, which is why it never shows what to do when it has."""
    env, calm = getattr(params, task), getattr(params, f"{task}_without_errors")
    expert = stages.expert(params.expert, env, name=f"{task}_expert")
    demos = stages.rollout(params.rollout, calm, expert, name=f"{task}_demos")
    cloned = stages.imitate(params.imitate, params.policy, demos, name=f"{task}_clone")
    dagger = stages.interact(params.interact, params.policy, env, demos, expert, cloned, name=f"{task}_dagger")
    return stages.evaluate(
        params.evaluate, env, demos, expert, name=f"{task}_evaluate", bc=cloned, dagger=dagger.policy
    )

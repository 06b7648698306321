"""A clone drifts to states that the expert never showed: every remedy on one task, at equal effort of the expert."""

from ilkit import pipeline, stages

AUGMENTING = ("noise", "corrective", "ccil")
"""The blocks of what makes more of the same demonstrations."""
ASKING = ("cloning", "dagger", "hg_dagger", "ensemble_dagger")
"""The blocks of what asks the expert in rounds, cloning at equal labels first."""


@pipeline
def covariate_shift(params):
    """What asks starts from few pairs; what doesn't learns from as many as are asked for in the end.

    The second report says where the states of the policies leave those of the expert, and how errors grow there.
    """
    expert = stages.expert(params.expert, params.env)
    few = stages.rollout(params.few, params.env, expert)
    many = stages.rollout(params.many, params.env, expert)
    driven = stages.rollout(params.dart, params.env, expert)
    learnt = {
        "bc": stages.imitate(params.imitate, params.policy, many, name="bc"),
        "dart": stages.imitate(params.imitate, params.policy, driven, name="dart_clone"),
    }
    for name in AUGMENTING:
        more = stages.augment(getattr(params, name), params.env, many)
        learnt[name] = stages.imitate(params.imitate, params.policy, more, name=f"{name}_clone")
    for name in ASKING:
        asked = stages.interact(getattr(params, name), params.policy, params.env, few, expert)
        learnt[name] = asked.policy
    compared = stages.evaluate(params.evaluate, params.env, many, expert, **learnt)
    diagnosed = stages.evaluate(params.diagnose, params.env, many, expert, **learnt)
    return compared, diagnosed

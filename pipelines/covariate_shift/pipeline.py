"""A clone drifts to states that the expert never showed: every remedy on one task, at equal effort of the expert."""

from ilkit import pipeline, stages

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
    noisy = stages.augment(params.noise, params.env, many)
    driven = stages.rollout(params.dart, params.env, expert)
    learnt = {
        "bc": stages.imitate(params.imitate, params.policy, many, name="bc"),
        "noise": stages.imitate(params.imitate, params.policy, noisy, name="noise_clone"),
        "dart": stages.imitate(params.imitate, params.policy, driven, name="dart_clone"),
    }
    for name in ASKING:
        asked = stages.interact(getattr(params, name), params.policy, params.env, few, expert)
        learnt[name] = asked.policy
    compared = stages.evaluate(params.evaluate, params.env, many, expert, **learnt)
    diagnosed = stages.evaluate(params.diagnose, params.env, many, expert, **learnt)
    return compared, diagnosed

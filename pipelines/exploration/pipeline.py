"""Does it help to explore where the clones disagree? One clone on a ledge, nine explorations."""

from ilkit import pipeline, stages


@pipeline
def exploration(params):
    """What each exploration around the same clone finds in so many tries, and what cloning its successes makes of it.

    Most recordings end where it gets interesting: at the edge, before the leap.
    """
    expert = stages.expert(params.expert, params.env)
    whole = stages.rollout(params.rollout, params.env, expert)
    unfinished = stages.rollout(params.rollout_to_the_edge, params.env, expert)
    demos = stages.join(params.join, whole=whole, unfinished=unfinished)
    cloned = stages.imitate(params.imitate, params.policy, demos)
    uncertainty = stages.uncertainty(params.uncertainty, params.policy, demos)
    explorations = {
        "none": params.no_exploration,
        "isotropic_05": params.isotropic_05,
        "isotropic_10": params.isotropic_10,
        "isotropic_15": params.isotropic_15,
        "isotropic_20": params.isotropic_20,
        "isotropic_30": params.isotropic_30,
        "covariance_1": params.covariance_1,
        "covariance_2": params.covariance_2,
        "covariance_3": params.covariance_3,
        "covariance_at_10": params.covariance_at_10,
    }

    def explored(name, exploration):
        return stages.finetune(params.explore, exploration, params.env, cloned, uncertainty, name=f"explore_{name}")

    def tuned(name, exploration):
        given = (params.finetune, exploration, params.env, cloned, uncertainty, demos)
        return stages.finetune(*given, name=f"finetune_{name}")

    found = {name: explored(name, exploration) for name, exploration in explorations.items()}
    learnt = {name: tuned(name, exploration) for name, exploration in explorations.items()}
    return (
        stages.evaluate(params.tries, params.env, demos, **found),
        stages.evaluate(params.evaluate, params.env, demos, expert, uncertainty, cloned=cloned, **learnt),
    )

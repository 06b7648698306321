"""Does it help to explore where the clones disagree? One clone, fine-tuned in three ways."""

from ilkit import pipeline, stages


@pipeline
def exploration(params):
    """Fine-tunes the same clone without noise, with isotropic noise, and with the ensemble's covariance."""
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    cloned = stages.imitate(params.imitate, params.policy, demos)
    uncertainty = stages.uncertainty(params.uncertainty, params.policy, demos)

    def tuned(exploration, name):
        return stages.finetune(params.finetune, exploration, params.env, cloned, uncertainty, name=name)

    return stages.evaluate(
        params.evaluate,
        params.env,
        demos,
        expert,
        uncertainty,
        cloned=cloned,
        none=tuned(params.no_exploration, "finetune_none"),
        isotropic=tuned(params.isotropic, "finetune_isotropic"),
        ensemble_covariance=tuned(params.ensemble_covariance, "finetune_ensemble_covariance"),
    )

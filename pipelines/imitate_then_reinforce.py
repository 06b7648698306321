"""Imitate, then reinforce: clone an expert, then explore where the clones disagree."""

from ilkit import pipeline, stages


@pipeline
def imitate_then_reinforce(params):
    """Clones an expert, learns where the clone is uncertain, and improves it by reinforcement."""
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    demos = stages.augment(params.augment, params.env, demos)
    cloned = stages.imitate(params.imitate, params.policy, demos)
    uncertainty = stages.uncertainty(params.uncertainty, params.policy, demos)
    tuned = stages.finetune(params.finetune, params.exploration, params.env, cloned, uncertainty, demos)
    return stages.evaluate(params.evaluate, params.env, demos, expert, uncertainty, cloned=cloned, tuned=tuned)

"""What if there are demonstrations and rewards? A policy from scratch and a clone, without and with demonstrations."""

from ilkit import pipeline, stages


@pipeline
def demonstrations_and_rewards(params):
    """Reinforces an untrained policy and a clone, by rewards alone and with the demonstrations in the buffer."""
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    untrained = stages.imitate(params.untrained, params.policy, demos)
    cloned = stages.imitate(params.imitate, params.policy, demos)

    def by_rewards(start, name):
        return stages.finetune(params.rewards, params.exploration, params.env, start, name=name)

    def by_both(start, name):
        return stages.finetune(params.both, params.exploration, params.env, start, demos=demos, name=name)

    return stages.evaluate(
        params.evaluate,
        params.env,
        demos,
        expert,
        cloned=cloned,
        scratch=by_rewards(untrained, "finetune_scratch"),
        clone=by_rewards(cloned, "finetune_clone"),
        scratch_with_demos=by_both(untrained, "finetune_scratch_with_demos"),
        clone_with_demos=by_both(cloned, "finetune_clone_with_demos"),
    )

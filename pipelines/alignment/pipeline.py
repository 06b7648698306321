"""What alignment earns for how far it goes from its reference, where the best compromise is known exactly."""

from ilkit import pipeline, stages


@pipeline
def alignment(params):
    """A bandit, a reference that prefers bad arms, and answers about pairs of its choices.

    Few answers and many; the direct way with three β, conservatively, and with IPO; by questions about its own tries;
    and through a reward, which exact reinforcement follows further than it is right.
    """
    reference = stages.expert(params.expert, params.env)
    tries = stages.rollout(params.rollout, params.env, reference)
    few = stages.prefer(params.prefer_few, params.labeler, tries)
    many = stages.prefer(params.prefer_many, params.labeler, tries)
    start = stages.imitate(params.imitate, params.policy, tries)
    learnt = {
        "dpo_loose": stages.align(params.dpo_loose, start, many),
        "dpo": stages.align(params.dpo, start, many),
        "dpo_tight": stages.align(params.dpo_tight, start, many),
        "dpo_few": stages.align(params.dpo, start, few, name="dpo_few"),
        "cdpo": stages.align(params.cdpo, start, many),
        "ipo": stages.align(params.ipo, start, many),
        "online": stages.align_online(params.online, params.labeler, params.env, start),
        "reward_few": stages.reward(params.reward, params.network, few, name="reward_few"),
        "reward_many": stages.reward(params.reward, params.network, many, name="reward_many"),
    }
    return stages.evaluate(params.evaluate, params.env, tries, reference, clone=start, **learnt)

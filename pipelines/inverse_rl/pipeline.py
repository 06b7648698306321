"""Inverse reinforcement learning in tables: which reward explains what is done beside a cliff, where steps slip."""

from ilkit import pipeline, stages


@pipeline
def inverse_rl(params):
    """Fits by maximum causal entropy and, to show its bias, by the path distribution, on the same demonstrations."""
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    causal = stages.match(params.match, params.policy, params.env, demos, name="mce")
    paths = stages.match(params.match_paths, params.policy, params.env, demos, name="max_ent")
    return stages.evaluate(
        params.evaluate,
        params.env,
        demos,
        expert,
        mce=causal.policy,
        mce_reward=causal.reward,
        max_ent=paths.policy,
        max_ent_reward=paths.reward,
    )

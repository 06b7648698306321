"""A cue at the start decides at the end: every network on it, and reinforcement of the one that remembers."""

from ilkit import pipeline, stages

NETWORKS = ("mlp", "frame_stack", "gru", "lstm", "transformer")
"""The blocks of the networks in params.yaml."""


@pipeline
def memory(params):
    """Clones who remembers with every network, and tunes the recurrent clone."""
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    cloned = {
        name: stages.imitate(params.imitate, params.policy(network=getattr(params, name)), demos, name=f"clone_{name}")
        for name in NETWORKS
    }
    tuned = stages.finetune(params.finetune, params.exploration, params.env, cloned["gru"])
    return stages.evaluate(params.evaluate, params.env, demos, expert, **cloned, tuned_gru=tuned)

"""Experts who do different things in the same state: every head on a fork in the way and on the particle task.

On the fork a head decides on 16 actions at once. The third report shows which modes divergences cover or seek: one
action after the other, on a fork so short that the first of them decides on the side, before the position tells it.
"""

from ilkit import pipeline, stages

HEADS = ("deterministic", "gaussian", "mixture", "cvae", "autoregressive", "diffusion", "flow", "energy")
"""TASK_HEAD is the block of a head in params.yaml."""
DIVERGENCES = ("forward_kl", "reverse_kl", "jensen_shannon", "total_variation")
"""The blocks of the divergences."""


@pipeline
def multimodality(params):
    """Clones with every head on two tasks, and a Gaussian by every divergence."""
    return (*(_every_head(params, task) for task in ("fork", "particle")), _every_divergence(params))


def _every_head(params, task):
    env, network = getattr(params, task), getattr(params, f"{task}_network")
    expert = stages.expert(params.expert, env, name=f"{task}_expert")
    demos = stages.rollout(getattr(params, f"{task}_rollout"), env, expert)
    cloned = {}
    for head in HEADS:
        policy = getattr(params, f"{task}_{head}")(network=network)
        imitate = f"{task}_energy_imitate" if head == "energy" else f"{task}_imitate"
        cloned[head] = stages.imitate(getattr(params, imitate), policy, demos, name=f"{task}_{head}_clone")
    return stages.evaluate(params.evaluate, env, demos, expert, name=f"{task}_evaluate", **cloned)


def _every_divergence(params):
    expert = stages.expert(params.expert, params.short_fork, name="divergence_expert")
    demos = stages.rollout(params.short_fork_rollout, params.short_fork, expert, name="divergence_demos")
    policy = params.gaussian(network=params.fork_network)
    learnt = {name: stages.imitate(getattr(params, name), policy, demos) for name in DIVERGENCES}
    return stages.evaluate(params.evaluate, params.short_fork, demos, expert, name="divergence_evaluate", **learnt)

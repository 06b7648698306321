"""What is a learnt reward good for once the imitator isn't? Learnt in one world, learnt from again in another.

Left and right are exchanged in the changed world: what was imitated is of no use there, what was wanted still is.
"""

from ilkit import pipeline, stages

LEARNT = ("airl", "gail")
"""The blocks of what learns a policy and a reward: one of states alone, and a discriminator."""
WORLDS = ("env", "changed")
"""The blocks of the world that was demonstrated in, and of the one that differs."""


@pipeline
def transfer(params):
    """Learns rewards, learns from them again in both worlds from scratch, and reports on each world."""
    experts = {world: _expert(params, world) for world in WORLDS}
    demos = stages.rollout(params.rollout, params.env, experts["env"])
    demos = stages.augment(params.augment, params.env, demos)
    untrained = stages.imitate(params.imitate, params.policy, demos)
    found = {kind: stages.match(getattr(params, kind), params.policy, params.env, demos) for kind in LEARNT}
    return tuple(_again(params, world, demos, experts[world], untrained, found) for world in WORLDS)


def _expert(params, world):
    return stages.expert(params.expert, getattr(params, world), name=f"expert_{world}")


def _again(params, world, demos, expert, untrained, found):
    env = getattr(params, world)

    def relearnt(kind):
        how = (params.finetune, params.exploration, env, untrained)
        return stages.finetune(*how, reward=found[kind].reward, name=f"relearn_{kind}_{world}")

    policies = {kind: learnt.policy for kind, learnt in found.items()}
    policies |= {f"by_reward_of_{kind}": relearnt(kind) for kind in found}
    rewards = {f"reward_of_{kind}": learnt.reward for kind, learnt in found.items()}
    return stages.evaluate(params.evaluate, env, demos, expert, **policies, **rewards, name=f"evaluate_{world}")

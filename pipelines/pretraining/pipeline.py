"""Does it pay to pretrain with the noise that the demonstrations leave? Three clones, each fine-tuned in four ways."""

from ilkit import pipeline, stages

WAYS = ("dsrl", "best_of_n", "filtered_bc", "ppo")
"""The blocks of the ways to fine-tune."""
COMPARED = ("bc", "sigma_bc", "posterior_bc")
"""The blocks of the clones that are fine-tuned in every way."""
OTHERS = ("sigma_bc_half", "sigma_bc_quarter")
"""Those that show whether another amount of the same noise would do, in one way."""


@pipeline
def pretraining(params):
    """Clones few leaps, plainly, with the same noise everywhere and with that of the posterior; then reinforces."""
    expert = stages.expert(params.expert, params.env)
    whole = stages.rollout(params.whole, params.env, expert)
    cut = stages.rollout(params.cut, params.env, expert)
    demos = stages.join(params.join, whole=whole, cut=cut)
    uncertainty = stages.uncertainty(params.uncertainty, params.member, demos)

    def cloned(block):
        given = (demos, uncertainty) if block == "posterior_bc" else (demos,)
        return stages.imitate(getattr(params, block), params.policy, *given)

    def tuned(way, block):
        given = {"demos": demos} if way == "filtered_bc" else {}
        name, exploration = f"{block}_{way}", params.exploration
        return stages.finetune(getattr(params, way), exploration, params.env, clones[block], name=name, **given)

    clones = {block: cloned(block) for block in (*COMPARED, *OTHERS)}
    every = {f"{block}_{way}": tuned(way, block) for block in COMPARED for way in WAYS}
    others = {f"{block}_filtered_bc": tuned("filtered_bc", block) for block in OTHERS}
    return stages.evaluate(params.evaluate, params.env, demos, expert, uncertainty, **clones, **every, **others)

"""One clone, fine-tuned by every kind: what it gains, and how far it falls on the way."""

from ilkit import pipeline, stages

ALONE = {"td3": "noise", "ibrl": "noise", "best_of_n": "noise", "sac": "samples", "dsrl": "samples", "ppo": "samples"}
"""The blocks in params.yaml of the kinds that learn from the clone's own trials, and of how each explores."""
WITH_DEMONSTRATIONS = {"rlpd": "samples", "dapg": "samples", "filtered_bc": "noise"}
"""Those of the kinds that learn from the demonstrations as well."""


@pipeline
def finetuning(params):
    """Clones an expert, and improves the clone in every way."""
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    cloned = stages.imitate(params.imitate, params.policy, demos)

    def tuned(kind, exploration, **inputs):
        how = (getattr(params, kind), getattr(params, exploration), params.env, cloned)
        return stages.finetune(*how, **inputs, name=f"tune_{kind}")

    policies = {kind: tuned(kind, exploration) for kind, exploration in ALONE.items()}
    policies |= {kind: tuned(kind, exploration, demos=demos) for kind, exploration in WITH_DEMONSTRATIONS.items()}
    return stages.evaluate(params.evaluate, params.env, demos, expert, cloned=cloned, **policies)

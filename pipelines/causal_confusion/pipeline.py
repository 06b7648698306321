"""A driver who sees his own brake light: the clone that agrees with him more drives worse, and two ways out."""

from ilkit import pipeline, stages


@pipeline
def causal_confusion(params):
    """Clones a driver with and without his brake light in view, and searches what makes him brake."""
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    held_out = stages.rollout(params.rollout, params.env, expert, name="held_out")
    unlit = stages.rollout(params.rollout, params.unlit_env, expert, name="unlit_demos")
    confounded = stages.imitate(params.imitate, params.policy, demos, name="confounded")
    unconfounded = stages.imitate(params.imitate, params.policy, unlit, name="unconfounded")
    for_all_graphs = stages.imitate(
        params.imitate, params.policy(network=params.graph_network), demos, name="all_graphs"
    )
    executed = stages.finetune(params.policy_execution, params.exploration, params.env, for_all_graphs)
    queried = stages.finetune(params.expert_query, params.exploration, params.env, for_all_graphs, expert=expert)
    return stages.evaluate(
        params.evaluate,
        params.env,
        demos,
        expert,
        held_out=held_out,
        confounded=confounded,
        unconfounded=unconfounded,
        all_graphs=for_all_graphs,
        executed=executed,
        queried=queried,
    )

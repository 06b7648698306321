"""Which learnt rewards are of use where directions are exchanged or walls stand in the way."""

from ilkit import pipeline, stages


@pipeline
def transfer_grid(params):
    """Learns rewards in one grid, and plans on them there and in two that were changed."""
    expert = stages.expert(params.expert, params.endless)
    demos = stages.rollout(params.rollout, params.env, expert)
    state = stages.match(params.airl_of_state, params.policy, params.env, demos, name="airl_of_state")
    action = stages.match(params.airl_of_state_action, params.policy, params.env, demos, name="airl_of_state_action")
    gail = stages.match(params.gail, params.policy, params.env, demos, name="gail")
    mce = stages.match(params.mce, params.policy, params.endless, demos, name="mce")
    rewards = {
        "airl_of_state": state.reward,
        "airl_of_state_action": action.reward,
        "gail": gail.reward,
        "mce": mce.reward,
    }
    return tuple(
        stages.evaluate(params.evaluate, env, demos, name=f"evaluate_{name}", imitator=state.policy, **rewards)
        for name, env in (("same", params.env), ("exchanged", params.exchanged), ("walls", params.walls))
    )

"""Play without a task, then policies that go where they are told: each kind that learns in hindsight, held out."""

from ilkit import pipeline, stages

KINDS = ("bc", "gcbc", "gcivl", "hiql", "landmarks")
"""The blocks of the algorithms; `bc` clones the goals that play was told and never heeded."""


@pipeline
def play(params):
    """A fifth of all pairs of a start and a goal was never told while playing; all pairs are told in the end."""
    player = stages.expert(params.player, params.env)
    demos = stages.rollout(params.rollout, params.env, player)
    learnt = {kind: stages.imitate(getattr(params, kind), params.policy, demos, name=f"learn_{kind}") for kind in KINDS}
    expert = stages.expert(params.waypoints, params.all_pairs)
    return stages.evaluate(params.evaluate, params.all_pairs, demos, expert, **learnt)

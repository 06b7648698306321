"""Practice towards goals, beside the same updates on random data: in a maze from one corner, and in an empty room."""

from ilkit import pipeline, stages


@pipeline
def practice(params):
    """Each with and without the steps that are left as an input; all are told goals where these are shown.

    In the maze random steps stay near the corner, so that practice has to get farther; in the room they go everywhere.
    """
    maze_head = params.maze_policy(network=params.maze_network)
    room_head = params.room_policy(network=params.room_network)
    return (
        _compared(params, "maze", maze_head, params.maze, params.maze_clocked, params.waypoints),
        _compared(params, "room", room_head, params.room, params.room_clocked, params.nearest),
    )


def _compared(params, place, head, env, clocked, way):
    """Practice and random data, without and with the clock, beside who knows the way."""
    expert = stages.expert(way, clocked)
    demos = stages.rollout(params.rollout, clocked, expert, name=f"rollout_{place}")
    learnt = {}
    for data in ("practice", "random_data"):
        spec = getattr(params, f"{place}_{data}")
        learnt[data] = stages.interact(spec, head, env, name=f"{place}_{data}").policy
        learnt[f"{data}_clocked"] = stages.interact(spec, head, clocked, name=f"{place}_{data}_clocked").policy
    return stages.evaluate(params.evaluate, clocked, demos, expert, name=f"evaluate_{place}", **learnt)

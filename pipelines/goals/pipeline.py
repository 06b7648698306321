"""Far goals from data that show them, and from data that show short ways only, beside OGBench's table."""

from ilkit import pipeline, stages

LAYOUTS = ("medium", "large")
DATA = ("navigate", "stitch")
KINDS = ("gcbc", "gcbc_near", "gcivl", "hiql", "landmarks")
"""The algorithms."""
BY_DATA = ("gcivl", "hiql")
"""Those whose settings differ from one way of recording to the other, as in the table."""


@pipeline
def goals(params):
    """A report for each layout and way of recording, on OGBench's five tasks of the layout."""
    return tuple(_compared(params, layout, data) for layout in LAYOUTS for data in DATA)


def _compared(params, layout, data):
    """All kinds on one set of data."""
    recorded, tasks = getattr(params, f"{layout}_{data}"), getattr(params, f"{layout}_tasks")
    expert = stages.expert(params.waypoints, recorded, name=f"waypoints_{layout}_{data}")
    demos = stages.rollout(getattr(params, data), recorded, expert, name=f"{data}_{layout}")
    learnt = {}
    for kind in KINDS:
        spec = getattr(params, f"{kind}_{data}" if kind in BY_DATA else kind)
        learnt[kind] = stages.imitate(spec, params.policy, demos, name=f"learn_{kind}_{layout}_{data}")
    evaluate = getattr(params, f"evaluate_{layout}_{data}")
    return stages.evaluate(evaluate, tasks, demos, expert, **learnt)

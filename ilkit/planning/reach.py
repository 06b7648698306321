"""Goals that no episode of an environment is long enough for, found by drawing some before anything runs."""

from typing import Any, NamedTuple

import jax
import numpy as np

from ilkit.data.environment import Environment, ShortestWays
from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.errors import IlkitError
from ilkit.planning.plan import Plan
from ilkit.wiring.tracing import Block

_NUM_PAIRS = 256


class Reach(NamedTuple):
    """How many of some pairs of a start and a goal are too far apart, and the steps that the furthest one takes."""

    too_far: float
    furthest: int


def reach_of(world: Any) -> Reach | None:
    """That of an environment that knows its shortest ways; None of any other."""
    if not (isinstance(world, Environment) and isinstance(world, ShortestWays)):
        return None
    keys = jax.random.split(jax.random.key(0), _NUM_PAIRS)
    obs = jax.vmap(lambda key: world.observe(world.reset(key=key)))(keys)
    least = world.least_steps(np.asarray(obs[ACHIEVED]), np.asarray(obs[DESIRED]))
    furthest = least[np.isfinite(least)].max(initial=0.0)
    return Reach(float(np.mean(least > world.max_steps)), int(furthest))


def reach_told(plan: Plan, *, none_reached: bool) -> list[str]:
    """What is to know of the environments of a plan: those in which no goal can be reached, or those in which some
    can't."""
    found = []
    for block in (block for block, group in plan.groups.items() if group == "env"):
        try:
            env = plan.build(Block(block), "env")
            world = env()
        except IlkitError:
            continue  # said elsewhere
        reach = reach_of(world)
        if reach is None or not reach.too_far or (reach.too_far == 1.0) != none_reached:
            continue
        share = "All" if none_reached else f"{reach.too_far:.0%}"
        remedy = f"Raise it to {reach.furthest} or more" if reach.furthest else "Open a way"
        found.append(
            f"{block}.{env.kind}.max_steps: must be enough to get from a start to its goal, got {world.max_steps}. "
            f"{share} of {_NUM_PAIRS} pairs that were drawn are further apart by the shortest way. {remedy}, or "
            "choose pairs that are nearer."
        )
    return found

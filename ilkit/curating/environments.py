"""Finding the environment that recorded transitions are replayed in."""

from pathlib import Path

from ilkit.curating.compiled_replay import CompiledReplayer
from ilkit.curating.mujoco_replay import host_replayer, made
from ilkit.curating.replay import Replayer
from ilkit.data.environment import Environment, HostEnvironment, Invertible
from ilkit.errors import DataError
from ilkit.planning.plan import Plan
from ilkit.registry.find import find, installed
from ilkit.registry.settings import read_params
from ilkit.wiring.tracing import Block, Graph

_SAME = {
    "Acrobot-v1": "acrobot",
    "CartPole-v1": "cart_pole",
    "MountainCar-v0": "mountain_car",
    "MountainCarContinuous-v0": "mountain_car_continuous",
    "Pendulum-v1": "pendulum",
}
"""Environments of gymnasium that ilkit has in pure JAX."""


def replayer_named(name: str) -> Replayer:
    """The environment of an installed kind, with its default settings, or one registered with gymnasium.

    **Raises:** `DataError` where there is none of that name, or it can't be set to what was observed.
    """
    kind = _SAME.get(name, name)
    if kind not in installed()["env"]:
        return host_replayer(made(name), name)
    component = find("env", kind)
    return _compiled(component.function(component.spec()), name)


def replayer_of(path: Path) -> Replayer:
    """The environment that a `params.yaml` chooses, with its settings.

    **Raises:** `ParamsError` where there is none, `DataError` where it can't be set to what was observed.
    """
    part = Plan(Graph(), read_params(path)).build(Block("env"), "env")
    world = part()
    if isinstance(world, Environment):
        return _compiled(world, part.kind)
    env = world.make().unwrapped
    name = env.spec.id if env.spec else part.kind
    return replayer_named(name) if name in _SAME else host_replayer(env, name)


def _compiled(env: Environment | HostEnvironment, name: str) -> Replayer:
    if not isinstance(env, Environment):
        raise DataError(f"{name} runs on the host: give the name that gymnasium registers it under, such as Hopper-v5.")
    if not isinstance(env, Invertible):
        raise DataError(f"Observations of {name} must determine its state, but don't. Leave out --env.")
    return CompiledReplayer(env, name)

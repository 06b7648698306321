"""Side cameras: what a car beside the middle of its lane would see, with the steering that brings it back.

A person who drives well shows no recovery from a mistake. Two more cameras, mounted d to the left and to the right of
the center one, see what the center camera would see of a car that is off by d; their pictures are labeled so that the
car is back, along the way that was driven, after T seconds (Bojarski et al., End to End Learning for Self-Driving Cars,
2016). Of all paths that are, the one of least ∫ y''² ds begins with the curvature

    κ' = κ ∓ 6 d / (v T)²,

and, steered by it at every moment, y'' = -6 y / S² - 4 y' / S with S = v T is a stable motion.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Float, PRNGKeyArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.spaces import Box, Dict, Space, Spaces, described
from ilkit.errors import DataError
from ilkit.spec import Spec


class SideCameras(Spec):
    """The pictures of three cameras as those of one, with steering that returns to the lane (Bojarski et al., 2016)."""

    kind: Literal["side_cameras"] = "side_cameras"
    center: str = "center"
    """The name, in the observations, of the picture by which is driven: all that is left of them."""
    left: str | None = "left"
    """The name of the picture of the camera to the left of it, if it is used."""
    right: str | None = "right"
    """The name of the picture of the camera to the right of it, if it is used."""
    camera_offset: NonNegativeFloat = 0.8
    """d: how far to the side of the center camera these are, in m."""
    speed: PositiveFloat = 10.0
    """v: the speed of the car, in m/s."""
    return_time: PositiveFloat = 2.0
    """T: the time after which the car is back, in s."""
    wheelbase: PositiveFloat | None = None
    """The distance between the axles, in m, where the action is the angle of the front wheels, atan(wheelbase · κ), in
    rad; none where it is κ, the inverse of the turning radius, in 1/m."""
    correction: NonNegativeFloat | None = None
    """By how much the action is corrected, in its own units, where it is neither; none where it follows from the
    settings above."""
    left_turn: Literal["positive", "negative"] = "positive"
    """The sign of actions that turn to the left."""
    steering: NonNegativeInt = 0
    """Which entry of the action steers."""
    mirror: bool = False
    """Whether to append the mirror images of all pictures, with the opposite steering."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """Views that aren't observed, and steering that isn't there."""
        yield from _faults(self, world.spaces)


def augment(
    spec: SideCameras, env: Build[Environment | HostEnvironment], demos: Demonstrations, *, key: PRNGKeyArray
) -> Demonstrations:
    """Appends the episodes as the side cameras saw them; without them, or with a correction of 0, nothing.

    **Raises:** `DataError` where a view isn't observed, or the action has no such steering.
    """
    del env, key
    for fault in _faults(spec, demos.spaces):
        raise DataError(f"augment.side_cameras.{fault}")
    parts = [_seen_by(spec, spec.center, 0.0, demos)]
    if spec.camera_offset if spec.correction is None else spec.correction:
        parts += [_seen_by(spec, view, side, demos) for view, side in _sides(spec)]
    if spec.mirror:
        parts += [_mirrored(spec, part) for part in parts]
    return parts[0] if len(parts) == 1 else concatenate(parts)


def corrected(spec: SideCameras, steering: Float[np.ndarray, " steps"], side: float) -> Float[np.ndarray, " steps"]:
    """The steering by which a car returns that is off by `side` times the offset of the cameras, to the left."""
    sign = side if spec.left_turn == "positive" else -side
    if spec.correction is not None:
        return steering - np.float32(sign * spec.correction)
    change = np.float32(sign * 6.0 * spec.camera_offset / (spec.speed * spec.return_time) ** 2)
    if spec.wheelbase is None:
        return steering - change
    turned: np.ndarray = np.arctan(np.tan(steering) - np.float32(spec.wheelbase) * change)
    return turned


def _sides(spec: SideCameras) -> Iterator[tuple[str, float]]:
    yield from ((view, side) for view, side in ((spec.left, 1.0), (spec.right, -1.0)) if view is not None)


def _views(spec: SideCameras, space: Space) -> dict[str, Space]:
    """What is observed, by name; a single picture is that of the center camera."""
    return dict(space.entries) if isinstance(space, Dict) else {spec.center: space}


def _faults(spec: SideCameras, spaces: Spaces) -> Iterator[str]:
    views, action = _views(spec, spaces.observation), spaces.action
    for name in ("center", "left", "right"):
        view = getattr(spec, name)
        if view is not None and views.get(view) != views.get(spec.center, view):
            yield (
                f"{name}: must be a picture that is observed, of the shape of the others, got {view!r}, where "
                f"{described(spaces.observation)} is observed. Record all cameras, or set left and right to null."
            )
    picture = views.get(spec.center, spaces.observation)
    if spec.mirror and not (isinstance(picture, Box) and len(picture.shape) >= 2):
        yield f"mirror: needs a picture of rows and columns, got {described(picture)}. Set it to false."
    if not isinstance(action, Box) or len(action.shape) != 1 or spec.steering >= action.size:
        yield f"steering: must be an entry of a vector of actions, got {spec.steering} of {described(action)}."


def _seen_by(spec: SideCameras, view: str, side: float, demos: Demonstrations) -> Demonstrations:
    """The episodes as one camera saw them."""
    if not isinstance(demos.obs, dict):
        return demos
    actions = demos.actions
    if side:
        actions = actions.copy()
        actions[:, spec.steering] = corrected(spec, actions[:, spec.steering], side)
    space = _views(spec, demos.spaces.observation)[view]
    return replace(
        demos,
        obs=demos.obs[view],
        actions=actions,
        spaces=Spaces(observation=space, action=demos.spaces.action),
        executed=demos.taken if side else demos.executed,
    )


def _mirrored(spec: SideCameras, demos: Demonstrations) -> Demonstrations:
    def opposite(actions: np.ndarray) -> np.ndarray:
        return np.concatenate(
            [actions[:, : spec.steering], -actions[:, spec.steering, None], actions[:, spec.steering + 1 :]], axis=1
        )

    return replace(
        demos,
        obs=np.ascontiguousarray(demos.obs[:, :, ::-1]),
        actions=opposite(demos.actions),
        executed=None if demos.executed is None else opposite(demos.executed),
    )

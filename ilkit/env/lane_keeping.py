"""A car that keeps its lane by what a camera sees (Bojarski et al., End to End Learning for Self-Driving Cars, 2016).

The car goes along a lane whose curvature κ(s) = Σ a sin(ω s + φ) has random phases. In coordinates of the lane (the way
s along it, the offset y to the left, the heading ψ against it) it moves by

    s' = v cos ψ / (1 - κ(s) y),    y' = v sin ψ + w,    ψ' = v u - κ(s) s',

where the action u is the inverse of the turning radius, positive to the left, and w is a wind from the side. Where it
leaves the lane a person intervenes and puts it back into the middle. The return of an episode is its autonomy.
"""

from typing import Annotated, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, UInt8, UInt32
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Dict, Spaces
from ilkit.errors import DataError
from ilkit.math.drawing import BLUE, GRID, PAPER, RED, STEEL, Canvas
from ilkit.math.perspective import Ground, ground_of, lane_picture
from ilkit.spec import Spec

INTERVENTION = 6.0
"""What an intervention costs, in s: the person takes over, drives back to the middle and hands over again."""
_WAVELENGTHS = (90.0, 140.0, 230.0)
"""Of the curves of the road, in m."""
_LANE, _LINE = 3.7, 0.25
"""The widths of the lane and of its markings, in m."""
_CAMERA_HEIGHT, _VIEW = 1.5, 90.0
"""The height of the cameras over the ground, in m, and how wide an angle they see, in degrees."""
_MAP = (12.0, 2.4)
"""The length and half the height of the map: the way of an episode, drawn shorter, and meters aside."""


class LaneKeeping(Spec):
    """A car that keeps its lane by what a camera sees; its return is autonomy in % (Bojarski et al., 2016)."""

    kind: Literal["lane_keeping"] = "lane_keeping"
    observed: Literal["camera", "recording"] = "camera"
    """What is observed: the picture of the center camera, by which a clone drives, or what is recorded while a person
    drives: the pictures of all three cameras, center, left and right, and the pose, which the demonstrator sees."""
    height: Annotated[int, Field(ge=8, le=512)] = 20
    """The rows of a picture, in pixels."""
    width: Annotated[int, Field(ge=8, le=512)] = 40
    """The columns of a picture, in pixels."""
    camera_offset: NonNegativeFloat = 0.8
    """How far to the left and to the right of the center camera the others are, in m."""
    speed: PositiveFloat = 10.0
    """The speed v of the car, in m/s."""
    curvature: Annotated[float, Field(ge=0, le=0.05)] = 0.008
    """The standard deviation of the curvature of the lane along it, in 1/m."""
    max_curvature: PositiveFloat = 0.06
    """The largest inverse turning radius that can be steered, in 1/m."""
    initial_offset: NonNegativeFloat = 0.1
    """The standard deviation of the offset that an episode starts with, in m; a tenth of it is that of the heading, in
    rad."""
    wind: NonNegativeFloat = 0.25
    """The standard deviation of the speed w at which gusts move the car to the side, in m/s."""
    gust_time: PositiveFloat = 1.0
    """How long a gust lasts: the time after which its correlation has fallen to 1/e, in s."""
    pixel_noise: NonNegativeFloat = 0.02
    """The standard deviation of the noise on pixels, of which 0 is black and 1 is white."""
    departure: Annotated[float, Field(gt=0, le=5)] = 1.0
    """How far from the middle of the lane somebody intervenes, in m."""
    response_time: PositiveFloat = 3.0
    """The time in which the demonstrator returns to the middle, in s."""
    timestep: PositiveFloat = 0.1
    """The time between two steps, in s."""
    max_steps: PositiveInt = 300
    """The number of steps of an episode, all of which are as long."""


class LaneState(NamedTuple):
    """Where the car is, the wind, the road, and what the noise of the cameras is drawn from."""

    distance: Float[Array, ""]
    offset: Float[Array, ""]
    heading: Float[Array, ""]
    wind: Float[Array, ""]
    phases: Float[Array, " curves"]
    sensor: UInt32[Array, " words"]


def autonomy(interventions: Float[Array, ""], elapsed: float | Float[Array, ""]) -> Float[Array, ""]:
    """(1 - 6 s · interventions / elapsed time) · 100, in % (Bojarski et al., 2016)."""
    return 100.0 * (1.0 - INTERVENTION * interventions / elapsed)


class LaneKeepingEnvironment(Environment):
    """The observation is the picture of the center camera, without colors.

    The rewards of an episode add up to its autonomy.
    """

    spec: LaneKeeping
    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)

    @property
    def timestep(self) -> float | Float[Array, ""]:
        """The time between two steps, in s."""
        return self.spec.timestep

    def reset(self, *, key: PRNGKeyArray) -> LaneState:
        """Draws the road, the wind and a place near the middle."""
        road_key, wind_key, pose_key, sensor_key = jax.random.split(key, 4)
        (offset, heading), spread = jax.random.normal(pose_key, (2,)), self.spec.initial_offset
        return LaneState(
            distance=jnp.zeros(()),
            offset=jnp.clip(spread * offset, -0.5 * self.spec.departure, 0.5 * self.spec.departure),
            heading=0.1 * spread * heading,
            wind=self.spec.wind * jax.random.normal(wind_key),
            phases=jax.random.uniform(road_key, (len(_WAVELENGTHS),), maxval=2.0 * np.pi),
            sensor=jax.random.key_data(sensor_key),
        )

    def step(self, state: LaneState, action: Array, *, key: PRNGKeyArray) -> tuple[LaneState, Transition]:
        """Drives on; somebody intervenes where the car is too far from the middle, and the episode goes on."""
        wind_key, sensor_key = jax.random.split(key)
        spec, elapsed = self.spec, self.spec.timestep
        steered = jnp.clip(action[0], -spec.max_curvature, spec.max_curvature)
        bend = self.curvature(state)
        along = elapsed * spec.speed * jnp.cos(state.heading) / (1.0 - bend * state.offset)
        heading = state.heading + elapsed * spec.speed * steered - bend * along
        aside = spec.speed * jnp.sin((state.heading + heading) / 2.0) + state.wind
        offset = state.offset + elapsed * aside
        kept = jnp.exp(-elapsed / spec.gust_time)
        gust = spec.wind * jnp.sqrt(1.0 - kept**2) * jax.random.normal(wind_key)
        departed = jnp.abs(offset) > spec.departure
        after = LaneState(
            distance=state.distance + along,
            offset=jnp.where(departed, 0.0, offset),
            heading=jnp.where(departed, 0.0, heading),
            wind=kept * state.wind + gust,
            phases=state.phases,
            sensor=jax.random.key_data(sensor_key),
        )
        reward = autonomy(departed.astype(jnp.float32), elapsed) / self.max_steps
        return after, Transition(reward, jnp.asarray(False))

    def observe(self, state: LaneState) -> PyTree:
        """The picture of the center camera."""
        return self.picture(state, 0.0, 0)

    def demonstrator(self) -> Policy:
        """Nobody.

        **Raises:** `DataError`, always.
        """
        raise DataError(
            "The demonstrator drives by the pose, which the center camera doesn't show. Set "
            "env.lane_keeping.observed to recording where somebody demonstrates."
        )

    def curvature(self, state: LaneState) -> Float[Array, ""]:
        """That of the lane where the car is, in 1/m."""
        return jnp.sum(self._amplitude * jnp.sin(self._angles(state)))

    def bend(self, state: LaneState, ahead: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """How far to the left the lane has bent after so many m: what has κ for its second derivative."""
        frequency, angle = _frequencies(), self._angles(state)
        turned = frequency * ahead[..., None]
        sine = jnp.sin(angle + turned) - jnp.sin(angle) - turned * jnp.cos(angle)
        return -jnp.sum(self._amplitude / frequency**2 * sine, axis=-1)

    def picture(self, state: LaneState, aside: float | Array, camera: int) -> UInt8[Array, "height width 1"]:
        """What a camera sees that is mounted so far to the left of the center of the car."""
        ground, spec = self._ground(), self.spec
        lane = self.bend(state, ground.ahead)
        offset = state.offset + aside + state.heading * ground.ahead + ground.left - lane
        seen = lane_picture(ground, offset, lane_width=_LANE, marking_width=_LINE)
        key = jax.random.fold_in(jax.random.wrap_key_data(state.sensor), camera)
        noisy = seen + spec.pixel_noise * jax.random.normal(key, seen.shape)
        return jnp.round(255.0 * jnp.clip(noisy, 0.0, 1.0)).astype(jnp.uint8)[..., None]

    def place(self, state: LaneState) -> Float[Array, " 2"]:
        """The share of the way that is done, and the offset in m, on a map of the lane drawn straight."""
        way = self.spec.speed * self.spec.timestep * self.max_steps
        return jnp.stack([_MAP[0] * state.distance / way, state.offset])

    def chart(self, height: int) -> tuple[UInt8[Array, "height width 3"], tuple[float, float, float, float]]:
        """The lane, its markings, and from where on somebody intervenes."""
        length, reach = _MAP
        width = round(height * length / (2.0 * reach))
        canvas = Canvas.blank(height, width, center=(length / 2.0, 0.0), pixel=2.0 * reach / height)
        canvas = canvas.paint(jnp.abs(canvas.y) - _LANE / 2.0, GRID)
        canvas = canvas.paint(jnp.abs(jnp.abs(canvas.y) - _LANE / 2.0) - _LINE / 2.0, STEEL)
        canvas = canvas.paint(jnp.abs(jnp.abs(canvas.y) - self.spec.departure) - 0.01, RED, 0.6)
        return canvas.picture(), (0.0, length, -reach, reach)

    def frame(self, state: LaneState, height: int) -> UInt8[Array, "height width 3"]:
        """The car on the road, seen from above, which goes to the right."""
        canvas = Canvas.blank(height, 2 * height, center=(15.0, 0.0), pixel=25.0 / height)
        offset = canvas.y - self.bend(state, canvas.x)
        canvas = canvas.paint(jnp.abs(offset) - _LANE / 2.0 - _LINE, STEEL)
        canvas = canvas.paint(jnp.abs(jnp.abs(offset) - _LANE / 2.0) - _LINE / 2.0, PAPER)
        car = canvas.box((0.0, state.offset), 4.2, 1.8, corner=0.3, angle=state.heading)
        return canvas.paint(car, BLUE).picture()

    @property
    def _amplitude(self) -> Float[Array, ""]:
        return jnp.asarray(self.spec.curvature * (2.0 / len(_WAVELENGTHS)) ** 0.5)

    def _angles(self, state: LaneState) -> Float[Array, " curves"]:
        return _frequencies() * state.distance + state.phases

    def _ground(self) -> Ground:
        focal_length = self.spec.width / 2.0 / np.tan(np.radians(_VIEW) / 2.0)
        return ground_of(
            self.spec.height, self.spec.width, camera_height=_CAMERA_HEIGHT, focal_length=float(focal_length)
        )


class RecordingEnvironment(LaneKeepingEnvironment):
    """The observation is what is recorded: the pictures of three cameras and the pose (offset, heading, curvature)."""

    def observe(self, state: LaneState) -> PyTree:
        """The three pictures, and the pose in m, rad and 1/m."""
        aside = self.spec.camera_offset
        return {
            "center": self.picture(state, 0.0, 0),
            "left": self.picture(state, aside, 1),
            "pose": jnp.stack([state.offset, state.heading, self.curvature(state)]),
            "right": self.picture(state, -aside, 2),
        }

    def demonstrator(self) -> Policy:
        """Returns to the middle, by the pose."""
        return LaneKeepingPolicy(
            reach=jnp.asarray(self.spec.speed * self.spec.response_time, jnp.float32),
            normalizer=Normalizer.identity(self.spaces.observation),
            spaces=self.spaces,
        )


class LaneKeepingPolicy(Policy):
    """u = κ - 6 y / S² - 4 ψ / S: the path y(s) of least ∫ y''² ds that is back in the middle, along it, after S."""

    reach: Float[Array, ""]
    """S, in m."""
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " 1"]]:
        """Steers to the middle."""
        offset, heading, curvature = obs["pose"]
        return carry, jnp.stack([curvature - 6.0 * offset / self.reach**2 - 4.0 * heading / self.reach])


def env(spec: LaneKeeping) -> Environment:
    """Builds the road and the car."""
    picture = Box(shape=(spec.height, spec.width, 1), low=0.0, high=255.0, dtype="uint8")
    action = Box.symmetric((spec.max_curvature,))
    if spec.observed == "camera":
        spaces = Spaces(observation=picture, action=action)
        return LaneKeepingEnvironment(spec=spec, spaces=spaces, max_steps=spec.max_steps)
    seen = Dict(entries={"center": picture, "left": picture, "right": picture, "pose": Box.symmetric((np.inf,) * 3)})  # type: ignore[arg-type]
    return RecordingEnvironment(spec=spec, spaces=Spaces(observation=seen, action=action), max_steps=spec.max_steps)


def _frequencies() -> Float[Array, " curves"]:
    return 2.0 * np.pi / jnp.asarray(_WAVELENGTHS, jnp.float32)

"""A driver who sees his own brake light: what goes with braking is no reason to brake (de Haan et al., 2019).

People step onto the road and leave it, and a camera sees them badly. The driver trusts it as far as one picture after
the other confirms it: with the probability b that somebody is there, which he remembers,

    odds(b') = odds(b, after people came and went) · (q / (1 - q))^z,    brakes where b' > ½,

for pictures z = ±1 that are right with probability q. He therefore mostly does what he did before, and his light tells
it: a clone that sees the light agrees with him more often than one that doesn't, where he drives. Where it drives
itself, no picture is worth as much as its own light: what it does first it does forever.
"""

from typing import Annotated, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree, UInt8
from pydantic import Field, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.math.drawing import BLUE, GRID, ORANGE, RED, Canvas
from ilkit.spec import Spec

Share = Annotated[float, Field(gt=0, lt=1)]


class BrakeLight(Spec):
    """A driver whose own brake light is visible to himself: causal confusion (de Haan et al., 2019)."""

    kind: Literal["brake_light"] = "brake_light"
    light: Literal["shown", "random", "hidden"] = "shown"
    """What stands where the light is observed: the last action, a random one, or none."""
    reliability: Annotated[float, Field(gt=0.5, lt=1)] = 0.75
    """q: how often the camera is right, which says 1 for somebody on the road and -1 for nobody."""
    arrival: Share = 0.04
    """The probability that somebody steps onto an empty road in a step."""
    departure: Share = 0.04
    """The probability that somebody leaves it."""
    max_steps: PositiveInt = 100
    """The number of steps after which an episode is truncated."""


class BrakeLightState(NamedTuple):
    """The road, and what is seen of it."""

    occupied: Bool[Array, ""]
    camera: Float[Array, ""]
    radio: Float[Array, ""]
    light: Float[Array, ""]


class BrakeLightEnvironment(Environment):
    """The observation is (camera, radio, light), of which the radio means nothing; action 1 brakes.

    A step is paid with 1 where the car brakes for somebody, or drives on an empty road.
    """

    spec: BrakeLight
    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)

    def reset(self, *, key: PRNGKeyArray) -> BrakeLightState:
        """Draws the road; the light is a random one."""
        road_key, seen_key, light_key = jax.random.split(key, 3)
        share = self.spec.arrival / (self.spec.arrival + self.spec.departure)
        occupied = jax.random.bernoulli(road_key, share)
        return self._seen(occupied, jax.random.bernoulli(light_key), key=seen_key)

    def step(self, state: BrakeLightState, action: Array, *, key: PRNGKeyArray) -> tuple[BrakeLightState, Transition]:
        """People come and go."""
        road_key, seen_key = jax.random.split(key)
        right = (action == 1) == state.occupied
        changes = jax.random.bernoulli(road_key, jnp.where(state.occupied, self.spec.departure, self.spec.arrival))
        occupied = state.occupied ^ changes
        return self._seen(occupied, action == 1, key=seen_key), Transition(
            right.astype(jnp.float32), jnp.asarray(False)
        )

    def observe(self, state: BrakeLightState) -> Float[Array, " 3"]:
        """What is seen."""
        return jnp.stack([state.camera, state.radio, state.light])

    def demonstrator(self) -> Policy:
        """Believes the camera as far as it repeats itself."""
        spec = self.spec
        return BrakeLightPolicy(
            reliability=jnp.asarray(spec.reliability, jnp.float32),
            arrival=jnp.asarray(spec.arrival, jnp.float32),
            departure=jnp.asarray(spec.departure, jnp.float32),
            normalizer=Normalizer.identity(3),
            spaces=self.spaces,
        )

    def frame(self, state: BrakeLightState, height: int) -> UInt8[Array, "height width 3"]:
        """The car with its light, and whoever is on the road."""
        canvas = Canvas.blank(height, 2 * height, center=(0.0, 0.0), pixel=2.0 / height)
        canvas = canvas.paint(canvas.box((0.0, 0.0), 4.0, 0.8), GRID)
        canvas = canvas.paint(canvas.box((-0.9, 0.0), 0.9, 0.45, corner=0.1), BLUE)
        canvas = canvas.paint(canvas.disk((-1.4, 0.0), 0.12), RED, jnp.where(state.light > 0, 1.0, 0.15))
        return canvas.paint(canvas.disk((1.0, 0.0), 0.2), ORANGE, jnp.where(state.occupied, 1.0, 0.0)).picture()

    def _seen(self, occupied: Array, braked: Array, *, key: PRNGKeyArray) -> BrakeLightState:
        light_key, camera_key, radio_key = jax.random.split(key, 3)
        right = jax.random.bernoulli(camera_key, self.spec.reliability)
        lights = {"shown": braked, "random": jax.random.bernoulli(light_key), "hidden": jnp.asarray(0.5)}
        return BrakeLightState(
            jnp.asarray(occupied),
            jnp.where(occupied == right, jnp.float32(1.0), jnp.float32(-1.0)),
            jax.random.normal(radio_key),
            2.0 * lights[self.spec.light].astype(jnp.float32) - 1.0,
        )


class BrakeLightPolicy(Policy):
    """Brakes where somebody is more likely there than not, by all that the camera has said."""

    reliability: Float[Array, ""]
    arrival: Float[Array, ""]
    departure: Float[Array, ""]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def initial_carry(self) -> Float[Array, ""]:
        """B before anything is seen."""
        return self.arrival / (self.arrival + self.departure)

    def mode(self, carry: PyTree, obs: Float[Array, " 3"]) -> tuple[PyTree, Int[Array, ""]]:
        """Brakes or doesn't; what is carried is the belief for the next step."""
        weight = jnp.log(self.reliability) - jnp.log1p(-self.reliability)
        believed = jax.nn.sigmoid(jnp.log(carry) - jnp.log1p(-carry) + weight * obs[0])
        after = believed * (1.0 - self.departure) + (1.0 - believed) * self.arrival
        return after, (believed > 0.5).astype(jnp.int32)


def env(spec: BrakeLight) -> Environment:
    """Builds the road."""
    return BrakeLightEnvironment(
        spec=spec,
        spaces=Spaces(observation=Box.symmetric((1.0, float("inf"), 1.0)), action=Discrete(size=2)),
        max_steps=spec.max_steps,
    )

"""Small problems with known answers.

All of them share one expert and one system. The state s is a point in the plane that turns by a fixed angle a step,
whatever is done; the expert's action is a = K s, or the nearest of three directions where actions are discrete; the
reward is -‖a - K s‖², or -1 for a wrong direction. The expert is optimal and its return is 0 in every episode.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, UInt8
from pydantic import PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.data.tasks import put_together
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.data.windows import Window
from ilkit.spec import Spec

Actions = Literal["continuous", "discrete"]

GAIN = np.array([[0.5, -0.25], [0.25, 0.5]], np.float32)
"""K, the gain of the expert."""
DIRECTIONS = np.array([[1.0, 0.0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]], np.float32)
"""The direction that each discrete action stands for."""
TURN = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]], np.float32)
"""The rotation of the state in one step."""
ACTION = Box(shape=(2,), low=(-0.8, -1.0), high=(1.2, 0.9))
"""The continuous actions; the expert's are inside."""
EDGE = 0.9
"""An episode is terminated once the first entry of the state is above this."""


def spaces(actions: Actions) -> Spaces:
    """The spaces of the problems: two observations; two actions, or one of three directions.

    No range has its middle at 0 or the width of another, so that a wrong sign, center or unit shows.
    """
    action = Discrete(size=len(DIRECTIONS)) if actions == "discrete" else ACTION
    return Spaces(observation=Box(shape=(2,), low=(-1.5, -2.0), high=(2.5, 1.5)), action=action)


def spaces_of_tasks(actions: Actions) -> Spaces:
    """The spaces of two tasks, `first` and `second`, that were put together."""
    recorded = {name: demonstrations(1, actions) for name in ("first", "second")}
    return put_together(recorded, Discrete(size=2), {"first": (0.0,), "second": (1.0,)}).spaces


def expert_action(obs: Float[Array, " obs"], actions: Actions) -> Array:
    """The optimal action."""
    return jnp.argmax(DIRECTIONS @ obs).astype(jnp.int32) if actions == "discrete" else jnp.asarray(GAIN) @ obs


def tracking_reward(obs: Float[Array, " obs"], action: Array, actions: Actions) -> Float[Array, ""]:
    """-‖a - K s‖² of an action that is clipped first, or -1 for a wrong direction."""
    best = expert_action(obs, actions)
    if actions == "discrete":
        return -(action != best).astype(jnp.float32)
    return -jnp.sum((jnp.clip(action, *ACTION.bounds) - best) ** 2)


class Tracking(Spec):
    """A point that turns, to be followed by the action: a linear problem with a known optimum."""

    kind: Literal["tracking"] = "tracking"
    actions: Actions = "continuous"
    """Which action space the problem has."""
    max_steps: PositiveInt = 8
    """The time limit of an episode."""


class TrackingEnvironment(VectorEnvironment):
    """The system of this module."""

    actions: Actions = eqx.field(static=True)

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        """Draws a state uniformly from the square."""
        return jax.random.uniform(key, (2,), minval=-1.0, maxval=1.0)

    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        """Turns the state; the reward is that of the action in the state before."""
        del key
        reward = tracking_reward(state, action, self.actions)
        state = jnp.asarray(TURN) @ state
        return state, Transition(reward, state[0] > EDGE)

    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        """The state itself."""
        return state

    def state_of(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        """The observation itself."""
        return obs

    def frame(self, state: Float[Array, " state"], height: int) -> UInt8[Array, "height width 3"]:
        """A white dot on black."""
        grid = jnp.stack(jnp.meshgrid(jnp.linspace(-1.5, 1.5, 16), jnp.linspace(-1.5, 1.5, 16)), axis=-1)
        near = jnp.sum((grid - state) ** 2, axis=-1) < 0.04
        return jnp.broadcast_to(jnp.where(near, 255, 0)[..., None], (16, 16, 3)).astype(jnp.uint8)


def tracking(spec: Tracking) -> Environment:
    """Makes the environment."""
    return TrackingEnvironment(
        actions=spec.actions,
        max_steps=spec.max_steps,
        spaces=spaces(spec.actions),
        state_names=("x", "y"),
        state_box=Box.symmetric((1.0, 1.0)),
    )


class TrackingExpert(Policy):
    """a = K s (or the nearest direction), the optimum; where `gain` isn't K, a worse policy of the same form."""

    gain: Float[Array, "act obs"]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Array]:
        """The action."""
        action = self.gain @ obs
        return carry, jnp.argmax(action).astype(jnp.int32) if isinstance(self.spaces.action, Discrete) else action


def tracking_expert(actions: Actions, share: float = 1.0) -> Policy:
    """The optimal policy of the tracking problem, or one whose gain is a share of the optimal one."""
    gain = share * jnp.asarray(DIRECTIONS if actions == "discrete" else GAIN)
    return TrackingExpert(gain=gain, normalizer=Normalizer.identity(2), spaces=spaces(actions))


def still(policy: Policy, obs: PyTree, action: Array) -> Window:
    """A window of what the policy wants to see in which nothing changes."""
    length = 1 + sum(policy.window)
    obs, action = jax.tree.map(lambda value: jnp.broadcast_to(value, (length, *jnp.shape(value))), (obs, action))
    return Window(obs, action, jnp.ones(length, bool))


def environment(actions: Actions) -> Build[Environment]:
    """The environment of the tracking problem, chosen but not yet built."""
    return Build("env", "tracking", tracking, Tracking(actions=actions))


def demonstrations(num_episodes: int, actions: Actions, *, left: bool = False, off: float = 0.0) -> Demonstrations:
    """Episodes of the expert; where `left`, without the states whose first entry is above -0.2.

    Vectors of actions are `off` by so much in every entry, which costs rewards.
    """
    limit = Tracking(actions=actions).max_steps
    random = np.random.default_rng(num_episodes)
    episodes = [_episode(random, limit, left) for _ in range(num_episodes)]
    lengths = np.array([len(states) - 1 for states in episodes], np.int32)
    starts = np.concatenate([states[:-1] for states in episodes])
    act = (starts @ DIRECTIONS.T).argmax(axis=1).astype(np.int32) if actions == "discrete" else starts @ GAIN.T + off
    rewards = np.full(len(act), 0.0 if actions == "discrete" else -2 * off**2, np.float32)
    terminated = np.array([states[-1, 0] > EDGE for states in episodes])
    obs = np.concatenate(episodes)
    return Demonstrations(obs, act, rewards, terminated, ~terminated, lengths, spaces=spaces(actions))


def _episode(random: np.random.Generator, limit: int, left: bool) -> np.ndarray:
    if left:
        return random.uniform((-1.0, -1.0), (-0.2, 1.0), (limit + 1, 2)).astype(np.float32)
    states = [random.uniform(-1.0, 1.0, 2).astype(np.float32)]
    while len(states) <= limit and (len(states) == 1 or states[-1][0] <= EDGE):
        states.append(TURN @ states[-1])
    return np.stack(states)


def grid(low: tuple[float, float], high: tuple[float, float]) -> Float[np.ndarray, "points obs"]:
    """Observations on a grid of 8 × 8 points."""
    axes = [np.linspace(*ends, 8, dtype=np.float32) for ends in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)


def action_error(policy: Policy, actions: Actions) -> float:
    """How far a policy is from the expert: ‖a - K s‖², or the share of wrong directions, averaged over the square."""
    obs = jnp.asarray(grid((-1.0, -1.0), (1.0, 1.0)))
    chosen = eqx.filter_jit(eqx.filter_vmap(lambda one: policy.mode(policy.initial_carry(), one)[1]))(obs)
    best = jax.vmap(lambda one: expert_action(one, actions))(obs)
    if actions == "discrete":
        return float(jnp.mean(chosen != best))
    return float(jnp.mean(jnp.sum((chosen - best) ** 2, axis=-1)))

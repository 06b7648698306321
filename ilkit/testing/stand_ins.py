"""What stages of small problems would have been handed: uncertainties, rewards, explorations, episodes and answers."""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, VectorState
from ilkit.data.preferences import Preferences
from ilkit.data.reward import Reward
from ilkit.data.spaces import Spaces
from ilkit.data.uncertainty import Uncertainty
from ilkit.spec import Spec
from ilkit.stepping.behavior import AdditiveNoise, Behavior
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy
from ilkit.testing.problems import Actions, spaces, tracking_reward


class TrackingUncertainty(Uncertainty):
    """cov(s) = scale · (1 + ‖s‖²) · diag(1, 2, …)."""

    scale: Float[Array, ""]
    size: int = eqx.field(static=True)

    def covariance(self, obs: Float[Array, " obs"]) -> Float[Array, "act act"]:
        """The covariance, which grows from the origin outward."""
        return self.scale * (1.0 + jnp.sum(obs**2)) * jnp.diag(1.0 + jnp.arange(self.size))


def known_uncertainty(size: int, scale: float) -> Uncertainty:
    """An uncertainty that is known in closed form."""
    return TrackingUncertainty(jnp.asarray(scale, jnp.float32), size)


class TrackingReward(Reward):
    """The reward of the tracking problem, times a scale."""

    scale: Float[Array, ""]
    actions: Actions = eqx.field(static=True)
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True)

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        """What the environment gives for the action, whatever it leads to."""
        del next_obs, terminated
        return self.scale * tracking_reward(obs, action, self.actions)


def known_reward(actions: Actions, scale: float) -> Reward:
    """A reward that is known in closed form, and that the expert maximizes."""
    factor = jnp.asarray(scale, jnp.float32)
    return TrackingReward(scale=factor, actions=actions, spaces=spaces(actions), reads_action=True)


class Steady(Spec):
    """The same small noise in every state."""

    kind: Literal["steady"] = "steady"


class SteadyNoise(AdditiveNoise):
    """Noise of standard deviation 0.2 in every dimension."""

    average_scale: None
    floor: Float[Array, " act"]

    def root(self, obs: Float[Array, " obs"]) -> Float[Array, "act act"]:
        """0.2 I."""
        del obs
        return 0.2 * jnp.eye(len(self.floor))


def steady(spec: Steady, spaces: Spaces) -> Behavior:
    """Makes the exploration."""
    del spec
    return SteadyNoise(None, jnp.zeros(spaces.action.size))


def exploration() -> Build[Behavior]:
    """A steady exploration, chosen but not yet built."""
    return Build("exploration", "steady", steady, Steady(), optional=("uncertainty",))


def wandering(env: Environment, num_episodes: int) -> Demonstrations:
    """Episodes of uniformly random actions in any environment."""
    policy, key = RandomPolicy.of(env.spaces), jax.random.key(num_episodes)
    return collect_episodes(env, policy, num_episodes=num_episodes, key=key, stochastic=True).demonstrations()


def preferences(env: Environment, num_pairs: int) -> Preferences:
    """Pairs of such episodes, of which the one that returns more is preferred, from one start where that can be set."""
    policy, key = RandomPolicy.of(env.spaces), jax.random.key(num_pairs)
    states = None
    if isinstance(env, VectorState):
        states = np.asarray(jax.vmap(lambda key: env.reset(key=key))(jax.random.split(key, num_pairs)))
    first, second = (
        collect_episodes(
            env,
            policy,
            num_episodes=num_pairs,
            key=jax.random.fold_in(key, side),
            stochastic=True,
            initial_states=states,
        ).demonstrations()
        for side in (1, 2)
    )
    gap = first.returns - second.returns
    return Preferences(first, second, np.select([gap > 0, gap < 0], [1.0, 0.0], 0.5).astype(np.float32))

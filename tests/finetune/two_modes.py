"""A bandit of two modes, of which one pays more, and clones that know both."""

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.imitate import bc
from ilkit.network.mlp import MLP, network
from ilkit.running import loop
from ilkit.spec import Spec

SPACES = Spaces(observation=Box.symmetric((1.0,)), action=Box.symmetric((1.0,)))
NETWORK = Build("network", "mlp", network, MLP(hidden=(16,)))


class Bandit(Spec):
    """One action decides: near .5 it pays 1, near -.5 a half, and elsewhere nothing. In longer episodes every action
    costs its squared distance from .5."""

    kind: Literal["bandit"] = "bandit"
    max_steps: int = 1


class BanditEnvironment(Environment):
    max_steps: int = eqx.field(static=True)
    spaces: Spaces = eqx.field(static=True, default=SPACES)
    state_names: tuple[str, ...] = eqx.field(static=True, default=("state",))
    state_box: Box = eqx.field(static=True, default=SPACES.observation)

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        return jnp.zeros(1)

    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        if self.max_steps > 1:
            return state, Transition(-((action[0] - 0.5) ** 2), jnp.asarray(False))
        paid = jnp.where(_near(action, 0.5), 1.0, jnp.where(_near(action, -0.5), 0.5, 0.0))
        return state, Transition(paid, jnp.asarray(True))

    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        return state

    def state_of(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        return obs


class Coin(Policy):
    """a = ± .5 + .05 tanh(w), by the sign of w: steered without a network."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True, default=SPACES)

    @property
    def noise_size(self) -> int:
        return 1

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        return self.steer(carry, obs, jnp.zeros(1))

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        return self.steer(carry, obs, jax.random.normal(key, (1,)))

    def steer(self, carry: PyTree, obs: PyTree, noise: Array) -> tuple[PyTree, Array]:
        return carry, jnp.where(noise < 0, -0.5, 0.5) + 0.05 * jnp.tanh(noise)


def bandit(max_steps: int = 1) -> Build[Environment]:
    return Build("env", "bandit", lambda spec: BanditEnvironment(spec.max_steps), Bandit(max_steps=max_steps))


def coin() -> Policy:
    return Coin(Normalizer.identity(1))


def demonstrated(num_steps: int = 256) -> Demonstrations:
    """Both modes, equally often."""
    random = np.random.default_rng(0)
    actions = random.choice([-0.5, 0.5], (num_steps, 1)) + 0.05 * random.normal(size=(num_steps, 1))
    paid = np.where(actions[:, 0] > 0, 1.0, 0.5).astype(np.float32)
    ones, obs = np.ones(num_steps, bool), np.zeros((2 * num_steps, 1), np.float32)
    lengths = np.ones(num_steps, np.int32)
    return Demonstrations(obs, actions.astype(np.float32), paid, ones, ~ones, lengths, spaces=SPACES)


def cloned(module: Any, spec: Any) -> Policy:
    """A clone of both modes."""
    head = Build("policy", spec.kind, module.policy, spec, (NETWORK,))
    cloning = bc.BC(num_steps=1500, learning_rate=3e-3, batch_size=64)
    return loop.train(lambda key: bc.imitate(cloning, head, demonstrated(), key=key), key=jax.random.key(0))[0]


def shares(policy: Policy) -> tuple[float, float]:
    """How often samples are near the better mode, and near the other one."""
    actions = _drawn(policy, jax.random.split(jax.random.key(3), 1000))
    return float(jnp.mean(_near(actions, 0.5))), float(jnp.mean(_near(actions, -0.5)))


@eqx.filter_jit
def _drawn(policy: Policy, keys: Array) -> Array:
    return jax.vmap(lambda key: policy.sample(policy.initial_carry(), jnp.zeros(1), key=key)[1])(keys)


def _near(actions: Array, mode: float) -> Array:
    return jnp.abs(actions[..., 0] - mode) < 0.25

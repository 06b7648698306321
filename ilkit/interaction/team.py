"""The policy and its expert in one seat: who acts, and what the expert would have done, at every step."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.interaction.gate import Gate, Seen
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.committee import Committee
from ilkit.stepping.behavior import Acting, RunningSquare


class Answer(NamedTuple):
    """What is known of a step beside the action."""

    label: Array
    """What the expert would have done."""
    drove: Bool[Array, ""]
    """Whether the expert acted."""
    doubt: Float[Array, ""]


class Team(Policy):
    """A policy that a gate hands over to an expert; its carry is what both remember and the state of the gate."""

    learner: Policy
    expert: Policy
    gate: Gate
    normalizer: Normalizer
    """That of the learner."""
    spaces: Spaces = eqx.field(static=True)

    def initial_carry(self) -> PyTree:
        """Of the learner, of the expert and of the gate."""
        return self.learner.initial_carry(), self.expert.initial_carry(), self.gate.initial_state()

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """The action of whom the gate lets act."""
        carry, seen, label, drives = self.judge(carry, obs)
        return carry, jnp.where(drives, label, seen.action)

    def judge(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Seen, Array, Bool[Array, ""]]:
        """The carry after it, what is seen, what the expert would do, and whether it acts."""
        learner_carry, expert_carry, state = carry
        learner_carry, action = self.learner.mode(learner_carry, obs)
        expert_carry, label = self.expert.mode(expert_carry, obs)
        doubt = self.learner.doubt(obs) if isinstance(self.learner, Committee) else jnp.zeros(())
        seen = Seen(obs, action, deviation(self.spaces, action, label), doubt)
        state, drives = self.gate(state, seen)
        return (learner_carry, expert_carry, state), seen, label, drives


class Supervised(Acting):
    """Acting as a team does, with the expert at a share of the steps whatever the gate says, and by a shaky hand."""

    share: Float[Array, ""]
    """β, the share of steps at which the expert acts anyway."""
    noise: Float[Array, ""]
    """The standard deviation of the noise on the expert's actions, in half ranges; 0 of a steady hand."""

    def act(
        self, policy: Policy, running: RunningSquare, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray
    ) -> tuple[RunningSquare, Array, Answer]:
        """What is done, inside of the action space, and what the expert answered."""
        assert isinstance(policy, Team)
        who_key, noise_key = jax.random.split(key)
        _, seen, label, drives = jax.vmap(policy.judge)(carry, obs)
        drove = drives | (jax.random.uniform(who_key, drives.shape) < self.share)
        space = policy.spaces.action
        if isinstance(space, Box):
            drawn = jax.random.normal(noise_key, (label.size,)).reshape(label.shape)
            label = label + self.noise * ActionUnits.of(space).half_range * drawn
        done = jnp.where(drove.reshape(-1, *[1] * (label.ndim - 1)), label, seen.action)
        if isinstance(space, Box):
            done = jnp.clip(done, *np.asarray(space.bounds, np.float32))
        return running, done, Answer(label, drove, seen.doubt)


def deviation(spaces: Spaces, action: Array, label: Array) -> Float[Array, ""]:
    """‖a - a*‖ in half ranges of the action space; of discrete actions, 1 where they differ."""
    if isinstance(spaces.action, Box):
        return jnp.sqrt(jnp.sum(((action - label) / ActionUnits.of(spaces.action).half_range) ** 2))
    return jnp.any(action != label).astype(jnp.float32)

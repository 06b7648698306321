"""The best of several actions of a clone, by critics: what is learnt is to choose, never to act.

Of n actions that the clone draws the one is taken that critics like best (as Nakano et al., WebGPT, 2021, do with
answers),

    π_n(s) = argmax_{a_j} min_i Q_i(s, a_j),  a_1, …, a_n ~ π(s),
    y = r + γ (1 - terminated) max_j min_i Q'_i(s', a_j),  a_1, …, a_k ~ π(s'),      Q_i(s, a) ← y,

which stays near the clone: KL(π_n ‖ π) ≤ log n - (n - 1) / n (Beirami et al., 2024). The clone stays as it is, whatever
its head. A chunk of actions is one decision. While only the critics learn, the clone acts.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree
from pydantic import Field, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.normalizer import Normalizer, Untrained
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces, vectors
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import refuse
from ilkit.nn.perceptron import Layers
from ilkit.off_policy.actions import continuity_faults
from ilkit.off_policy.critics import least_values, outputs_of
from ilkit.off_policy.decisions import (
    Deciding,
    Decision,
    decision_spaces,
    memory_faults,
    reinforce_decisions,
)
from ilkit.off_policy.spec import ReplaySpec
from ilkit.off_policy.updates import Batch, Learner, Rules, State
from ilkit.stepping.behavior import Behavior, RunningSquare, Sampling


class BestOfN(ReplaySpec):
    """The action that critics like best of several that the clone draws; the clone stays as it is."""

    kind: Literal["best_of_n"] = "best_of_n"
    num_actions: Annotated[int, Field(ge=2, le=10_000)] = 16
    """n: the actions of the clone that are chosen from."""
    num_target_actions: PositiveInt = 4
    """k: the same where targets are computed; 1 judges the clone, and more what chooses from as many."""

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """Actions that are choices, a policy that remembers or always draws the same, and of chunks demonstrations."""
        del parts
        return (*continuity_faults(policy.spaces.action), *memory_faults(policy), *self._draw_faults(policy))

    def _draw_faults(self, policy: Policy) -> Iterator[str]:
        if not policy.is_stochastic:
            yield (
                f"policy: must draw its actions, to be chosen from, and {type(policy).__name__} has one for each "
                "observation. Choose another policy.kind, such as gaussian or flow."
            )
        if self.demo_batch_size and policy.decision_steps > 1:
            yield (
                f"demo_batch_size: must be 0 where the policy decides {policy.decision_steps} actions at once, got "
                f"{self.demo_batch_size}: demonstrations are steps."
            )


class Kept(Untrained):
    """A policy that stays as it is."""

    policy: Policy


class ChoosingPolicy(Policy):
    """argmax over n samples a_j of the clone of min_i Q_i(s, a_j); the mode chooses among those of one key."""

    clone: Kept
    critics: Layers
    """Stacked; of their values only the order matters."""
    normalizer: Normalizer
    """The clone's, which critics take observations by."""
    spaces: Spaces = eqx.field(static=True)
    num_actions: int = eqx.field(static=True)
    has_smooth_mode: ClassVar[bool] = False

    @property
    def decision_steps(self) -> int:
        """As many as the clone decides at once."""
        return self.clone.policy.decision_steps

    def initial_carry(self) -> PyTree:
        """The clone's."""
        return self.clone.policy.initial_carry()

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """The best of the samples of key 0."""
        return self.sample(carry, obs, key=jax.random.key(0))

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """The best of n samples."""
        return self.choose(carry, obs, key=key)[:2]

    def choose(
        self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray
    ) -> tuple[PyTree, Array, Float[Array, " entries"]]:
        """The carry and the action of the best sample, and all the actions that are decided with it."""
        drawn = drawn_at_once(self.clone.policy, carry, obs, jax.random.split(key, self.num_actions))
        judged = dataclasses.replace(self, spaces=decision_spaces(self.clone.policy))
        rows = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (self.num_actions, *jnp.shape(leaf))), obs)
        best = jnp.argmax(jnp.min(outputs_of(self.critics, judged, rows, drawn[2]), axis=0))
        chosen: tuple[PyTree, Array, Array] = jax.tree.map(lambda leaf: leaf[best], drawn)
        return chosen


def drawn_at_once(
    clone: Policy, carry: PyTree, obs: PyTree, keys: Key[Array, " draws"]
) -> tuple[PyTree, Array, Float[Array, "draws entries"]]:
    """Samples of a clone: carries, actions, and all the actions that are decided with each, as they are executed."""
    low, high = _bounds(clone)

    def draw(key: PRNGKeyArray) -> tuple[PyTree, Array, Array]:
        after, action = clone.sample(carry, obs, key=key)
        rest = jax.lax.scan(lambda carry, _: clone.mode(carry, obs), after, None, length=clone.decision_steps - 1)[1]
        return after, action, jnp.clip(jnp.concatenate([action[None], rest]).reshape(-1), low, high)

    return jax.vmap(draw)(keys)


def _bounds(policy: Policy) -> tuple[Float[np.ndarray, " entries"], Float[np.ndarray, " entries"]]:
    low, high = np.asarray(vectors(decision_spaces(policy).action, "best_of_n").bounds, np.float32)
    return low, high


class Choosing(Deciding):
    """Acting by the best of several samples, or by noise about the mode."""

    behavior: Behavior

    def act(
        self, policy: Policy, running: RunningSquare, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray
    ) -> tuple[RunningSquare, Array, Decision]:
        """Draws what is chosen from for every observation; it counts where a decision begins."""
        assert isinstance(policy, ChoosingPolicy)
        if not isinstance(self.behavior, Sampling):
            running, actions, _ = self.behavior.act(policy, running, obs, key=key)
            return running, actions, Decision(jnp.clip(actions, *_bounds(policy)), carry)
        keys = jax.random.split(key, len(jax.tree.leaves(obs)[0]))
        carry, actions, chosen = jax.vmap(lambda *given: policy.choose(*given[:2], key=given[2]))(carry, obs, keys)
        return running, actions, Decision(chosen, carry)


def finetune(
    spec: BestOfN,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Learns which of its own actions the clone should take.

    **Raises:** `DataError` where the clone remembers or doesn't fit the environment, where noise would be added to
    chunks, and where demonstrations are asked for and don't suit.
    """
    behavior = exploration(cloned.spaces, uncertainty=uncertainty)
    refuse("finetune.best_of_n", (*spec.policy_faults(cloned, {}), *_noise_faults(cloned, behavior)))
    judged = ChoosingPolicy(
        clone=Kept(cloned),
        critics=Layers((), (), "relu"),
        normalizer=cloned.normalizer,
        spaces=decision_spaces(cloned),
        num_actions=spec.num_actions,
    )
    rules = _RULES._replace(policy=Partial(_policy, spec))
    return reinforce_decisions(spec, rules, env(), Choosing(behavior), cloned, judged, demos, key=key)


def _noise_faults(cloned: Policy, behavior: Behavior) -> tuple[str, ...]:
    if cloned.decision_steps == 1 or isinstance(behavior, Sampling):
        return ()
    return (
        f"exploration: must be by samples where the policy decides {cloned.decision_steps} actions at once, got "
        f"{type(behavior).__name__}. Choose exploration.kind own_density.",
    )


def _policy(spec: BestOfN, state: State) -> Policy:
    """The policy learnt so far; at first critics that say nothing, so that the first sample is taken."""
    assert isinstance(state.fixed, ChoosingPolicy)
    known = state.step >= spec.critic_warmup_steps
    critics = jax.tree.map(
        lambda leaf: leaf * known.reshape(*known.shape, *[1] * (leaf.ndim - known.ndim)), state.learner.networks.critics
    )
    return dataclasses.replace(state.fixed, critics=critics, spaces=state.fixed.clone.policy.spaces)


def _targets(spec: BestOfN, state: State, learner: Learner, batches: Batch) -> Float[Array, "updates batch"]:
    steps, policy = batches.steps, state.fixed
    assert isinstance(policy, ChoosingPolicy)
    clone, count = policy.clone.policy, spec.num_target_actions

    def drawn(obs: PyTree, key: PRNGKeyArray) -> Float[Array, "draws entries"]:
        return drawn_at_once(clone, clone.initial_carry(), obs, jax.random.split(key, count))[2]

    actions = jnp.moveaxis(jax.vmap(jax.vmap(drawn))(steps.next_obs, batches.noise), 2, 0)

    def values(actions: Float[Array, "updates batch entries"]) -> Float[Array, "updates batch"]:
        return least_values(learner.slow.critics, learner.scale, policy, steps.next_obs, actions, batches.subset)

    return steps.rewards + spec.discount * (1.0 - steps.terminated) * jnp.max(jax.vmap(values)(actions), axis=0)


def _keys(spec: BestOfN, state: State, shape: tuple[int, ...], *, key: PRNGKeyArray) -> Key[Array, "..."]:
    del spec, state
    return jax.random.split(key, shape)


def _nothing(*_: Any, **__: Any) -> tuple[()]:
    return ()


_RULES = Rules(
    policy=Partial(_policy),
    targets=Partial(_targets),
    actor_loss=None,
    noise=Partial(_keys),
    actor_noise=Partial(_nothing),
    actor=Partial(_nothing),
)

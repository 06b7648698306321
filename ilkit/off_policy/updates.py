"""Updates from batches of replayed steps: rounds of one update of the actor after some of the critics,

    Q_i ← argmin E[(Q_i(s, a) - y(r, s', terminated))²],      Q'_i ← Q'_i + τ (Q_i - Q'_i).

What y is and what the actor climbs are the `Rules` of a kind. While only the critics learn, the slow copies Q' follow
faster: what lies n steps ahead is learnt only after n of their time constants.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from ilkit.data.experience import Experience
from ilkit.data.policy import Policy
from ilkit.fitting.gradient import descend
from ilkit.nn.perceptron import Layers
from ilkit.off_policy.critics import outputs_of
from ilkit.off_policy.replay import ReplayBuffer
from ilkit.off_policy.spec import OffPolicySpec, ReplaySpec
from ilkit.reinforcement.anchor import Anchor, faded
from ilkit.reinforcement.value_scale import ValueScale, preserve_values
from ilkit.reinforcement.warmup import frozen_until
from ilkit.stepping.behavior import Acting
from ilkit.stepping.records import Trials


class Networks(NamedTuple):
    """What gradients change, or one thing for either of them."""

    actor: PyTree
    critics: PyTree
    """All critics, stacked; their values are on the learner's scale."""


class Learner(NamedTuple):
    """All that an update changes."""

    networks: Networks
    slow: Networks
    """The copies that targets are computed with; of the actor where the kind wants one, else nothing in its place."""
    moments: Networks
    """What the optimizers keep."""
    scale: ValueScale


class State(NamedTuple):
    """All that changes from one step to the next."""

    learner: Learner
    fixed: Policy
    """The part of the policy that isn't trained."""
    behavior: Acting
    anchor: Anchor | None
    trials: Trials
    buffer: ReplayBuffer
    step: Int[Array, ""]
    start: Policy
    """The policy that training started from."""


class Batch(NamedTuple):
    """What an update learns from; several of them where axes lead."""

    steps: Experience
    noise: PyTree
    """Random numbers for the targets."""
    subset: Int[Array, "*updates chosen"] | None
    """The critics that were drawn for the targets, where not all are taken."""
    returns: Float[Array, "*updates shown"] | None
    """What the demonstrations among the steps returned from there on, where there are any; see `places_of`."""


class Rules(NamedTuple):
    """What a kind does in its own way; each is a `jax.tree_util.Partial` of a function of a module."""

    policy: Callable[[State], Policy]
    """`policy(state)`: who acts, and what comes out in the end."""
    targets: Callable[..., Float[Array, "updates batch"]]
    """`targets(spec, state, learner, batches)`: the value y of every step of some batches, in units of returns."""
    actor_loss: Callable[..., tuple[Float[Array, ""], Float[Array, ""]]] | None
    """`actor_loss(actor, spec, state, learner, obs, noise)`: what the actor descends, and what is told of it; none
    where nothing but critics is learnt."""
    noise: Callable[..., PyTree]
    """`noise(spec, state, shape, key=key)`: random numbers for the targets of steps of this shape."""
    actor_noise: Callable[..., PyTree]
    """The same for the losses of the actor."""
    actor: Callable[[Any, PyTree], PyTree]
    """`actor(spec, trained)`: what the actor learns, from the trained part of the clone."""
    slow_actor: bool = False
    """Whether targets are computed with a slow copy of the actor."""
    penalty: Callable[..., Float[Array, ""]] | None = None
    """`penalty(critics, spec, state, learner, batch)`: what is added to the loss of the critics, if anything is."""


def run_round(
    rules: Rules, spec: ReplaySpec, state: State, learner: Learner, drawn: tuple[Batch, PyTree]
) -> tuple[Learner, tuple[Array, Array]]:
    """Updates the critics, then the actor once."""
    batches, noise = drawn
    size = spec.updates_per_target
    groups = jax.tree.map(lambda rows: rows.reshape(-1, size, *rows.shape[1:]), batches)
    learner, errors = jax.lax.scan(partial(_group, rules, spec, state), learner, groups)
    obs = jax.tree.map(lambda rows: rows[-1], batches.steps.obs)
    if rules.actor_loss is None:
        return learner, (jnp.zeros(()), jnp.mean(errors))
    learner, loss = _update_actor(rules, spec, state, learner, obs, noise)
    if rules.slow_actor:
        slow = optax.incremental_update(learner.networks.actor, learner.slow.actor, _rate(spec, state))
        learner = learner._replace(slow=learner.slow._replace(actor=slow))
    return learner, (loss, jnp.mean(errors))


def _group(rules: Rules, spec: ReplaySpec, state: State, learner: Learner, batches: Batch) -> tuple[Learner, Array]:
    """Updates the critics, then their slow copies once; the scale holds the targets before they are learnt."""
    targets = rules.targets(spec, state, learner, batches)
    learner = _rescaled(learner, targets)
    learner, errors = jax.lax.scan(partial(_update_critics, rules, spec, state), learner, (batches, targets))
    slow = optax.incremental_update(learner.networks.critics, learner.slow.critics, _rate(spec, state))
    return learner._replace(slow=learner.slow._replace(critics=slow)), errors


def _update_critics(
    rules: Rules, spec: ReplaySpec, state: State, learner: Learner, drawn: tuple[Batch, Float[Array, " batch"]]
) -> tuple[Learner, Float[Array, ""]]:
    batch, targets = drawn

    def loss(critics: Layers) -> Float[Array, ""]:
        outputs = outputs_of(critics, state.fixed, batch.steps.obs, batch.steps.actions)
        error = 0.5 * jnp.mean(jnp.sum((outputs - learner.scale.standardize(targets)) ** 2, axis=0))
        return error if rules.penalty is None else error + rules.penalty(critics, spec, state, learner, batch)

    error, gradient = jax.value_and_grad(loss)(learner.networks.critics)
    optimizer = optimizers_of(spec).critics
    critics, moments = descend(optimizer, gradient, learner.moments.critics, learner.networks.critics)
    networks, all_moments = learner.networks._replace(critics=critics), learner.moments._replace(critics=moments)
    return learner._replace(networks=networks, moments=all_moments), error


def _update_actor(
    rules: Rules, spec: ReplaySpec, state: State, learner: Learner, obs: PyTree, noise: PyTree
) -> tuple[Learner, Float[Array, ""]]:
    def loss(actor: PyTree) -> tuple[Float[Array, ""], Float[Array, ""]]:
        assert rules.actor_loss is not None
        return rules.actor_loss(actor, spec, state, learner, obs, noise)

    gradient, told = jax.grad(loss, has_aux=True)(learner.networks.actor)
    optimizer = optimizers_of(spec).actor
    actor, moments = descend(optimizer, gradient, learner.moments.actor, learner.networks.actor)
    networks, all_moments = learner.networks._replace(actor=actor), learner.moments._replace(actor=moments)
    return learner._replace(networks=networks, moments=all_moments), told


def _rescaled(learner: Learner, targets: Float[Array, "..."]) -> Learner:
    """The learner whose scale has taken the targets in, and whose critics say what they said."""
    scale = learner.scale.add(targets)
    networks, slow = (
        both._replace(critics=preserve_values(both.critics, learner.scale, scale))
        for both in (learner.networks, learner.slow)
    )
    return learner._replace(networks=networks, slow=slow, scale=scale)


def clone_cost(spec: OffPolicySpec, state: State) -> Float[Array, ""]:
    """What a departure from the clone costs in this step; the state has an anchor."""
    assert state.anchor is not None
    return faded(state.anchor, state.step - spec.critic_warmup_steps, spec.clone_half_life)


def _rate(spec: ReplaySpec, state: State) -> Float[Array, ""]:
    return jnp.where(state.step < spec.critic_warmup_steps, spec.warmup_target_rate, spec.target_rate)


def optimizers_of(spec: ReplaySpec) -> Networks:
    """The optimizers of the actor, which stands still at first, where there is one, and of the critics."""
    critics = optax.flatten(optax.adam(spec.critic_learning_rate))
    if not isinstance(spec, OffPolicySpec):
        return Networks(optax.identity(), critics)
    actor = optax.flatten(optax.adam(spec.learning_rate))
    return Networks(frozen_until(actor, spec.critic_warmup_steps * spec.rounds), critics)

"""Adversarial matching: a discriminator tells tried steps from demonstrated ones, and the policy is led by its value.

In each iteration the policy is tried, the discriminator takes a few gradient steps on what was demonstrated and what
was tried, the rewards of the rollout become those that it makes, and the policy is improved on them (PPO).
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.reward import Imitation
from ilkit.data.spaces import Spaces, zeros
from ilkit.data.training import Training
from ilkit.data.windows import Transitions
from ilkit.fitting.gradient import partition
from ilkit.matching.absorbing import Visits, demonstrated_share, memory_of, visits_of
from ilkit.matching.adversarial_spec import AdversarialSpec
from ilkit.matching.cloned import first_policy
from ilkit.matching.demonstrated import check_matched_spaces, check_matched_steps
from ilkit.matching.discrimination import Fitted, Game, Shares, Side, discriminate, logits_of
from ilkit.matching.discriminator import Discriminator, DiscriminatorReward
from ilkit.matching.features import Features, reads_next_state
from ilkit.matching.info import AdversarialInfo
from ilkit.matching.loop import Judged, train_matching
from ilkit.matching.pairs import (
    Pairs,
    Replay,
    draw_demonstrated,
    draw_replayed,
    draw_uniformly,
    empty_replay,
    pairs_of,
    remember,
)
from ilkit.matching.spectral import first_directions
from ilkit.stepping.behavior import Sampling
from ilkit.stepping.records import Rollout


class Kind(eqx.Module):
    """What makes a kind of adversarial matching."""

    draw: Callable[..., Discriminator]
    """`draw(features, key=key)`: a discriminator, of which there are the features of a step as one vector."""
    game: Game = eqx.field(static=True)
    reward_of: Callable[[Discriminator], DiscriminatorReward]
    """The reward of a discriminator, whose function of values is that of logits while the policy learns."""
    subtracts_density: bool = eqx.field(static=True, default=False)
    """Whether the logit is V - log π(a | s), rather than V."""
    reads_next: bool = eqx.field(static=True, default=False)
    """Whether V depends on s', whatever the inputs are."""


class Adversary(NamedTuple):
    """All of the discriminator's side that changes."""

    fitted: Fitted
    replay: Replay | None
    visits: Visits
    """Those of the last iterations."""


class Demonstrated(eqx.Module):
    """What was demonstrated."""

    transitions: Transitions
    absorbed: Float[Array, ""]
    """The share of the absorbing state."""
    max_steps: int = eqx.field(static=True)
    """The time limit of the environment."""


def match_adversarially(
    spec: AdversarialSpec,
    kind: Kind,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """The training run of a policy and its discriminator.

    **Raises:** `DataError` where the policy has no density or a memory, and where the demonstrations were recorded in
    other spaces than the environment's, hold no step, or no s' although the discriminator sees it.
    """
    world = env()
    check_matched_spaces(world.spaces, demos, spec.kind)
    check_matched_steps(demos, spec.kind, reads_next=kind.reads_next or reads_next_state(spec.inputs))
    share = demonstrated_share(demos, world.max_steps) if spec.absorbing_states else 0.0
    given = Demonstrated(demos.transitions(), jnp.asarray(share, jnp.float32), world.max_steps)
    begin = Partial(_begin, spec, kind, policy, demos.spaces, given.transitions)
    judge, reward_of = Partial(_judge, spec, kind, given), Partial(_reward_of, kind)
    return train_matching(spec, world, begin, judge, reward_of, AdversarialInfo, key=key)


def _begin(
    spec: AdversarialSpec,
    kind: Kind,
    policy: Build[Policy],
    spaces: Spaces,
    transitions: Transitions,
    *,
    key: PRNGKeyArray,
) -> tuple[Policy, Adversary]:
    policy_key, discriminator_key = jax.random.split(key)
    clone_steps = spec.clone_steps if spec.start == "clone" else 0
    first = first_policy(spec, policy, spaces, transitions, clone_steps, key=policy_key)
    features = Features.of(first.normalizer, spaces, transitions, spec.inputs, absorbing=spec.absorbing_states)
    trained, fixed = partition(kind.draw(features, key=discriminator_key))
    moments = optax.adam(spec.discriminator_learning_rate).init(trained)
    directions = first_directions(trained) if spec.spectral_norm else None
    replay = empty_replay(_blank(spec, spaces), 1 + spec.replay_iterations) if spec.replay_iterations else None
    return first, Adversary(Fitted(trained, fixed, moments, directions), replay, Visits.none())


def _blank(spec: AdversarialSpec, spaces: Spaces) -> Pairs:
    count = spec.num_envs * spec.rollout_length
    obs = jax.tree.map(jnp.asarray, zeros(spaces.observation, count))
    return Pairs(obs, jnp.asarray(zeros(spaces.action, count)), obs, jnp.zeros(count, bool))


def _judge(
    spec: AdversarialSpec,
    kind: Kind,
    demonstrated: Demonstrated,
    adversary: Adversary,
    policy: Policy,
    rollout: Rollout,
    ages: Int[Array, " envs"],
    *,
    key: PRNGKeyArray,
) -> Judged:
    """Trains the discriminator, and rewards the rollout by it."""
    draw_key, step_key = jax.random.split(key)
    pairs = pairs_of(rollout)
    log_probs = _log_probs(policy, pairs) if kind.subtracts_density or spec.entropy_weight is not None else None
    visits, shares = _visited(spec, demonstrated, adversary.visits, rollout, ages)
    replay = None if adversary.replay is None else remember(adversary.replay, pairs)
    sides = _batches(spec, kind, demonstrated, adversary.fitted.discriminator, policy, pairs, replay, key=draw_key)
    fitted, told = discriminate(spec, kind.game, adversary.fitted, sides, shares, key=step_key)
    rewards = _earned(spec, kind, fitted.discriminator, pairs, log_probs).reshape(rollout.outcome.rewards.shape)
    curves = {
        "accuracy": told.accuracy,
        "discriminator_loss": told.loss,
        "learnt_reward": jnp.mean(rewards),
    }
    return Judged(Adversary(fitted, replay, visits), rewards, curves)


def _visited(
    spec: AdversarialSpec, demonstrated: Demonstrated, before: Visits, rollout: Rollout, ages: Int[Array, " envs"]
) -> tuple[Visits, Shares]:
    if not spec.absorbing_states:
        return before, Shares(demonstrated.absorbed, before.share)
    limit, outcome = demonstrated.max_steps, rollout.outcome
    now = visits_of(ages, outcome.terminated, outcome.truncated, limit)
    visits = before.after(now, memory_of(spec.rollout_length, limit))
    return visits, Shares(demonstrated.absorbed, visits.share)


def _batches(
    spec: AdversarialSpec,
    kind: Kind,
    demonstrated: Demonstrated,
    discriminator: Discriminator,
    policy: Policy,
    pairs: Pairs,
    replay: Replay | None,
    *,
    key: PRNGKeyArray,
) -> tuple[Side, Side]:
    """The batches of all gradient steps, demonstrated and tried, as the discriminator sees them."""
    expert_key, learner_key, replay_key = jax.random.split(key, 3)
    count = spec.num_discriminator_steps * spec.discriminator_batch_size
    rows = draw_uniformly(len(pairs.terminated), count, key=learner_key)
    tried = jax.tree.map(lambda column: column[rows], pairs)
    if replay is not None:
        tried = draw_replayed(replay, rows, key=replay_key)

    def side(drawn: Pairs) -> Side:
        densities = _log_probs(policy, drawn) if kind.subtracts_density else None
        whole = Side(discriminator.see(drawn), densities)
        shape = (spec.num_discriminator_steps, spec.discriminator_batch_size)
        split: Side = jax.tree.map(lambda column: column.reshape(*shape, *column.shape[1:]), whole)
        return split

    return side(draw_demonstrated(demonstrated.transitions, count, key=expert_key)), side(tried)


def _earned(
    spec: AdversarialSpec,
    kind: Kind,
    discriminator: Discriminator,
    pairs: Pairs,
    log_probs: Float[Array, " rows"] | None,
) -> Float[Array, " rows"]:
    """What each step earns: of its logit, for the entropy, and γ r(absorbing) / (1 - γ) where it terminated."""
    side = Side(discriminator.see(pairs), log_probs if kind.subtracts_density else None)
    of = kind.reward_of(discriminator).of
    rewards = of(logits_of(discriminator, side))
    if spec.entropy_weight is not None and log_probs is not None:
        rewards = rewards - spec.entropy_weight * log_probs
    absorbing = discriminator.see_absorbing()
    if absorbing is None:
        return rewards
    forever = spec.discount / (1.0 - spec.discount) * of(discriminator.values(absorbing))[0]
    return rewards + jnp.where(pairs.terminated, forever, 0.0)


def _log_probs(policy: Policy, pairs: Pairs) -> Float[Array, " rows"]:
    return Sampling().log_prob(policy, pairs.obs, pairs.actions, ())


def _reward_of(kind: Kind, adversary: Adversary) -> DiscriminatorReward:
    return kind.reward_of(adversary.fitted.discriminator)

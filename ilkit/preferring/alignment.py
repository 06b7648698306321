"""Gradient steps on a loss of pairs, from a reference whose likelihoods are computed once."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.spaces import check_spaces
from ilkit.data.training import Training, names_of
from ilkit.errors import refuse
from ilkit.fitting.gradient import descend, partition
from ilkit.preferring.answers import check_answers, check_starts, see_alike
from ilkit.preferring.likelihood import Acts, log_probs
from ilkit.preferring.objectives import Objective, Scores
from ilkit.preferring.spec import AlignSpec, RecordedSpec


class AlignmentInfo(NamedTuple):
    """The learning curves of alignment, each a mean over the batch."""

    accuracy: Float[Array, ""]
    """How often the margin is on the side of the answer; a margin of 0 and a tie count one half."""
    chosen_reward: Float[Array, ""]
    """β log π / π_ref of the preferred clips. It may fall while the margin grows, if the other's falls faster."""
    loss: Float[Array, ""]
    margin: Float[Array, ""]
    """How far the preferred clips are ahead, in nats."""
    rejected_reward: Float[Array, ""]
    """β log π / π_ref of the others."""


class Aligned(NamedTuple):
    """A policy in training."""

    trained: PyTree
    fixed: Policy
    """The part of the policy that isn't trained."""
    moments: optax.OptState

    @property
    def policy(self) -> Policy:
        """The policy learnt so far."""
        found: Policy = eqx.combine(self.trained, self.fixed)
        return found


class Answered(NamedTuple):
    """Pairs with their answers, rows leading, and what the reference says of them."""

    acts: Acts
    probability: Float[Array, " pairs"]
    reference: Float[Array, "2 pairs"]

    def take(self, rows: Int[Array, " batch"]) -> "Answered":
        """Those of these rows."""
        return Answered(self.acts.take(rows), self.probability[rows], self.reference[:, rows])


class _State(NamedTuple):
    aligned: Aligned
    reference: Float[Array, "2 pairs"]


def train_alignment(
    spec: AlignSpec, kind: str, objective: Objective, reference: Policy, preferences: Preferences
) -> Training[Policy]:
    """The training run of a kind, which starts from the reference; each step draws a batch of the pairs.

    **Raises:** `DataError` where the reference has no density or other spaces than the clips, or no answer differs.
    """
    check_spaces(preferences.first.spaces, reference.spaces)
    refuse(f"align.{kind}", spec.policy_faults(reference, {}))
    check_answers(preferences)
    pairs = preferences.pairs()
    acts = Acts.of_pairs(pairs)
    if see_alike(preferences) and not jax.tree.leaves(reference.initial_carry()):
        acts = acts.seen_once()
    return Training(
        _begin(spec, objective, reference, acts),
        Partial(_step, spec, objective, acts, pairs.probability, pairs.count),
        Partial(_policy_of),
        spec.num_steps,
        info_names=names_of(AlignmentInfo),
    )


def train_recorded(
    spec: RecordedSpec, kind: str, objective: Objective, reference: Policy, preferences: Preferences
) -> Training[Policy]:
    """The same, of a loss that compares what was done from one start.

    **Raises:** `DataError` where most pairs start in different states, also.
    """
    check_starts(preferences, kind, allow_different_starts=spec.allow_different_starts)
    return train_alignment(spec, kind, objective, reference, preferences)


def start_from(spec: Any, reference: Policy) -> Aligned:
    """A policy that begins as the reference."""
    trained, fixed = partition(reference)
    return Aligned(trained, fixed, optimizer_of(spec).init(trained))


def sums_of(objective: Objective, policy: Policy, acts: Acts) -> Float[Array, "sides pairs"]:
    """The weighted sums of the log densities of both clips of each pair."""
    return jnp.sum(objective.weights(acts.mask) * log_probs(policy, acts), axis=-1)


def descend_once(spec: Any, objective: Objective, aligned: Aligned, batch: Answered) -> tuple[Aligned, AlignmentInfo]:
    """Takes a gradient step on the mean loss of a batch."""

    def mean_loss(trained: PyTree) -> tuple[Float[Array, ""], Scores]:
        sums = sums_of(objective, eqx.combine(trained, aligned.fixed), batch.acts)
        scores = Scores(*sums, *batch.reference)
        return jnp.mean(objective.loss(scores, batch.probability)), scores

    (loss, scores), gradient = jax.value_and_grad(mean_loss, has_aux=True)(aligned.trained)
    trained, moments = descend(optimizer_of(spec), gradient, aligned.moments, aligned.trained)
    return aligned._replace(trained=trained, moments=moments), told(objective, scores, batch.probability, loss)


def told(
    objective: Objective, scores: Scores, probability: Float[Array, " pairs"], loss: Float[Array, ""]
) -> AlignmentInfo:
    """What a batch tells."""
    first = objective.beta * (scores.first - scores.reference_first)
    second = objective.beta * (scores.second - scores.reference_second)
    margin = objective.margin(scores)
    agrees = 0.5 + 0.5 * jnp.sign(margin)
    return AlignmentInfo(
        accuracy=jnp.mean(probability * agrees + (1.0 - probability) * (1.0 - agrees)),
        chosen_reward=jnp.mean(probability * first + (1.0 - probability) * second),
        loss=loss,
        margin=jnp.mean((2.0 * probability - 1.0) * margin),
        rejected_reward=jnp.mean(probability * second + (1.0 - probability) * first),
    )


def optimizer_of(spec: Any) -> optax.GradientTransformation:
    """Adam."""
    return optax.flatten(optax.adam(spec.learning_rate))


def draw_pairs(count: Int[Array, ""], batch_size: int, *, key: PRNGKeyArray) -> Int[Array, " batch"]:
    """Draws rows of pairs with replacement."""
    bits = jax.random.bits(key, (batch_size,), jnp.uint32)
    return (bits % count.astype(jnp.uint32)).astype(jnp.int32)


@eqx.filter_jit
def _begin(spec: AlignSpec, objective: Objective, reference: Policy, acts: Acts) -> _State:
    return _State(start_from(spec, reference), sums_of(objective, reference, acts))


def _step(
    spec: AlignSpec,
    objective: Objective,
    acts: Acts,
    probability: Float[Array, " pairs"],
    count: Int[Array, ""],
    state: _State,
    key: PRNGKeyArray,
) -> tuple[_State, AlignmentInfo]:
    rows = draw_pairs(count, spec.batch_size, key=key)
    batch = Answered(acts, probability, state.reference).take(rows)
    aligned, info = descend_once(spec, objective, state.aligned, batch)
    return state._replace(aligned=aligned), info


def _policy_of(state: _State) -> Policy:
    return state.aligned.policy

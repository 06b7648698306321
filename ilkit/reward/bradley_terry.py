"""Rewards whose sums explain which clip was preferred (Bradley and Terry, 1952; Christiano et al., 2017).

    P(first ≻ second) = (1 - m) σ(d) + m σ(-d),    d = Σ_t r(s_t, a_t, s_t') of the first clip - that of the second,

where a share m of the answers is taken to be a mistake. Each member of an ensemble learns from a bootstrap of the pairs
that is drawn once, and is standardized on the clips: answers determine a reward up to a constant a step.
"""

from typing import Annotated, Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.clip_digests import equal_pairs
from ilkit.data.network import Network
from ilkit.data.padding import capacity_of
from ilkit.data.preferences import Pairs, Preferences
from ilkit.data.reward import Reward
from ilkit.data.spaces import Spaces
from ilkit.data.training import Training, names_of
from ilkit.errors import DataError
from ilkit.fitting.alike import alike
from ilkit.fitting.gradient import descend, partition
from ilkit.preferring.answers import check_answers
from ilkit.preferring.losses import bradley_terry_loss
from ilkit.preferring.reward_ensemble import Inputs, RewardEnsemble, Units, flat_steps
from ilkit.spec import Spec

_LOOKS = 16
"""Held-out pairs are looked at after each of the first steps, and then the less often the later: after step s, every
s / 16 steps, so that the best step is known to a share of it, and a look costs little."""


class BradleyTerry(Spec):
    """Rewards whose sums explain which clip was preferred (Bradley and Terry, 1952)."""

    kind: Literal["bradley_terry"] = "bradley_terry"
    inputs: Inputs = "obs_action"
    """What of a step (s, a, s') the reward depends on."""
    num_members: PositiveInt = 3
    """Networks, each on its own bootstrap of the pairs; a single one has all of them."""
    mistake: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """m: how often an answer is taken to be the opposite of what was meant."""
    weight_decay: NonNegativeFloat = 0.0
    """What weights lose of themselves each step, in units of the step size (Loshchilov and Hutter, 2019)."""
    holdout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The share of pairs that a member learns nothing from, one at least, by whose answers its best step is kept; with
    0, the last one is. Each member has others, so that together they learn from all; pairs of the same clips stay
    together."""
    learning_rate: PositiveFloat = 1e-3
    """The step size of Adam."""
    batch_size: PositiveInt = 64
    """Pairs a gradient step and member."""
    num_steps: PositiveInt = 1_000
    """Gradient steps."""
    num_seeds: PositiveInt = 1
    """Ensembles, trained in one compiled call."""


class RewardInfo(NamedTuple):
    """The learning curves of a reward, means over batch and members."""

    accuracy: Float[Array, ""]
    """The share of answers that the rewards of the clips agree with; of a tie, one half."""
    loss: Float[Array, ""]


class HeldOutInfo(NamedTuple):
    """The same where pairs are held out, of whose answers the last look tells."""

    accuracy: Float[Array, ""]
    best_step: Float[Array, ""]
    """The step that is kept so far."""
    held_out_accuracy: Float[Array, ""]
    held_out_loss: Float[Array, ""]
    loss: Float[Array, ""]


class _HeldOut(NamedTuple):
    """Pairs that a member learns nothing from, and what their answers have said so far."""

    rows: Int[Array, "members held_out"]
    best: PyTree
    """What was trained at the best step of each member."""
    best_loss: Float[Array, " members"]
    best_step: Int[Array, " members"]
    accuracy: Float[Array, ""]
    loss: Float[Array, ""]


class _State(NamedTuple):
    trained: PyTree
    fixed: RewardEnsemble
    moments: optax.OptState
    counts: "_Counts"
    own: Int[Array, "members capacity"]
    """The pairs of each member, as many in front as it has."""
    held_out: _HeldOut | None
    step: Int[Array, ""]


class _Counts(NamedTuple):
    """Of how many pairs each member learns, and how many it holds out."""

    learnt: Int[Array, " members"]
    held_out: Int[Array, " members"]


def reward(
    spec: BradleyTerry, network: Build[Network], preferences: Preferences, *, key: PRNGKeyArray
) -> Training[Reward]:
    """Learns a reward from answers.

    **Raises:** `DataError` where all answers are equal, the network has a memory, or no pair is left to learn from.
    """
    check_answers(preferences)
    num_held = max(round(spec.holdout * preferences.num_pairs), 1 if spec.holdout else 0)
    if num_held >= preferences.num_pairs:
        raise DataError(
            f"reward.bradley_terry.holdout must leave pairs on both sides, got {spec.holdout:g} of "
            f"{preferences.num_pairs} pairs. Ask about more, or set it to 0."
        )
    equal = equal_pairs(preferences)
    if num_held and not equal.any():
        raise DataError(
            f"reward.bradley_terry.holdout must leave pairs on both sides, and all {preferences.num_pairs} pairs "
            "are of the same two clips. Ask about others, or set it to 0."
        )
    pairs, spaces = preferences.pairs(), preferences.first.spaces
    equal = np.append(equal, np.arange(len(equal), len(pairs.probability))).astype(np.int32)
    room = capacity_of(num_held + int(np.bincount(equal).max()) - 1) if num_held else 0
    return Training(
        _begin(spec, network, spaces, pairs, jnp.asarray(equal), jnp.asarray(num_held, jnp.int32), room, key),
        Partial(_step, spec, pairs),
        Partial(_finish, pairs),
        spec.num_steps,
        info_names=names_of(HeldOutInfo if room else RewardInfo),
    )


@eqx.filter_jit
def _begin(
    spec: BradleyTerry,
    network: Build[Network],
    spaces: Spaces,
    pairs: Pairs,
    equal: Int[Array, " capacity"],
    num_held: Int[Array, ""],
    room: int,
    key: PRNGKeyArray,
) -> _State:
    networks_key, order_key, bootstrap_key = jax.random.split(key, 3)
    drawn = RewardEnsemble.draw(
        network, spaces, spec.inputs, spec.num_members, (pairs.first, pairs.second), key=networks_key
    )
    trained, fixed = partition(drawn)
    capacity = len(pairs.probability)
    places = jnp.arange(capacity)
    shape = (spec.num_members, capacity)
    drawn_places = jnp.where(places < pairs.count, jax.random.uniform(order_key, shape)[:, equal], 2.0)
    order = jnp.lexsort((jnp.broadcast_to(equal, shape), drawn_places))
    counts = _counts(equal[order], pairs.count, num_held)
    most = counts.learnt[:, None]
    resampled = jax.random.randint(bootstrap_key, shape, 0, most) if spec.num_members > 1 else places[None]
    return _State(
        trained,
        fixed,
        _optimizer(spec).init(trained),
        counts,
        jnp.take_along_axis(order, jnp.minimum(counts.held_out[:, None] + resampled, capacity - 1), axis=1),
        _unseen(trained, order[:, :room]) if room else None,
        jnp.zeros((), jnp.int32),
    )


def _counts(equal: Int[Array, "members capacity"], count: Int[Array, ""], num_held: Int[Array, ""]) -> _Counts:
    """As many held out, from the first, as leave equal pairs together, which stand side by side: about `num_held`."""
    places = jnp.arange(1, equal.shape[1])
    parts = (equal[:, 1:] != equal[:, :-1]) & (places < count)
    nearest = places[jnp.argmin(jnp.where(parts, jnp.abs(places - num_held), equal.shape[1]), axis=1)]
    held_out = jnp.where(num_held > 0, nearest, 0).astype(jnp.int32)
    return _Counts(count - held_out, held_out)


def _unseen(trained: PyTree, rows: Int[Array, "members held_out"]) -> _HeldOut:
    """Held-out pairs before the first look at them."""
    never, nothing = jnp.full(len(rows), jnp.inf, jnp.float32), jnp.zeros(())
    return _HeldOut(rows, trained, never, jnp.zeros(len(rows), jnp.int32), nothing, nothing)


def _step(
    spec: BradleyTerry, pairs: Pairs, state: _State, key: PRNGKeyArray
) -> tuple[_State, RewardInfo | HeldOutInfo]:
    shape = (spec.num_members, spec.batch_size)
    places = jax.random.randint(key, shape, 0, state.counts.learnt[:, None])
    rows = jnp.take_along_axis(state.own, places, axis=1)

    def total(trained: PyTree) -> tuple[Float[Array, ""], tuple[Array, Array]]:
        losses, hits = _judged(spec, eqx.combine(trained, state.fixed), pairs, rows)
        return jnp.sum(jnp.mean(losses, axis=1)), (losses, hits)

    gradient, (losses, hits) = jax.grad(total, has_aux=True)(state.trained)
    trained, moments = descend(_optimizer(spec), gradient, state.moments, state.trained)
    state = state._replace(trained=trained, moments=moments, step=state.step + 1)
    info = RewardInfo(jnp.mean(hits), jnp.mean(losses))
    if state.held_out is None:
        return state, info
    due = (state.step % jnp.maximum(state.step // _LOOKS, 1) == 0) | (state.step == spec.num_steps)
    held = jax.lax.cond(alike(due), Partial(_look, spec, pairs), lambda state: state.held_out, state)
    best_step = jnp.mean(held.best_step.astype(jnp.float32))
    return state._replace(held_out=held), HeldOutInfo(info.accuracy, best_step, held.accuracy, held.loss, info.loss)


def _look(spec: BradleyTerry, pairs: Pairs, state: _State) -> _HeldOut:
    """Keeps of each member what is trained by now, where held-out answers are better explained than ever."""
    held = state.held_out
    assert held is not None
    valid = jnp.arange(held.rows.shape[1]) < state.counts.held_out[:, None]
    found = _judged(spec, eqx.combine(state.trained, state.fixed), pairs, held.rows)
    losses, hits = (_mean(one, valid) for one in found)
    better = losses < held.best_loss
    return _HeldOut(
        held.rows,
        jax.tree.map(lambda new, old: jnp.where(_along(better, new), new, old), state.trained, held.best),
        jnp.where(better, losses, held.best_loss),
        jnp.where(better, state.step, held.best_step),
        jnp.mean(hits),
        jnp.mean(losses),
    )


def _judged(
    spec: BradleyTerry, reward: RewardEnsemble, pairs: Pairs, rows: Int[Array, "members batch"]
) -> tuple[Float[Array, "members batch"], Float[Array, "members batch"]]:
    """The loss of each answer by each member, and how far its reward agrees."""

    def returns(network: Network, rows: Int[Array, " batch"]) -> Float[Array, "2 batch"]:
        sides = jax.tree.map(lambda column: column[rows], (pairs.first, pairs.second))
        steps, mask = flat_steps(sides)
        seen = reward.see(steps.obs, steps.actions, steps.next_obs)
        found = jax.vmap(lambda one: network((), one)[1][0])(seen).reshape(mask.shape)
        return jnp.sum(jnp.where(mask, found, 0.0), axis=-1)

    first, second = jnp.moveaxis(eqx.filter_vmap(returns)(reward.networks, rows), 1, 0)
    probability, difference = pairs.probability[rows], first - second
    agrees = 0.5 + 0.5 * jnp.sign(difference)
    hits = probability * agrees + (1.0 - probability) * (1.0 - agrees)
    return bradley_terry_loss(difference, probability, spec.mistake), hits


def _finish(pairs: Pairs, state: _State) -> Reward:
    """The best of each member, in units of the clips it was learnt from."""
    kept = state.trained if state.held_out is None else state.held_out.best
    reward: RewardEnsemble = eqx.combine(kept, state.fixed)
    steps, mask = flat_steps((pairs.first, pairs.second))
    valid = mask.ravel()
    seen = reward.see(steps.obs, steps.actions, steps.next_obs)
    found = reward.raw(lambda network: jax.vmap(lambda one: network((), one)[1][0])(seen))
    mean = _mean(found, valid)
    std = jnp.sqrt(_mean((found - mean[:, None]) ** 2, valid))
    units = Units(mean, jnp.where(std > 1e-6, std, 1.0))
    return eqx.tree_at(lambda reward: reward.units, reward, units)


def _mean(values: Float[Array, "members rows"], valid: Bool[Array, "*members rows"]) -> Float[Array, " members"]:
    return jnp.sum(jnp.where(valid, values, 0.0), axis=1) / jnp.sum(valid, axis=-1)


def _along(flags: Bool[Array, " members"], leaf: Array) -> Array:
    return flags.reshape(-1, *[1] * (leaf.ndim - 1))


def _optimizer(spec: Any) -> optax.GradientTransformation:
    return optax.adamw(spec.learning_rate, weight_decay=spec.weight_decay)

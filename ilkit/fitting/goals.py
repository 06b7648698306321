"""Goals in hindsight: what was achieved later in an episode is a goal that the episode reached.

An action at step t led to what was achieved h steps later, whatever it was meant for (Kaelbling, 1993; Andrychowicz et
al., Hindsight experience replay, 2017). Of n steps that are left, 1 <= h <= n: with h = 0 there is no action to learn,
and the last observation of an episode is a goal, too.
"""

import warnings
from collections.abc import Iterator
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree, Shaped

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED, DESIRED, STEPS_LEFT
from ilkit.data.normalizer import Model, RelativeGoals, replace_normalizers
from ilkit.data.spaces import Box, Dict, Space, described
from ilkit.data.windows import Transitions, Window, windows
from ilkit.errors import counted

Strategy = Literal["uniform", "geometric", "final", "rounded_uniform", "clipped_geometric"]
"""How far ahead goals are drawn: h is uniform; of probability γ^(h-1) (1 - γ) / (1 - γⁿ); n; and as OGBench draws (Park
et al., 2025): rounded, so that both ends come half as often, or geometric without an end, the last state instead."""


def distance(achieved: Shaped[Array, "*goal"], desired: Shaped[Array, "*goal"]) -> Float[Array, ""]:
    """‖achieved - desired‖ of one goal; 0 where the numbers are equal."""
    return jnp.sqrt(jnp.sum((achieved.astype(jnp.float32) - desired.astype(jnp.float32)) ** 2))


def reached(
    achieved: Shaped[Array, "*goal"], desired: Shaped[Array, "*goal"], tolerance: float | Float[Array, ""]
) -> Bool[Array, ""]:
    """Whether a goal counts as reached: it is at most `tolerance` away, in the units of goals."""
    return distance(achieved, desired) <= tolerance


def with_goal(
    obs: dict[str, PyTree], goal: Shaped[Array | np.ndarray, "..."], steps_left: Float[Array, "*batch"] | None = None
) -> dict[str, PyTree]:
    """Observations that ask for this goal, one for all or one each, with this share of an episode's steps left.

    Where observations have no `steps_left`, or none is given, that is left alone.
    """
    asked = {**obs, DESIRED: jnp.broadcast_to(goal, obs[DESIRED].shape)}
    if steps_left is None or STEPS_LEFT not in obs:
        return asked
    shown = obs[STEPS_LEFT]
    left = steps_left.reshape(*steps_left.shape, *[1] * (shown.ndim - steps_left.ndim))
    return {**asked, STEPS_LEFT: jnp.broadcast_to(left, shown.shape).astype(shown.dtype)}


def draw_offset(
    strategy: Strategy, ahead: Int[Array, "*batch"], discount: float | Float[Array, ""], *, key: PRNGKeyArray
) -> Int[Array, "*batch"]:
    """Draws how many steps ahead a goal lies, from 1 to the n steps that are left, `ahead`."""
    if strategy == "final":
        return ahead
    if strategy == "uniform":
        bits = jax.random.bits(key, (ahead.size,), jnp.uint32).reshape(ahead.shape)
        return 1 + (bits % ahead.astype(jnp.uint32)).astype(jnp.int32)
    share = jax.random.uniform(key, (ahead.size,)).reshape(ahead.shape)
    if strategy == "rounded_uniform":
        return jnp.round(share + ahead * (1.0 - share)).astype(jnp.int32)
    log_discount = jnp.log(jnp.asarray(discount, jnp.float32))
    mass = -jnp.expm1(ahead * log_discount) if strategy == "geometric" else 1.0
    drawn = jnp.ceil(jnp.log1p(-share * mass) / log_discount)  # the inverse of 1 - γ^h, the share up to h
    return jnp.clip(drawn, 1, ahead).astype(jnp.int32)


def warn_of_intentions(demos: Demonstrations) -> None:
    """Warns where actions are labels of something else than what was done: in hindsight, what was done led there."""
    if demos.executed is None:
        return
    apart = (demos.executed != demos.actions).reshape(demos.num_steps, -1).any(axis=1).mean()
    warnings.warn(
        f"{apart:.0%} of the labels aren't what was done, and in hindsight it is what was done that led to a goal. "
        "Record with rollout.episodes.label: executed.",
        stacklevel=3,
    )


def warn_of_single_steps(demos: Demonstrations) -> None:
    """Warns where no episode has more than one step: goals are a step ahead then, and nothing leads further."""
    if int(demos.lengths.max()) == 1:
        warnings.warn(
            f"All of {counted(demos.num_episodes, 'episode')} have one step, so that no goal is further than one step "
            "ahead. Learn from whole episodes; what augment.relabel has made is for kinds that know nothing of goals.",
            stacklevel=3,
        )


def relative_faults(observation: Space, achieved: Shaped[np.ndarray, "rows ..."] | None = None) -> Iterator[str]:
    """What keeps goals from being given as the way there: goals that are no real numbers, or one-hot vectors."""
    goal = dict(observation.entries)[DESIRED] if isinstance(observation, Dict) else observation
    got = described(goal)
    if isinstance(goal, Box) and goal.is_floating:
        if achieved is None or not _is_one_hot(achieved):
            return
        got = "one-hot vectors"
    yield f"relative: needs goals that are real numbers, to be subtracted, got {got}. Set it to false."


def _is_one_hot(rows: Shaped[np.ndarray, "rows ..."]) -> bool:
    if rows.ndim != 2 or rows.shape[1] < 2:
        return False
    return bool(((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all())


def goal_windows(
    transitions: Transitions,
    rows: Int[Array, " batch"],
    places: Int[Array, " batch"],
    steps: Int[Array, " batch"],
    past: int,
    ahead: int,
    max_steps: int,
) -> Window:
    """The windows around these rows, each with one goal: what was achieved at these places, of T + 1 an episode.

    `steps` is how far the goal is said to lie from the row, and a share of `max_steps` where observations show it.
    """
    window = windows(transitions, rows, past, ahead)
    goal = transitions.obs[ACHIEVED][places][:, None]
    left = steps[:, None] - jnp.arange(-past, ahead + 1)
    share = jnp.clip(left / max_steps, 0.0, 1.0)
    return window._replace(obs=with_goal(window.obs, goal, share))


class Hindsight(eqx.Module):
    """Draws a goal anew for every window: the present state, a later one of the episode, or one of another episode.

    A window has one goal, drawn as seen from its last step.
    """

    first: Int[Array, " capacity"]
    """The first row of the episode of each row."""
    last: Int[Array, " capacity"]
    """The last one."""
    discount: Float[Array, ""]
    current: Float[Array, ""]
    """The share of goals that are the present state."""
    other: Float[Array, ""]
    """The share of goals that are states of another episode; the rest lies ahead in the same one."""
    strategy: Strategy = eqx.field(static=True)
    horizon: int | None = eqx.field(static=True)
    """The most steps ahead."""
    max_steps: int = eqx.field(static=True)
    """Of how many steps `steps_left` is a share."""
    relative: bool = eqx.field(static=True)
    """Whether a policy is given goals as the way there."""

    @classmethod
    def of(
        cls,
        transitions: Transitions,
        strategy: Strategy,
        max_steps: int,
        *,
        discount: float | Float[Array, ""] = 0.99,
        current: float | Float[Array, ""] = 0.0,
        other: float | Float[Array, ""] = 0.0,
        horizon: int | None = None,
        relative: bool = False,
    ) -> "Hindsight":
        """That of these episodes."""
        rows = jnp.arange(transitions.capacity)
        begins = transitions.episode != jnp.roll(transitions.episode, 1)
        first = jax.lax.cummax(jnp.where(begins, rows, 0))
        factor, present, elsewhere = (jnp.asarray(share, jnp.float32) for share in (discount, current, other))
        return cls(first, transitions.last, factor, present, elsewhere, strategy, horizon, max_steps, relative)

    def rows(
        self, transitions: Transitions, count: int, *, pairs: bool, latest: int | None = None, key: PRNGKeyArray
    ) -> Int[Array, " count"]:
        """Draws so many rows, all alike, or the earlier ones of any two different times of an episode, all pairs alike.

        Of the `latest` rows alone, where that is given, and of those that count.
        """
        numbers = jnp.arange(transitions.capacity)
        oldest = 0 if latest is None else jnp.maximum(transitions.count - latest, 0)
        weights = self.last - numbers + 1 if pairs else jnp.ones_like(numbers)
        cumulative = jnp.cumsum(jnp.where((numbers >= oldest) & transitions.counted, weights, 0))
        at = (jax.random.bits(key, (count,), jnp.uint32) % cumulative[-1].astype(jnp.uint32)).astype(jnp.int32)
        return jnp.searchsorted(cumulative, at, side="right").astype(jnp.int32)

    def draw(
        self, transitions: Transitions, rows: Int[Array, " batch"], ahead: int, *, key: PRNGKeyArray
    ) -> tuple[Int[Array, " batch"], Int[Array, " batch"]]:
        """The places of goals for windows of so many steps ahead of these rows, and how many steps from them."""
        offset_key, which_key, other_key = jax.random.split(key, 3)
        ends = jnp.minimum(rows + ahead, self.last[rows])
        left = self.last[rows] - ends + 1
        left = left if self.horizon is None else jnp.minimum(left, self.horizon)
        offsets = draw_offset(self.strategy, left, self.discount, key=offset_key)
        which = jax.random.uniform(which_key, rows.shape)
        offsets = jnp.where(which < self.current, 0, offsets)
        places = ends + transitions.episode[rows] + offsets
        elsewhere = self._elsewhere(transitions, rows, key=other_key)
        return jnp.where(which >= 1.0 - self.other, elsewhere, places), ends - rows + offsets

    def windows(
        self, transitions: Transitions, rows: Int[Array, " batch"], past: int, ahead: int, *, key: PRNGKeyArray
    ) -> Window:
        """The windows around these rows, with their goals."""
        places, steps = self.draw(transitions, rows, ahead, key=key)
        return goal_windows(transitions, rows, places, steps, past, ahead, self.max_steps)

    def with_ways(self, policy: Model, transitions: Transitions, *, key: PRNGKeyArray) -> Model:
        """The policy that is given goals as the way there, on the scale of goals that are drawn for each row."""
        rows = jnp.where(transitions.valid, jnp.arange(transitions.capacity), 0)
        places, _ = self.draw(transitions, rows, 0, key=key)
        achieved = transitions.obs[ACHIEVED]
        ways = achieved[places] - achieved[rows + transitions.episode[rows]]
        counted = transitions.counted.reshape(-1, *[1] * (ways.ndim - 1))
        scale = jnp.sqrt(jnp.sum(jnp.where(counted, ways**2, 0.0), axis=0) / transitions.num_counted)
        scale = jnp.where(scale > 1e-6, scale, 1.0)
        return replace_normalizers(policy, lambda one: RelativeGoals(one.mean, one.std, scale))

    def _elsewhere(
        self, transitions: Transitions, rows: Int[Array, " batch"], *, key: PRNGKeyArray
    ) -> Int[Array, " batch"]:
        """Places of states that the actions of another episode led to, each of them as likely."""
        start = self.first[rows]
        own = self.last[rows] - start + 1
        bits = jax.random.bits(key, rows.shape, jnp.uint32)
        drawn = (bits % jnp.maximum(transitions.count - own, 1).astype(jnp.uint32)).astype(jnp.int32)
        row = jnp.where(drawn >= start, drawn + own, drawn)
        return row + transitions.episode[row] + 1

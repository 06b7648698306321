"""Bins that a vector of numbers is cut into, entry by entry."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ilkit.data.normalizer import Untrained
from ilkit.data.windows import Transitions
from ilkit.nn.action_range import ActionRange


class Bins(Untrained):
    """Bins between increasing edges, the lower edge belonging to a bin; where two edges coincide there is none."""

    edges: Float[Array, "act edges"]
    centers: Float[Array, "act bins"]
    """The median of the data in a bin, or its middle where it holds none."""

    @classmethod
    def uniform(cls, span: ActionRange, num_bins: int) -> "Bins":
        """Bins of the same width."""
        share = jnp.arange(num_bins + 1) / num_bins
        edges = jnp.asarray(span.low)[:, None] * (1.0 - share) + jnp.asarray(span.high)[:, None] * share
        return cls(edges, (edges[:, 1:] + edges[:, :-1]) / 2)

    @classmethod
    def quantile(cls, span: ActionRange, transitions: Transitions, num_bins: int) -> "Bins":
        """Bins that hold as many data each, and two more for what lies between the data and the bounds.

        Edges lie in the middle between neighboring data. Where an entry has at most `num_bins` distinct values, each
        of them has a bin of its own.
        """
        bounded = np.asarray(span.bounded)
        low, high = jnp.where(bounded, span.low, -jnp.inf), jnp.where(bounded, span.high, jnp.inf)
        edges = jax.vmap(lambda *given: _quantile_edges(given, transitions.num_counted, num_bins))(
            _sorted_columns(transitions), low, high
        )
        return cls(edges, (edges[:, 1:] + edges[:, :-1]) / 2)

    def centered(self, transitions: Transitions) -> "Bins":
        """The same bins with the medians of the data in them."""

        def medians(
            edges: Float[Array, " edges"], middles: Float[Array, " bins"], column: Float[Array, " capacity"]
        ) -> Float[Array, " bins"]:
            inside = jnp.clip(column, edges[0], jnp.nextafter(edges[-1], edges[0]))
            first = jnp.searchsorted(inside, edges[:-1])
            stop = jnp.minimum(jnp.searchsorted(inside, edges[1:]), transitions.num_counted)
            return jnp.where(stop > first, column[(first + stop - 1) // 2], middles)

        return Bins(self.edges, jax.vmap(medians)(self.edges, self.centers, _sorted_columns(transitions)))

    @property
    def widths(self) -> Float[Array, "act bins"]:
        """0 where there is no bin."""
        return jnp.diff(self.edges)

    def inside(self, action: Float[Array, " act"]) -> Float[Array, " act"]:
        """The nearest action that lies in a bin."""
        return jnp.clip(action, self.edges[:, 0], jnp.nextafter(self.edges[:, -1], self.edges[:, 0]))

    def of(self, action: Float[Array, " act"]) -> Int[Array, " act"]:
        """The bins of an action, or of the nearest that lies in one."""
        found = jax.vmap(lambda edges, value: jnp.searchsorted(edges, value, side="right"))
        return jnp.asarray(found(self.edges, self.inside(action)) - 1, jnp.int32)


def _sorted_columns(transitions: Transitions) -> Float[Array, "act capacity"]:
    """Each entry's data in order; what doesn't count comes last."""
    return jnp.sort(jnp.where(transitions.counted, transitions.actions.T, jnp.inf), axis=1)


def _quantile_edges(
    entry: tuple[Float[Array, " capacity"], Float[Array, ""], Float[Array, ""]], count: Int[Array, ""], num_bins: int
) -> Float[Array, " edges"]:
    """The lower bound, the ends of the data with edges between them, the upper bound."""
    column, low, high = entry
    starts_value = (jnp.arange(len(column)) < count) & jnp.append(True, column[1:] != column[:-1])
    rank = jnp.cumsum(starts_value) - 1  # of a row's value among the distinct ones
    order = jnp.arange(num_bins)
    share = order * (count // num_bins) + order * (count % num_bins) // num_bins  # order * count may overflow
    wanted = jnp.where(rank[-1] < num_bins, order, rank[share])
    first = jnp.searchsorted(rank, wanted)
    least, largest = column[0], column[count - 1]
    second, before_last = (jnp.searchsorted(rank, value) for value in (1, rank[-1]))
    varies = rank[-1] > 0
    below = jnp.where(varies, (column[jnp.minimum(second, count - 1)] - least) / 2, 1.0)
    above = jnp.where(varies, (largest - column[before_last - 1]) / 2, 1.0)
    start = jnp.minimum(jnp.maximum(low, least - below), least)  # data beyond the bounds widen them
    stop = jnp.maximum(jnp.minimum(high, largest + above), largest)
    between = (column[first - 1] + column[jnp.minimum(first, count - 1)]) / 2
    inner = jnp.where(first == 0, start, jnp.where(first >= count, stop, between))[1:]
    first_edge = jnp.where(jnp.isfinite(low), jnp.minimum(low, start), start)
    last_edge = jnp.where(jnp.isfinite(high), jnp.maximum(high, stop), stop)
    return jnp.concatenate([jnp.array([first_edge, start]), inner, jnp.array([stop, last_edge])])

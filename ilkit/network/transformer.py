"""A transformer on the last few observations (Vaswani et al., 2017), normalized before layers (Xiong et al., 2020).

x ↦ x + A(norm(x)), x ↦ x + W₂ gelu(W₁ norm(x)), layer after layer, where A is causal attention,
softmax(Q Kᵀ / √d) V for each head. Observations count from the oldest one that is seen: the outputs are a function of
the last `context` observations and of nothing before them, when acting as in training.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree
from pydantic import Field, PositiveInt, model_validator

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.network import Network
from ilkit.data.spaces import Space
from ilkit.nn.dropout import Dropout, Rate, build_dropout
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Layers, build_layers
from ilkit.nn.window import window_faults
from ilkit.spec import Spec


class Transformer(Spec):
    """Causal attention over the last few observations (Vaswani et al., 2017)."""

    kind: Literal["transformer"] = "transformer"
    context: Annotated[int, Field(ge=2, le=10_000)] = 10
    """The observations that are seen at once, the present one among them."""
    width: PositiveInt = 64
    """The numbers that stand for an observation in every layer."""
    num_layers: Annotated[int, Field(ge=1, le=100)] = 2
    """Layers of attention, each with a fully connected one of four times the width."""
    num_heads: PositiveInt = 4
    """Heads of attention, which share the width."""
    positions: Literal["learned", "sinusoidal"] = "learned"
    """What tells an observation's place among those that are seen."""
    dropout: Rate = None
    """The probability with which, in training, a number that a layer adds is left out."""

    @model_validator(mode="after")
    def _check_heads(self) -> "Transformer":
        if self.width % self.num_heads:
            raise ValueError(f"width must be a multiple of num_heads, {self.num_heads}, got {self.width}")
        return self

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """A window that is longer than any episode."""
        return window_faults("context", self.context, world)


class Block(eqx.Module):
    """Attention, and a fully connected layer on what it gathers."""

    attention_norm: eqx.nn.LayerNorm
    projections: Layers
    """To queries, keys and values, one after the other."""
    gathered: Layers
    feedforward_norm: eqx.nn.LayerNorm
    feedforward: Layers
    num_heads: int = eqx.field(static=True)

    def attend(self, numbers: Float[Array, "time width"], seen: Bool[Array, "time time"]) -> Float[Array, "time width"]:
        """What each observation gathers from those that it sees."""
        projected = self.projections(jax.vmap(self.attention_norm)(numbers))
        query, key, value = jnp.moveaxis(projected.reshape(len(numbers), 3, self.num_heads, -1), 0, -2)
        logits = query @ jnp.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1]).astype(np.float32)
        shares = jax.nn.softmax(jnp.where(seen, logits, jnp.finfo(logits.dtype).min))
        return self.gathered(jnp.moveaxis(shares @ value, 0, 1).reshape(numbers.shape))

    def feed(self, numbers: Float[Array, "time width"]) -> Float[Array, "time width"]:
        """The fully connected layer, for each observation by itself."""
        return self.feedforward(jax.vmap(self.feedforward_norm)(numbers))


class Attention(Network):
    """Blocks on the last observations as vectors, and a linear layer on what stands for the present one."""

    embedding: Layers
    places: Float[Array, "*stack context width"] | None
    """What is added to an observation by its place; None where that is sinusoidal."""
    blocks: tuple[Block, ...]
    norm: eqx.nn.LayerNorm
    readout: Layers
    dropout: Dropout
    observation: Space = eqx.field(static=True)
    context: int = eqx.field(static=True)

    @property
    def past(self) -> int:
        """All that are seen but the present one."""
        return self.context - 1

    @property
    def fits_past(self) -> bool:
        """The outputs at all steps of a window are fitted."""
        return True

    def initial_carry(self) -> tuple[Any, Any]:
        """Room for the observations before the present one, embedded, and how many there are: none.

        They are arrays of NumPy, so that `unroll` sees while it is traced that nothing came before.
        """
        width = self.embedding.biases[0].shape[-1]
        return np.zeros((self.past, width), np.float32), np.zeros((), np.int32)

    def __call__(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """Attends from the present observation to the carried ones; the last ones are carried on."""
        before, count = carry
        embedded = jnp.concatenate([before, self.embedding(flatten(self.observation, obs))[None]])
        valid = jnp.arange(self.context) >= self.past - count
        after = embedded[1:], jnp.minimum(count + 1, self.past).astype(jnp.int32)
        return after, self.readout(self._attended(embedded, valid)[-1])

    def unroll(self, carry: PyTree, obs: PyTree, mask: Bool[Array, " time"]) -> Float[Array, "time outputs"]:
        """All steps at once, where none came before and all are seen from the last; else one after the other."""
        starts = isinstance(carry[1], np.ndarray) and carry[1] == 0
        if not starts or len(mask) > self.context:
            return super().unroll(carry, obs, mask)
        return self.readout(self._attended(self.embedding(flatten(self.observation, obs)), mask))

    def dropped(self, *, key: PRNGKeyArray) -> "Attention":
        """The same with what is left out drawn."""
        width = self.embedding.biases[0].shape[-1]
        drawn = self.dropout.drawn(2 * len(self.blocks), width, key=key)
        return eqx.tree_at(lambda net: net.dropout, self, drawn)

    def _attended(
        self, embedded: Float[Array, "time width"], valid: Bool[Array, " time"]
    ) -> Float[Array, "time width"]:
        """What stands for each observation after the blocks; those that aren't valid are seen by none."""
        numbers = embedded + self._place(jnp.cumsum(valid) - 1)
        seen = jnp.tril(jnp.ones((len(valid), len(valid)), bool)) & valid
        for index, block in enumerate(self.blocks):
            numbers = numbers + self.dropout(2 * index, block.attend(numbers, seen))
            numbers = numbers + self.dropout(2 * index + 1, block.feed(numbers))
        return jax.vmap(self.norm)(numbers)

    def _place(self, index: Int[Array, " time"]) -> Float[Array, "time width"]:
        if self.places is None:
            return _sinusoidal(index, self.embedding.biases[0].shape[-1])
        return jax.nn.one_hot(index, self.context) @ self.places


def network(spec: Transformer, observation: Space, out_size: int, *, key: PRNGKeyArray) -> Network:
    """Draws the layers, and places from N(0, 0.02²)."""
    embedding_key, places_key, readout_key, *keys = jax.random.split(key, 3 + spec.num_layers)
    places = 0.02 * jax.random.normal(places_key, (spec.context, spec.width))
    return Attention(
        embedding=build_layers((observation.size, spec.width), "gelu", key=embedding_key),
        places=places if spec.positions == "learned" else None,
        blocks=tuple(_block(spec, key=key) for key in keys),
        norm=eqx.nn.LayerNorm(spec.width),
        readout=build_layers((spec.width, out_size), "gelu", key=readout_key),
        dropout=build_dropout(spec.dropout),
        observation=observation,
        context=spec.context,
    )


def _block(spec: Transformer, *, key: PRNGKeyArray) -> Block:
    projections_key, gathered_key, feedforward_key = jax.random.split(key, 3)
    width = spec.width
    return Block(
        attention_norm=eqx.nn.LayerNorm(width),
        projections=build_layers((width, 3 * width), "gelu", key=projections_key),
        gathered=build_layers((width, width), "gelu", key=gathered_key),
        feedforward_norm=eqx.nn.LayerNorm(width),
        feedforward=build_layers((width, 4 * width, width), "gelu", key=feedforward_key),
        num_heads=spec.num_heads,
    )


def _sinusoidal(index: Int[Array, " time"], width: int) -> Float[Array, "time width"]:
    """sin(t / 10000^(2 i / width)), and the cosine (Vaswani et al., 2017)."""
    rates = jnp.asarray(10_000.0 ** (-np.arange(0, width, 2) / width), jnp.float32)
    angles = index[:, None] * rates
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)[:, :width]

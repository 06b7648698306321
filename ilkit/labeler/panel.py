"""Answers of several simulated people, who don't all like the same.

Each of them judges by the standardized return, as `simulated` does, and by a taste of one's own: a linear function of
what is seen and done, which pulls all answers of one person the same way.
"""

from typing import Annotated, Literal, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ilkit.asking.judge import Judge, Scale, returns_of
from ilkit.asking.taste import Taste
from ilkit.data.labeler import Answers, Labeler
from ilkit.data.preferences import Clips
from ilkit.spec import Spec

T = TypeVar("T")
Share = Annotated[float, Field(ge=0, le=0.5)]


class Panel(Spec):
    """Several simulated people, each with a taste of one's own."""

    kind: Literal["panel"] = "panel"
    num_annotators: PositiveInt = 5
    """How many people answer every question."""
    rationality: Annotated[tuple[PositiveFloat | None, ...], Field(min_length=1)] = (None,)
    """β of each, or one number for all; null follows the scores exactly."""
    mistake: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.0,)
    """How often each says the opposite of what is meant, or one number for all."""
    disagreement: NonNegativeFloat = 0.5
    """The standard deviation of what tastes add to scores, those of returns being 1."""
    tie_margin: NonNegativeFloat = 0.0
    """Up to this difference of scores, somebody likes both clips alike."""
    skip_margin: Annotated[float, Field(ge=-10, le=10)] | None = None
    """Who has scores below this for both clips says nothing; null says something always."""
    answer: Literal["share", "majority"] = "share"
    """What is kept: the share of those who prefer the first clip, or what most of them say."""
    taste_seed: NonNegativeInt = 0
    """Which people these are."""

    @model_validator(mode="after")
    def _check(self) -> "Panel":
        for name in ("rationality", "mistake"):
            count = len(getattr(self, name))
            if count not in (1, self.num_annotators):
                raise ValueError(f"{name} must have one number, or one for each of {self.num_annotators}, got {count}")
        return self


class PanelLabeler(Labeler):
    """Several judges with tastes."""

    judges: tuple[Judge, ...]
    seeds: Int[Array, " annotators"]
    disagreement: Float[Array, ""]
    majority: bool
    scale: Scale
    tastes: Taste | None = None
    """Stacked; none before any clip was seen, when all like returns alone."""

    def fitted(self, clips: Clips, episodes: Clips | None = None) -> "PanelLabeler":
        """The same people, with scores in units of the spread that these clips have."""
        del episodes
        scale = Scale.fit(returns_of(clips), clips.mask.any(axis=1))
        tastes = jax.vmap(lambda seed: Taste.fit(clips, seed))(self.seeds)
        return PanelLabeler(self.judges, self.seeds, self.disagreement, self.majority, scale, tastes)

    def answers(self, first: Clips, second: Clips, numbers: Int[Array, " pairs"], *, key: PRNGKeyArray) -> Answers:
        """Asks all of them."""
        scores = [self._scores(clips) for clips in (first, second)]
        given = [
            judge(scores[0][place], scores[1][place], self.scale, numbers, key=jax.random.fold_in(key, place))
            for place, judge in enumerate(self.judges)
        ]
        said = jnp.stack([one.answered for one in given])
        count = jnp.sum(said, axis=0)
        total = jnp.sum(jnp.where(said, jnp.stack([one.probability for one in given]), 0.0), axis=0)
        share = jnp.where(count > 0, total / jnp.maximum(count, 1), 0.5)
        if self.majority:
            share = 0.5 + 0.5 * jnp.sign(share - 0.5)
        return Answers(share, count > 0)

    def _scores(self, clips: Clips) -> Float[Array, "annotators clips"]:
        returns = returns_of(clips)
        if self.tastes is None:
            return jnp.broadcast_to(returns, (len(self.judges), len(returns)))
        tastes = jax.vmap(lambda taste: taste(clips))(self.tastes)
        return returns + self.scale.std * self.disagreement * tastes


def labeler(spec: Panel) -> Labeler:
    """Gathers the people, who have not yet seen what clips are like."""
    count = spec.num_annotators
    each = zip(_of_all(spec.rationality, count), _of_all(spec.mistake, count), strict=True)
    judges = tuple(Judge.of(beta, mistake, spec.tie_margin, spec.skip_margin) for beta, mistake in each)
    seeds = jax.random.randint(jax.random.key(spec.taste_seed), (count,), 0, 2**31 - 1)
    disagreement = jnp.asarray(spec.disagreement, jnp.float32)
    return PanelLabeler(judges, seeds, disagreement, spec.answer == "majority", Scale.identity())


def _of_all(given: tuple[T, ...], count: int) -> tuple[T, ...]:
    return given * count if len(given) == 1 else given

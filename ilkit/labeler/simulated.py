"""Answers of a simulated person, who sees rewards through a glass of one's own (Lee et al., 2021, B-Pref).

Clips have the score z = Σ_t γ^(T - 1 - t) r_t, standardized over the clips that may be shown. The first of two is
preferred with probability σ(β (z₁ - z₂)); with probability ε the opposite is said; clips whose scores differ by no more
than a margin are liked alike, and nothing is said of two that are both below another. Who judges by advantages sums
r + γ V(s') - V(s) instead: not what a clip returned, but how much more than is usual from there (Knox et al., 2022).
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray
from pydantic import Field, NonNegativeFloat, PositiveFloat

from ilkit.asking.judge import Judge, Scale, returns_of
from ilkit.asking.value import Value
from ilkit.data.labeler import Answers, Labeler
from ilkit.data.preferences import Clips
from ilkit.errors import DataError
from ilkit.spec import Spec


class Simulated(Spec):
    """A simulated person who knows the rewards (Lee et al., 2021)."""

    kind: Literal["simulated"] = "simulated"
    rationality: PositiveFloat | None = None
    """β, of standardized returns; null follows the return exactly."""
    mistake: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """How often the opposite of what is meant is said."""
    tie_margin: NonNegativeFloat = 0.0
    """Up to this difference of standardized returns, both clips are liked alike."""
    skip_margin: Annotated[float, Field(ge=-10, le=10)] | None = None
    """A pair whose standardized returns are both below this gets no answer; null answers always."""
    myopia: Annotated[float, Field(gt=0, le=1)] = 1.0
    """γ: a reward counts γ times that of the step after it, as who remembers the end best has it; 1 is the return."""
    criterion: Literal["return", "advantage"] = "return"
    """What clips are judged by: what they returned, or how much more than what was recorded earns from there."""
    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """γ of what is earned later, for advantages."""

    def idle(self) -> Mapping[str, str]:
        """Returns of clips are not discounted."""
        return {"discount": "only where criterion is advantage"} if self.criterion == "return" else {}


class SimulatedLabeler(Labeler):
    """Judges by rewards."""

    judge: Judge
    myopia: Float[Array, ""]
    scale: Scale
    discount: Float[Array, ""] | None
    """None where clips are judged by returns."""
    value: Value | None = None

    @property
    def needs_episodes(self) -> bool:
        """Advantages are measured against all that was recorded."""
        return self.discount is not None

    def fitted(self, clips: Clips, episodes: Clips | None = None) -> "SimulatedLabeler":
        """The same, with scores in units of the spread that these clips have."""
        whole = clips if episodes is None else episodes
        value = None if self.discount is None else Value.fit(whole, self.discount)
        known = SimulatedLabeler(self.judge, self.myopia, Scale.identity(), self.discount, value)
        scale = Scale.fit(known.scores(clips), clips.mask.any(axis=1))
        return SimulatedLabeler(self.judge, self.myopia, scale, self.discount, value)

    def answers(self, first: Clips, second: Clips, numbers: Int[Array, " pairs"], *, key: PRNGKeyArray) -> Answers:
        """Prefers the larger score, as far as this person is rational."""
        return self.judge(self.scores(first), self.scores(second), self.scale, numbers, key=key)

    def scores(self, clips: Clips) -> Float[Array, " clips"]:
        """The return, or sum of advantages, of each clip.

        **Raises:** `DataError` where advantages are asked for before any clip was seen.
        """
        if self.discount is not None:
            if self.value is None:
                raise DataError("Advantages are judged against what was recorded. Call fitted with it first.")
            clips = self.value.advantages(clips)
        return returns_of(clips, self.myopia)


def labeler(spec: Simulated) -> Labeler:
    """Makes the person, who has not yet seen what the returns of clips are like."""
    discount = jnp.asarray(spec.discount, jnp.float32) if spec.criterion == "advantage" else None
    judge = Judge.of(spec.rationality, spec.mistake, spec.tie_margin, spec.skip_margin)
    return SimulatedLabeler(judge, jnp.asarray(spec.myopia, jnp.float32), Scale.identity(), discount)

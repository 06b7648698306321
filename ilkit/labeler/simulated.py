"""Answers of a simulated person, who sees rewards through a glass of one's own (Lee et al., 2021, B-Pref).

Clips have the score z = Σ_t γ^(T - 1 - t) r_t, standardized over the clips that may be shown. The first of two is
preferred with probability σ(β (z₁ - z₂)); with probability ε the opposite is said; clips whose scores differ by no more
than a margin are liked alike, and nothing is said of two that are both below another.
"""

from typing import Annotated, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray
from pydantic import Field, NonNegativeFloat, PositiveFloat

from ilkit.asking.judge import Judge, Scale, returns_of
from ilkit.data.labeler import Answers, Labeler
from ilkit.data.preferences import Clips
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


class SimulatedLabeler(Labeler):
    """Judges by rewards."""

    judge: Judge
    myopia: Float[Array, ""]
    scale: Scale

    def fitted(self, clips: Clips, episodes: Clips | None = None) -> "SimulatedLabeler":
        """The same, with returns in units of the spread that these clips have."""
        del episodes
        scale = Scale.fit(returns_of(clips, self.myopia), clips.mask.any(axis=1))
        return SimulatedLabeler(self.judge, self.myopia, scale)

    def answers(self, first: Clips, second: Clips, numbers: Int[Array, " pairs"], *, key: PRNGKeyArray) -> Answers:
        """Prefers the larger score, as far as this person is rational."""
        z_first, z_second = (self.scale(returns_of(clips, self.myopia)) for clips in (first, second))
        return self.judge(z_first, z_second, numbers, key=key)


def labeler(spec: Simulated) -> Labeler:
    """Makes the person, who has not yet seen what the returns of clips are like."""
    margin = None if spec.skip_margin is None else jnp.asarray(spec.skip_margin, jnp.float32)
    beta = None if spec.rationality is None else jnp.asarray(spec.rationality, jnp.float32)
    judge = Judge(beta, jnp.asarray(spec.mistake, jnp.float32), jnp.asarray(spec.tie_margin, jnp.float32), margin)
    return SimulatedLabeler(judge, jnp.asarray(spec.myopia, jnp.float32), Scale.identity())

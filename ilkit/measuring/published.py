"""Numbers of a paper beside what was measured, by the test of Welch (1947)."""

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat
from scipy.stats import ttest_ind_from_stats


class Published(BaseModel):
    """A mean return that was published, over so many episodes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    policy: str
    """The name of the policy that it is compared with, as the pipeline hands it over."""
    mean: float
    """The mean return over episodes."""
    deviation: NonNegativeFloat
    """Its standard deviation over episodes."""
    num_episodes: int = Field(ge=2)
    """The number of episodes."""


class PublishedShare(BaseModel):
    """A share of episodes that was published, over so many training seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    policy: str
    """The name of the policy that it is compared with, as the pipeline hands it over."""
    share: float = Field(ge=0, le=1)
    """The mean over training seeds."""
    deviation: NonNegativeFloat
    """The standard deviation over training seeds."""
    num_seeds: int = Field(ge=1)
    """The number of training seeds."""


def welch(outcomes: Float[np.ndarray, "seeds episodes"], published: Published) -> float:
    """The probability of a difference of means as large as this one, were both means the same (two-sided).

    t = (x̄₁ - x̄₂) / √(s₁²/n₁ + s₂²/n₂), whose distribution is Student's with the degrees of freedom of Welch and
    Satterthwaite. Episodes are taken for independent, which those of one training run aren't quite: a small p means
    less than it says. Where no episode of either differs from its mean, it is 1 for equal means and 0 for others.
    """
    mean, deviation = float(outcomes.mean()), float(outcomes.std(ddof=1)) if outcomes.size > 1 else 0.0
    if deviation == published.deviation == 0.0:
        return float(mean == published.mean)
    one, other = (mean, deviation, outcomes.size), (published.mean, published.deviation, published.num_episodes)
    return float(ttest_ind_from_stats(*one, *other, equal_var=False).pvalue)

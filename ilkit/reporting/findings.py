"""All that an evaluation found, before it is written as numbers and as a page."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ilkit.data.spaces import Spaces
from ilkit.errors import counted
from ilkit.math.statistics import Interval
from ilkit.measuring.along_training import AlongTraining
from ilkit.measuring.comparison import Comparison, Measurement, Score
from ilkit.measuring.curves import Curve
from ilkit.measuring.fit import FitScore
from ilkit.measuring.reward_map import Rewards
from ilkit.measuring.uncertainty_map import UncertaintyMap
from ilkit.reporting.clips import Answers
from ilkit.reporting.paths import Paths


class ActionSample(NamedTuple):
    """What is done at demonstrated states."""

    spaces: Spaces
    demonstrated: np.ndarray
    samples: Mapping[str, np.ndarray]
    """Sampled actions of each policy, all seeds together."""
    modes: Mapping[str, np.ndarray]
    """The modes of each policy's first seed, one for each demonstrated action."""

    def bins(self, dim: int) -> Float[np.ndarray, " edges"]:
        """The edges of 40 bins over all that is done in a dimension of the action."""
        everything = np.concatenate([rows[:, dim] for rows in (self.demonstrated, *self.samples.values())])
        low, high = float(everything.min()), float(everything.max())
        margin = 0.5e-3 + 0.01 * (high - low)
        return np.linspace(low - margin, high + margin, 41)


class StateMap(NamedTuple):
    """The uncertainty over a slice of the state space, and the demonstrated states."""

    grid: UncertaintyMap
    states: Float[np.ndarray, "points 2"]
    names: tuple[str, str]
    num_seeds: int

    @property
    def cells(self) -> Int[np.ndarray, "points 2"]:
        """The row and the column of the map's cell that each demonstrated state lies in."""
        x, y, scale = self.grid
        rows_and_columns = (self.states[:, ::-1] - [y[0], x[0]]) / [y[1] - y[0], x[1] - x[0]]
        return np.clip(np.rint(rows_and_columns).astype(int), 0, np.array(scale.shape) - 1)


class Rollout(NamedTuple):
    """One episode to look at."""

    picture: str
    """An animation, as a data URI."""
    seed: int
    episode_return: float
    length: int


class HeldOut(NamedTuple):
    """The recorded episodes that policies are held against."""

    source: Literal["held_out", "expert", "demos"]
    """What was held out, fresh episodes of the expert or, where there is neither, the demonstrations themselves."""
    num_episodes: int
    num_steps: int

    @property
    def told(self) -> str:
        """Which they are, in words."""
        steps = f"({counted(self.num_steps, 'step')})"
        if self.source == "demos":
            return f"{counted(self.num_episodes, 'demonstrated episode')} {steps}, from which policies may have learnt"
        kind = "held-out" if self.source == "held_out" else "fresh"
        return f"{counted(self.num_episodes, f'{kind} episode')} {'of the expert ' * (self.source == 'expert')}{steps}"


class Findings(NamedTuple):
    """All that an evaluation found."""

    task: str
    policies: tuple[str, ...]
    num_seeds: int
    """The training seeds of the policy that has most."""
    num_demonstrated: tuple[int, int]
    """Episodes and steps of the demonstrations."""
    confidence: float
    outcome: str
    """What of `measuring.comparison.OUTCOMES` is compared."""
    measured: Mapping[str, Measurement]
    """Expert (or what was demonstrated), policies and random, in this order; `scores` likewise; nothing where nothing
    could be run."""
    scores: Mapping[str, Score]
    comparisons: list[Comparison]
    curves: Mapping[str, Mapping[str, Curve]]
    """By policy and quantity."""
    noise: Mapping[str, tuple[int, float, Interval]]
    """Of each policy that was trained in the environment: its steps there, and the scale of its exploration."""
    held_out: HeldOut
    fits: Mapping[str, FitScore]
    """Of each policy to the actions that were held out."""
    actions: ActionSample
    state_map: StateMap | None
    rollouts: Mapping[str, Rollout]
    paths: Paths | None = None
    first_actions: Mapping[str, Float[np.ndarray, "samples act"]] = {}
    """What the expert and each policy draw in the state that all start from."""
    stochastic: bool = False
    """Whether policies sampled their actions."""
    along: Mapping[str, AlongTraining] = {}
    """Of each policy that was kept along its training, how good it was then."""
    rewards: Rewards | None = None
    """Learnt rewards beside the environment's, where there are any."""
    answers: Mapping[str, Answers] = {}
    """What was said of pairs of clips, by the name of what was asked."""

    @property
    def decimals(self) -> int:
        """How many decimals a return is written with: two digits of the width of the narrowest interval."""
        widths = [score.interval.high - score.interval.low for score in self.scores.values()]
        narrowest = min((width for width in widths if width > 0), default=1.0)
        return int(np.clip(1 - np.floor(np.log10(narrowest)), 0, 4))

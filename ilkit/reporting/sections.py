"""The page of a report, section by section: what is shown, and the caption that says what it is."""

from collections.abc import Iterator

import numpy as np

from ilkit.data.spaces import Discrete
from ilkit.errors import counted
from ilkit.measuring.comparison import Score
from ilkit.measuring.curves import returns_against_env_steps, returns_against_labels
from ilkit.reporting.alignment import alignment_sections
from ilkit.reporting.along_training import along_sections
from ilkit.reporting.clips import answers_section
from ilkit.reporting.curve_sections import curve_sections
from ilkit.reporting.figures import (
    MOST_DIMS,
    draw_actions,
    draw_learning,
    draw_outcomes,
    draw_uncertainty,
)
from ilkit.reporting.findings import Findings, StateMap
from ilkit.reporting.fit_section import fit_section
from ilkit.reporting.labels import labels_section
from ilkit.reporting.multiples import first_actions_section, paths_section
from ilkit.reporting.numbers import verdict_of
from ilkit.reporting.page import Section, render_page
from ilkit.reporting.rewards import reward_sections
from ilkit.reporting.tables import comparison_table, noise_table, rollout_row, score_table, seed_table
from ilkit.reporting.wording import UNITS, few_seeds, number

_FAR = 2.0
_TITLES = {"return": "Returns", "success": "Success rates", "length": "Lengths"}
_LABELS = {
    "return": "return (sum of rewards of an episode)",
    "success": "success rate",
    "length": "length (steps of an episode)",
}


def page_of(findings: Findings) -> str:
    """The whole page."""
    return render_page(
        f"Evaluation on {findings.task}",
        _sections(findings),
        setting=[_setting(findings)],
        verdict=[verdict_of(findings)],
        notes=_notes(findings),
    )


def _setting(findings: Findings) -> str:
    episodes, steps = findings.num_demonstrated
    seeds = "1 training seed" if findings.num_seeds == 1 else f"{findings.num_seeds} training seeds"
    run = "nothing was run"
    if findings.measured:
        run = f"{counted(findings.measured['random'].outcomes.shape[1], 'evaluation episode')} of each seed"
    demonstrated = f"beside {counted(episodes, 'demonstrated episode')} ({counted(steps, 'step')})"
    return f"{', '.join(findings.policies)}: {seeds}, {demonstrated}; {run}."


def _sections(findings: Findings) -> Iterator[Section]:
    if findings.scores:
        yield _outcomes(findings)
    if findings.comparisons:
        yield _comparisons(findings)
    yield from _learning_curves(findings)
    yield from along_sections(findings)
    yield from reward_sections(findings)
    yield from alignment_sections(findings)
    if findings.noise:
        yield _exploration(findings)
    yield from (answers_section(name, answers) for name, answers in findings.answers.items())
    if findings.rollouts:
        yield _rollouts(findings)
    if findings.paths:
        yield paths_section(findings.paths, findings.policies)
    if findings.first_actions:
        yield first_actions_section(findings.first_actions, findings.policies)
    if findings.state_map:
        yield _uncertainty(findings.state_map)
    yield fit_section(findings)
    yield _actions(findings)
    if findings.scores:
        yield _seeds(findings)
    yield from _losses(findings)


def _drawn(findings: Findings) -> dict[str, Score]:
    """The scores that share an axis: random only where it doesn't press the others together."""
    *others, random = findings.scores.values()
    lows, highs = zip(*(score.interval for score in others), strict=True)
    far = min(lows) - random.iqm > _FAR * (max(highs) - min(lows))
    return {name: score for name, score in findings.scores.items() if not (far and name == "random")}


def _outcomes(findings: Findings) -> Section:
    drawn = _drawn(findings)
    absent = "" if "random" in drawn else "; random is too far below to be drawn"
    table = score_table(
        findings.scores,
        findings.measured,
        findings.policies,
        confidence=findings.confidence,
        outcome=findings.outcome,
        decimals=findings.decimals,
    )
    return Section(
        _TITLES[findings.outcome],
        table + draw_outcomes(findings.measured, drawn, findings.policies, label=_LABELS[findings.outcome]),
        f"Interquartile mean over training seeds with its {findings.confidence:.0%} interval; small dots are the "
        f"seeds{absent}.{_normalization(findings)}",
    )


def _normalization(findings: Findings) -> str:
    for name, meaning in (("expert", "the expert"), ("demonstrated", "the mean of what was recorded")):
        if name in findings.scores:
            return f" Normalized: 0 is random, 1 is {meaning}."
    return ""


def _comparisons(findings: Findings) -> Section:
    table = comparison_table(
        findings.comparisons, findings.policies, confidence=findings.confidence, decimals=findings.decimals
    )
    return Section(
        "In pairs",
        table,
        f"Differences of the {_TITLES[findings.outcome].lower()} above, resampled in pairs of seeds. The probability "
        "of improvement is that of a training run of the one scoring more than a run of the other.",
    )


def _learning_curves(findings: Findings) -> Iterator[Section]:
    by_labels = returns_against_labels(findings.curves)
    returns = {
        name: curve for name, curve in returns_against_env_steps(findings.curves).items() if name not in by_labels
    }
    if by_labels and findings.outcome == "return":
        yield labels_section(findings, by_labels, _drawn(findings))
    if returns and findings.outcome == "return":
        evaluated = {name: findings.scores[name] for name in [*_drawn(findings), *returns]}
        yield Section(
            "Learning curves",
            draw_learning(returns, evaluated, findings.policies, x_label=UNITS["env_steps"], y_label="return"),
            "Return of the episodes seen in training, exploration included: interquartile mean over seeds with its "
            "interval; thin lines are seeds. Circles and bars: returns as evaluated, without exploration, and their "
            "intervals; at 0 steps those of policies that didn't learn in the environment (dashed), at the end of each "
            "curve what its policy had become.",
        )


def _exploration(findings: Findings) -> Section:
    return Section(
        "Exploration during training",
        noise_table(findings.noise, findings.policies, confidence=findings.confidence),
        "Noise: the root mean square, per dimension, of actions about the mode of the policy at that time, over the "
        "whole training (of discrete actions, how often they weren't it). Comparisons are fair where it is equal.",
    )


def _losses(findings: Findings) -> Iterator[Section]:
    returns = returns_against_env_steps(findings.curves)
    losses = {
        name: recorded["loss"]
        for name, recorded in findings.curves.items()
        if name not in returns and "loss" in recorded
    }
    yield from curve_sections(
        "Training loss", losses, findings.policies, label="loss", caption="Loss on the training data."
    )


def _rollouts(findings: Findings) -> Section:
    captions = {
        name: f"return {number(one.episode_return, findings.decimals)}<br>"
        f"{counted(one.length, 'step')} (seed {one.seed})"
        for name, one in findings.rollouts.items()
    }
    pictures = {name: one.picture for name, one in findings.rollouts.items()}
    return Section(
        "Rollouts",
        rollout_row(pictures, captions, findings.policies),
        "The first evaluation episode, which starts from the same state for all, by the median seed of each policy.",
    )


def _uncertainty(state_map: StateMap) -> Section:
    at_data, elsewhere = _typical_scales(state_map)
    seeds = f", averaged over {state_map.num_seeds} seeds" if state_map.num_seeds > 1 else ""
    return Section(
        "Uncertainty of the expert's action",
        draw_uncertainty(state_map),
        f"The standard deviation √(tr cov(s) / d) over a slice of the states{seeds}; points are demonstrated states. "
        f"Its median is {at_data:.3g} where there are demonstrations and {elsewhere:.3g} elsewhere.",
    )


def _typical_scales(state_map: StateMap) -> tuple[float, float]:
    """The median of the map in the cells with demonstrated states, and in the others."""
    scale = state_map.grid.scale
    visited = np.zeros(scale.shape, bool)
    visited[tuple(state_map.cells.T)] = True
    return float(np.median(scale[visited])), float(np.median(scale[~visited])) if not visited.all() else float("nan")


def _actions(findings: Findings) -> Section:
    actions, first = findings.actions, findings.policies[0]
    if isinstance(actions.spaces.action, Discrete):
        share = np.mean(actions.modes[first] == actions.demonstrated)
        caption = f". The mode of {first} is the demonstrated action in {share:.0%} of them."
    else:
        error = np.sqrt(np.mean((actions.modes[first] - actions.demonstrated) ** 2))
        caption = (
            f", clipped to the action space. Right: the mode of {first} against the demonstrated action; "
            f"root mean square error {error:.3g}."
        )
        size = actions.spaces.action.size
        caption += f" The first {MOST_DIMS} of {size} dimensions are drawn." if size > MOST_DIMS else ""
    return Section(
        "Actions at demonstrated states",
        draw_actions(actions, findings.policies),
        f"How often each action is drawn at {len(actions.demonstrated):,} demonstrated states{caption}",
    )


def _seeds(findings: Findings) -> Section:
    table = seed_table(findings.measured, findings.policies, findings.decimals)
    return Section(
        "Training seeds",
        table,
        f"The mean {findings.outcome} of each training seed over the evaluation episodes, and how it changed.",
    )


def _notes(findings: Findings) -> list[str]:
    notes = [
        f"A policy's {findings.outcome} is the interquartile mean over training seeds of its mean over evaluation "
        "episodes, which start from the same states for every policy and seed. Intervals are bootstrap intervals over "
        "training seeds, expanded for their small number (Agarwal et al., 2021; Hesterberg, 2015); that of a policy "
        "with one seed is over episodes. The interval of a probability of improvement is Newcombe's (2006), that of "
        "the share of seeds below Clopper and Pearson's (1934), that of a success rate Wilson's with each seed's "
        "episodes as one cluster (Korn and Graubard, 1998)."
    ]
    return [*notes, *few_seeds(findings.num_seeds, findings.confidence)]

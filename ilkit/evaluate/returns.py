"""Returns on paired episodes: every policy and every training seed starts from the same states.

Where no rewards are known, success is compared or, where that isn't known either, the length of episodes. Where nothing
can be run, a report has the fit to recorded actions alone: to the episodes `held_out`, without them to fresh ones of
the expert, and to the demonstrations themselves where there is neither. Without an expert, scores are normalized by
what was recorded, if it is known.

A policy's score is the interquartile mean over training seeds of its mean return, with a bootstrap interval whose
unit is the seed (Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice, 2021). It is
normalized by fixed references, (return - random) / (expert - random), that are run on the same episodes.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeInt, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment, RecordedEnvironment, VectorState
from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.report import Report
from ilkit.data.reward import Reward
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError
from ilkit.measuring.along_training import AlongTraining, along_training
from ilkit.measuring.comparison import REFERENCES, Measurement, Resampling, compare_all, score_all
from ilkit.measuring.curves import noise_during_training, read_curves
from ilkit.measuring.fit import FitScore, measure_fit, score_fit
from ilkit.measuring.reward_map import measure_rewards
from ilkit.measuring.state_slice import MappedStates, mapped_states
from ilkit.measuring.uncertainty_map import UncertaintyMap, uncertainty_map
from ilkit.reporting.clips import show_answers
from ilkit.reporting.findings import ActionSample, Findings, HeldOut, StateMap
from ilkit.reporting.measurements import known_outcome, measure
from ilkit.reporting.numbers import metrics_of, summary_of, tables_of
from ilkit.reporting.paths import first_actions, paths_of
from ilkit.reporting.rollouts import show_rollouts
from ilkit.spec import Spec
from ilkit.stepping.contestants import on_host, run_contestants, run_with_random
from ilkit.stepping.episode_arrays import Episodes

T = TypeVar("T")

_NUM_DEMONSTRATED = 1000


class Returns(Spec):
    """Returns over training seeds on paired episodes, with intervals, learning curves, maps and rollouts."""

    kind: Literal["returns"] = "returns"
    num_episodes: PositiveInt = 64
    """Episodes of every policy and training seed; the i-th starts from the same state for all of them."""
    stochastic: bool = False
    """Whether the policies sample their actions instead of taking the mode."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """The confidence of the intervals."""
    num_resamples: PositiveInt = 10_000
    """Resamples of the bootstrap."""
    success_return: Annotated[float, Field(ge=-1e12, le=1e12)] | None = None
    """The return from which on an episode counts as a success; where none is given, what the environment says of it."""
    map_dims: tuple[NonNegativeInt, NonNegativeInt] = (0, 1)
    """The two entries of the state (of the observation, in a host environment) that the uncertainty map spans."""

    def input_faults(self, given: Collection[str]) -> Iterator[str]:
        """Names that the page has for others."""
        for name in sorted({"demonstrated", "random"} & set(given)):
            yield f"{name}: is something else on the page. Hand yours over by another name."

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """Entries that the map asks for and that aren't there."""
        size = world.state_box.size if isinstance(world, VectorState) else world.spaces.observation.size
        if size >= 2 and (max(self.map_dims) >= size or len(set(self.map_dims)) < 2):
            yield f"map_dims: must be two different entries from 0 to {size - 1}, got {list(self.map_dims)}."


def evaluate(
    spec: Returns,
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Seeds[Policy] | None = None,
    uncertainty: Seeds[Uncertainty] | None = None,
    held_out: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
    **learnt: Seeds[Policy] | Seeds[Reward] | Preferences,
) -> Report:
    """Runs the expert, the policies and a random one; reports how they compare, and how they fit what was held out.

    Rewards are drawn beside the environment's, and pairs of clips beside what was said of them.
    """
    _check_names(learnt)
    answers = {name: one for name, one in learnt.items() if isinstance(one, Preferences)}
    policies, rewards = _of_type(Policy, learnt), _of_type(Reward, learnt)
    findings = _findings(spec, env, _Given(demos, expert, uncertainty, held_out), policies, rewards, key=key)
    shown = {name: show_answers(one, env()) for name, one in answers.items()}
    return _report(findings._replace(answers=shown))


class _Given(NamedTuple):
    demos: Demonstrations
    expert: Seeds[Policy] | None
    uncertainty: Seeds[Uncertainty] | None
    held_out: Demonstrations | None


def _findings(
    spec: Returns,
    env: Build[Environment | HostEnvironment],
    given: _Given,
    policies: Mapping[str, Seeds[Policy]],
    rewards: Mapping[str, Seeds[Reward]],
    *,
    key: PRNGKeyArray,
) -> Findings:
    (episodes_key, actions_key, resampling_key), world = jax.random.split(key, 3), env()
    demos, expert, uncertainty, held_out = given
    episodes, outcome, measured = _run_and_measure(spec, world, demos, expert, policies, key=episodes_key)
    resampling = Resampling(spec.confidence, spec.num_resamples, int(jax.random.key_data(resampling_key)[-1]))
    curves = {name: read_curves(seeds, resampling) for name, seeds in policies.items()}
    source, recorded = _recorded_episodes(demos, held_out, episodes)
    mapped = mapped_states(world, demos) if rewards or uncertainty is not None else None
    return Findings(
        task="recordings" if isinstance(world, RecordedEnvironment) else getattr(env.spec, "id", env.kind),
        policies=tuple(policies),
        num_seeds=max(map(len, policies.values())),
        num_demonstrated=(demos.num_episodes, demos.num_counted),
        confidence=spec.confidence,
        outcome=outcome,
        measured=measured,
        scores=score_all(measured, resampling, spec.success_return),
        comparisons=compare_all({name: measured[name] for name in policies if measured}, resampling),
        curves=curves,
        noise=noise_during_training(curves, resampling),
        held_out=HeldOut(source, recorded.num_episodes, recorded.num_counted),
        fits=_fit_all(policies, recorded, resampling, key=actions_key),
        actions=_sample_actions(demos, policies, key=actions_key),
        state_map=_map_uncertainty(mapped, uncertainty, spec.map_dims),
        rewards=measure_rewards(rewards, world, mapped, demos, spec.map_dims) if rewards else None,
        rollouts=show_rollouts(world, episodes, measured, key=episodes_key),
        paths=paths_of(world, episodes),
        first_actions=first_actions(expert, policies, episodes, key=actions_key) if spec.stochastic else {},
        stochastic=spec.stochastic,
        along=_run_along(spec, world, policies, measured, resampling, outcome, key=episodes_key),
    )


def _of_type(kind: type, learnt: Mapping[str, Any]) -> dict[str, Any]:
    """What was learnt of this type, by its names."""
    return {name: one for name, one in learnt.items() if isinstance(one, Seeds) and isinstance(one.stacked, kind)}


def _fit_all(
    policies: Mapping[str, Seeds[Policy]], recorded: Demonstrations, resampling: Resampling, *, key: PRNGKeyArray
) -> dict[str, FitScore]:
    return {name: score_fit(measure_fit(seeds, recorded, key=key), resampling) for name, seeds in policies.items()}


def _check_names(learnt: Mapping[str, Any]) -> None:
    reserved = (*REFERENCES, "random", "held_out")
    if not _of_type(Policy, learnt):
        raise DataError(
            "evaluate.kind returns compares returns of policies and needs at least one policy beside rewards and "
            f"answers, got {', '.join(learnt) or 'none'}. Hand one over in the pipeline, or choose another kind."
        )
    if set(reserved) & set(learnt):
        raise DataError(f"evaluate takes policies by names other than {', '.join(reserved)}, got {', '.join(learnt)}.")


def _report(findings: Findings) -> Report:
    from ilkit.reporting.sections import page_of  # matplotlib takes longer to import than a pipeline to check

    return Report(metrics_of(findings), tables_of(findings), page_of(findings), summary_of(findings))


def _run_and_measure(
    spec: Returns,
    world: Environment | HostEnvironment,
    demos: Demonstrations,
    expert: Seeds[Policy] | None,
    policies: Mapping[str, Seeds[Policy]],
    *,
    key: PRNGKeyArray,
) -> tuple[dict[str, list[Episodes]], str, dict[str, Measurement]]:
    known = policies if expert is None else {"expert": expert, **policies}
    episodes = run_with_random(world, known, spec.num_episodes, stochastic=spec.stochastic, key=key)
    return episodes, *_measure_all(spec, demos, episodes)


def _run_along(
    spec: Returns,
    world: Environment | HostEnvironment,
    policies: Mapping[str, Seeds[Policy]],
    measured: Mapping[str, Measurement],
    resampling: Resampling,
    outcome: str,
    *,
    key: PRNGKeyArray,
) -> dict[str, AlongTraining]:
    """Of each policy that was kept along its training, what it did then on the same episodes."""
    found = {}
    for name, seeds in policies.items():
        if measured and seeds.snapshots is not None:
            kept = {str(index): one for index, one in enumerate(seeds.snapshots)}
            runs = run_contestants(world, kept, spec.num_episodes, sampled=kept if spec.stochastic else (), key=key)
            rows = [measure(run, outcome).outcomes.mean(axis=1) for run in runs.values()]
            found[name] = along_training(seeds, rows, measured[name], measured["random"], resampling)
    return found


def _recorded_episodes(
    demos: Demonstrations, held_out: Demonstrations | None, episodes: Mapping[str, list[Episodes]]
) -> tuple[Literal["held_out", "expert", "demos"], Demonstrations]:
    """What policies are held against: best what none of them has learnt from."""
    if held_out is not None:
        return "held_out", held_out
    return ("expert", episodes["expert"][0].demonstrations()) if "expert" in episodes else ("demos", demos)


def _measure_all(
    spec: Returns, demos: Demonstrations, episodes: Mapping[str, list[Episodes]]
) -> tuple[str, dict[str, Measurement]]:
    """By what all can be compared, and this of all: of the expert or what was demonstrated, the policies, random."""
    outcome = known_outcome(episodes)
    if spec.success_return is not None and episodes and outcome != "return":
        raise DataError(
            "success_return needs rewards, but the environment gives none. Leave it out: success is then what the "
            "environment says of it."
        )
    measured = {name: measure(runs, outcome) for name, runs in episodes.items()}
    recorded = {"return": demos.returns, "success": demos.success, "length": demos.lengths.astype(float)}[outcome]
    if not episodes or "expert" in episodes or recorded is None or not np.isfinite(recorded).all():
        return outcome, measured
    reference = Measurement(recorded[None], demos.lengths[None], demos.terminated[None])
    return outcome, {"demonstrated": reference} | measured


def _sample_actions(demos: Demonstrations, policies: Mapping[str, Seeds[Policy]], *, key: PRNGKeyArray) -> ActionSample:
    """What the environment gets at demonstrated states: always as many of them, so that nothing compiles again."""
    rows = np.flatnonzero(demos.counted)[np.linspace(0, demos.num_counted - 1, _NUM_DEMONSTRATED).astype(int)]
    obs = jax.tree.map(jnp.asarray, demos.before(rows))
    acted = {name: _act(seeds.stacked, obs, key) for name, seeds in policies.items()}
    space = demos.spaces.action

    def taken(actions: np.ndarray) -> np.ndarray:
        return np.clip(actions, *np.asarray(space.bounds, np.float32)) if isinstance(space, Box) else actions

    return ActionSample(
        demos.spaces,
        taken(demos.actions[rows]),
        {name: taken(np.concatenate(np.asarray(samples))) for name, (_, samples) in acted.items()},
        {name: taken(np.asarray(modes)[0]) for name, (modes, _) in acted.items()},
    )


@eqx.filter_jit
def _act(stacked: Policy, obs: PyTree, key: PRNGKeyArray) -> tuple[Array, Array]:
    """Mode and sample of each seed at each state."""

    def act(policy: Policy) -> tuple[Array, Array]:
        def at(obs: PyTree, key: PRNGKeyArray) -> tuple[Array, Array]:
            carry = policy.initial_carry()
            return policy.mode(carry, obs)[1], policy.sample(carry, obs, key=key)[1]

        return jax.vmap(at)(obs, jax.random.split(key, _NUM_DEMONSTRATED))

    return eqx.filter_vmap(act)(stacked)


def _map_uncertainty(
    mapped: MappedStates | None, uncertainty: Seeds[Uncertainty] | None, dims: tuple[int, int]
) -> StateMap | None:
    """The uncertainty map, averaged over seeds, and the demonstrated states."""
    if mapped is None or uncertainty is None:
        return None
    observe, box, names, states = mapped
    maps = [uncertainty_map(one, observe, box, dims, resolution=81) for one in on_host(uncertainty)]
    grid = UncertaintyMap(maps[0].x, maps[0].y, np.mean([one.scale for one in maps], axis=0))
    return StateMap(grid, states[:, list(dims)], (names[dims[0]], names[dims[1]]), len(maps))

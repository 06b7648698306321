"""Which checks a component has to pass."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.network import Network
from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.report import Report
from ilkit.data.uncertainty import Uncertainty
from ilkit.registry.find import Component, find
from ilkit.stepping.behavior import Behavior
from ilkit.testing import (
    alignment_checks,
    answer_checks,
    data_checks,
    env_checks,
    part_checks,
    preference_checks,
    process_checks,
    purity_checks,
    spec_checks,
    steering_checks,
    task_checks,
    training_checks,
)
from ilkit.testing.arguments import Options, Settings
from ilkit.testing.probes import has_loss
from ilkit.testing.problems import Actions
from ilkit.testing.subject import Subject

Function = Callable[[Subject], None]

_BY_TYPE: Mapping[Any, tuple[Function, ...]] = {
    Policy: (*part_checks.CHECKS, part_checks.actions_fit_the_space),
    Uncertainty: (*part_checks.CHECKS, part_checks.covariance_is_one),
    Network: part_checks.CHECKS,
    Behavior: part_checks.CHECKS,
    Demonstrations: (data_checks.actions_are_near_their_space,),
    Report: (answer_checks.report_is_self_contained,),
}
_BY_BLOCK: Mapping[str, tuple[Function, ...]] = {
    "network": (answer_checks.fits_a_linear_map,),
    "expert": (answer_checks.beats_random_actions,),
    "format": (answer_checks.reads_what_it_writes,),
    "dataset": (answer_checks.demonstrations_fit_the_environment,),
    "rollout": (answer_checks.episodes_obey_the_environment,),
    "join": (answer_checks.no_recording_is_lost, task_checks.tasks_are_told_apart),
    "labeler": preference_checks.ANSWERS,
    "comparisons": preference_checks.RECORDED,
    "prefer": preference_checks.QUESTIONS,
    "reward": (alignment_checks.explains_the_answers,),
    "align": (alignment_checks.comes_nearer_to_what_is_preferred,),
    "align_online": (alignment_checks.comes_nearer_to_what_is_preferred,),
    "augment": (answer_checks.demonstrations_stay_valid,),
    "imitate": (answer_checks.recovers_the_expert,),
    "interact": (answer_checks.comes_near_the_expert,),
    "match": (answer_checks.comes_near_the_expert,),
    "uncertainty": (answer_checks.grows_off_the_data,),
    "condition": (task_checks.every_seed_is_kept, task_checks.what_is_fixed_is_not_observed),
    "finetune": (answer_checks.improves_the_policy,),
    "evaluate": (answer_checks.report_names_every_policy,),
}


@dataclass(frozen=True)
class Check:
    """One check of one component: call it, and it raises where the component fails."""

    name: str
    run: Callable[[], Any]

    def __call__(self) -> None:
        """Runs the check."""
        self.run()

    def __str__(self) -> str:
        return self.name


def checks(
    block: str,
    kind: str,
    *,
    settings: Settings | None = None,
    parts: Mapping[str, Settings] | None = None,
    actions: Actions = "continuous",
    draws: bool = True,
    observation_shape: tuple[int, ...] = (2,),
    arguments: Mapping[type, Callable[[int], Any]] | None = None,
) -> list[Check]:
    """All checks that a component has to pass, for `pytest.mark.parametrize`:

        @pytest.mark.parametrize("check", checks("imitate", "xyz"), ids=str)
        def test_conformance(check):
            check()

    `settings` are those of the component where its defaults don't suit a problem of 150 steps; large counts, such as
    `num_steps`, are lowered anyhow. `parts` names the parts that it gets, each with its kind and its settings:
    `parts={"policy": {"kind": "gaussian"}}`. `actions` chooses between the problem with continuous and that with
    discrete actions. `draws=False` says that the component draws nothing: it is then checked that it ignores its key.
    `observation_shape` is that of the two numbers that a network gets: `(1, 2, 1)` makes a picture of two pixels.
    `arguments` makes what only the plug-in knows, such as an artifact of another stage of its own, by its type: a
    function of a whole number, other numbers giving other values of the same shapes.

    A component that can't be found or isn't what its block declares gets one check, which fails.
    """
    options = Options(
        settings=settings or {},
        parts=parts or {},
        actions=actions,
        draws=draws,
        observation_shape=observation_shape,
        arguments=arguments or {},
    )
    try:
        return checks_of(find(block, kind), options)
    except Exception as error:  # whatever it is, it must not keep pytest from collecting other tests
        return [Check(f"{block}-{kind}-is_found", _Raise(error))]


def checks_of(component: Component, options: Options) -> list[Check]:
    """The checks of a component that is found already."""
    subject = Subject(component, options)
    name = f"{component.block}-{component.kind}"
    return [Check(f"{name}-{function.__name__}", _Run(function, subject)) for function in functions_of(subject)]


def functions_of(subject: Subject) -> Iterator[Any]:
    """The checks that apply to a component."""
    yield from spec_checks.CHECKS
    block = subject.component.block
    if block == "env":
        yield from env_checks.checks_of(subject)
        return
    if subject.has_key:
        yield purity_checks.same_key_same_output
        draws = subject.options.draws
        yield purity_checks.different_key_different_output if draws else purity_checks.any_key_same_output
    yield from purity_checks.CHECKS
    yield process_checks.other_processes_same_output
    if subject.trains:
        yield from training_checks.CHECKS
        if Demonstrations in subject.declaration.arguments.values():
            yield data_checks.padding_changes_no_bit
            yield data_checks.what_counts_nothing_changes_no_bit
        if Preferences in subject.declaration.arguments.values():
            yield alignment_checks.padding_of_pairs_changes_no_bit
    if subject.declaration.role == "stage" or block == "policy":
        yield purity_checks.artifact_round_trips
    yield from _BY_TYPE.get(subject.declaration.makes, ())
    yield from _BY_BLOCK.get(block, ())
    if block == "policy":
        policy = eqx.filter_eval_shape(subject.make)
        if policy.has_density:
            yield part_checks.density_fits_the_samples
            yield steering_checks.samples_come_with_their_density
        if policy.noise_size:
            yield from steering_checks.CHECKS
        if has_loss(policy):
            yield answer_checks.fits_the_expert


@dataclass(frozen=True)
class _Run:
    function: Function
    subject: Subject

    def __call__(self) -> None:
        self.function(self.subject)


@dataclass(frozen=True)
class _Raise:
    error: Exception

    def __call__(self) -> None:
        raise self.error

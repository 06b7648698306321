"""Checks of what puts tasks together and of what takes one of them out again: none is mixed up, and no seed is lost."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import DESIRED, OBSERVATION
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.tasks import TASK, as_entries, entries_of, value_in
from ilkit.testing.arguments import argument
from ilkit.testing.comparison import difference, expect
from ilkit.testing.probes import entries
from ilkit.testing.subject import Subject


def tasks_are_told_apart(subject: Subject) -> None:
    """Where tasks are told apart, every step has the value of the recording that its episode is of."""
    demos: Demonstrations = subject.outcome()
    if demos.spaces.tasks is None:
        return
    space = entries_of(demos.spaces.observation)[TASK]
    values = {name: value_in(space, value) for name, value in demos.spaces.tasks.values}
    firsts, count = demos.before(demos.starts)[OBSERVATION], demos.lengths + 1
    for name, one in subject.named().items():
        known = one.before(one.starts)
        of_it = np.repeat((firsts[:, None] == known[None]).all(axis=-1).any(axis=1), count)
        expect(name in values, f"Each recording must be a task by its name, but {name!r} is none of {list(values)}.")
        told = demos.obs[TASK][of_it]
        expect(
            (told == values[name]).all(),
            f"Every step of {name!r} must be told {values[name].tolist()}, the value of its task, got {told[:1]}.",
        )


def every_seed_is_kept(subject: Subject) -> None:
    """Every training seed that is given is there again, in its order, as it would be alone, with its curves."""
    alone = [
        jax.tree.map(lambda leaf: leaf[:1] if eqx.is_array(leaf) else leaf, _policy(subject, variant).stacked)
        for variant in (0, 1)
    ]
    together = jax.tree.map(lambda *leaves: jnp.concatenate(leaves) if eqx.is_array(leaves[0]) else leaves[0], *alone)
    given = Seeds(together, _policy(subject, 0).curves, 2)
    kept = subject.call((given,), {})
    expect(len(kept) == 2, f"Every seed must be kept, but of 2 there are {len(kept)}.")
    expect(not difference(kept.curves, given.curves), "The learning curves must be kept as they are.")
    for seed, one in enumerate(alone):
        found = difference(kept[seed], subject.call((Seeds(one, {}, 1),), {})[0])
        expect(not found, f"A seed must be what it would be alone, but number {seed} differs in {found}.")


def what_is_fixed_is_not_observed(subject: Subject) -> None:
    """It acts as the policy does in one of its tasks, by what is observed there; whatever goal it is asked for."""
    given, policy = _policy(subject, 0)[0], subject.learnt()
    tasks, seen = given.spaces.tasks, policy.spaces.observation
    if tasks is not None:
        expect(seen == tasks.observation, f"What is observed must be what it is in one task, got {seen}.")
    rows = entries(subject, policy)
    actions = _modes(policy, rows)
    if tasks is not None:
        space = entries_of(given.spaces.observation)[TASK]
        told = [jnp.stack([value_in(space, value)] * len(actions)) for _, value in tasks.values]
        fits = [bool((_modes(given, {**as_entries(rows), TASK: one}) == actions).all()) for one in told]
        expect(any(fits), "It must act as the given policy does in one of its tasks, to the last bit.")
    elif DESIRED in as_entries(rows):
        other = {**rows, DESIRED: rows[DESIRED][::-1]}
        same = (_modes(policy, other) == actions).all()
        expect(same, "It must go where it is told, but the goal that it observes changes its actions.")


def _policy(subject: Subject, variant: int) -> Seeds[Policy]:
    made: Seeds[Policy] = argument(subject.component.block, "policy", subject.options, variant)
    return made


@eqx.filter_jit
def _modes(policy: Policy, rows: PyTree) -> Array:
    return jax.vmap(lambda obs: policy.mode(policy.initial_carry(), obs)[1])(rows)

"""Checks of an environment's tables: what they say of its steps holds."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PyTree

from ilkit.data.environment import Environment
from ilkit.data.tabular import tabular_faults
from ilkit.nn.state_table import StateTable
from ilkit.testing.comparison import distance, expect
from ilkit.testing.env_steps import random_steps
from ilkit.testing.subject import Subject


def tables_are_the_dynamics(subject: Subject) -> None:
    """The tables of `tabular` are those of the steps: T says how often a state follows, and R is the reward."""
    env = subject.learnt()
    tabular = env.tabular()
    for fault in tabular_faults(tabular):
        expect(False, f"tabular must give a decision process, but {fault}")
    steps = random_steps(env, jax.random.key(0))
    table = StateTable.of(env.spaces.observation, tabular.observations)
    before, after = (table.numbers(_flat(rows)) for rows in (steps.obs, _observed(env, steps.after)))
    after = np.where(_flat(steps.terminated), len(tabular.initial) - 1, after)
    tried = (before, _flat(steps.actions))
    counts = np.zeros(tabular.transitions.shape)
    np.add.at(counts, (*tried, after), 1.0)
    _compare(counts, np.asarray(tabular.transitions, np.float64))
    found = distance(np.asarray(tabular.rewards)[tried], _flat(steps.rewards), relative=1e-4, absolute=1e-4)
    expect(not found, f"The rewards must be those of the steps, but {found}.")


def _compare(counts: Float[np.ndarray, "states actions states"], chances: Float[np.ndarray, "..."]) -> None:
    """Fails where counts are farther from what is expected than six standard deviations."""
    total = counts.sum(axis=-1, keepdims=True)
    over = np.abs(counts - total * chances) - 6.0 * np.sqrt(total * chances * (1.0 - chances)) - 1e-3 * total
    state, action, led = np.unravel_index(np.argmax(over), counts.shape)
    expect(
        (over <= 0).all(),
        f"The transitions must be those of the steps, but from state {state} action {action} leads to {led} in "
        f"{counts[state, action, led]:.0f} of {total[state, action, 0]:.0f}, not {chances[state, action, led]:.3g}.",
    )


def _flat(rows: PyTree) -> PyTree:
    return jax.tree.map(lambda column: np.asarray(column).reshape(-1, *column.shape[2:]), rows)


@eqx.filter_jit
def _observed(env: Environment, states: PyTree) -> PyTree[Array]:
    return jax.vmap(jax.vmap(env.observe))(states)

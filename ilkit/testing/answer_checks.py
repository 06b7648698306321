"""Checks that a component solves a small problem with a known answer."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Wanted
from ilkit.data.goal_entries import OBSERVATION
from ilkit.data.network import Network
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.spaces import Dict
from ilkit.fitting.gradient import descend, mean_loss, partition
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy
from ilkit.testing import problems
from ilkit.testing.arguments import part
from ilkit.testing.comparison import expect
from ilkit.testing.subject import Subject

_OBS = problems.grid((-1.0, -1.0), (1.0, 1.0))


def fits_a_linear_map(subject: Subject) -> None:
    """Gradient descent fits a network to a linear map: the squared error falls to a tenth."""
    targets = jnp.asarray(_OBS @ problems.GAIN.T)
    observed = jnp.asarray(_OBS).reshape(len(_OBS), *subject.options.observation_shape)

    def loss(network: Network, key: PRNGKeyArray) -> Float[Array, ""]:
        del key
        return jnp.mean(
            jnp.sum(
                (jax.vmap(lambda obs: network(network.initial_carry(), obs)[1])(observed) - targets) ** 2,
                axis=-1,
            )
        )

    before, after = _fitted(subject.learnt(), loss)[1]
    expect(after < 0.1 * before, f"Gradient descent must lower the error to a tenth, got {before:.3g} to {after:.3g}.")


def fits_the_expert(subject: Subject) -> None:
    """Gradient descent on the policy's own loss brings its mode to the expert's action."""
    policy, actions = subject.learnt(), subject.options.actions
    targets = jax.vmap(lambda obs: problems.expert_action(obs, actions))(jnp.asarray(_OBS))

    def loss(policy: Policy, key: PRNGKeyArray) -> Float[Array, ""]:
        windows = jax.vmap(lambda obs, action: problems.still(policy, obs, action))(jnp.asarray(_OBS), targets)
        return mean_loss(policy, windows, key=key)

    _expect_near_expert(_fitted(policy, loss)[0], subject)


def recovers_the_expert(subject: Subject) -> None:
    """From demonstrations of a known expert, its actions are learnt."""
    _expect_near_expert(subject.learnt(), subject)


def comes_near_the_expert(subject: Subject) -> None:
    """From demonstrations of a known expert, and its answers or one's own trials, its actions are learnt."""
    _expect_near_expert(subject.learnt().policy, subject)


def improves_the_policy(subject: Subject) -> None:
    """From an untrained policy, reinforcement comes closer to the optimal actions."""
    before = problems.action_error(subject.argument("cloned"), subject.options.actions)
    after = problems.action_error(subject.learnt(), subject.options.actions)
    expect(
        after < 0.6 * before,
        f"Reinforcement must come closer to the optimal actions, got an error of {before:.3g} before and {after:.3g} "
        "after. Give it settings=... that suit so small a problem.",
    )


def grows_off_the_data(subject: Subject) -> None:
    """Where there are no demonstrations, the uncertainty is at least twice that on them."""
    uncertainty = subject.learnt()
    off, on = problems.grid((0.4, -1.0), (1.0, 1.0)), problems.grid((-1.0, -1.0), (-0.2, 1.0))
    trace = eqx.filter_jit(eqx.filter_vmap(lambda obs: jnp.trace(uncertainty.covariance(obs))))
    outside, inside = float(trace(jnp.asarray(off)).mean()), float(trace(jnp.asarray(on)).mean())
    expect(
        outside > 2.0 * inside > 0.0,
        f"tr cov(s) must be at least twice as large off the data as on them, got {outside:.3g} and {inside:.3g}.",
    )


def beats_random_actions(subject: Subject) -> None:
    """The expert's mean return is above that of random actions by more than two standard errors."""
    env = part("env", subject.options)()
    expert, key = subject.learnt(), jax.random.key(11)
    good = collect_episodes(env, expert, num_episodes=16, key=key).returns
    poor = collect_episodes(env, RandomPolicy.of(env.spaces), num_episodes=16, key=key, stochastic=True).returns
    error = float(np.std(good - poor, ddof=1) / 4.0)
    expect(
        float(np.mean(good - poor)) > 2.0 * error,
        f"An expert must do better than random actions, got returns {good.mean():.3g} and {poor.mean():.3g}.",
    )


def episodes_obey_the_environment(subject: Subject) -> None:
    """Episodes end as the environment ends them, and without noise their steps are its steps."""
    env = part("env", subject.options)()
    demos: Demonstrations = subject.outcome()
    expect((demos.lengths <= env.max_steps).all(), f"No episode may be longer than {env.max_steps} steps.")
    expect(
        (demos.terminated ^ demos.truncated).all(),
        "An episode must be terminated or truncated, and not both; number "
        f"{np.argmin(demos.terminated ^ demos.truncated)} is both or neither.",
    )
    rows = demos.transitions()
    steps = eqx.filter_jit(jax.vmap(lambda obs, action: env.step(env.state_of(obs), action, key=jax.random.key(0))))
    after, transition = steps(rows.before(), rows.actions)
    valid = np.asarray(rows.valid)
    expect(
        np.allclose(np.asarray(after)[valid], demos.after(), atol=1e-5),
        "Each next observation must be what the environment makes of the one before and the action.",
    )
    expect(np.allclose(np.asarray(transition.reward)[valid], demos.rewards, atol=1e-5), "Rewards must be those of env.")
    ended = np.asarray(transition.terminated)[valid]
    expect((ended == np.asarray(rows.terminated)[valid]).all(), "Episodes must be terminated where env says so.")


def demonstrations_fit_the_environment(subject: Subject) -> None:
    """There are episodes, none of them empty, in the spaces of the environment and of their types."""
    env, demos = part("env", subject.options)(), subject.outcome()
    expect(demos.spaces == env.spaces, f"The spaces must be those of the environment, got {demos.spaces}.")
    expect(demos.num_episodes and (demos.lengths > 0).all(), f"No episode may be empty, got lengths {demos.lengths}.")
    action, rows = env.spaces.action, demos.actions
    expect(
        (rows.dtype, rows.shape[1:]) == (action.dtype, action.shape),
        f"Actions must be {action.dtype} of shape {action.shape}, got {rows.dtype} of shape {rows.shape[1:]}.",
    )
    expect(
        (demos.terminated ^ demos.truncated).all(),
        "An episode must be terminated or truncated, and not both; number "
        f"{np.argmin(demos.terminated ^ demos.truncated)} is both or neither.",
    )


def reads_what_it_writes(subject: Subject) -> None:
    """Actions, rewards, lengths and ends of what is written and read again are the same bits."""
    demos, chosen = problems.demonstrations(5, subject.options.actions, left=True), subject.outcome()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "recording")
        chosen.write(demos, path)
        again = chosen.read(path, lambda _: None, Wanted(final_obs="repeat"))
    for name in ("actions", "rewards", "lengths", "terminated"):
        same = np.array_equal(getattr(again, name), getattr(demos, name))
        expect(same, f"{name} must come back as they were written.")


def demonstrations_stay_valid(subject: Subject) -> None:
    """The outcome has the same spaces, at least as many episodes, and arrays that agree with its lengths.

    Of a dictionary that is observed, one entry may be left.
    """
    given, demos = subject.argument("demos"), subject.outcome()
    seen = given.spaces.observation
    entries = [entry for _, entry in seen.entries] if isinstance(seen, Dict) else []
    stays = demos.spaces.action == given.spaces.action and demos.spaces.observation in (seen, *entries)
    expect(stays, f"The spaces must stay, or one entry of what is observed, got {demos.spaces}.")
    expect(demos.num_episodes >= given.num_episodes, f"No episode may be lost, got {demos.num_episodes}.")
    expect(demos.actions.dtype == given.actions.dtype, f"Actions must stay {given.actions.dtype}.")
    demos.check()


def no_recording_is_lost(subject: Subject) -> None:
    """Every episode is one of those given, at least one is of each recording, and the spaces stay.

    Where tasks are told apart, what else is observed stays.
    """
    given, demos = subject.named(), subject.outcome()
    starts = {name: one.before(one.starts) for name, one in given.items()}
    firsts, tasks = demos.before(demos.starts), demos.spaces.tasks
    firsts = firsts if tasks is None else firsts[OBSERVATION]
    for name, one in given.items():
        stays = demos.spaces == one.spaces or (tasks is not None and tasks.observation == one.spaces.observation)
        expect(stays, f"The spaces must stay, got {demos.spaces}.")
        there = (firsts[:, None] == starts[name][None]).all(axis=-1).any()
        expect(there, f"Each recording must contribute an episode, but there is none of {name!r}.")
    known = np.concatenate(list(starts.values()))
    unknown = ~(firsts[:, None] == known[None]).all(axis=-1).any(axis=1)
    expect(not unknown.any(), f"Every episode must be one of those given, but number {unknown.argmax()} is not.")
    demos.check()


def report_is_self_contained(subject: Subject) -> None:
    """The page loads nothing from elsewhere, and the columns of every table are equally long."""
    report: Report = subject.outcome()
    found = re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?(?:https?:)?//|@import""", report.html)
    expect(found is None, f"The page must work offline, but holds {found.group() if found else ''!r}.")
    for name, table in report.tables.items():
        expect(len({len(column) for column in table.values()}) == 1, f"Columns of {name} must be equally long.")


def report_names_every_policy(subject: Subject) -> None:
    """The metrics and the page have every policy by its name."""
    report: Report = subject.outcome()
    for name in subject.named():
        found = name in report.html and name in json.dumps(dict(report.metrics))
        expect(found, f"The metrics and the page must show every policy by its name, but {name!r} is missing.")


def _fitted(thing: Any, loss: Any) -> tuple[Any, tuple[float, float]]:
    optimizer = optax.adam(1e-2)
    trainable, fixed = partition(thing) if isinstance(thing, Policy) else eqx.partition(thing, eqx.is_inexact_array)

    @eqx.filter_jit
    def fit(trainable: Any) -> tuple[Any, Float[Array, " steps"]]:
        def step(carried: tuple[Any, Any], key: PRNGKeyArray) -> tuple[tuple[Any, Any], Float[Array, ""]]:
            trainable, state = carried
            value, gradient = jax.value_and_grad(lambda tree: loss(eqx.combine(tree, fixed), key))(trainable)
            return descend(optimizer, gradient, state, trainable), value

        keys = jax.random.split(jax.random.key(0), 400)
        (trained, _), losses = jax.lax.scan(step, (trainable, optimizer.init(trainable)), keys)
        return trained, losses

    trained, losses = fit(trainable)
    return eqx.combine(trained, fixed), (float(losses[0]), float(losses[-1]))


def _expect_near_expert(policy: Policy, subject: Subject) -> None:
    error = problems.action_error(policy, subject.options.actions)
    squares = np.sum((_OBS @ problems.GAIN.T) ** 2, axis=-1)
    scale = 1.0 if subject.options.actions == "discrete" else float(squares.mean())
    expect(
        error < 0.1 * scale,
        f"The expert's actions must be learnt to an error below {0.1 * scale:.3g}, got {error:.3g}. "
        "Give it settings=... that suit so small a problem.",
    )

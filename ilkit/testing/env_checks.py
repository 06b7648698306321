"""Checks of environments: what they say of themselves holds at every step."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, PyTree

from ilkit.data.environment import Drawable, HostEnvironment, Invertible, Mirrored, VectorState
from ilkit.data.known_dynamics import LinearQuadraticForm, TabularForm
from ilkit.data.spaces import Box, Dict, Discrete, Leaf, Space, zeros
from ilkit.testing import part_checks
from ilkit.testing.comparison import difference, distance, expect, not_finite
from ilkit.testing.env_steps import Steps, random_steps
from ilkit.testing.probes import entries
from ilkit.testing.subject import Subject
from ilkit.testing.table_checks import tables_are_the_dynamics


def same_key_same_episode(subject: Subject) -> None:
    """The same key gives the same episode, bit for bit."""
    env = subject.learnt()
    found = difference(random_steps(env, jax.random.key(0)), random_steps(subject.make(), jax.random.key(0)))
    expect(not found, f"The same key must give the same episode, but two differ in {found}.")


def different_key_different_episode(subject: Subject) -> None:
    """Episodes of different keys start in different states."""
    states = jax.tree.leaves(random_steps(subject.learnt(), jax.random.key(0)).states)
    first = np.concatenate([np.reshape(leaf[:, 0], (len(leaf), -1)) for leaf in states], axis=1)
    expect(len(np.unique(first, axis=0)) > 1, "Another key must give another initial state: draw it from `key`.")


def any_key_same_start(subject: Subject) -> None:
    """All episodes start in one state, for the environment draws none."""
    states = jax.tree.leaves(random_steps(subject.learnt(), jax.random.key(0)).states)
    same = all((leaf[:, 0] == leaf[0, 0]).all() for leaf in states)
    expect(same, "An environment with draws=False must start all episodes in one state, but states differ.")


def episodes_stay_in_their_spaces(subject: Subject) -> None:
    """Until an episode ends, states and rewards are finite and observations within their space."""
    env = subject.learnt()
    steps = random_steps(env, jax.random.key(0))
    begun = np.cumsum(np.asarray(steps.terminated), axis=1) - np.asarray(steps.terminated) == 0
    obs, states, rewards = jax.tree.map(lambda rows: np.asarray(rows)[begun], (steps.obs, steps.states, steps.rewards))
    found = not_finite({"states": states, "rewards": rewards})
    expect(not found, f"Every number must be finite, but {found} is not.")
    for entry, rows in _entries(env.spaces.observation, obs):
        low, high = _ends(entry)
        ends = f"{rows.min(axis=0)} to {rows.max(axis=0)}"
        expect(_within(rows, low, high), f"Observations must be between {low} and {high}, got {ends}.")


def description_fits(subject: Subject) -> None:
    """The names, the ranges and the spaces have the sizes of states and observations; the range is finite."""
    env = subject.learnt()
    state = entries(subject, env)[0]
    sizes = (len(env.state_names), env.state_box.size)
    expect(sizes == (state.size, state.size), f"state_names and state_box must have {state.size} entries, got {sizes}.")
    ends = np.asarray(env.state_box.bounds)
    expect(np.isfinite(ends).all(), f"state_box must be finite, got {env.state_box}.")
    wanted, got = (jax.tree.map(np.shape, one) for one in (zeros(env.spaces.observation), env.observe(state)))
    expect(got == wanted, f"observe must give {wanted}, got {got}.")
    expect(env.max_steps > 0, f"max_steps must be positive, got {env.max_steps}.")


def observations_can_be_inverted(subject: Subject) -> None:
    """`state_of` undoes `observe`."""
    env = subject.learnt()
    states = entries(subject, env)
    found = distance(_round_trip(env, states), states, relative=1e-4, absolute=1e-4)
    expect(not found, f"state_of must undo observe, but {found}.")


def actions_are_clipped(subject: Subject) -> None:
    """An action outside of the space acts as the nearest inside."""
    env = subject.learnt()
    space = env.spaces.action
    states, key = entries(subject, env), jax.random.key(0)
    for edge, beyond in _edges(space):
        inside = _step(env, states, jnp.asarray(edge), key)
        found = difference(inside, _step(env, states, jnp.asarray(beyond), key))
        expect(not found, f"An action outside of the space must be clipped to it first, but {found} differs.")


def frames_show_the_state(subject: Subject) -> None:
    """Frames are colored pictures of one size, different for different states."""
    env = subject.learnt()
    draw = eqx.filter_jit(lambda env, state: env.frame(state, 16))
    if isinstance(env, VectorState):
        low, high = env.state_box.bounds
        states = [jnp.asarray(low + share * (high - low), jnp.float32) for share in (0.25, 0.6)]
    else:
        visited = random_steps(env, jax.random.key(0)).states
        states = [jax.tree.map(lambda rows, at=at: rows[at], visited) for at in ((0, 0), (1, 1))]
    first, second = (np.asarray(draw(env, state)) for state in states)
    expect(
        first.dtype == np.uint8 and first.ndim == 3 and first.shape[2] == 3 and first.shape == second.shape,
        f"A frame must be uint8 of shape (height, width, 3), got {first.dtype} of {first.shape}.",
    )
    expect((first != second).any(), "Frames of two different states must not be equal.")


def mirror_is_a_symmetry(subject: Subject) -> None:
    """Stepping the mirror image gives the mirror image of the step, with the same reward."""
    env = subject.learnt()
    steps = random_steps(env, jax.random.key(0))
    found = distance(
        _mirrored_then_stepped(env, steps), _stepped_then_mirrored(env, steps), relative=1e-3, absolute=1e-3
    )
    expect(not found, f"mirror must be a symmetry of the dynamics, but {found}.")


def matrices_are_the_dynamics(subject: Subject) -> None:
    """The matrices of `linear_quadratic` are those of x' = A x + B u and r = -(xᵀ Q x + uᵀ R u)."""
    env = subject.learnt()
    dynamics, control, state_cost, action_cost = (np.asarray(matrix) for matrix in env.linear_quadratic())
    steps = random_steps(env, jax.random.key(0))
    states, actions = np.asarray(steps.states), np.asarray(steps.actions)
    cost = np.einsum("nti,ij,ntj->nt", states, state_cost, states)
    cost += np.einsum("nti,ij,ntj->nt", actions, action_cost, actions)
    expected = (states @ dynamics.T + actions @ control.T, -cost)
    found = distance(expected, (steps.after, steps.rewards), relative=1e-4, absolute=1e-4)
    expect(not found, f"The matrices must be those of the dynamics and the reward, but {found}.")


def host_episodes_repeat(subject: Subject) -> None:
    """A seed and actions decide an episode, in the same environment and in another one, and it fits the spaces."""
    env: HostEnvironment = subject.learnt()
    with closing(env.make()) as one, closing(env.make()) as other:
        first, _, again, elsewhere = (_host_episode(*given) for given in ((one, 0), (one, 1), (one, 0), (other, 0)))
        space = one.action_space.shape
    found = difference(first, again) or difference(first, elsewhere)
    expect(not found, f"The same seed must give the same episode, but two differ in {found}: draw from np_random.")
    expect(not not_finite(first), "Every number must be finite.")
    size = env.spaces.observation.size
    expect(first[0].shape[1:] == (size,), f"Observations must be vectors of {size}, got {first[0].shape[1:]}.")
    expect(space == env.spaces.action.shape, f"Actions must have the shape {env.spaces.action.shape}, got {space}.")
    expect(env.max_steps > 0, f"max_steps must be positive, got {env.max_steps}.")


def _host_episode(one: gymnasium.Env[Any, Any], seed: int) -> tuple[np.ndarray, np.ndarray]:
    obs, rewards = [one.reset(seed=seed)[0]], []
    one.action_space.seed(seed)
    for _ in range(8):
        seen, reward, terminated, truncated, _ = one.step(one.action_space.sample())
        obs.append(seen)
        rewards.append(float(reward))
        if terminated or truncated:
            break
    return np.stack(obs), np.asarray(rewards)


@eqx.filter_jit
def _round_trip(env: Any, states: PyTree) -> PyTree:
    return jax.vmap(lambda state: env.state_of(env.observe(state)))(states)


@eqx.filter_jit
def _step(env: Any, states: PyTree, action: Array, key: PRNGKeyArray) -> Any:
    return jax.vmap(lambda state: env.step(state, action, key=key))(states)


@eqx.filter_jit
def _mirrored_then_stepped(env: Any, steps: Steps) -> tuple[Array, Array]:
    def one(state: Array, action: Array) -> tuple[Array, Array]:
        obs, action = env.mirror(env.observe(state), action)
        after, transition = env.step(env.state_of(obs), action, key=jax.random.key(0))
        return env.observe(after), transition.reward

    return jax.vmap(jax.vmap(one))(steps.states, steps.actions)


@eqx.filter_jit
def _stepped_then_mirrored(env: Any, steps: Steps) -> tuple[Array, Array]:
    def one(state: Array, action: Array) -> tuple[Array, Array]:
        after, transition = env.step(state, action, key=jax.random.key(0))
        return env.mirror(env.observe(after), action)[0], transition.reward

    return jax.vmap(jax.vmap(one))(steps.states, steps.actions)


def _edges(space: Box) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Both ends of a space, and what lies a whole range outside; where there is no end, the same number twice."""
    low, high = (np.asarray(end, np.float32) for end in space.bounds)
    span = np.where(np.isfinite(high - low) & (high > low), high - low, np.float32(1.0))
    for end, beyond in ((low, low - span), (high, high + span)):
        inside = np.where(np.isfinite(end), end, np.clip(np.float32(0.0), low, high))
        yield inside, np.where(np.isfinite(end), beyond, inside)


def _entries(space: Space, obs: PyTree) -> Iterator[tuple[Leaf, np.ndarray]]:
    """The entries of what is observed, each with its space; one without a name where it is no dictionary."""
    if isinstance(space, Dict):
        yield from ((entry, obs[name]) for name, entry in space.entries)
    else:
        yield space, obs


def _ends(space: Leaf) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(space, Discrete):
        return np.asarray(space.start), np.asarray(space.start + space.size - 1)
    return space.bounds


def _within(rows: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    slack = 1e-4 * np.maximum(1.0, np.where(np.isfinite(high), np.abs(high), 1.0))
    return bool(((rows >= low - slack) & (rows <= high + slack)).all())


_CHECKS_OF: dict[Any, Callable[[Subject], None]] = {
    VectorState: description_fits,
    Invertible: observations_can_be_inverted,
    Drawable: frames_show_the_state,
    Mirrored: mirror_is_a_symmetry,
    LinearQuadraticForm: matrices_are_the_dynamics,
    TabularForm: tables_are_the_dynamics,
}
"""What only some environments can do, and the check of it."""


def checks_of(subject: Subject) -> Iterator[Callable[[Subject], None]]:
    """The checks that apply to an environment; one on the host can't be compiled."""
    env = subject.learnt()
    if isinstance(env, HostEnvironment):
        yield host_episodes_repeat
        return
    starts = different_key_different_episode if subject.options.draws else any_key_same_start
    yield from (same_key_same_episode, starts, episodes_stay_in_their_spaces)
    for protocol, check in _CHECKS_OF.items():
        if isinstance(env, protocol):
            yield check
    yield from part_checks.CHECKS
    if isinstance(env.spaces.action, Box):
        yield actions_are_clipped

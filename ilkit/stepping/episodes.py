"""Running a policy in an environment, episode by episode."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray, PyTree, Shaped, UInt32

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces, check_spaces, zeros
from ilkit.errors import DataError
from ilkit.math.packing import pack, unpack
from ilkit.stepping.acting import Noise, act_once, key_words
from ilkit.stepping.episode_arrays import Episodes, concatenated, stacked
from ilkit.stepping.host_episodes import Episode, InterruptedEpisodesError, Job
from ilkit.stepping.host_workers import run_jobs
from ilkit.stepping.repeats import check_repeats

_BATCH = 64


class _Record(NamedTuple):
    """What is recorded of a step."""

    obs: PyTree
    """The observation after it."""
    intended: Any
    executed: Any
    reward: Any
    terminated: Any
    """1 where it ended the episode: a number, so that it is packed with the others."""


def collect_episodes(
    env: Environment | HostEnvironment,
    policy: Policy,
    *,
    num_episodes: int,
    key: PRNGKeyArray,
    stochastic: bool = False,
    action_noise: float | Float[np.ndarray, "act act"] = 0.0,
    first_episode: int = 0,
    initial_states: Float[np.ndarray, "episodes state"] | None = None,
    attempt: int | None = None,
) -> Episodes:
    """Runs `num_episodes` whole episodes of a policy.

    Episode i draws from the key and the number `first_episode + i` alone: its initial state is the same for every
    policy and whatever the number of episodes, so that policies can be compared in pairs. Nothing compiles again for
    another policy of the same structure, another key, noise or number of episodes.

    `stochastic` samples the policy's actions instead of taking their mode. `action_noise` is the standard deviation
    of the Gaussian noise added to continuous actions, in their units, or a root L of its covariance L Lᵀ, and the
    probability of a uniformly random action where they are discrete. `initial_states` replaces the environment's own
    (pure-JAX environments only). Whatever the `attempt`, a number, episodes start as they do without one, and draw all
    that follows from it as well: tries at the same starts.

    An environment on the host that raises after some episodes ends the run: these are returned, with a warning.

    **Raises:** `DataError` where the policy's spaces don't fit, a host environment is given initial states, or it
    raises in the first episode.
    """
    check_spaces(env.spaces, policy.spaces)
    seeds = seeds_of(range(first_episode, first_episode + num_episodes), key, attempt)
    noise = jnp.asarray(action_noise, jnp.float32) if np.any(action_noise) else None
    if isinstance(env, Environment):
        return _collect_compiled(env, policy, seeds, noise, stochastic, initial_states)
    if initial_states is not None:
        raise DataError("A gymnasium environment draws its own initial states. Leave out initial_states.")
    if first_episode == 0 and not attempt:
        check_repeats(env)
    return stacked(_run_on_host(env, Job(policy, seeds, noise, stochastic)), env.spaces)


def _run_on_host(env: HostEnvironment, job: Job) -> list[Episode]:
    """The episodes of a job, or where the environment raises after some of them, these."""
    try:
        return list(run_jobs(env, [job])[0])
    except InterruptedEpisodesError as error:
        if not error.finished:
            raise
        warnings.warn(f"{error} The complete ones are kept.", stacklevel=3)
        return [error.finished[number] for number in sorted(error.finished)]


def collect_all(
    env: Environment | HostEnvironment,
    policies: Sequence[tuple[Policy, bool]],
    *,
    num_episodes: int,
    key: PRNGKeyArray,
) -> list[Episodes]:
    """The same for several policies, each with whether it samples its actions; all of them on the same episodes."""
    if isinstance(env, Environment):
        return [
            collect_episodes(env, policy, num_episodes=num_episodes, key=key, stochastic=stochastic)
            for policy, stochastic in policies
        ]
    for policy, _ in policies:
        check_spaces(env.spaces, policy.spaces)
    check_repeats(env)
    seeds = seeds_of(range(num_episodes), key)
    runs = run_jobs(env, [Job(policy, seeds, None, stochastic) for policy, stochastic in policies])
    return [stacked(episodes, env.spaces) for episodes in runs]


def num_bytes(env: Environment | HostEnvironment, num_episodes: int, num_steps: int) -> int:
    """The memory that so many episodes take, with so many steps in all."""
    obs, action = (
        sum(leaf.nbytes for leaf in jax.tree.leaves(zeros(space)))
        for space in (env.spaces.observation, env.spaces.action)
    )
    return (num_steps + num_episodes) * obs + num_steps * (2 * action + np.float32().nbytes)


def seeds_of(numbers: range, key: PRNGKeyArray, attempt: int | None = None) -> list[np.random.SeedSequence]:
    """What each episode draws from, by its number and that of the try."""
    entropy = np.asarray(jax.random.key_data(key)).tolist()
    before = () if attempt is None else (attempt, 1)
    return [np.random.SeedSequence(entropy, spawn_key=(*before, number)) for number in numbers]


def _collect_compiled(
    env: Environment,
    policy: Policy,
    seeds: list[np.random.SeedSequence],
    noise: Array | None,
    stochastic: bool,
    initial_states: Float[np.ndarray, "episodes state"] | None,
) -> Episodes:
    env, policy = jax.tree.map(
        lambda leaf: jnp.asarray(leaf, jnp.float32) if isinstance(leaf, float) else leaf, (env, policy)
    )
    last_step = np.broadcast_to(np.arange(env.max_steps) == env.max_steps - 1, (_BATCH, env.max_steps))
    parts = []
    for rows in _batches(len(seeds), _BATCH):
        words = jnp.asarray(np.stack([key_words(seeds[row], env.max_steps) for row in rows]))
        states = None if initial_states is None else jnp.asarray(initial_states[rows], jnp.float32)
        first, packed, drawn = jax.device_get(_run_batch(env, policy, words, noise, states, stochastic))
        by_episode = {dtype: np.moveaxis(rows, 0, 1) for dtype, rows in packed.items()}
        record = unpack(_record_of(env.spaces), by_episode)
        cut = _cut(first, record, last_step, spaces=env.spaces)
        parts.append(cut._replace(states=jax.tree.map(lambda leaf, cut=cut: leaf[: cut.lengths[0] + 1], drawn)))
    return concatenated(parts, len(seeds))._replace(states=parts[0].states)


@eqx.filter_jit
def _run_batch(
    env: Environment,
    policy: Policy,
    words: UInt32[Array, "batch rows keys words"],
    noise: Noise | None,
    states: PyTree | None,
    stochastic: bool,
) -> tuple[PyTree, dict[str, Shaped[Array, "steps batch _"]], PyTree]:
    """The first observations, what each step records, and the states of the first episode."""
    keys = jnp.swapaxes(jax.random.wrap_key_data(words), 0, 1)

    def step(
        state: PyTree, obs: PyTree, carry: PyTree, keys: Key[Array, " keys"]
    ) -> tuple[tuple[PyTree, ...], dict[str, Array]]:
        carry, intended, executed = act_once(policy, env.spaces.action, carry, obs, noise, stochastic, keys)
        state, (reward, terminated) = env.step(state, executed, key=keys[2])
        obs = env.observe(state)
        record = _Record(obs, intended, executed, reward, terminated)
        return (state, obs, carry), pack(_record_of(env.spaces), record)

    def step_all(carried: tuple[PyTree, ...], keys: Key[Array, "batch keys"]) -> tuple[tuple[PyTree, ...], Any]:
        state, obs, carry = carried
        carried, packed = jax.vmap(step)(state, obs, carry, keys)
        return carried, (packed, _first(carried[0]))

    if states is None:
        states = jax.vmap(lambda key: env.reset(key=key))(keys[-1, :, 0])
    first = jax.vmap(env.observe)(states)
    carries = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(words), *leaf.shape)), policy.initial_carry())
    packed, following = jax.lax.scan(step_all, (states, first, carries), keys[:-1])[1]
    drawn = jax.tree.map(lambda state, later: jnp.concatenate([state[None], later]), _first(states), following)
    return first, packed, drawn


def _first(states: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[0], states)


def _record_of(spaces: Spaces) -> _Record:
    number = np.zeros((), np.float32)
    return _Record(zeros(spaces.observation), zeros(spaces.action), zeros(spaces.action), number, number)


def _batches(count: int, size: int) -> Iterator[Int[np.ndarray, " batch"]]:
    """Batches of one size whatever the count, so that nothing compiles again; the last row fills up the last one."""
    return (np.minimum(np.arange(start, start + size), count - 1) for start in range(0, count, size))


def _cut(first: PyTree, record: _Record, truncated: Bool[np.ndarray, "episodes steps"], *, spaces: Spaces) -> Episodes:
    """Cuts episodes that were stepped beyond their ends."""
    terminated = record.terminated > 0.5
    last = (terminated | truncated).argmax(axis=1)
    lengths = (last + 1).astype(np.int32)
    taken = np.arange(lengths.max()) < lengths[:, None]

    def cut(column: np.ndarray) -> np.ndarray:
        mask = taken.reshape(*taken.shape, *[1] * (column.ndim - 2))
        return np.where(mask, column[:, : taken.shape[1]], np.zeros((), column.dtype))

    obs = jax.tree.map(lambda first, rows: np.concatenate([first[:, None], cut(rows)], axis=1), first, record.obs)
    by_env = np.take_along_axis(terminated, last[:, None], axis=1)[:, 0]
    intended, executed, rewards = map(cut, record[1:4])
    return Episodes(obs, intended, executed, rewards, by_env, ~by_env, lengths, spaces)

"""Running a policy in an environment, episode by episode."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray, PyTree, Shaped, UInt32

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces, check_spaces, zeros
from ilkit.errors import DataError
from ilkit.math.packing import pack, unpack
from ilkit.stepping.acting import Noise, act_once, key_words
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


class Episodes(NamedTuple):
    """Whole episodes as arrays, padded with zeros to the longest of them."""

    obs: PyTree[Shaped[np.ndarray, "episodes ..."]]
    """The observations, of shape (episodes, steps + 1, *observation), or a dictionary of them."""
    intended: np.ndarray
    """The actions that the policy chose, of shape (episodes, steps, *action)."""
    executed: np.ndarray
    """The actions that the environment took: with the noise, clipped to the action space."""
    rewards: Float[np.ndarray, "episodes steps"]
    terminated: Bool[np.ndarray, " episodes"]
    """Whether the environment ended an episode."""
    truncated: Bool[np.ndarray, " episodes"]
    """Whether the time limit cut an episode that hadn't terminated."""
    lengths: Int[np.ndarray, " episodes"]
    spaces: Spaces
    success: Float[np.ndarray, " episodes"] | None = None
    """1 for an episode that succeeded, 0 for one that didn't, NaN where the environment didn't say; none of compiled
    environments, which don't."""
    states: PyTree = None
    """The states of the first episode, steps + 1 of them, to be drawn; none where the environment is on the host."""

    @property
    def returns(self) -> Float[np.ndarray, " episodes"]:
        """The undiscounted sum of rewards of each episode."""
        returns: np.ndarray = self.rewards.sum(axis=1, dtype=np.float64)
        return returns

    def demonstrations(self, label: str = "intended") -> Demonstrations:
        """The episodes one after the other, labeled with the actions `intended` or `executed`."""
        steps = np.arange(self.rewards.shape[1] + 1)
        taken, observed = steps[None, :-1] < self.lengths[:, None], steps[None, :] <= self.lengths[:, None]
        executed = self.executed[taken]
        labels = self.intended[taken] if label == "intended" else executed
        return Demonstrations(
            jax.tree.map(lambda rows: rows[observed], self.obs),
            labels,
            self.rewards[taken],
            self.terminated,
            self.truncated,
            self.lengths,
            spaces=self.spaces,
            executed=None if np.array_equal(labels, executed) else executed,
        )


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
    return _stack(_run_on_host(env, Job(policy, seeds, noise, stochastic)), env.spaces)


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
    return [_stack(episodes, env.spaces) for episodes in runs]


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
    return _concatenate(parts, len(seeds))._replace(states=parts[0].states)


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


def _stack(episodes: Sequence[Episode], spaces: Spaces) -> Episodes:
    """Episodes of the host as arrays."""
    lengths = np.asarray([len(one.rewards) for one in episodes], np.int32)
    longest = int(lengths.max())

    def padded(name: str, length: int) -> PyTree:
        return jax.tree.map(
            lambda *rows: np.stack([_padded(row, length, axis=0) for row in rows]),
            *(getattr(one, name) for one in episodes),
        )

    terminated = np.asarray([one.terminated for one in episodes])
    intended, executed, rewards = (padded(name, longest) for name in ("intended", "executed", "rewards"))
    obs = padded("obs", longest + 1)
    success = np.asarray([one.success for one in episodes], np.float32)
    return Episodes(obs, intended, executed, rewards, terminated, ~terminated, lengths, spaces, success)


def _padded(rows: np.ndarray, length: int, axis: int) -> np.ndarray:
    return np.pad(rows, [(0, (length - size) * (at == axis)) for at, size in enumerate(rows.shape)])


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


def _concatenate(parts: list[Episodes], num_episodes: int) -> Episodes:
    longest = max(part.rewards.shape[1] for part in parts)

    def joined(name: str, length: int | None = None) -> PyTree:
        def join(*columns: np.ndarray) -> np.ndarray:
            padded = columns if length is None else [_padded(column, length, axis=1) for column in columns]
            return np.concatenate(padded)[:num_episodes]

        return jax.tree.map(join, *(getattr(part, name) for part in parts))

    by_step = (joined(name, longest) for name in ("intended", "executed", "rewards"))
    by_episode = (joined(name) for name in ("terminated", "truncated", "lengths"))
    intended, executed, rewards, terminated, truncated, lengths = (*by_step, *by_episode)
    obs = joined("obs", longest + 1)
    return Episodes(obs, intended, executed, rewards, terminated, truncated, lengths, parts[0].spaces)

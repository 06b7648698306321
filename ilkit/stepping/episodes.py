"""Running a policy in an environment, episode by episode."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray, PyTree, UInt32

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces, check_spaces
from ilkit.errors import DataError
from ilkit.stepping.acting import act_once, key_words
from ilkit.stepping.host_episodes import Episode, InterruptedEpisodesError, Job
from ilkit.stepping.host_workers import run_jobs

_BATCH = 64


class Episodes(NamedTuple):
    """Whole episodes as arrays, padded with zeros to the longest of them."""

    obs: Float[np.ndarray, "episodes steps+1 obs"]
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

    @property
    def returns(self) -> Float[np.ndarray, " episodes"]:
        """The undiscounted sum of rewards of each episode."""
        returns: np.ndarray = self.rewards.sum(axis=1, dtype=np.float64)
        return returns

    def demonstrations(self, label: str = "intended") -> Demonstrations:
        """The episodes one after the other, labeled with the actions `intended` or `executed`."""
        steps = np.arange(self.obs.shape[1])
        taken = steps[None, :-1] < self.lengths[:, None]
        return Demonstrations(
            self.obs[steps[None, :] <= self.lengths[:, None]],
            (self.intended if label == "intended" else self.executed)[taken],
            self.rewards[taken],
            self.terminated,
            self.truncated,
            self.lengths,
            spaces=self.spaces,
        )


def collect_episodes(
    env: Environment | HostEnvironment,
    policy: Policy,
    *,
    num_episodes: int,
    key: PRNGKeyArray,
    stochastic: bool = False,
    action_noise: float = 0.0,
    first_episode: int = 0,
    initial_states: Float[np.ndarray, "episodes state"] | None = None,
) -> Episodes:
    """Runs `num_episodes` whole episodes of a policy.

    Episode i draws from the key and the number `first_episode + i` alone: its initial state is the same for every
    policy and whatever the number of episodes, so that policies can be compared in pairs. Nothing compiles again for
    another policy of the same structure, another key, noise or number of episodes.

    `stochastic` samples the policy's actions instead of taking their mode. `action_noise` is the standard deviation
    of the Gaussian noise added to continuous actions, in their units, and the probability of a uniformly random
    action where they are discrete. `initial_states` replaces the environment's own (pure-JAX environments only).

    An environment on the host that raises after some episodes ends the run: these are returned, with a warning.

    **Raises:** `DataError` where the policy's spaces don't fit, a host environment is given initial states, or it
    raises in the first episode.
    """
    check_spaces(env.spaces, policy.spaces)
    seeds = _seeds_of(range(first_episode, first_episode + num_episodes), key)
    noise = jnp.asarray(action_noise, jnp.float32) if action_noise else None
    if isinstance(env, Environment):
        return _collect_compiled(env, policy, seeds, noise, stochastic, initial_states)
    if initial_states is not None:
        raise DataError("A gymnasium environment draws its own initial states. Leave out initial_states.")
    try:
        episodes = run_jobs(env, [Job(policy, seeds, noise, stochastic)])[0]
    except InterruptedEpisodesError as error:
        if not error.finished:
            raise
        warnings.warn(f"{error} The complete ones are kept.", stacklevel=2)
        episodes = [error.finished[number] for number in sorted(error.finished)]
    return _stack(episodes, env.spaces)


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
    seeds = _seeds_of(range(num_episodes), key)
    runs = run_jobs(env, [Job(policy, seeds, None, stochastic) for policy, stochastic in policies])
    return [_stack(episodes, env.spaces) for episodes in runs]


def _seeds_of(numbers: range, key: PRNGKeyArray) -> list[np.random.SeedSequence]:
    entropy = np.asarray(jax.random.key_data(key)).tolist()
    return [np.random.SeedSequence(entropy, spawn_key=(number,)) for number in numbers]


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
        first, packed = map(np.asarray, _run_batch(env, policy, words, noise, states, stochastic))
        parts.append(_cut(*(first, *_unpack(packed, env.spaces), last_step), spaces=env.spaces))
    return _concatenate(parts, len(seeds))


@eqx.filter_jit
def _run_batch(
    env: Environment,
    policy: Policy,
    words: UInt32[Array, "batch rows keys words"],
    noise: Float[Array, ""] | None,
    initial_states: Float[Array, "batch state"] | None,
    stochastic: bool,
) -> tuple[Float[Array, "batch obs"], Float[Array, "steps batch entries"]]:
    def run(
        words: UInt32[Array, "rows keys words"], state: Float[Array, " state"] | None
    ) -> tuple[Float[Array, " obs"], Float[Array, "steps entries"]]:
        keys = jax.random.wrap_key_data(words)
        state = env.reset(key=keys[-1, 0]) if state is None else state
        return _run_episode(env, policy, state, noise, stochastic, keys[:-1])

    return jax.vmap(run, out_axes=(0, 1))(words, initial_states)


def _run_episode(
    env: Environment,
    policy: Policy,
    state: Float[Array, " state"],
    noise: Float[Array, ""] | None,
    stochastic: bool,
    keys: Key[Array, "steps keys"],
) -> tuple[Float[Array, " obs"], Float[Array, "steps entries"]]:
    def step(carried: tuple[Array, Array, PyTree], keys: Key[Array, " keys"]) -> tuple[tuple[Any, ...], Array]:
        state, obs, carry = carried
        carry, intended, executed = act_once(policy, env.spaces.action, carry, obs, noise, stochastic, keys)
        state, (reward, terminated) = env.step(state, executed, key=keys[2])
        obs = env.observe(state)
        return (state, obs, carry), _pack(obs, intended, executed, reward, terminated)

    first = env.observe(state)
    return first, jax.lax.scan(step, (state, first, policy.initial_carry()), keys)[1]


def _pack(*columns: Array) -> Float[Array, " entries"]:
    """Everything a step records as one vector: five times fewer loops for XLA to compile."""
    return jnp.concatenate([jnp.ravel(column).astype(jnp.float32) for column in columns])


def _unpack(packed: Float[np.ndarray, "steps batch entries"], spaces: Spaces) -> tuple[np.ndarray, ...]:
    """The next observation, the intended and the executed action, the reward and the end, of each episode and step."""
    packed = np.moveaxis(packed, 0, 1)
    width = spaces.action.size if isinstance(spaces.action, Box) else 1
    splits = np.cumsum([spaces.observation.size, width, width, 1])
    obs, intended, executed, reward, terminated = np.split(packed, splits, axis=-1)
    shape = (*packed.shape[:-1], *spaces.action.shape)
    intended, executed = (action.reshape(shape).astype(spaces.action.dtype) for action in (intended, executed))
    return obs, intended, executed, reward[..., 0], terminated[..., 0] > 0.5


def _stack(episodes: Sequence[Episode], spaces: Spaces) -> Episodes:
    """Episodes of the host as arrays."""
    lengths = np.asarray([len(one.rewards) for one in episodes], np.int32)
    longest = int(lengths.max())

    def padded(name: str, length: int) -> np.ndarray:
        rows = [getattr(one, name) for one in episodes]
        return np.stack([np.pad(row, [(0, length - len(row)), *[(0, 0)] * (row.ndim - 1)]) for row in rows])

    terminated = np.asarray([one.terminated for one in episodes])
    intended, executed, rewards = (padded(name, longest) for name in ("intended", "executed", "rewards"))
    obs = padded("obs", longest + 1)
    success = np.asarray([one.success for one in episodes], np.float32)
    return Episodes(obs, intended, executed, rewards, terminated, ~terminated, lengths, spaces, success)


def _batches(count: int, size: int) -> Iterator[Int[np.ndarray, " batch"]]:
    """Batches of one size whatever the count, so that nothing compiles again; the last row fills up the last one."""
    return (np.minimum(np.arange(start, start + size), count - 1) for start in range(0, count, size))


def _cut(
    first: Float[np.ndarray, "episodes obs"],
    obs: Float[np.ndarray, "episodes steps obs"],
    intended: np.ndarray,
    executed: np.ndarray,
    rewards: Float[np.ndarray, "episodes steps"],
    terminated: Bool[np.ndarray, "episodes steps"],
    truncated: Bool[np.ndarray, "episodes steps"],
    *,
    spaces: Spaces,
) -> Episodes:
    """Cuts episodes that were stepped beyond their ends."""
    last = (terminated | truncated).argmax(axis=1)
    lengths = (last + 1).astype(np.int32)
    taken = np.arange(lengths.max()) < lengths[:, None]

    def cut(column: np.ndarray) -> np.ndarray:
        mask = taken.reshape(*taken.shape, *[1] * (column.ndim - 2))
        return np.where(mask, column[:, : taken.shape[1]], np.zeros((), column.dtype))

    obs = np.concatenate([first[:, None], cut(obs)], axis=1)
    by_env = np.take_along_axis(terminated, last[:, None], axis=1)[:, 0]
    return Episodes(obs, cut(intended), cut(executed), cut(rewards), by_env, ~by_env, lengths, spaces)


def _concatenate(parts: list[Episodes], num_episodes: int) -> Episodes:
    longest = max(part.rewards.shape[1] for part in parts)

    def pad(column: np.ndarray, length: int) -> np.ndarray:
        return np.pad(column, [(0, 0), (0, length - column.shape[1]), *[(0, 0)] * (column.ndim - 2)])

    padded = [[pad(part.obs, longest + 1), *(pad(column, longest) for column in part[1:4])] for part in parts]
    columns = [[*head, *part[4:7]] for head, part in zip(padded, parts, strict=True)]
    obs, intended, executed, rewards, terminated, truncated, lengths = (
        np.concatenate(column)[:num_episodes] for column in zip(*columns, strict=True)
    )
    return Episodes(obs, intended, executed, rewards, terminated, truncated, lengths, parts[0].spaces)

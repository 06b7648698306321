"""Environments on the host, stepped side by side between the compiled steps of a training run.

Nobody can save such an environment. What is carried of an episode under way is its seed and its actions, which bring
another environment to where it stands.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import PyTreeDef
from jaxtyping import Array, Int, Key, PRNGKeyArray, PyTree, UInt32

from ilkit.data.environment import HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, element, zeros
from ilkit.errors import DataError
from ilkit.stepping.behavior import Acting, RunningSquare
from ilkit.stepping.memory import renewed_carries
from ilkit.stepping.raised import raised
from ilkit.stepping.records import EpisodeLog, Outcome, Rollout, Trials
from ilkit.stepping.repeats import check_repeats


class HostStates(NamedTuple):
    """What is known of environments on the host."""

    obs: PyTree
    words: UInt32[Array, " envs"]
    """What the seeds of each environment's episodes follow from."""
    actions: Array
    """What was done in each environment since its episode began: environments, then steps."""
    steps: Int[Array, ""]
    """The number of steps taken."""


class HostEnvs:
    """Environments on the host, those of all the seeds that train at once."""

    def __init__(self, env: HostEnvironment, num_envs: int) -> None:
        self._env, self._num_envs = env, num_envs
        self._rows: list[_Row] = []
        self._steps, self._is_checked = -1, False

    def reset(self, *, key: PRNGKeyArray) -> Trials:
        """Decides the episodes; the environments are made when they are stepped first."""
        count, spaces = self._num_envs, self._env.spaces
        actions = jnp.zeros((count, self._env.max_steps, *spaces.action.shape), spaces.action.dtype)
        obs = jax.tree.map(jnp.asarray, zeros(spaces.observation, count))
        words = jax.random.bits(key, (count,), jnp.uint32)
        states = HostStates(obs, words, actions, jnp.zeros((), jnp.int32))
        return Trials(states, RunningSquare.empty(), EpisodeLog.empty(count))

    def collect(
        self, policy: Policy, behavior: Acting, trials: Trials, *, num_steps: int, key: Key[Array, "*seeds"]
    ) -> tuple[Trials, Rollout]:
        """Steps each `num_steps` times; everything has a leading seed axis where the key has one.

        **Raises:** `DataError` where the environment raises or, being begun, doesn't repeat an episode.
        """
        trials = self._at(trials)
        lead, running, obs = key.shape, trials.running, jax.tree.map(np.asarray, trials.states.obs)
        leaves, structure = jax.tree.flatten((policy, behavior))
        act, keys = _acting(structure, len(lead)), _keys_of_steps(key, num_steps)
        rows, carry = [], trials.carry
        for step in range(num_steps):
            running, actions, context, carry = act(leaves, running, obs, carry, keys, step)
            done = self._clipped(np.asarray(actions))
            following, *led_to = self._step(done, lead)
            outcome = Outcome(*led_to)
            rows.append((Rollout(obs, actions, context, outcome), done))
            if jax.tree.leaves(carry):
                carry = _renewed(structure, len(lead))(leaves, carry, outcome.terminated | outcome.truncated)
            obs = following
        axis = len(lead)
        rollout, done = jax.tree.map(lambda *steps: np.stack([np.asarray(one) for one in steps], axis), *rows)
        taken, log = _followed(len(lead))(trials.states.actions, trials.log, done, rollout.outcome)
        steps: Any = np.full(lead, self._steps, np.int32)
        states = HostStates(jax.tree.map(np.copy, obs), trials.states.words, taken, steps)
        return Trials(states, running, log, carry), rollout._replace(carry=trials.carry)

    def _at(self, trials: Trials) -> Trials:
        """Brings the environments to where the trials are, of one seed or of several."""
        states, log = jax.device_get((trials.states, trials.log))
        steps = int(np.max(states.steps))
        if self._rows and steps == self._steps:
            return trials
        with _explained("before the first step"):
            if steps == 0 and not self._is_checked:
                check_repeats(self._env)
                self._is_checked = True
            self._open(states.words)
            obs = self._replayed(states, log)
        self._steps = steps
        if steps and not _same(obs, states.obs):
            if self._env.repeats:
                raise DataError(
                    "An episode must repeat, and one that was under way when the run was stopped doesn't. Draw all "
                    "random numbers of the environment from self.np_random, or set repeats of the env to false."
                )
            begun = {name: np.zeros_like(getattr(log, name)) for name in ("length", "reward_sum", "seen")}
            log = log._replace(**begun)
            obs = _rows([row.start(row.number + 1) for row in self._rows], states.words.shape)
        return trials._replace(states=states._replace(obs=obs), log=log)

    def _replayed(self, states: HostStates, log: EpisodeLog) -> PyTree:
        numbers, lengths = np.ravel(log.num_episodes), np.ravel(log.length)
        actions = np.reshape(states.actions, (len(self._rows), *states.actions.shape[states.words.ndim :]))
        taken = zip(self._rows, numbers, lengths, actions, strict=True)
        reached = [row.replay(int(number), done[:length]) for row, number, length, done in taken]
        return _rows(reached, states.words.shape)

    def _clipped(self, actions: np.ndarray) -> np.ndarray:
        space = self._env.spaces.action
        return np.clip(actions, *np.asarray(space.bounds, np.float32)) if isinstance(space, Box) else actions

    def _step(self, actions: np.ndarray, lead: tuple[int, ...]) -> tuple[Any, ...]:
        shape = (*lead, self._num_envs)
        flat = actions.reshape(len(self._rows), *actions.shape[len(shape) :])
        with _explained(f"after {self._steps:,} steps"):
            stepped = [row.step(action) for row, action in zip(self._rows, flat, strict=True)]
        self._steps += 1
        obs, rewards, next_obs, *ends = zip(*stepped, strict=True)
        paid = np.asarray(rewards, np.float32).reshape(shape)
        return (_rows(obs, shape), paid, _rows(next_obs, shape), *(np.reshape(end, shape) for end in ends))

    def _open(self, words: UInt32[np.ndarray, "*seeds envs"]) -> None:
        """Makes the environments, or takes those that are there: a seed begins an episode anew in them, too."""
        wanted = [int(word) for word in np.ravel(words)]
        if len(self._rows) == len(wanted):
            for row, word in zip(self._rows, wanted, strict=True):
                row.word = word
            return
        for row in self._rows:
            row.env.close()
        self._rows = [_Row(self._env, word) for word in wanted]


class _Row:
    """An environment and the episode that is under way in it."""

    def __init__(self, env: HostEnvironment, word: int) -> None:
        self.env, self._space = env.make(), env.spaces.observation
        self._max_steps, self.word = env.max_steps, word
        self.number = self._length = 0

    def start(self, number: int) -> PyTree:
        """Begins the episode of this number, whatever was before."""
        seed = np.random.SeedSequence(self.word, spawn_key=(number,)).generate_state(1)[0]
        self.number, self._length = number, 0
        return element(self._space, self.env.reset(seed=int(seed))[0])

    def step(self, action: Any) -> tuple[PyTree, float, PyTree, bool, bool]:
        """Takes a step: what is observed now, where an episode that has ended is followed by the next, and its outcome.

        The outcome is the reward, what the action led to, and whether it terminated or cut the episode.
        """
        seen, reward, terminated, truncated, _ = self.env.step(action)
        led_to = element(self._space, seen)
        self._length += 1
        truncated = not terminated and (truncated or self._length == self._max_steps)
        obs = self.start(self.number + 1) if terminated or truncated else led_to
        return obs, float(reward), led_to, bool(terminated), bool(truncated)

    def replay(self, number: int, actions: np.ndarray) -> PyTree:
        """Takes the first steps of an episode again."""
        obs = self.start(number)
        for action in actions:
            obs = self.step(action)[0]
        return obs


@contextmanager
def _explained(when: str) -> Iterator[None]:
    """Says of an environment that it raised."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # whatever its author's code raises
        raise DataError(f"The environment raised {when}: {raised(error)}. Mend it, and run the stage again.") from error


@lru_cache(maxsize=32)
def _acting(structure: PyTreeDef, num_axes: int) -> Callable[..., tuple[RunningSquare, Array, PyTree, PyTree]]:
    """Acting in all environments; taking leaves, not modules, saves a tenth of a millisecond a call."""

    def act(
        leaves: list[Array], running: RunningSquare, obs: PyTree, carry: PyTree, key: PRNGKeyArray
    ) -> tuple[Any, ...]:
        policy, behavior = jax.tree.unflatten(structure, leaves)
        running, actions, context = behavior.act(policy, running, obs, carry, key=key)
        return running, actions, context, behavior.remembered(policy, obs, carry, context)

    batched = jax.vmap(act) if num_axes else act
    return jax.jit(
        lambda leaves, running, obs, carry, keys, step: batched(leaves, running, obs, carry, keys[..., step])
    )


@lru_cache(maxsize=32)
def _renewed(structure: PyTreeDef, num_axes: int) -> Callable[..., PyTree]:
    """What is remembered once episodes have ended."""

    def renew(leaves: list[Array], carry: PyTree, ended: Array) -> PyTree:
        return renewed_carries(jax.tree.unflatten(structure, leaves)[0], carry, ended)

    return jax.jit(jax.vmap(renew) if num_axes else renew)


@lru_cache(maxsize=2)
def _followed(num_axes: int) -> Callable[..., tuple[Array, EpisodeLog]]:
    """The actions of the episodes under way and the log, after the steps of a rollout."""

    def follow(actions: Array, log: EpisodeLog, done: Array, outcome: Outcome) -> tuple[Array, EpisodeLog]:
        def add(
            carried: tuple[Array, EpisodeLog], step: tuple[Array, Outcome]
        ) -> tuple[tuple[Array, EpisodeLog], None]:
            actions, log = carried
            return (actions.at[jnp.arange(len(actions)), log.length].set(step[0]), log.add(step[1])), None

        return jax.lax.scan(add, (actions, log), (done, outcome))[0]

    return jax.jit(jax.vmap(follow) if num_axes else follow)


@partial(jax.jit, static_argnums=1)
def _keys_of_steps(key: Key[Array, "*seeds"], num_steps: int) -> Key[Array, "*seeds steps"]:
    return jnp.vectorize(lambda key: jax.random.split(key, num_steps), signature="()->(n)")(key)


def _rows(observed: Sequence[PyTree], shape: tuple[int, ...]) -> PyTree:
    """Observations as rows of arrays, with these leading axes."""
    return jax.tree.map(lambda *each: np.stack(each).reshape(*shape, *np.shape(each[0])), *observed)


def _same(one: PyTree, other: PyTree) -> bool:
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f") for mine, theirs in leaves)

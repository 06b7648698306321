"""Environments on the host, stepped side by side from a compiled step.

Nobody can save such an environment. What is carried of an episode under way is its seed and its actions, which bring
another environment to where it stands.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, PyTree, UInt32

from ilkit.data.environment import HostEnvironment
from ilkit.data.exploration import RunningSquare
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, element, zeros
from ilkit.stepping.behavior import Behavior
from ilkit.stepping.records import EpisodeLog, Outcome, Rollout, Trials


class HostStates(NamedTuple):
    """What is known of environments on the host."""

    obs: PyTree
    words: UInt32[Array, " envs"]
    """What the seeds of each environment's episodes follow from."""
    actions: Array
    """What was done in each environment since its episode began: environments, then steps."""
    steps: Int[Array, ""]
    """The number of steps taken: each call depends on the one before, which keeps them in order."""


class HostEnvs:
    """Environments on the host, called from the compiled step.

    Where several seeds train at once, one call steps the environments of all of them.
    """

    def __init__(self, env: HostEnvironment, num_envs: int) -> None:
        self._env, self._num_envs = env, num_envs
        self._rows: list[_Row] = []

    def reset(self, *, key: PRNGKeyArray) -> Trials:
        """Starts an episode in each."""
        count, spaces = self._num_envs, self._env.spaces
        words = jax.random.bits(key, (count,), jnp.uint32)
        shape = _shaped(zeros(spaces.observation, count))
        obs = jax.pure_callback(self._reset, shape, words, vmap_method="broadcast_all")
        actions = jnp.zeros((count, self._env.max_steps, *spaces.action.shape), spaces.action.dtype)
        states = HostStates(obs, words, actions, jnp.zeros((), jnp.int32))
        return Trials(states, RunningSquare.empty(), EpisodeLog.empty(count))

    def collect(
        self, policy: Policy, behavior: Behavior, trials: Trials, *, num_steps: int, key: PRNGKeyArray
    ) -> tuple[Trials, Rollout]:
        """Steps each `num_steps` times."""

        def step(trials: Trials, key: PRNGKeyArray) -> tuple[Trials, Rollout]:
            obs = trials.states.obs
            running, actions, context = behavior.act(policy, trials.running, obs, key=key)
            states, outcome = self._step(trials.states, trials.log, actions)
            return Trials(states, running, trials.log.add(outcome)), Rollout(obs, actions, context, outcome)

        return jax.lax.scan(step, trials, jax.random.split(key, num_steps))

    def resume(self, trials: Trials) -> bool:
        """Brings the environments to where the trials are, of one seed or of several; whether they got there."""
        states, log = jax.device_get((trials.states, trials.log))
        self._open(states.words)
        numbers, lengths = np.ravel(log.num_episodes), np.ravel(log.length)
        actions = np.reshape(states.actions, (len(self._rows), *states.actions.shape[states.words.ndim :]))
        try:
            reached = [
                row.replay(int(number), done[:length])
                for row, number, length, done in zip(self._rows, numbers, lengths, actions, strict=True)
            ]
        except Exception:  # whatever it is, the environment hasn't got there
            return False
        together = _rows(reached, states.words.shape)
        return all(
            np.array_equal(got, wanted, equal_nan=wanted.dtype.kind == "f")
            for got, wanted in zip(jax.tree.leaves(together), jax.tree.leaves(states.obs), strict=True)
        )

    def _step(self, states: HostStates, log: EpisodeLog, actions: Array) -> tuple[HostStates, Outcome]:
        count, space = self._num_envs, self._env.spaces.action
        if isinstance(space, Box):
            actions = jnp.clip(actions, *np.asarray(space.bounds, np.float32))
        done = states.actions.at[jnp.arange(count), log.length].set(actions)
        real, boolean = jax.ShapeDtypeStruct((count,), jnp.float32), jax.ShapeDtypeStruct((count,), jnp.bool_)
        seen = _shaped(states.obs)
        whole = jax.ShapeDtypeStruct((), jnp.int32)
        steps, obs, *led_to = jax.pure_callback(
            self._step_all,
            (whole, seen, real, seen, boolean, boolean),
            states.steps,
            actions,
            vmap_method="broadcast_all",
        )
        return HostStates(obs, states.words, done, steps), Outcome(*led_to)

    def _open(self, words: UInt32[np.ndarray, "*seeds envs"]) -> None:
        for row in self._rows:
            row.env.close()
        self._rows = [_Row(self._env, int(word)) for word in np.ravel(words)]

    def _reset(self, words: Any) -> PyTree:
        self._open(np.asarray(words))
        return _rows([row.start(0) for row in self._rows], np.shape(words))

    def _step_all(self, steps: Any, actions: Any) -> tuple[PyTree, ...]:
        leading = np.shape(steps)
        flat = np.asarray(actions).reshape(len(self._rows), *np.shape(actions)[len(leading) + 1 :])
        stepped = zip(*(row.step(action) for row, action in zip(self._rows, flat, strict=True)), strict=True)
        obs, rewards, next_obs, *ends = stepped
        shape = (*leading, self._num_envs)
        observed = _rows(obs, shape), np.asarray(rewards, np.float32).reshape(shape), _rows(next_obs, shape)
        return (np.asarray(steps + np.int32(1)), *observed, *(np.reshape(end, shape) for end in ends))


class _Row:
    """An environment and the episode that is under way in it."""

    def __init__(self, env: HostEnvironment, word: int) -> None:
        self.env, self._space = env.make(), env.spaces.observation
        self._max_steps, self._word = env.max_steps, word
        self._number = self._length = 0

    def start(self, number: int) -> PyTree:
        """Begins the episode of this number, whatever was before."""
        seed = np.random.SeedSequence(self._word, spawn_key=(number,)).generate_state(1)[0]
        self._number, self._length = number, 0
        return element(self._space, self.env.reset(seed=int(seed))[0])

    def step(self, action: Any) -> tuple[PyTree, float, PyTree, bool, bool]:
        """Takes a step: what is observed now, where an episode that has ended is followed by the next, and its outcome.

        The outcome is the reward, what the action led to, and whether it terminated or cut the episode.
        """
        seen, reward, terminated, truncated, _ = self.env.step(action)
        led_to = element(self._space, seen)
        self._length += 1
        truncated = not terminated and (truncated or self._length == self._max_steps)
        obs = self.start(self._number + 1) if terminated or truncated else led_to
        return obs, float(reward), led_to, bool(terminated), bool(truncated)

    def replay(self, number: int, actions: np.ndarray) -> PyTree:
        """Takes the first steps of an episode again."""
        obs = self.start(number)
        for action in actions:
            obs = self.step(action)[0]
        return obs


def _shaped(rows: PyTree) -> PyTree:
    return jax.tree.map(lambda column: jax.ShapeDtypeStruct(column.shape, column.dtype), rows)


def _rows(observed: Sequence[PyTree], shape: tuple[int, ...]) -> PyTree:
    """Observations as rows of arrays, with these leading axes."""
    return jax.tree.map(lambda *each: np.stack(each).reshape(*shape, *np.shape(each[0])), *observed)

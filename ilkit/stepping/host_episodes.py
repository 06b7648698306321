"""Running a policy in environments on the host: whole episodes, several side by side in each process.

Every episode draws from its own seed alone, and each observation goes through the policy by itself, so that an episode
is the same to the last bit beside whichever others and in whichever process it runs.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import PyTreeDef
from jaxtyping import Array, Bool, Float, PyTree, UInt32
from tqdm import tqdm

from ilkit.data.environment import HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Space, element, zeros
from ilkit.errors import DataError
from ilkit.stepping.acting import Noise, act_once, key_words, start_of
from ilkit.stepping.raised import raised

_SIDE_BY_SIDE = 8
_SUCCESS = ("is_success", "success")


class Job(NamedTuple):
    """Episodes of one policy."""

    policy: Policy
    seeds: Sequence[np.random.SeedSequence]
    """One for each episode; the last entry of its `spawn_key` is the number of the episode."""
    noise: Noise | None
    stochastic: bool


class Episode(NamedTuple):
    """One episode as arrays, one row a step."""

    obs: PyTree
    """T + 1 rows; a dictionary of arrays where the space is one."""
    intended: np.ndarray
    executed: np.ndarray
    rewards: Float[np.ndarray, " steps"]
    terminated: bool
    success: float
    """1 where the environment said of a step that it succeeded, 0 where it said of some that they didn't, else NaN."""


class InterruptedEpisodesError(DataError):
    """The environment raised in the middle of an episode; `finished` holds the episodes before it."""

    def __init__(self, message: str, finished: dict[int, Episode]) -> None:
        super().__init__(message)
        self.finished = finished


class _Slot:
    """An environment and the episode that is under way in it."""

    def __init__(self, env: gymnasium.Env[Any, Any], space: Space) -> None:
        self.env, self.space = env, space
        self.number = -1
        self.words: UInt32[np.ndarray, "rows keys words"] = np.zeros((0, 3, 2), np.uint32)
        self.obs: list[PyTree] = []
        self.steps: list[tuple[Any, Any, float]] = []
        self.success = np.nan

    def start(self, seed: np.random.SeedSequence, max_steps: int, draws: bool) -> None:
        """Begins an episode."""
        self.number, self.steps, self.success = seed.spawn_key[-1], [], np.nan
        self.words = key_words(seed, max_steps) if draws else np.zeros((1, 3, 2), np.uint32)
        first, _ = self.env.reset(seed=int(start_of(seed).generate_state(1)[0]))
        self.obs = [element(self.space, first)]

    def step(self, intended: Any, executed: Any, max_steps: int) -> Episode | None:
        """Takes a step; the whole episode, if that was its last one."""
        obs, reward, terminated, truncated, info = self.env.step(executed)
        self.success = float(np.fmax(self.success, _success_in(info)))
        self.obs.append(element(self.space, obs))
        self.steps.append((intended, executed, float(reward)))
        if not (terminated or truncated or len(self.steps) == max_steps):
            return None
        intentions, executions, rewards = map(np.asarray, zip(*self.steps, strict=True))
        seen = jax.tree.map(lambda *rows: np.stack(rows), *self.obs)
        return Episode(seen, intentions, executions, rewards.astype(np.float32), bool(terminated), self.success)


def _success_in(info: Mapping[str, Any]) -> float:
    """Whether a step succeeded, by the names that environments of gymnasium give it; NaN where none is there."""
    return next((float(bool(info[name])) for name in _SUCCESS if name in info), np.nan)


def run_job(env: HostEnvironment, job: Job, *, shows_progress: bool = True) -> dict[int, Episode]:
    """Runs the episodes of a job, a fixed number of them side by side; gives them by their numbers.

    **Raises:** `InterruptedEpisodesError` where the environment raises.
    """
    finished: dict[int, Episode] = {}
    count = min(_SIDE_BY_SIDE, len(job.seeds))
    draws, waiting = job.stochastic or job.noise is not None, iter(job.seeds)
    with contextlib.ExitStack() as stack, _bar(len(job.seeds), shows_progress) as progress:
        closed = (stack.enter_context(contextlib.closing(env.make())) for _ in range(count))
        slots = [_Slot(one, env.spaces.observation) for one in closed]
        for slot, seed in zip(slots, waiting, strict=False):
            _guarded(slot, finished, slot.start, seed, env.max_steps, draws)
        obs = zeros(env.spaces.observation, _SIDE_BY_SIDE)
        words = np.zeros((_SIDE_BY_SIDE, 3, 2), np.uint32)
        fresh, carry = np.ones(_SIDE_BY_SIDE, bool), _empty_carries(job.policy)
        leaves, structure = jax.tree.flatten(jax.tree.map(jnp.asarray, job.policy))
        act = _compiled(structure, env.spaces.action, job.stochastic)
        active = list(enumerate(slots))
        while active:
            for row, slot in active:
                _put(obs, row, slot.obs[-1])
                if draws:
                    words[row] = slot.words[len(slot.steps)]
            carry, *chosen = act(leaves, job.noise, carry, fresh, obs, words)
            intended, executed = (np.asarray(action) for action in chosen)
            fresh[:] = False
            for row, slot in list(active):
                episode = _guarded(slot, finished, slot.step, intended[row], executed[row], env.max_steps)
                if episode is None:
                    continue
                finished[slot.number] = episode
                progress.update()
                following = next(waiting, None)
                if following is None:
                    active.remove((row, slot))
                    continue
                fresh[row] = True
                _guarded(slot, finished, slot.start, following, env.max_steps, draws)
    return finished


def _bar(total: int, shows_progress: bool) -> tqdm:
    return tqdm(total=total, desc="episodes", delay=2, leave=False, disable=None if shows_progress else True)


def _put(rows: PyTree, row: int, obs: PyTree) -> None:
    """Puts an observation into its row of all arrays."""
    for column, value in zip(jax.tree.leaves(rows), jax.tree.leaves(obs), strict=True):
        column[row] = value


def _guarded(slot: _Slot, finished: dict[int, Episode], call: Any, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except Exception as error:
        raise InterruptedEpisodesError(
            f"In episode {slot.number}, step {len(slot.steps)}, the environment raised {raised(error)}. "
            "Mend the environment, or ask for fewer episodes.",
            finished,
        ) from error


def _empty_carries(policy: Policy) -> PyTree:
    """Carries of the right shapes, which every episode replaces in its first step."""
    shapes = jax.eval_shape(policy.initial_carry)
    return jax.tree.map(lambda leaf: np.zeros((_SIDE_BY_SIDE, *leaf.shape), leaf.dtype), shapes)


@lru_cache(maxsize=32)
def _compiled(
    structure: PyTreeDef, space: Box | Discrete, stochastic: bool
) -> Callable[..., tuple[PyTree, Array, Array]]:
    """Acts row by row: a row of a matrix product may differ in its last bits with the number of rows beside it.

    Taking the policy's leaves, not the policy, saves a tenth of a millisecond a call.
    """

    def act(
        leaves: list[Array],
        noise: Noise | None,
        carry: PyTree,
        fresh: Bool[Array, " batch"],
        obs: PyTree,
        words: UInt32[Array, "batch keys words"],
    ) -> tuple[PyTree, Array, Array]:
        policy = jax.tree.unflatten(structure, leaves)
        first = policy.initial_carry()

        def act_row(row: tuple[PyTree, Array, PyTree, Array]) -> tuple[PyTree, Array, Array]:
            carry, is_fresh, obs, words = row
            carry = jax.tree.map(lambda new, old: jnp.where(is_fresh, new, old), first, carry)
            return act_once(policy, space, carry, obs, noise, stochastic, jax.random.wrap_key_data(words))

        return jax.lax.map(act_row, (carry, fresh, obs, words))

    return jax.jit(act)

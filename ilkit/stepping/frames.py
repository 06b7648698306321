"""Pictures of an episode that was run."""

import warnings
from contextlib import closing

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, PyTree, UInt8
from PIL import Image

from ilkit.data.environment import Drawable, Environment, HostEnvironment
from ilkit.stepping.episode_arrays import Episodes
from ilkit.stepping.episodes import seeds_of
from ilkit.stepping.raised import raised

Frames = UInt8[np.ndarray, "frames height width 3"]


def frames_of(
    env: Environment | HostEnvironment,
    episodes: Episodes,
    rows: Int[np.ndarray, " frames"],
    *,
    height: int,
    key: PRNGKeyArray,
) -> Frames | None:
    """Pictures of the first of the episodes that were collected with this key, at these steps of it or at its end.

    None, with a warning of what an environment on the host has raised, where it can't be drawn.
    """
    rows = np.minimum(rows, episodes.lengths[0])
    if isinstance(env, Environment):
        if not isinstance(env, Drawable) or episodes.states is None:
            return None
        return np.asarray(_draw(env, jax.tree.map(lambda leaf: leaf[rows], episodes.states), height))
    try:
        if not _renders(env):
            return None
        return _rendered(env, episodes, rows, height, int(seeds_of(range(1), key)[0].generate_state(1)[0]))
    except Exception as error:  # whatever a renderer lacks
        warnings.warn(f"Episodes aren't drawn: the environment raised {raised(error)} when rendering.", stacklevel=2)
        return None


@eqx.filter_jit
def _draw(env: Drawable, states: PyTree, height: int) -> UInt8[Array, "frames height width 3"]:
    return jax.vmap(lambda state: env.frame(state, height))(states)


def _renders(env: HostEnvironment) -> bool:
    with closing(env.make()) as one:
        return "rgb_array" in one.metadata.get("render_modes", ())


def _rendered(env: HostEnvironment, episodes: Episodes, rows: np.ndarray, height: int, seed: int) -> Frames:
    """Plays the episode again, in an environment that renders."""
    pictures: dict[int, np.ndarray] = {}
    with closing(env.make(render_mode="rgb_array")) as one:
        one.reset(seed=seed)
        for step in range(int(rows.max()) + 1):
            if step:
                one.step(episodes.executed[0, step - 1])
            if step in rows:
                picture = Image.fromarray(np.asarray(one.render(), np.uint8))
                size = (max(1, round(height * picture.width / picture.height)), height)
                pictures[step] = np.asarray(picture.convert("RGB").resize(size))
    return np.stack([pictures[row] for row in rows.tolist()])

"""What a clone of a person who drives makes of the views of cameras to the left and to the right.

    python benchmarks/side_cameras.py driving-3-cameras.npz

The archive holds `images` (frames, cameras, rows, columns) of the cameras center, left and right, in gray, and the
`steering` of each frame, positive to the right. The frames are cut into five blocks, one after the other; a clone
learns the others, with the side cameras and without them, and predicts from the left and from the right view of the
block that it hasn't seen. Of a car that is too far to the left the steering should be further to the right: by twice
the correction, on average, than of one too far to the right. A clone that has seen the center camera alone doesn't
know: it takes the side views for frames of curves.
"""

import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ilkit.augment.side_cameras import SideCameras, augment
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Dict, Spaces
from ilkit.env.recorded import Recorded, env
from ilkit.imitate.bc import BC, imitate
from ilkit.network.cnn import CNN, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running import loop
from ilkit.running.backend import set_up

CAMERAS = ("center", "left", "right")
CORRECTION = 0.2
WITH = SideCameras(correction=CORRECTION, left_turn="negative")
WITHOUT = SideCameras(left=None, right=None)
NET = Build("network", "cnn", network, CNN(channels=(8, 12), kernel_sizes=(5, 5), strides=(3, 2), hidden=(32,)))
HEAD = Build("policy", "deterministic", policy, Deterministic(), (NET,))
TRAINING = BC(num_steps=1500, batch_size=64)


def main() -> None:
    set_up(1, "avx2")
    with np.load(Path(sys.argv[1])) as archive:
        images, steering = archive["images"], archive["steering"]
    blocks = np.array_split(np.arange(len(steering)), 5)
    demos = recorded(images, steering, blocks)
    print(f"left minus right, in multiples of the correction {CORRECTION} (2 is asked for)")
    print("block   frames  without  with")
    for number, block in enumerate(blocks):
        rest = demos.take(np.setdiff1d(np.arange(len(blocks)), number))
        found = [difference(clone(spec, rest), images[block]) / CORRECTION for spec in (WITHOUT, WITH)]
        print(f"{number:>5}  {len(block):>7}  {found[0]:>7.2f}  {found[1]:>4.2f}", flush=True)


def recorded(images: np.ndarray, steering: np.ndarray, blocks: list[np.ndarray]) -> Demonstrations:
    """The frames as demonstrations, each block an episode, whose last frame is what is seen after its last action."""
    picture = Box(shape=(*images.shape[2:], 1), low=0.0, high=255.0, dtype="uint8")
    lengths = np.asarray([len(block) - 1 for block in blocks], np.int32)
    acted = np.concatenate([block[:-1] for block in blocks])
    return Demonstrations(
        obs={name: np.ascontiguousarray(images[:, index, ..., None]) for index, name in enumerate(CAMERAS)},
        actions=steering[acted, None].astype(np.float32),
        rewards=np.zeros(len(acted), np.float32),
        terminated=np.zeros(len(blocks), bool),
        truncated=np.ones(len(blocks), bool),
        lengths=lengths,
        spaces=Spaces(observation=Dict(entries=dict.fromkeys(CAMERAS, picture)), action=Box.symmetric((1.0,))),  # type: ignore[arg-type]
    )


def clone(spec: SideCameras, demos: Demonstrations) -> Policy:
    """The clone of one seed."""
    seen = augment(spec, Build("env", "recorded", env, Recorded()), demos, key=jax.random.key(0))
    return loop.train(lambda key: imitate(TRAINING, HEAD, seen, key=key), key=jax.random.key(0), num_seeds=1)[0]


def difference(cloned: Policy, images: np.ndarray) -> float:
    """The mean steering by the left view minus that by the right one."""
    left, right = (steered(cloned, jnp.asarray(images[:, CAMERAS.index(name), ..., None])) for name in CAMERAS[1:])
    return float(jnp.mean(left - right))


@eqx.filter_jit
def steered(cloned: Policy, pictures: Array) -> Array:
    return jax.vmap(lambda picture: cloned.mode(cloned.initial_carry(), picture)[1][0])(pictures)


if __name__ == "__main__":
    main()

"""What heads make of recordings of people.

    python benchmarks/expressive_heads.py actions nut-assembly.npz
    python benchmarks/expressive_heads.py shapes lasa-handwriting.npz

`actions`: of a person who presses keys, so that few actions are distinct, the share of samples of the autoregressive
head, with a bin for each value, that occur in the data, and of the same head where an entry doesn't see the ones before
it. Five splits by episode: a fifth is sampled at, the rest is learnt from, in 2,000 steps with averaged weights. Where
the loss on what is held out is lowest, after some 500 of them, 2 to 3 % more of the samples don't occur.

`shapes`: letters and shapes that were drawn by hand, seven times each. The policy maps a position to the way to the
next one, 100 a drawing; it learns six, and is rolled out from where the seventh begins. The distance of what it draws
to the nearest of the seven (the mean over both of how far a point lies from the other) is given as a share of the
diagonal of the box around the shape. The seventh "Angle" begins at rest outside of the other six, where an error of the
velocity leads away from all of them: what a head makes of that one is chance.
"""

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.format.npz import NPZ, format
from ilkit.imitate.bc import BC, imitate
from ilkit.network.mlp import MLP, network
from ilkit.policy import autoregressive, cvae, deterministic, diffusion, flow, gaussian, mixture
from ilkit.running import loop
from ilkit.running.backend import set_up

NET = Build("network", "mlp", network, MLP(hidden=(64, 64)))
SMALL = {"features": 64, "hidden": (64, 64)}
HEADS = {
    "deterministic": (deterministic.policy, deterministic.Deterministic()),
    "gaussian": (gaussian.policy, gaussian.Gaussian()),
    "mixture": (mixture.policy, mixture.Mixture()),
    "cvae": (cvae.policy, cvae.CVAE(**SMALL)),
    "autoregressive": (autoregressive.policy, autoregressive.Autoregressive(**SMALL)),
    "diffusion": (diffusion.policy, diffusion.Diffusion(**SMALL)),
    "flow": (flow.policy, flow.Flow(**SMALL)),
}
POINTS = 100


class FactorizedPolicy(autoregressive.AutoregressivePolicy):
    """An autoregressive policy whose entries don't see the ones before them."""

    def _seen(self, action: jax.Array) -> jax.Array:
        return jnp.zeros_like(action)


def main() -> None:
    set_up(1, "avx2")
    {"actions": actions, "shapes": shapes}[sys.argv[1]](Path(sys.argv[2]))


def actions(path: Path) -> None:
    """Prints the share of samples that occur, for each split."""
    demos = format(NPZ()).read(path)
    known = np.unique(demos.actions, axis=0)
    parts = np.array_split(np.random.default_rng(0).permutation(demos.num_episodes), 5)
    print(f"{len(known)} distinct actions\nsplit  autoregressive  factorized")
    for split, held_out in enumerate(parts):
        rest = demos.take(np.concatenate([part for other, part in enumerate(parts) if other != split]))
        clones = [_cloned(head, rest) for head in (autoregressive.policy, _factorized)]
        shares = [_share(clone, demos.take(held_out), known) for clone in clones]
        print(f"{split:>5}  {shares[0]:>14.4f}  {shares[1]:>10.4f}", flush=True)


def shapes(path: Path) -> None:
    """Prints the distance of what each head draws, for each shape."""
    data = np.load(path)
    names = [name.removesuffix("_pos") for name in data if name.endswith("_pos")]
    print(" " * 16 + " ".join(f"{head[:9]:>9}" for head in HEADS))
    found = []
    for name in names:
        drawings = data[f"{name}_pos"][:, :: 1000 // POINTS].astype(np.float32)
        found.append([_distance(head, drawings) for head in HEADS])
        print(f"{name:<16}" + " ".join(f"{one:>9.4f}" for one in found[-1]), flush=True)
    print(f"{'mean':<16}" + " ".join(f"{one:>9.4f}" for one in np.mean(found, axis=0)))


def _factorized(*given: Any, key: jax.Array) -> Policy:
    built = autoregressive.policy(*given, key=key)
    return FactorizedPolicy(**{field.name: getattr(built, field.name) for field in fields(built)})


def _cloned(function: Any, demos: Demonstrations) -> Policy:
    spec = autoregressive.Autoregressive(features=64, hidden=(64, 64), bins="quantile", draw="center")
    head = Build("policy", "autoregressive", function, spec, (NET,))
    bc = BC(learning_rate=3e-3, num_steps=2000, batch_size=128, average=True)
    return loop.train(lambda key: imitate(bc, head, demos, key=key), key=jax.random.key(0))[0]


def _share(policy: Policy, demos: Demonstrations, known: np.ndarray) -> float:
    drawn = _sampled(policy, jnp.asarray(demos.before()), 20).reshape(-1, known.shape[1])
    return float(np.mean((np.abs(drawn[:, None] - known).max(axis=2) < 1e-5).any(axis=1)))


def _sampled(policy: Policy, obs: jax.Array, count: int) -> np.ndarray:
    draw = jax.vmap(lambda one, key: policy.sample(policy.initial_carry(), one, key=key)[1], (0, 0))
    every = jax.random.split(jax.random.key(1), (count, len(obs)))
    return np.asarray(jax.jit(jax.vmap(draw, (None, 0)))(obs, every))


def _distance(kind: str, drawings: np.ndarray) -> float:
    size = float(np.linalg.norm(np.ptp(drawings.reshape(-1, 2), axis=0)))
    function, spec = HEADS[kind]
    head = Build("policy", kind, function, spec, (NET,))
    bc = BC(num_steps=3000, batch_size=128, average=True)
    demos = _demonstrations(drawings[:-1])
    policy = loop.train(lambda key: imitate(bc, head, demos, key=key), key=jax.random.key(0), num_seeds=1)[0]
    drawn = _drawn(policy, jnp.asarray(drawings[-1, 0]))
    apart = [np.linalg.norm(drawn[:, None] - drawing, axis=2) for drawing in drawings]
    return float(min((one.min(axis=0).mean() + one.min(axis=1).mean()) / 2 for one in apart)) / size


@eqx.filter_jit
def _drawn(policy: Policy, start: jax.Array) -> Any:
    def step(position: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        return position + policy.sample(policy.initial_carry(), position, key=key)[1], position

    return jax.lax.scan(step, start, jax.random.split(jax.random.key(2), POINTS))[1]


def _demonstrations(drawings: np.ndarray) -> Demonstrations:
    count, points = drawings.shape[:2]
    unbounded = Box.symmetric((np.inf, np.inf))
    return Demonstrations(
        obs=drawings.reshape(-1, 2),
        actions=np.diff(drawings, axis=1).reshape(-1, 2),
        rewards=np.zeros(count * (points - 1), np.float32),
        terminated=np.zeros(count, bool),
        truncated=np.ones(count, bool),
        lengths=np.full(count, points - 1, np.int32),
        spaces=Spaces(observation=unbounded, action=unbounded),
    )


if __name__ == "__main__":
    main()

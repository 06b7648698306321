"""How heads fare on the particle task in 1, 2, 4, 8 and 16 dimensions, as Florence et al., Implicit Behavioral Cloning,
2021, draw it.

    NPROC=1 python benchmarks/particle_dimensions.py PAGE.html [NUM_STEPS]

Prints the share of 128 episodes that reach both goals in their order, over two training runs on 2,000 episodes of the
oracle, and draws it. All heads have the authors' network (256 wide, dropout .1, weights from N(0, .05²)) on the
present observation and the one before, and 3,000 steps of batches of 512, Adam at 1e-3.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment
from ilkit.data.policy import Policy
from ilkit.env.particle import Particle, env
from ilkit.imitate.bc import BC, imitate
from ilkit.math.statistics import Interval
from ilkit.measuring.curves import Curve
from ilkit.network import frame_stack, residual_mlp
from ilkit.policy import autoregressive, deterministic, flow, mixture
from ilkit.running import loop
from ilkit.running.backend import set_up
from ilkit.stepping.episodes import collect_episodes

DIMENSIONS = (1, 2, 4, 8, 16)
NUM_SEEDS, NUM_EPISODES = 2, 128
RESIDUAL = residual_mlp.ResidualMLP(width=256, num_blocks=1, dropout=0.1, initial_scale=0.05)
NETWORK = Build(
    "network",
    "frame_stack",
    frame_stack.network,
    frame_stack.FrameStack(num_frames=2, inner="residual_mlp"),
    inner=Build("network", "residual_mlp", residual_mlp.network, RESIDUAL),
)
HEADS = {
    "deterministic": (deterministic.policy, deterministic.Deterministic()),
    "mixture": (mixture.policy, mixture.Mixture(min_std=0.05)),
    "autoregressive": (autoregressive.policy, autoregressive.Autoregressive(features=32, hidden=(64,), num_bins=64)),
    "flow": (flow.policy, flow.Flow()),
}


def main() -> None:
    set_up(1, "avx2")
    from ilkit.reporting.page import Section, render_page

    page, num_steps = Path(sys.argv[1]), int((sys.argv[2:] or ["3000"])[0])
    found: dict[str, list[list[float]]] = {head: [] for head in HEADS}
    print(f"{'dimensions':<12}" + " ".join(f"{head:>14}" for head in HEADS))
    for count in DIMENSIONS:
        world = env(Particle(num_dimensions=count))
        demos = collect_episodes(world, world.demonstrator(), num_episodes=2000, key=jax.random.key(0)).demonstrations()
        for head in HEADS:
            found[head].append(successes(world, demos, head, num_steps))
        print(f"{count:<12}" + " ".join(f"{np.mean(found[head][-1]):>14.3f}" for head in HEADS), flush=True)
    drawn = draw({head: curve(np.array(rows).T) for head, rows in found.items()})
    section = Section("Success against the number of dimensions", drawn, "The mean of two runs, and the band between.")
    page.write_text(render_page("The particle task", [section]), encoding="utf-8")


def draw(curves: Mapping[str, Curve]) -> str:
    """A curve for each head, on ticks at the dimensions that were tried."""
    import matplotlib

    from ilkit.reporting.figures import MARKS, color_of, curve_axes, draw_curve, label_ends
    from ilkit.reporting.style import svg

    with matplotlib.rc_context(MARKS):
        figure, axes = curve_axes("dimensions", "success")
        for head, one in curves.items():
            draw_curve(axes, one, color_of(head, tuple(curves)))
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_xticks(DIMENSIONS, [str(count) for count in DIMENSIONS])
        axes.set_xlim(DIMENSIONS[0], DIMENSIONS[-1])
        axes.set_ylim(0.0, 1.02)
        label_ends(axes, {head: float(one.iqm[-1]) for head, one in curves.items()}, tuple(curves))
        return svg(figure)


def successes(world: Environment, demos: Demonstrations, head: str, num_steps: int) -> list[float]:
    """The success of each training run."""
    function, spec = HEADS[head]
    built: Build[Policy] = Build("policy", head, function, spec, (NETWORK,))
    bc = BC(learning_rate=1e-3, batch_size=512, num_steps=num_steps)
    found = []
    for seed in range(NUM_SEEDS):
        training: Any = lambda key: imitate(bc, built, demos, key=key)  # noqa: E731
        policy = loop.train(training, key=jax.random.key(seed))[0]
        episodes = collect_episodes(
            world, policy, num_episodes=NUM_EPISODES, key=jax.random.key(1), stochastic=head != "deterministic"
        )
        found.append(float(episodes.returns.mean()))
    return found


def curve(rows: np.ndarray) -> Curve:
    """The runs over the dimensions, with the band between them."""
    return Curve("step", np.array(DIMENSIONS), rows, rows.mean(axis=0), Interval(rows.min(axis=0), rows.max(axis=0)))


if __name__ == "__main__":
    main()

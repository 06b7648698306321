"""Asking about its own tries in control: what online DPO makes of clones of mixed demonstrations of the pendulum.

    NPROC=1 python benchmarks/online_control.py

Five clones of 20 starts, five tries at each, with noise of .5 to 12 N m; 20 rounds of 25 questions about two tries from
one state anywhere, answered by their returns; 100 gradient steps a round. Returns are those of the mode on 64 episodes.
"""

import jax
import numpy as np

from ilkit.align_online import dpo
from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.env import pendulum
from ilkit.expert import swing_up
from ilkit.imitate import bc
from ilkit.labeler import simulated
from ilkit.network.mlp import MLP, network
from ilkit.policy import gaussian
from ilkit.rollout import graded
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes

NUM_CLONES = 5
ENV = Build("env", "pendulum", pendulum.env, pendulum.Pendulum())
EXPERT = swing_up.expert(swing_up.SwingUp(), ENV, key=jax.random.key(0))
MIXED = graded.Graded(num_starts=20, tries=5, action_noise=(0.5, 1.5, 3.0, 6.0, 12.0), stochastic=False)
NETWORK = Build("network", "mlp", network, MLP(hidden=(64, 64)))
HEAD = gaussian.Gaussian(squash=True, state_dependent_std=False)
POLICY = Build("policy", "gaussian", gaussian.policy, HEAD, (NETWORK,))
LABELER = Build("labeler", "simulated", simulated.labeler, simulated.Simulated(rationality=None))
ROUNDS = dpo.DPO(num_steps=20, queries_per_step=25, updates_per_query=4, initial_states="uniform")


def main() -> None:
    demos = graded.rollout(MIXED, ENV, EXPERT, key=jax.random.key(1))
    learnt = bc.BC(num_steps=3000, num_seeds=NUM_CLONES)
    clones = loop.train(
        lambda *, key: bc.imitate(learnt, POLICY, demos, key=key), key=jax.random.key(2), num_seeds=NUM_CLONES
    )
    before = [mean_return(clone) for clone in clones]
    print("| pairing | steps a try | β | learning rate | return of each seed | gain of each |\n|" + " --- |" * 6)
    print(f"| clones | | | | {', '.join(f'{one:.0f}' for one in before)} | |", flush=True)
    for pairing, length, beta, rate in (
        ("policy_reference", 15, 3.0, 1e-3),
        ("policy_reference", 15, 1.0, 1e-3),
        ("policy_reference", 50, 3.0, 1e-3),
        ("policy_reference", 50, 3.0, 3e-4),
        ("policy", 15, 3.0, 1e-3),
        ("policy", 50, 3.0, 1e-3),
    ):
        changed = {"pairing": pairing, "length": length, "beta": beta, "learning_rate": rate}
        spec = ROUNDS.model_copy(update=changed)
        after = [mean_return(aligned(spec, clone, number)) for number, clone in enumerate(clones)]
        gains = [f"{then - now:+.0f}" for now, then in zip(before, after, strict=True)]
        cells = (pairing, length, f"{beta:g}", f"{rate:g}", ", ".join(f"{one:.0f}" for one in after), ", ".join(gains))
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def aligned(spec: dpo.DPO, clone: Policy, number: int) -> Policy:
    (policy,) = loop.train(
        lambda *, key: dpo.align_online(spec, LABELER, ENV, clone, key=key),
        key=jax.random.key(50 + number),
        num_seeds=1,
    )
    return policy


def mean_return(policy: Policy) -> float:
    run = collect_episodes(ENV(), policy, num_episodes=64, key=jax.random.key(9))
    return float(np.asarray(run.rewards).sum(axis=1).mean())


if __name__ == "__main__":
    main()

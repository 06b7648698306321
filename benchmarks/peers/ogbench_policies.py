"""How often policies that were trained in ilkit's maze come to the goal in OGBench's own environment.

python benchmarks/peers/ogbench_policies.py EPISODES FILE.npz...

The files are written by `benchmarks/maze_goals.py`. Each of the five tasks is tried for so many episodes, by the mode.
"""

import sys
from pathlib import Path

import gymnasium
import numpy as np
import ogbench  # noqa: F401  (registers the environments)


def main() -> None:
    episodes, *paths = sys.argv[1:]
    for path in map(Path, paths):
        layout = path.stem.split("_")[0]
        env = gymnasium.make(f"pointmaze-{layout}-v0", max_episode_steps=1000)
        weights = dict(np.load(path))
        found = [reaches(env, weights, task, seed) for task in range(1, 6) for seed in range(int(episodes))]
        print(f"{path.stem}: {np.mean(found):.1%} of {len(found)}", flush=True)


def reaches(env: gymnasium.Env, weights: dict[str, np.ndarray], task: int, seed: int) -> bool:
    """Whether an episode of the task comes to the goal."""
    place, info = env.reset(seed=seed, options={"task_id": task})
    goal, done = info["goal"][:2], False
    while not done:
        aim = goal
        if "high.mean" in weights and not is_near(weights, place[:2], goal):
            aim = place[:2] + outputs(weights, "high", place[:2], goal)
        action = np.clip(outputs(weights, "low", place[:2], aim), -1.0, 1.0)
        place, _, terminated, truncated, info = env.step(action)
        done = terminated or truncated
    return bool(info["success"])


def outputs(weights: dict[str, np.ndarray], level: str, place: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """The mode of a level."""
    own = part_of(weights, level)
    hidden, last = seen(own, place, goal), num_layers(own) - 1
    for number in range(last):
        hidden = np.maximum(hidden @ own[f"weight{number}"] + own[f"bias{number}"], 0.0)
    return own["center"] + own["half_range"] * (own[f"weight{last}"] @ hidden + own[f"bias{last}"])


def is_near(weights: dict[str, np.ndarray], place: np.ndarray, goal: np.ndarray) -> bool:
    """Whether both values say, in the mean, that the goal is nearer than a subgoal."""
    own = part_of(weights, "value")
    if not own:
        return False
    hidden, last = seen(own, place, goal)[None, None], num_layers(own) - 1
    for number in range(last):
        hidden = hidden @ own[f"weight{number}"] + own[f"bias{number}"][:, None]
        normal = (hidden - hidden.mean(-1, keepdims=True)) / np.sqrt(hidden.var(-1, keepdims=True) + 1e-6)
        hidden = own[f"gain{number}"][:, None] * normal + own[f"offset{number}"][:, None]
        hidden = hidden * (1.0 + np.tanh(np.sqrt(2 / np.pi) * (hidden + 0.044715 * hidden**3))) / 2
    values = (hidden * own[f"weight{last}"]).sum(-1) + own[f"bias{last}"]
    return bool(values.mean() > own["far"])


def part_of(weights: dict[str, np.ndarray], level: str) -> dict[str, np.ndarray]:
    """What belongs to a level, or to the values."""
    return {name.removeprefix(f"{level}."): array for name, array in weights.items() if name.startswith(level)}


def num_layers(own: dict[str, np.ndarray]) -> int:
    """How many matrices of weights there are."""
    return sum(name.startswith("weight") for name in own)


def seen(own: dict[str, np.ndarray], place: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """What a network is given: entries of what is observed are in the order of their names; the place stands twice."""
    here = (place - own["mean"]) / own["std"]
    there = (goal - place) / own["goal_scale"] if "goal_scale" in own else (goal - own["mean"]) / own["std"]
    return np.concatenate([here, there, here])


if __name__ == "__main__":
    main()

"""Small demonstrations, and each format with what it loses of them."""

from pathlib import Path
from typing import Any

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Format, Note, Wanted, warn
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.format import d4rl, imitation, lerobot, minari, npz, ogbench, robomimic

FORMATS: dict[str, Any] = {
    "d4rl": (d4rl, d4rl.D4RL),
    "imitation": (imitation, imitation.Imitation),
    "lerobot": (lerobot, lerobot.LeRobot),
    "minari": (minari, minari.Minari),
    "npz": (npz, npz.NPZ),
    "ogbench": (ogbench, ogbench.OGBench),
    "robomimic": (robomimic, robomimic.Robomimic),
}
"""The module and the settings of each kind."""
FOLDERS = ("imitation", "lerobot", "minari")
"""The kinds that are folders."""


def demonstrations(*, discrete: bool = False, num_episodes: int = 12, seed: int = 0) -> Demonstrations:
    """Random episodes of 2 to 5 steps: every third has terminated."""
    random = np.random.default_rng(seed)
    lengths = random.integers(2, 6, num_episodes).astype(np.int32)
    steps = int(lengths.sum())
    action = Discrete(size=3) if discrete else Box.symmetric((1.0, 2.0))
    actions = np.arange(steps, dtype=np.int32) % 3 if discrete else random.normal(size=(steps, 2)).astype(np.float32)
    terminated = np.arange(num_episodes) % 3 == 0
    return Demonstrations(
        obs=random.normal(size=(steps + num_episodes, 3)).astype(np.float32),
        actions=actions,
        rewards=random.normal(size=steps).astype(np.float32),
        terminated=terminated,
        truncated=~terminated,
        lengths=lengths,
        spaces=Spaces(observation=Box.symmetric((9.0, 9.0, np.inf)), action=action),
    )


def chosen(kind: str, **settings: Any) -> Format:
    """The format of this kind, with those of the settings that are its own."""
    module, spec = FORMATS[kind]
    made: Format = module.format(spec(**settings))
    return made


def written(kind: str, folder: Path, demos: Demonstrations | None = None, **settings: Any) -> Path:
    """Writes demonstrations in a format."""
    path = folder / "recording"
    chosen(kind, **settings).write(demonstrations() if demos is None else demos, path)
    return path


def imported(kind: str, path: Path, note: Note = warn, **settings: Any) -> Demonstrations:
    """Reads them; settings are those of the format and those of what is wanted."""
    wanted = {name: value for name, value in settings.items() if name in Wanted.model_fields}
    own = {name: value for name, value in settings.items() if name not in wanted}
    return chosen(kind, **own).read(path, note, Wanted(**wanted))


def assert_equal(got: Demonstrations, expected: Demonstrations, *names: str) -> None:
    """Checks that arrays are the same bits, of the same type."""
    for name in names or ("obs", "actions", "rewards", "terminated", "truncated", "lengths"):
        ours, theirs = getattr(got, name), getattr(expected, name)
        assert ours.dtype == theirs.dtype, name
        np.testing.assert_array_equal(ours, theirs, err_msg=name)

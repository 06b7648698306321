from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.artifact import codec
from ilkit.data.build import Build
from ilkit.data.seeds import Seeds
from ilkit.env import pendulum, point_mass
from ilkit.errors import ArtifactError, DataError
from ilkit.expert import checkpoint, swing_up

PENDULUM = Build("env", "pendulum", pendulum.env, pendulum.Pendulum())
KEY = jax.random.key(0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The artifact of two seeds of a policy; the second one's torque is half the first's."""
    policy = swing_up.expert(swing_up.SwingUp(), PENDULUM, key=KEY)
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf / 2]), policy)
    codec.write(Seeds(stacked, {}, 2), tmp_path)
    return tmp_path


def test_a_policy_comes_back_as_it_was(folder: Path) -> None:
    written = swing_up.expert(swing_up.SwingUp(), PENDULUM, key=KEY)
    read = checkpoint.expert(checkpoint.Checkpoint(path=folder), PENDULUM, key=KEY)
    assert jax.tree.structure(read) == jax.tree.structure(written)
    jax.tree.map(np.testing.assert_array_equal, read, written)
    second = checkpoint.expert(checkpoint.Checkpoint(path=folder, seed=1), PENDULUM, key=KEY)
    np.testing.assert_array_equal(second.gain, written.gain / 2)


def test_what_cannot_be_used_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 seeds"):
        checkpoint.expert(checkpoint.Checkpoint(path=folder, seed=2), PENDULUM, key=KEY)
    other = Build("env", "point_mass", point_mass.env, point_mass.PointMass())
    with pytest.raises(DataError, match="observations"):
        checkpoint.expert(checkpoint.Checkpoint(path=folder), other, key=KEY)
    with pytest.raises(ArtifactError, match="nothing"):
        checkpoint.expert(checkpoint.Checkpoint(path=tmp_path / "nothing"), PENDULUM, key=KEY)
    codec.write(jnp.zeros(3), folder)
    with pytest.raises(DataError, match="artifact of a policy"):
        checkpoint.expert(checkpoint.Checkpoint(path=folder), PENDULUM, key=KEY)

"""What was preferred, as demonstrations."""

import jax
import numpy as np

from ilkit.data.preferences import Preferences
from ilkit.dataset.chosen import Chosen, dataset
from ilkit.testing import problems


def test_the_preferred_clip_of_each_pair_is_cloned_and_none_of_a_tie() -> None:
    first, second = problems.demonstrations(4, "continuous"), problems.demonstrations(4, "continuous", left=True)
    asked = Preferences(first, second, np.array([1.0, 0.2, 0.5, 0.0]))
    demos = dataset(Chosen(), asked, key=jax.random.key(0))
    expected = [first.take(np.array([0])), second.take(np.array([1])), second.take(np.array([3]))]
    np.testing.assert_array_equal(demos.actions, np.concatenate([part.actions for part in expected]))
    np.testing.assert_array_equal(demos.lengths, np.concatenate([part.lengths for part in expected]))

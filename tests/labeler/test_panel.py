"""Several people answer, whose tastes differ."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array
from pydantic import ValidationError

from ilkit.data.labeler import Labeler
from ilkit.data.preferences import Clips
from ilkit.labeler.panel import Panel, labeler

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(0)
MASK = jnp.ones((400, 3), bool)
OBS = jnp.asarray(RANDOM.normal(size=(400, 3, 4)), jnp.float32)
REWARDS = jnp.asarray(RANDOM.normal(size=(400, 3)), jnp.float32)


def clips(rewards: Array = REWARDS) -> Clips:
    return Clips(OBS, OBS[..., :1], OBS, rewards, jnp.zeros(MASK.shape, bool), MASK)


def asked(person: Labeler, half: int = 200) -> tuple[np.ndarray, np.ndarray]:
    whole = clips()
    first, second = (jax.tree.map(lambda leaf, side=side: leaf[side], whole) for side in (np.s_[:half], np.s_[half:]))
    return tuple(map(np.asarray, person.answers(first, second, jnp.arange(half), key=KEY)))


def test_without_tastes_and_mistakes_all_say_what_the_return_says() -> None:
    share, answered = asked(labeler(Panel(disagreement=0.0)).fitted(clips()))
    returns = np.asarray(REWARDS.sum(axis=1))
    np.testing.assert_array_equal(share, returns[:200] > returns[200:])
    assert answered.all()


def test_the_more_tastes_weigh_the_less_people_agree() -> None:
    def agreeing(disagreement: float) -> float:
        share, _ = asked(labeler(Panel(disagreement=disagreement)).fitted(clips()))
        assert set(np.round(5 * share)) <= set(range(6))
        return float(np.mean((share == 0) | (share == 1)))

    assert agreeing(0.0) == 1.0 > agreeing(0.3) > agreeing(3.0)


def test_a_person_likes_the_same_in_every_answer() -> None:
    lone = Panel(num_annotators=1, disagreement=1e4)
    share, _ = asked(labeler(lone).fitted(clips()))
    features = np.concatenate([OBS, OBS[..., :1]], axis=-1).mean(axis=1)
    gaps = features[:200] - features[200:]
    taste = np.linalg.lstsq(gaps, 2 * share - 1, rcond=None)[0]
    assert np.mean(np.sign(gaps @ taste) == np.sign(2 * share - 1)) > 0.9
    other, _ = asked(labeler(lone.model_copy(update={"taste_seed": 1})).fitted(clips()))
    assert np.mean(other != share) > 0.1


def test_the_majority_decides_and_who_says_nothing_has_no_vote() -> None:
    settings = {"num_annotators": 3, "mistake": (0.5, 0.0, 0.0), "disagreement": 0.0}
    share, _ = asked(labeler(Panel(**settings)).fitted(clips()))
    most, _ = asked(labeler(Panel(**settings, answer="majority")).fitted(clips()))
    assert set(most.tolist()) == {0.0, 1.0}
    np.testing.assert_array_equal(most, share > 0.5)
    _, answered = asked(labeler(Panel(skip_margin=1.0, disagreement=0.0)).fitted(clips()))
    assert 0.1 < answered.mean() < 0.9


def test_numbers_must_be_one_for_each() -> None:
    with pytest.raises(ValidationError, match="one for each of 3, got 2"):
        Panel(num_annotators=3, mistake=(0.1, 0.2))

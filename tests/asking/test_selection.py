import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from ilkit.asking.candidates import any_two
from ilkit.asking.selection import disagreement, information_gain, select
from ilkit.asking.stretches import stretches_of
from ilkit.data.reward import Reward
from ilkit.data.spaces import Spaces
from ilkit.errors import DataError
from ilkit.testing import problems, stand_ins


class Opinions(Reward):
    """Members that like the first entry of a state, and the second one."""

    spaces: Spaces
    reads_action: bool = False

    def __call__(self, obs, action, next_obs, terminated) -> Float[Array, ""]:
        return self.members(obs, action, next_obs, terminated).mean()

    def members(self, obs, action, next_obs, terminated) -> Float[Array, " members"]:
        return 3.0 * obs


DEMOS = stand_ins.wandering(problems.environment("continuous")(), 6)
CLIPS = stretches_of(DEMOS, 2, at="length")
SOURCE = any_two(CLIPS, key=jax.random.key(0))
REWARD = Opinions(problems.spaces("continuous"))


def test_members_that_agree_say_nothing_and_those_that_are_sure_of_the_opposite_most() -> None:
    shares = np.asarray([[0.3, 0.3], [0.0, 1.0], [0.4, 0.6]])
    np.testing.assert_allclose(disagreement(shares), [0.0, 0.25, 0.01])
    entropy = -0.4 * np.log(0.4) - 0.6 * np.log(0.6)
    np.testing.assert_allclose(information_gain(shares), [0.0, np.log(2), np.log(2) - entropy], atol=1e-12)


@pytest.mark.parametrize("selection", ["disagreement", "information_gain"])
def test_the_candidate_on_which_members_differ_most_is_asked_about(selection) -> None:
    random = np.random.default_rng(0)
    candidates = random.integers(len(CLIPS.rows), size=(5, 7, 2))
    chosen = select(selection, DEMOS, CLIPS, SOURCE, candidates, 0.0, REWARD)
    obs = np.asarray(DEMOS.before(), np.float64)
    for question, pair in zip(candidates, chosen, strict=True):
        returns = 3.0 * (obs[CLIPS.rows[question]] + obs[CLIPS.rows[question] + 1])
        share = 1 / (1 + np.exp(returns[:, 1] - returns[:, 0]))
        score = {"disagreement": disagreement, "information_gain": information_gain}[selection](share)
        score[question[:, 0] == question[:, 1]] = -1.0
        assert pair.tolist() == question[score.argmax()].tolist()


def test_members_are_asked_in_the_log_odds_that_their_units_stand_for() -> None:
    class Surer(Opinions):
        @property
        def log_odds(self) -> Float[Array, " members"]:
            return jnp.full(2, 3.0)

        def members(self, obs, action, next_obs, terminated) -> Float[Array, " members"]:
            return obs

    candidates = np.random.default_rng(0).integers(len(CLIPS.rows), size=(9, 7, 2))
    chosen = [
        select("disagreement", DEMOS, CLIPS, SOURCE, candidates, 0.0, one).tolist()
        for one in (REWARD, Surer(problems.spaces("continuous")))
    ]
    assert chosen[0] == chosen[1]


def test_equal_clips_are_never_asked_about_and_a_question_without_others_is_left_out() -> None:
    candidates = np.asarray([[[3, 3], [0, 1]], [[2, 2], [4, 4]]])
    assert select("random", DEMOS, CLIPS, SOURCE, candidates, 0.0, None).tolist() == [[0, 1], [-1, -1]]


@pytest.mark.parametrize(
    ("selection", "reward", "distance", "said"),
    [
        ("disagreement", None, 0.0, "needs a reward that was learnt"),
        (
            "information_gain",
            stand_ins.known_reward("continuous", 1.0),
            0.0,
            "needs a reward with several members, got 1",
        ),
        ("random", None, 99.0, "differ by more than min_distance, 99"),
    ],
)
def test_what_cannot_select_is_refused(selection, reward, distance, said) -> None:
    with pytest.raises(DataError, match=said):
        select(selection, DEMOS, CLIPS, SOURCE, np.asarray([[[0, 1]]]), distance, reward)

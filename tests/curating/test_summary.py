import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import jax
import numpy as np
import pytest

from ilkit.curating.page import median_episode, render
from ilkit.curating.summary import summarize
from ilkit.curating.table import told
from ilkit.data.demonstrations import Demonstrations

pytestmark = pytest.mark.bits


def test_the_ranges_are_those_of_the_columns(clean: Demonstrations) -> None:
    clean.obs[:, 1] += 1e4  # far from 0, where sums of squares lose their digits
    summary = summarize(clean)
    for columns, rows in ((summary.obs, clean.obs), (summary.actions, clean.actions)):
        wide = rows.astype(np.float64)
        for dim, column in enumerate(columns):
            assert column.minimum == rows[:, dim].min()
            assert column.maximum == rows[:, dim].max()
            assert column.mean == pytest.approx(wide[:, dim].mean(), rel=1e-9)
            assert column.std == pytest.approx(wide[:, dim].std(), rel=1e-6)
    assert summary.lengths == (40.0, 40.0, 40.0)
    assert (summary.num_episodes, summary.num_steps, summary.num_truncated) == (12, 480, 12)
    assert summary.returns is not None
    assert summary.returns.minimum == clean.returns.min()


def test_actions_at_and_beyond_the_bounds_are_counted(clean: Demonstrations) -> None:
    clean.actions[:48, 0] = 8.0
    clean.actions[48:60, 0] = -9.0
    assert [column.at_bounds for column in summarize(clean).actions] == [60 / 480, 0.0]
    assert summarize(clean).obs[0].at_bounds is None


def test_what_is_not_finite_is_left_out(clean: Demonstrations) -> None:
    clean.obs[3, 0] = np.nan
    clean.obs[:, 1] = np.inf
    clean.rewards[0] = np.nan
    summary = summarize(clean)
    assert summary.obs[0].maximum == np.nanmax(clean.obs[:, 0])
    assert np.isnan(summary.obs[1].mean)
    assert summary.returns is not None
    assert summary.returns.minimum == clean.returns[1:].min()


def test_unknown_returns_are_said_to_be_unknown(clean: Demonstrations) -> None:
    clean.rewards[:] = np.nan
    assert "returns: unknown" in told(summarize(clean), clean.spaces)


def test_discrete_actions_are_counted(clean_of: Callable[[str], Demonstrations]) -> None:
    demos = clean_of("cart_pole")
    share = float((demos.actions == 0).mean())
    assert summarize(demos).action_shares == pytest.approx((share, 1 - share))
    assert f"action 0: {share:.1%}" in told(summarize(demos), demos.spaces)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count += 1
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", ["point_mass", "cart_pole"])
def test_the_page_is_whole_needs_nothing_else_and_is_the_same_again(
    kind: str, clean_of: Callable[[str], Demonstrations]
) -> None:
    demos = clean_of(kind)
    page = render(demos, summarize(demos), "a <name>")
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    assert tags.count > 100
    assert "a &lt;name&gt;" in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"#010[23]0", page), "every color is the page's"
    for panel in ("obs 3", "return (sum of rewards)", "length (steps)", f"Episode {median_episode(demos)}"):
        assert panel in page
    assert page == render(demos, summarize(demos), "a <name>")


def test_a_page_of_what_is_broken_is_drawn(clean: Demonstrations) -> None:
    clean.obs[:, 1] = np.nan
    clean.obs[:, 2] = 7.0
    clean.actions[5] = np.inf
    clean.rewards[:] = np.nan
    page = render(clean, summarize(clean), "broken")
    assert "no numbers" in page
    assert "return (sum of rewards)" not in page


def test_the_episode_of_median_length_is_drawn(clean: Demonstrations) -> None:
    lengths = np.asarray([5, 1, 9, 3], np.int32)
    steps = int(lengths.sum())
    first = jax.tree.map(lambda rows: rows[:steps], clean)
    demos = Demonstrations(
        clean.obs[: steps + 4],
        first.actions,
        first.rewards,
        np.zeros(4, bool),
        np.ones(4, bool),
        lengths,
        spaces=clean.spaces,
    )
    assert median_episode(demos) == 3


def test_how_many_steps_count_is_told_where_some_do_not(clean: Demonstrations) -> None:
    weights = (np.arange(clean.num_steps) % 2).astype(np.float32)
    assert "of which count" not in told(summarize(clean), clean.spaces)
    thinned = replace(clean, weights=weights)
    assert f"{clean.num_steps // 2:,} of which count" in told(summarize(thinned), clean.spaces)

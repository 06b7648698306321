"""The skeleton of a page: what is text stays text, and a wide table scrolls."""

from html.parser import HTMLParser
from importlib.resources import files

from matplotlib.figure import Figure

from ilkit.reporting.page import Section, minus, prose, render_page, table
from ilkit.reporting.style import svg


class Tags(HTMLParser):
    """The names of the elements that a page opens, and those that it leaves open."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.open += [tag] if tag not in ("meta", "img", "br") else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_text_from_outside_is_escaped_everywhere():
    hostile = "<script>$style</script>"
    page = render_page(hostile, [Section(hostile, table([hostile], []), hostile)], setting=[hostile])
    assert "<script" not in page
    assert page.count("&lt;script&gt;$style&lt;/script&gt;") == 6


def test_every_element_is_closed():
    tags = Tags()
    tags.feed(
        render_page("A", [Section("c", table(["d"], [["e"], ["f"]]), "g")], setting=["b"], verdict=["h"], notes=["i"])
    )
    assert not tags.open
    assert (tags.seen.count("section"), tags.seen.count("tr")) == (1, 3)


def test_a_table_scrolls_and_its_page_shows_that_it_does():
    assert table(["a"], []).startswith('<div class="wide"')
    style = files("ilkit.reporting").joinpath("page.css").read_text()
    wide = style[style.index(".wide {") :].split("}")[0]
    assert "overflow-x: auto" in wide
    assert "scroll no-repeat" in wide


def test_a_figure_is_never_drawn_much_smaller_than_it_was_made_for_and_scrolls():
    drawn = svg(Figure(figsize=(7.2, 2.0)))
    assert drawn.startswith('<div class="wide"')
    assert 'viewBox="0 0 518.4 144" role="img" style="min-width: calc(0.8 * 518.4pt)"' in drawn
    tags = Tags()
    tags.feed(drawn)
    assert not tags.open


def test_hyphens_before_digits_become_minus_signs_and_others_stay():
    assert minus("-1.5 to -2, seed-3, 4-5") == "−1.5 to −2, seed-3, 4-5"
    assert prose("`a` < -1") == "<code>a</code> &lt; −1"

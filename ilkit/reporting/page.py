"""A page of HTML that needs nothing beside itself, in light and dark: the skeleton, sections, tables, prose."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

_HERE = Path(__file__).parent


class Section(NamedTuple):
    """A heading, the markup below it, and the caption."""

    title: str
    body: str
    caption: str


def render_page(
    title: str,
    sections: Iterable[Section],
    *,
    setting: Iterable[str] = (),
    verdict: Iterable[str] = (),
    notes: Iterable[str] = (),
) -> str:
    """The whole page: what was measured, what came of it, the sections and, at the end, what else should be known."""
    skeleton, style = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.html", "page.css"))
    opening = [*(_paragraph(text, "setting") for text in setting), *(_paragraph(text, "verdict") for text in verdict)]
    closing = "".join(f"<p>{prose(note)}</p>" for note in notes)
    parts = [*opening, "\n", *map(_rendered, sections), f"<footer>{closing}</footer>\n" if closing else ""]
    return Template(skeleton).substitute(title=escape(title), style=style, content="".join(parts))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls where the page is narrower; the cells of `rows` are markup."""
    header = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>{}</tr>".format("".join(f"<td>{minus(cell)}</td>" for cell in row)) for row in rows)
    scrolled = f"<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide" role="region" aria-label="table" tabindex="0">{scrolled}</div>'


def prose(text: str) -> str:
    """Text as markup, with what stands between backticks as code."""
    return minus(re.sub("`(.*?)`", r"<code>\1</code>", escape(text)))


def minus(text: str) -> str:
    """The hyphens before digits as minus signs."""
    return re.sub(r"(?<![\w-])-(?=\d)", "−", text)


def _paragraph(text: str, role: str) -> str:
    return f'<p class="{role}">{prose(text)}</p>'


def _rendered(section: Section) -> str:
    return (
        f"<section><h2>{escape(section.title)}</h2><figure>{section.body}"
        f"<figcaption>{escape(section.caption)}</figcaption></figure></section>\n"
    )

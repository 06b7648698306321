"""Writing the files of a template into a folder, all of them or none.

The templates lie beside this file, as package data. A file `a/dot_b.txt` of a template becomes `a/.b`, KIND in its path
the kind of a plug-in, and `$name` in its text the value of that name.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template

from ilkit.errors import ParamsError

TEMPLATES = Path(__file__).parent / "templates"
"""The folder of all templates."""


def write_template(template: str, folder: Path, values: Mapping[str, str], *, also: tuple[str, ...] = ()) -> None:
    """Fills a template and writes its files into `folder`, which is made where it isn't there.

    `also` names files that the caller writes after that.

    **Raises:** `ParamsError` where one of the files is there already; nothing is written then.
    """
    texts = dict(_fill(TEMPLATES / template, values))
    there = [name for name in (*texts, *also) if (folder / name).exists()]
    if there:
        raise ParamsError(f"{folder} must not have a {there[0]} yet. Choose another folder, or remove it first.")
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _fill(template: Path, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for path in sorted(template.rglob("*.txt")):
        parts = [part.replace("dot_", ".") for part in path.relative_to(template).parts]
        name = Path(*parts).as_posix().removesuffix(".txt").replace("KIND", values.get("kind", ""))
        yield name, Template(path.read_text(encoding="utf-8")).substitute(values)

"""Showing questions to a person: clips as pictures in a folder, and a table to fill in."""

import csv
import io
import os
from pathlib import Path

import numpy as np

from ilkit.asking.queue import COLUMNS, TABLE, OpenQuestionsError, delimiter_of
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.errors import IlkitError
from ilkit.planning.plan import Plan
from ilkit.running.run import run_stage
from ilkit.wiring.tracing import Block, Node


def run_or_ask(plan: Plan, name: str, folder: Path) -> None:
    """Runs one stage with files; where it needs answers of a person, it shows the questions instead.

    **Raises:** `OpenQuestionsError`, which says where to answer; whatever the stage raises.
    """
    try:
        run_stage(plan, name, folder)
    except OpenQuestionsError as questions:
        show(questions, folder, _world_of(plan, plan.graph.nodes[name]))
        raise


def show(questions: OpenQuestionsError, folder: Path, world: Environment | HostEnvironment | None) -> None:
    """Writes the pictures of the pairs, and a line for each that has none yet to the table of answers.

    What stands in the table stays as it is; the pictures come first, so that no line is without.
    """
    from ilkit.reporting.clips import picture_of  # heavy, and seldom needed

    place = folder / questions.folder
    place.mkdir(parents=True, exist_ok=True)
    table = place / TABLE
    before = table.read_text(encoding="utf-8") if table.exists() else ",".join(COLUMNS) + "\n"
    delimiter = delimiter_of(before.partition("\n")[0])
    known = {row[0] for row in csv.reader(before.splitlines(), delimiter=delimiter) if row}
    lines = io.StringIO()
    writer = csv.writer(lines, delimiter=delimiter, lineterminator="\n")
    for pair, name in enumerate(questions.names):
        if name not in known:
            first, second = (clips.take(np.asarray([pair])) for clips in (questions.first, questions.second))
            picture = picture_of(first, second, world)
            file = f"{name}.{picture.form}"
            (place / file).write_bytes(picture.content)
            writer.writerow((name, file, ""))
    half = place / f"{TABLE}.half"
    half.write_text(before + ("" if before.endswith("\n") else "\n") + lines.getvalue(), encoding="utf-8")
    os.replace(half, table)


def _world_of(plan: Plan, node: Node) -> Environment | HostEnvironment | None:
    """The environment in which what a stage is handed was recorded, if it can be made."""
    for block in _environments(node):
        try:
            world: Environment | HostEnvironment = plan.build(Block(block), "env")()
        except IlkitError:
            continue
        return world
    return None


def _environments(node: Node) -> list[str]:
    """The blocks of environments of a stage and those before it, the nearest first."""
    own = [node.parts["env"].name] if "env" in node.parts else []
    return [*own, *(block for edge in node.inputs.values() for block in _environments(edge.node))]

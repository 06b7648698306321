"""What made a report: the settings of every stage, what each policy learnt from, and the commands to make it again."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from ilkit.data.report import Report
from ilkit.errors import counted
from ilkit.reporting.page import prose


class Block(NamedTuple):
    """A block of `params.yaml` with what it chooses."""

    name: str
    kind: str
    settings: Mapping[str, Mapping[str, Any]]
    """Of the kind, and of the one that it is a wrapper around, by their names."""


class Origin(NamedTuple):
    """A stage that a report comes from."""

    stage: str
    blocks: tuple[Block, ...]
    """Its own block, then those of its parts."""
    inputs: Mapping[str, str]
    """The artifacts that went in, by the names of the arguments."""


class Provenance(NamedTuple):
    """All that a report comes from."""

    settings: Mapping[str, Any]
    """What holds for all stages, such as the seed."""
    stages: tuple[Origin, ...]
    """In the order in which they run; the last one made the report."""
    learnt_from: Mapping[str, tuple[str, ...]]
    """The demonstrations that each policy learnt from, by the name of the policy."""
    sizes: Mapping[str, tuple[int, int]]
    """The episodes and steps of those demonstrations that the report was handed."""
    remarks: Mapping[str, tuple[str, ...]] = {}
    """What should be known of the training of each policy, by its name."""

    @property
    def commands(self) -> tuple[str, str]:
        """With DVC all stages that it takes; without it one after the other."""
        names = [origin.stage for origin in self.stages]
        return f"dvc repro {names[-1]}", " && ".join(f"ilkit run {name}" for name in names)


def with_provenance(report: Report, provenance: Provenance) -> Report:
    """The same report that says what made it: at the end of its page, and as `made_by` of its metrics."""
    section = _section(provenance)
    head, end, rest = report.html.rpartition("</body>")
    html = f"{head}{section}{end}{rest}" if end else report.html
    return dataclasses.replace(report, metrics={**report.metrics, "made_by": _metrics(provenance)}, html=html)


def _metrics(provenance: Provenance) -> dict[str, Any]:
    """Everything in lists, which DVC's tables of metrics leave out."""
    stages = [
        {
            "stage": origin.stage,
            "blocks": {block.name: {"kind": block.kind, **_plain(block.settings)} for block in origin.blocks},
            "inputs": dict(origin.inputs),
        }
        for origin in provenance.stages
    ]
    return {
        "settings": [f"{name}: {_yaml(value)}" for name, value in provenance.settings.items()],
        "stages": stages,
        "learnt_from": [_learnt([name], sources, provenance) for name, sources in provenance.learnt_from.items()],
        **({"remarks": _remarks(provenance)} if _remarks(provenance) else {}),
        "commands": list(provenance.commands),
    }


def _section(provenance: Provenance) -> str:
    folded = "".join(
        f"<details><summary>{_headline(origin)}</summary><pre>{escape(_settings(origin))}</pre></details>\n"
        for origin in provenance.stages
    )
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, sources in provenance.learnt_from.items():
        alike.setdefault(sources, []).append(name)
    told = [*(_learnt(names, sources, provenance) for sources, names in alike.items()), *_remarks(provenance)]
    learnt = "".join(f"<p>{prose(sentence)}.</p>" for sentence in told)
    run = ", ".join(f"`{name}: {_yaml(value)}`" for name, value in provenance.settings.items())
    again, by_hand = (escape(command) for command in provenance.commands)
    return (
        f'<section class="made"><h2>What made it</h2>\n{learnt}\n<p>{prose(run)}; the settings of each stage, as they '
        f"stand in <code>params.yaml</code>:</p>\n{folded}"
        f"<p>To make it again, in the folder of these settings:</p>\n<pre>{again}</pre>\n<p>or without DVC</p>\n"
        f"<pre>{by_hand}</pre></section>\n"
    )


def _headline(origin: Origin) -> str:
    own = origin.blocks[0]
    sources = ", ".join(f"`{name}`" for name in dict.fromkeys(origin.inputs.values()))
    return prose(f"`{origin.stage}`: {own.kind}" + (f", from {sources}" if sources else ""))


def _settings(origin: Origin) -> str:
    lines = []
    for block in origin.blocks:
        lines += [f"{block.name}:", f"  kind: {block.kind}"]
        for kind, settings in block.settings.items():
            lines.append(f"  {kind}:{'' if settings else ' {}'}")
            lines += [f"    {name}: {_yaml(value)}" for name, value in settings.items()]
    return "\n".join(lines)


def _learnt(names: Sequence[str], sources: Sequence[str], provenance: Provenance) -> str:
    told = []
    for source in sources:
        size = provenance.sizes.get(source)
        told.append(f"`{source}`" + (f" ({counted(size[0], 'episode')}, {counted(size[1], 'step')})" if size else ""))
    learners = ", ".join(f"`{name}`" for name in names)
    return f"{learners} learnt from {', '.join(told) if told else 'no demonstrations'}"


def _remarks(provenance: Provenance) -> list[str]:
    return [f"`{name}`: {remark}" for name, found in provenance.remarks.items() for remark in found]


def _yaml(value: Any) -> str:
    text = json.dumps(_plain(value), ensure_ascii=False)
    return text.strip('"') if isinstance(value, float) else text


def _plain(value: Any) -> Any:
    """The same with numbers that aren't finite as YAML writes them, for JSON has none."""
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value

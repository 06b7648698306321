"""Artifacts: folders that a stage writes whole or not at all, byte for byte the same on every run."""

import json
import tempfile
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ilkit.artifact import codec
from ilkit.data.report import Report, Table
from ilkit.errors import ArtifactError


def save(thing: Any, folder: str | Path) -> None:
    """Writes an artifact into `folder`, replacing what is there only once everything is written.

    **Raises:** `ArtifactError` where it can't be written (a full disk); what was there before stays.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        written = Path(temporary) / "artifact"
        written.mkdir()
        try:
            _write_report(thing, written) if isinstance(thing, Report) else codec.write(thing, written)
        except (OSError, SafetensorError) as error:
            raise ArtifactError(f"{folder} can't be written: {error}. What was there before is kept.") from error
        for path in written.iterdir():
            path.chmod((written / "spec.json").stat().st_mode)
        if folder.exists():
            folder.rename(Path(temporary) / "former")
        written.rename(folder)


def load(folder: str | Path) -> Any:
    """Reads an artifact: `Demonstrations`, `Report`, or `Seeds` of what was learnt.

    **Raises:** `ArtifactError` where the folder is no artifact, of another format, truncated or altered.
    """
    folder = Path(folder)
    description = codec.read_description(folder)
    return _read_report(folder, description["report"]) if "report" in description else codec.read(folder)


def _write_report(report: Report, folder: Path) -> None:
    description = {"format": codec.FORMAT, "report": {"tables": sorted(report.tables)}}
    texts = {
        "spec.json": json.dumps(description, indent=1, sort_keys=True) + "\n",
        "metrics.json": json.dumps(report.metrics, indent=1) + "\n",
        "report.html": report.html,
        "summary.txt": report.summary,
    } | {f"{name}.tsv": _tab_separated(table) for name, table in report.tables.items()}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _read_report(folder: Path, description: dict[str, Any]) -> Report:
    def text(name: str) -> str:
        try:
            return (folder / name).read_text(encoding="utf-8")
        except OSError as error:
            raise ArtifactError(f"{folder / name} can't be read: {error}. Make the report again.") from error

    tables = {name: _columns(text(f"{name}.tsv")) for name in description["tables"]}
    return Report(json.loads(text("metrics.json")), tables, text("report.html"), text("summary.txt"))


def _tab_separated(table: Table) -> str:
    rows = [list(table), *(map(str, row) for row in zip(*table.values(), strict=True))]
    return "".join("\t".join(row) + "\n" for row in rows)


def _columns(text: str) -> dict[str, list[str]]:
    names, *rows = [line.split("\t") for line in text.splitlines()]
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}

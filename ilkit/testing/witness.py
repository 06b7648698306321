"""Other processes that make what a component makes: each with its own order of sets, its own folder, its own memory."""

import atexit
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache, reduce
from pathlib import Path
from typing import Any

from ilkit.registry.find import Component
from ilkit.testing.arguments import Options
from ilkit.testing.comparison import digests
from ilkit.testing.subject import Subject

Digests = Mapping[str, str]

ORDERS = ((0, 1), (1, 0))
"""In which order the two processes make the variants."""


def testify(subject: Subject) -> list[list[Digests]]:
    """The digests of both variants of an outcome, as each of two other processes finds them.

    **Raises:** `AssertionError` where the component can't be imported or fails there.
    """
    request = _request(subject)
    witnesses = [_witness(number, tuple(sys.path)) for number in range(len(ORDERS))]
    with tempfile.TemporaryDirectory() as folder:
        for number, witness in enumerate(witnesses):
            own = Path(folder, str(number))
            own.mkdir()
            for path in Path.cwd().iterdir():
                (own / path.name).symlink_to(path)
            print(json.dumps(request | {"folder": str(own), "order": ORDERS[number]}), file=witness.stdin, flush=True)
        answers = [json.loads(_line(witness) or '{"error": "the process has ended."}') for witness in witnesses]
    errors = [answer["error"] for answer in answers if "error" in answer]
    if errors:
        raise AssertionError(f"A component must work in another process, but there {errors[0]}")
    return [answer["variants"] for answer in answers]


def serve() -> None:
    """Answers requests, a line each, until there are no more; whatever a component prints goes to the errors."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"variants": _variants(json.loads(line))}
        except Exception as error:  # whatever it is, the process that asked must hear of it
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


@cache
def _witness(number: int, path: tuple[str, ...]) -> subprocess.Popen[str]:
    """A process, kept for later requests, because to import JAX takes seconds."""
    environment = os.environ | {"PYTHONHASHSEED": str(number + 1), "PYTHONPATH": os.pathsep.join(path)}
    command = [sys.executable, "-c", "from ilkit.testing.witness import serve; serve()"]
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=quiet, text=True)
    atexit.register(process.communicate)  # without more requests, it ends
    return process


def _line(witness: subprocess.Popen[str]) -> str:
    return witness.stdout.readline() if witness.stdout else ""


def _request(subject: Subject) -> dict[str, Any]:
    component, options = subject.component, subject.options
    return {
        "component": [component.block, component.kind, _name(component.function), _name(component.spec)],
        "options": options.model_dump(mode="json", exclude={"arguments"}),
        "arguments": [[_name(given), _name(make)] for given, make in options.arguments.items()],
    }


def _variants(request: Mapping[str, Any]) -> list[Digests]:
    os.chdir(request["folder"])
    block, kind, function, spec = request["component"]
    arguments = {_named(given): _named(make) for given, make in request["arguments"]}
    subject = Subject(
        Component(block, kind, _named(function), _named(spec)), Options(**request["options"], arguments=arguments)
    )
    made = {variant: digests(subject.outcome(variant=variant)) for variant in request["order"]}
    return [made[variant] for variant in sorted(made)]


def _name(thing: Any) -> str:
    return f"{thing.__module__}:{thing.__qualname__}"


def _named(name: str) -> Any:
    module, _, path = name.partition(":")
    return reduce(getattr, path.split("."), importlib.import_module(module))

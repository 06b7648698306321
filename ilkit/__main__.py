"""`python -m ilkit`: the command line, run with the code of the project that it is called in."""

import os
import signal
import sys
from pathlib import Path


def main() -> None:
    """Runs the command line."""
    interrupts: list[int] = []

    def note(number: int, _: object) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    _prefer_the_project(Path.cwd())
    try:
        from ilkit.cli.commands import command_line

        command_line()
    except SystemExit:
        raise
    except ModuleNotFoundError as error:
        if not error.name:
            sys.exit(f"error: {error}")
        sys.exit(f"error: {sys.executable} has no {error.name}. Activate the environment that ilkit is installed in.")
    except BaseException:
        if not interrupts:
            raise
        # In the middle of an import, a library may have turned the interrupt into an error of its own.
        sys.stderr.write("Stopped.\n")
        sys.exit(130)


def _prefer_the_project(folder: Path) -> None:
    """Puts the project's own code first: a queued experiment must run the code of its own snapshot."""
    root = _project_of(folder)
    plugins = sorted(str(one) for one in (root / "plugins").glob("*") if one.is_dir())
    sys.path[:0] = [one for one in plugins if one not in sys.path]
    sys.path += [str(folder)] if str(folder) not in sys.path else []  # for environments of the user's own
    own = root / "ilkit" / "__main__.py"
    if own.is_file() and own.resolve() != Path(__file__).resolve():
        paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        os.execv(sys.executable, [sys.executable, "-m", "ilkit", *sys.argv[1:]])


def _project_of(folder: Path) -> Path:
    """The outermost project of DVC in the repository of git that a folder lies in: pipelines may be subprojects, and
    an experiment may run in a copy inside of the `.dvc` that it was copied from."""
    above = [folder, *folder.parents]
    repository = next((number for number, one in enumerate(above) if (one / ".git").exists()), len(above))
    return next((one for one in reversed(above[: repository + 1]) if (one / ".dvc").is_dir()), folder)


if __name__ == "__main__":
    main()

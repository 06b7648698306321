"""`python -m ilkit`: the command line, run with the code of the project that it is called in."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Runs the command line."""
    _prefer_the_project(Path.cwd())
    try:
        from ilkit.cli import command_line

        command_line()
    except KeyboardInterrupt:
        sys.exit(130)


def _prefer_the_project(folder: Path) -> None:
    """Puts the project's own code first: a queued experiment must run the code of its own snapshot."""
    root = next((one for one in (folder, *folder.parents) if (one / ".dvc").is_dir()), folder)
    plugins = sorted(str(one) for one in (root / "plugins").glob("*") if one.is_dir())
    sys.path[:0] = [one for one in plugins if one not in sys.path]
    own = root / "ilkit" / "__main__.py"
    if own.is_file() and own.resolve() != Path(__file__).resolve():
        paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        os.execv(sys.executable, [sys.executable, "-m", "ilkit", *sys.argv[1:]])


if __name__ == "__main__":
    main()

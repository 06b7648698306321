"""The process that runs a share of the episodes: `python -m ilkit.learn.host_worker FOLDER`."""

import sys
from pathlib import Path

from ilkit.learn.host_workers import run_share

if __name__ == "__main__":
    run_share(Path(sys.argv[1]))

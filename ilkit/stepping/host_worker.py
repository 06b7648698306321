"""The process that runs a share of the episodes: `python -m ilkit.stepping.host_worker FOLDER`."""

import signal
import sys
import warnings
from pathlib import Path

from ilkit.stepping.host_workers import run_share

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one ends it
    warnings.simplefilter("ignore")  # it warns of the same
    run_share(Path(sys.argv[1]))

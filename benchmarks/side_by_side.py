"""Runs two programs in turn, each of which prints a speed, and compares the medians.

    python benchmarks/side_by_side.py ROUNDS 'COMMAND' 'OTHER COMMAND'

The speed is the last word that a program prints. Each runs in an environment of its own: peers can't share one.
"""

import shlex
import subprocess
import sys
from statistics import median


def main() -> None:
    rounds, *commands = sys.argv[1:]
    speeds: dict[str, list[float]] = {command: [] for command in commands}
    for _ in range(int(rounds)):
        for command in commands:
            done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, text=True, check=True)
            speeds[command].append(float(done.stdout.split()[-1].replace(",", "")))
    for command, found in speeds.items():
        print(f"{median(found):>12,.0f} a second (from {min(found):,.0f} to {max(found):,.0f}): {command}")
    first, second = commands
    ratios = [a / b for a, b in zip(speeds[first], speeds[second], strict=True)]
    print(
        f"the first is {median(ratios):.2f} times as fast as the second (from {min(ratios):.2f} to {max(ratios):.2f})"
    )


if __name__ == "__main__":
    main()

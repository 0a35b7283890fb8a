"""What processes cost: time by a stopwatch that is small itself, memory, processor time and wake-ups by /proc."""

import subprocess
import time
from pathlib import Path


class Stopwatch:
    def __init__(self, programs):
        self.program = programs.bench("stopwatch")

    def measure(self, words, environment, directory=None):
        """Seconds."""
        done = subprocess.run(
            [self.program, *map(str, words)], env=environment, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if done.returncode != 0:
            raise SystemExit(f"bench: {' '.join(map(str, words))}: {done.stderr.strip()}")
        return int(done.stdout) / 1e9

    def run(self, command, environment, directory=None):
        return self.measure(["run", *command], environment, directory)

    def answer(self, line, command, environment):
        return self.measure(["answer", line, *command], environment)

    def calls(self, count, first, line, command, environment):
        """Of COUNT calls, one after the other, on a connection of their own."""
        return self.measure(["calls", count, first, line, *command], environment)

    def many(self, count, width, command, environment):
        return self.measure(["many", count, width, *command], environment)


def pss(pid):
    """Bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"bench: process {pid} shows no memory")


def processor_seconds(pid):
    """Of all its threads."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def wake_ups(pid):
    """How often its threads have begun to run."""
    return sum(int((task / "schedstat").read_text().split()[2]) for task in Path(f"/proc/{pid}/task").iterdir())


def children(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def wait_until(what, condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"bench: after {seconds} s still not: {what}")
        time.sleep(0.02)

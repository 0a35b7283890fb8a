#!/usr/bin/env python3
"""Measures the programs in one folder beside the Python program and beside the least that could do the same.

What is compared is measured in turns (A B A B …), so that whatever else the machine does meets all of it.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from places import PYTHON_VERSION, Places, Programs, find_python_program
from processes import Stopwatch
from rows_calls import measure_answers, measure_dispatch, measure_wait
from rows_idle import measure_idle
from rows_load import measure_makespan, measure_many_live, measure_stream
from rows_pure import measure_pure
from rows_records import measure_queue, measure_records
from rows_start import measure_commands, measure_serve
from table import print_table

GROUPS = {
    "serve": measure_serve,
    "commands": measure_commands,
    "dispatch": measure_dispatch,
    "answers": measure_answers,
    "wait": measure_wait,
    "idle": measure_idle,
    "makespan": measure_makespan,
    "live": measure_many_live,
    "records": measure_records,
    "stream": measure_stream,
    "queue": measure_queue,
    "pure": measure_pure,
}


@dataclass
class Bench:
    """What each group of rows measures with."""

    programs: Programs
    places: Places
    stopwatch: Stopwatch
    rounds: int
    quick: bool


def read_options():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--programs", type=Path, required=True, help="folder with agent-dispatch and its companions")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--rounds", type=int, default=30, help="of what is measured in turns (30)")
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="fewer of everything, in a minute or two, at once")
    parser.add_argument("--no-python", action="store_true", help="leave the Python program out")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: at least 2")
    return options


def measure(options, programs, about):
    """The rows of all groups. What is measured is kept after each: a run that is ended has lost only what it was at."""
    rows = []
    rounds = min(options.rounds, 8) if options.quick else options.rounds
    for name in options.only or GROUPS:
        begin = time.monotonic()
        print(f"bench: {name} …", end=" ", flush=True)
        with Places(programs) as places:
            rows += GROUPS[name](Bench(programs, places, Stopwatch(programs), rounds, options.quick))
        print(f"{time.monotonic() - begin:.0f} s", flush=True)
        if options.json:
            options.json.write_text(json.dumps({"about": about, "rows": [row.json() for row in rows]}, indent=2) + "\n")
    return rows


CALM = 0.5
PATIENCE = 120  # s


def wait_for_calm():
    """A build before this leaves a load behind, which goes down slowly. What is still there is in the caption."""
    if os.getloadavg()[0] >= CALM:
        print(f"bench: load {os.getloadavg()[0]:.1f}: waiting at most {PATIENCE} s for less than {CALM}", flush=True)
    end = time.monotonic() + PATIENCE
    while os.getloadavg()[0] >= CALM and time.monotonic() < end:
        time.sleep(1)


def file_system():
    """Of the folder that everything measured lies in: "ext4 rw,relatime"."""
    command = ["findmnt", "--noheadings", "--output", "FSTYPE,OPTIONS", "--target", tempfile.gettempdir()]
    return " ".join(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def main():
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of what clears up
    programs = Programs(options.programs.resolve())
    if not options.no_python:
        programs.python = find_python_program()
    if not options.quick:
        wait_for_calm()
    about = {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
        "file_system": file_system(),
        "python_program": PYTHON_VERSION if programs.python else None,
        "quick": options.quick,
    }
    rows = measure(options, programs, about)
    load = f"load {about['load_before']:.1f} before, {os.getloadavg()[0]:.1f} after"
    print(f"\nMedian (p10–p90), {about['cores']} cores, {load}, on {about['file_system']}\n")
    print_table(rows)


if __name__ == "__main__":
    main()

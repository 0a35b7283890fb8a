#!/usr/bin/env python3
"""Measures the programs in one folder: the start of `serve`, and what a dispatch costs above its bare CLI.

Two things that are compared are measured in turns (A B A B …), so that whatever else the machine does meets both.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "0"},
}
TASK = "Say hello."


class Server:
    """`agent-dispatch serve` and a client that waits for each answer, with nothing in between."""

    def __init__(self, programs, environment):
        self.process = subprocess.Popen(
            [programs / "agent-dispatch", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self.number = 0

    def request(self, method, params):
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("bench: serve ended instead of answering")
            answer = json.loads(line)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"bench: {answer['error']}")
                return answer["result"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def seconds(action):
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def in_turns(rounds, **actions):
    """{name: [seconds, …]}; each action is called once before anything counts."""
    for action in actions.values():
        action()
    times = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            times[name].append(action())
    return times


def measure_start(programs, environment, rounds):
    def version():
        command = [programs / "agent-dispatch", "--version"]
        return seconds(lambda: subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True))

    def serve():
        begin = time.perf_counter()
        server = Server(programs, environment)
        server.request("initialize", INITIALIZE)
        taken = time.perf_counter() - begin
        server.close()
        return taken

    return in_turns(rounds, bare_process=version, serve_until_initialized=serve)


def measure_dispatch(programs, environment, directory, rounds):
    server = Server(programs, environment)
    server.request("initialize", INITIALIZE)
    command = [programs / "support" / "claude", "-p", "--output-format", "stream-json", "--verbose", "--session-id"]

    def bare():
        with tempfile.TemporaryFile() as prompt, tempfile.TemporaryFile() as output:
            prompt.write(TASK.encode())
            prompt.seek(0)
            words = [*command, str(uuid.uuid4())]
            return seconds(
                lambda: subprocess.run(words, env=environment, cwd=directory, stdin=prompt, stdout=output, check=True)
            )

    def dispatch():
        call = {"name": "dispatch_stream", "arguments": {"agent": "bench", "task": TASK}}
        begin = time.perf_counter()
        result = server.request("tools/call", call)
        taken = time.perf_counter() - begin
        if not json.loads(result["content"][0]["text"]).get("success"):
            raise SystemExit(f"bench: the dispatch failed: {result}")
        return taken

    try:
        return in_turns(rounds, bare_cli=bare, dispatch=dispatch)
    finally:
        server.close()


def figures(times):
    """Milliseconds: median, and the tenth and ninetieth percentile."""
    deciles = statistics.quantiles(times, n=10)
    return {
        "median_ms": round(statistics.median(times) * 1000, 3),
        "p10_ms": round(deciles[0] * 1000, 3),
        "p90_ms": round(deciles[-1] * 1000, 3),
        "rounds": len(times),
    }


def isolated(place):
    """An environment that reaches nothing of the user's."""
    environment = {
        "PATH": f"{place}/bin:/usr/bin:/bin",
        "HOME": str(place),
        "LANG": "C.UTF-8",
        "XDG_STATE_HOME": f"{place}/state",
        "XDG_RUNTIME_DIR": f"{place}/run",
        "AGENT_DISPATCH_CONFIG": f"{place}/agents.yaml",
    }
    for name in ("bin", "state", "run", "project"):
        (place / name).mkdir(mode=0o700)
    return environment


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=Path, required=True, help="folder with agent-dispatch and its companions")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    programs = options.programs.resolve()

    place = Path(tempfile.mkdtemp(prefix="ad-bench-"))
    environment = isolated(place)
    try:
        (place / "bin" / "claude").symlink_to(programs / "support" / "claude")
        # JSON is YAML.
        (place / "agents.yaml").write_text(json.dumps({"agents": {"bench": {"directory": f"{place}/project"}}}))
        first = [programs / "agent-dispatch", "dispatch", "bench", TASK, "--json"]
        subprocess.run(first, env=environment, stdout=subprocess.DEVNULL, check=True)
        times = measure_start(programs, environment, options.rounds)
        times |= measure_dispatch(programs, environment, place / "project", options.rounds)
    finally:
        subprocess.run([programs / "agent-dispatch", "stop", "--now"], env=environment, stdout=subprocess.DEVNULL)
        shutil.rmtree(place, ignore_errors=True)

    report = {name: figures(values) for name, values in times.items()}
    report["dispatch_above_bare_cli"] = {
        "median_ms": round(report["dispatch"]["median_ms"] - report["bare_cli"]["median_ms"], 3)
    }
    print(f"{'':28}{'median':>10}{'p10':>10}{'p90':>10}   milliseconds, {options.rounds} rounds, {os.cpu_count()} cores")
    for name, row in report.items():
        cells = "".join(f"{row[key]:>10.2f}" if key in row else " " * 10 for key in ("median_ms", "p10_ms", "p90_ms"))
        print(f"{name.replace('_', ' '):28}{cells}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

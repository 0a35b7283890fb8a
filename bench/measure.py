#!/usr/bin/env python3
"""Measures the programs in one folder: the start of `serve`, what a dispatch costs above its bare CLI, and what calls
cost beside many old jobs.

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
OLD_JOBS = 10_000
BESIDE = ", old jobs"


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


def write_old_jobs(jobs, count):
    """Records of jobs that ended yesterday, as any program writes them."""
    jobs.mkdir(mode=0o700, exist_ok=True)
    then = time.time() - 86400
    for number in range(count):
        ident = str(uuid.uuid4())
        record = {
            "id": ident, "agent": "bench", "task": TASK, "status": "done", "created_at": then + number / 1000,
            "started_at": then, "completed_at": then + 1, "result": {"agent": "bench", "success": True, "result": "x" * 500},
        }  # fmt: skip
        path = jobs / f"{ident}.json"
        path.write_text(json.dumps(record))
        path.chmod(0o600)


def measure_beside_old_jobs(programs, places, rounds):
    """`places`: what to append to a row's name, and the environment."""
    servers = {}

    def call(where, tool, arguments):
        result = servers[where].request("tools/call", {"name": tool, "arguments": arguments})
        return json.loads(result["content"][0]["text"])

    def timed_call(where, tool, arguments):
        return lambda: seconds(lambda: call(where, tool, arguments))

    def first_answer(where, environment):
        def stop_and_list():
            subprocess.run([programs / "agent-dispatch", "stop"], env=environment, stdout=subprocess.DEVNULL, check=True)
            return seconds(
                lambda: subprocess.run(
                    [programs / "agent-dispatch", "list"], env=environment, stdout=subprocess.DEVNULL, check=True
                )
            )

        return stop_and_list

    actions = {}
    for where, environment in places.items():
        actions[f"supervisor's first answer{where}"] = first_answer(where, environment)
    times = in_turns(max(rounds // 4, 5), **actions)
    actions = {}
    for where, environment in places.items():
        servers[where] = Server(programs, environment)
        servers[where].request("initialize", INITIALIZE)
        dispatch = {"agent": "bench", "task": TASK}
        job = call(where, "dispatch_async", dispatch)["job_id"]
        call(where, "dispatch_wait", {"job_id": job})
        actions[f"list_agents{where}"] = timed_call(where, "list_agents", {})
        actions[f"dispatch{where}"] = timed_call(where, "dispatch", dispatch)
        actions[f"dispatch_status{where}"] = timed_call(where, "dispatch_status", {"job_id": job})

        def accept(where=where):
            begin = time.perf_counter()
            accepted = call(where, "dispatch_async", dispatch)
            taken = time.perf_counter() - begin
            call(where, "dispatch_wait", {"job_id": accepted["job_id"]})
            return taken

        actions[f"dispatch_async accepted{where}"] = accept
    try:
        return times | in_turns(rounds, **actions)
    finally:
        for server in servers.values():
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


def print_row(name, row, more=""):
    cells = "".join(f"{row[key]:>10.2f}" if key in row else " " * 10 for key in ("median_ms", "p10_ms", "p90_ms"))
    print(f"{name:36}{cells}{more}")


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

    root = Path(tempfile.mkdtemp(prefix="ad-bench-"))
    environments = []

    def make_place(name):
        place = root / name
        place.mkdir()
        environment = isolated(place)
        (place / "bin" / "claude").symlink_to(programs / "support" / "claude")
        # JSON is YAML.
        agents = {"bench": {"directory": f"{place}/project"}}
        (place / "agents.yaml").write_text(json.dumps({"agents": agents, "settings": {"cache": {"enabled": False}}}))
        environments.append(environment)
        return place, environment

    try:
        place, environment = make_place("a")
        first = [programs / "agent-dispatch", "dispatch", "bench", TASK, "--json"]
        subprocess.run(first, env=environment, stdout=subprocess.DEVNULL, check=True)
        times = measure_start(programs, environment, options.rounds)
        times |= measure_dispatch(programs, environment, place / "project", options.rounds)
        crowded, crowded_environment = make_place("b")
        write_old_jobs(crowded / "jobs", OLD_JOBS)
        beside = {"": make_place("c")[1], BESIDE: crowded_environment}
        crowd_times = measure_beside_old_jobs(programs, beside, options.rounds)
    finally:
        for environment in environments:
            subprocess.run([programs / "agent-dispatch", "stop", "--now"], env=environment, stdout=subprocess.DEVNULL)
        shutil.rmtree(root, ignore_errors=True)

    report = {name: figures(values) for name, values in times.items()}
    report["dispatch_above_bare_cli"] = {
        "median_ms": round(report["dispatch"]["median_ms"] - report["bare_cli"]["median_ms"], 3)
    }
    crowd = {name: figures(values) for name, values in crowd_times.items()}
    print(f"{'':36}{'median':>10}{'p10':>10}{'p90':>10}   milliseconds, {options.rounds} rounds, {os.cpu_count()} cores")
    for name, row in report.items():
        print_row(name.replace("_", " "), row)
    print(f"\nbeside {OLD_JOBS} old jobs, and the ratio to a jobs directory without them")
    for name, row in crowd.items():
        if not name.endswith(BESIDE):
            other = crowd[name + BESIDE]
            other["ratio"] = round(other["median_ms"] / row["median_ms"], 2)
            print_row(name, row)
            print_row(f"  with {OLD_JOBS} old jobs", other, f"   × {other['ratio']:.2f}")
    report["beside_old_jobs"] = crowd
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Calls on one open connection: a dispatch above its bare CLI, what is answered from memory, the end of a wait."""

import random
import subprocess
import tempfile
import time

from clients import Server, call_line, check, initialize_line
from figures import in_turns, summary
from rows_start import milliseconds, row_of
from table import Row, Target

TASK = "Say hello."


def servers_of(places):
    return {name: Server([place.program, "serve"], place.environment) for name, place in places.items() if place}


def measure_dispatch(bench):
    places = bench.places.pair()
    servers = servers_of(places)
    place = places["ours"]
    bare = [bench.programs.cli, "-p", TASK, "--output-format", "stream-json", "--verbose", "--session-id", "s"]

    def dispatch(server):
        def once():
            seconds, result = server.timed_call("dispatch", agent="bench", task=TASK)
            check(result)
            return seconds

        return once

    actions = {name: dispatch(server) for name, server in servers.items()}
    actions["floor"] = lambda: bench.stopwatch.run(bare, place.environment, place.project)
    times = in_turns(bench.rounds, actions)
    for server in servers.values():
        server.close()
    row = Row("dispatch, with a CLI that does nothing", floor=milliseconds(times["floor"]))
    row.ours = milliseconds(times["ours"])
    above = row.ours["median"] - row.floor["median"]
    row.targets.append(Target("above the bare CLI", above, 3, unit="ms"))
    if "python" in times:
        row.python = milliseconds(times["python"])
        row.targets.append(Target("above the bare CLI, of Python's", above / (row.python["median"] - row.floor["median"]), 1 / 3))
    return [row]


def measure_answers(bench):
    """Each action is a connection with a burst of calls, one after the other."""
    places = {name: place for name, place in bench.places.pair(cache=True).items() if place}
    keeps_it_running = Server([places["ours"].program, "serve"], places["ours"].environment)
    burst = 200
    rows = []
    for name, tool, arguments in (
        ("cached dispatch, on one connection", "dispatch", {"agent": "bench", "task": TASK}),
        ("list_agents, on one connection", "list_agents", {}),
    ):
        line = call_line(tool, arguments)

        def rate(command, environment, line=line):
            return lambda: burst / bench.stopwatch.calls(burst, initialize_line(), line, command, environment)

        actions = {who: rate([place.program, "serve"], place.environment) for who, place in places.items()}
        actions["floor"] = rate([bench.programs.bench("floor_initialize")], places["ours"].environment)
        rates = in_turns(max(bench.rounds // 3, 5), actions)
        row = Row(name, unit="calls/s", ours=summary(rates["ours"], "calls/s"), floor=summary(rates["floor"], "calls/s"))
        if "python" in rates:
            row.python = summary(rates["python"], "calls/s")
            row.targets.append(Target("Python's rate", row.ours["median"] / row.python["median"], 30, at_least=True))
        rows.append(row)
    keeps_it_running.close()
    return rows


def measure_wait(bench):
    places = bench.places.pair()
    servers = servers_of(places)

    def wait(server):
        def once():
            # No beat with anybody's polling.
            job = server.call("dispatch_async", agent="bench", task=f"sleep {random.randint(100, 400)}")
            record = server.call("dispatch_wait", job_id=job["job_id"], timeout_seconds=60)
            answered = time.monotonic_ns()
            return (answered - int(check(record)["result"]["result"])) / 1e9

        return once

    def write_one_job():
        place = tempfile.mkdtemp(dir=bench.places.root)
        command = [bench.programs.bench("floor_writes"), place, "1"]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    actions = {name: wait(server) for name, server in servers.items()}
    times = in_turns(bench.rounds, actions | {"floor": write_one_job})
    for server in servers.values():
        server.close()
    row = row_of(times, "dispatch_wait: the CLI's last write to the answer")
    row.note = "floor: two files written and synced, with their directories; ours waits for one, the job's record"
    return [row.at_most(3)]

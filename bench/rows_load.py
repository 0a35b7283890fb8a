"""Many runs at a time, and one that says much."""

import os
import subprocess
import threading
import time

from clients import Reader, Server, check, value_of
from figures import in_turns, percentile, summary
from processes import children, processor_seconds, pss, wait_until
from rows_idle import megabytes
from table import Row, Target

DISPATCHES = 200
SLOTS = 8
RUN_MS = 50


def measure_makespan(bench):
    agents = [f"agent-{number}" for number in range(SLOTS)]
    places = bench.places.pair(agents=agents, concurrency=SLOTS)
    ideal = DISPATCHES * RUN_MS / SLOTS / 1000

    def makespan(place):
        def once():
            server = Server([place.program, "serve"], place.environment)
            calls = [
                {"agent": agents[number % SLOTS], "task": f"sleep {RUN_MS} ms, number {number}"} for number in range(DISPATCHES)
            ]
            seconds, results = server.calls_at_once("dispatch", calls)
            server.close()
            for result in results:
                check(result)
            return seconds

        return once

    bare = [bench.programs.cli, "-p", f"sleep {RUN_MS}"]
    actions = {name: makespan(place) for name, place in places.items() if place}
    actions["floor"] = lambda: bench.stopwatch.many(DISPATCHES, SLOTS, bare, places["ours"].environment)
    times = in_turns(2 if bench.quick else 5, actions, warm=0)
    row = Row(f"{DISPATCHES} dispatches of {RUN_MS} ms over {SLOTS} agents, {SLOTS} slots", unit="s")
    row.ours, row.python, row.floor = (summary(times[who], "s") if who in times else None for who in ("ours", "python", "floor"))
    row.targets.append(Target("of the ideal makespan", row.ours["median"] / ideal, 1.15))
    return [row]


class Blocked:
    """Runs that go on until the FIFO is opened for writing."""

    def __init__(self, place, server, count):
        self.gate = place.root / "gate"
        os.mkfifo(self.gate)
        self.reader = Reader(server, count)
        for number in range(count):
            task = f"until {self.gate} number {number}"
            server.send("tools/call", {"name": "dispatch", "arguments": {"agent": "bench", "task": task, "timeout_seconds": 600}})

    def release(self):
        """Who opens the gate late finds it open still."""
        holder = os.open(self.gate, os.O_RDWR)
        results = [value_of(answer["result"]) for answer in self.reader.wait()]
        os.close(holder)
        return results


def live_clis(place):
    """Processes that run in the place's project directory."""
    found = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found += os.readlink(f"/proc/{name}/cwd") == str(place.project)
            except OSError:
                pass
    return found


VIEW_AGE = 0.1  # s: limits::view_age


def list_latencies(place, count):
    """Of calls so far apart that each looks for itself."""
    server = Server([place.program, "serve"], place.environment)
    times = []
    for _ in range(count):
        time.sleep(1.1 * VIEW_AGE)
        times.append(server.timed_call("list_agents")[0] * 1000)
    server.close()
    return times


def measure_many_live(bench):
    count = 100 if bench.quick else 1000
    place = bench.places.make("ours", concurrency=count, max_parallel=count)
    server = Server([place.program, "serve"], place.environment)
    blocked = Blocked(place, server, count)
    wait_until(f"{count} runs live", lambda: place.status()["live_runs"] == count and live_clis(place) == count, 300)
    supervisor = place.status()["pid"]
    keepers = children(supervisor)
    times = list_latencies(place, 30 if bench.quick else 200)
    memory = pss(supervisor)
    keeper_memory = [pss(pid) / 1000 for pid in keepers]
    results = blocked.release()
    server.close()
    good = sum(bool(result.get("success")) for result in results)
    p99 = summary([percentile(times, 99)], "ms")
    return [
        Row(f"{count} runs live at once: answered with success", unit="runs", ours=summary([good], "runs"),
            targets=[Target("right", good, count, at_least=True, unit="runs")]),  # fmt: skip
        Row("supervisor meanwhile", unit="MB", ours=megabytes(memory)).at_most(60, "memory"),
        Row("a keeper", unit="kB", ours=summary(keeper_memory, "kB")).at_most(400, "memory"),
        Row("list_agents meanwhile, p99", unit="ms", ours=p99).at_most(20, "p99"),
    ]


STREAMED = 40_000_000
MOST_STREAMED = 200_000_000


def measure_stream(bench):
    size, most = (size // (10 if bench.quick else 1) for size in (STREAMED, MOST_STREAMED))
    places = {name: place for name, place in bench.places.pair().items() if place}
    servers = {name: Server([place.program, "serve"], place.environment) for name, place in places.items()}
    file = bench.places.root / "streamed"
    with open(file, "wb") as output:
        subprocess.run([bench.programs.cli, "-p", f"stream {size}", "--output-format", "stream-json"], stdout=output, check=True)

    def pid_of(name):
        return places[name].status()["pid"] if places[name].is_ours else servers[name].pid

    def stream(name, size):
        check(servers[name].call("dispatch_stream", agent="bench", task=f"stream {size}", timeout_seconds=3600))

    def processor_time(name):
        def once():
            pid = pid_of(name)
            before = processor_seconds(pid)
            stream(name, size)
            return processor_seconds(pid) - before

        return once

    for name in servers:
        stream(name, size // 10)  # what is kept for the next time
    actions = {name: processor_time(name) for name in servers} | {"floor": lambda: read_time(file)}
    times = in_turns(2 if bench.quick else 3, actions, warm=0)
    watch = Watch(pid_of("ours"))
    stream("ours", most)
    growth = watch.end()
    for server in servers.values():
        server.close()
    row = Row(f"a run that streams {size // 1_000_000} MB: processor time", unit="s")
    row.ours, row.python, row.floor = (summary(times[who], "s") if who in times else None for who in ("ours", "python", "floor"))
    row.note = "floor: reading the file"
    if row.python:
        row.targets.append(Target("of Python's", row.ours["median"] / row.python["median"], 0.1))
    grown = Row(f"supervisor's growth over one of {most // 1_000_000} MB", unit="MB", ours=megabytes(growth))
    return [row, grown.at_most(5, "memory")]


class Watch(threading.Thread):
    """How much a process grows."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.first, self.most, self.is_over = pid, pss(pid), 0, threading.Event()
        self.start()

    def run(self):
        while not self.is_over.wait(0.02):
            self.most = max(self.most, pss(self.pid))

    def end(self):
        self.is_over.set()
        self.join()
        return max(self.most - self.first, 0)


def read_time(path):
    begin = time.process_time()
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 18):
            pass
    return time.process_time() - begin

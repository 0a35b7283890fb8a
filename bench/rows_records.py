"""Many job records, and many jobs accepted at once."""

import json
import os
import subprocess
import tempfile
import threading
import time
import uuid

from clients import Server
from figures import in_turns, summary
from rows_start import milliseconds
from table import Row, Target

STATUSES = ("done", "done", "done", "failed", "cancelled")


def write_records(jobs, count):
    """Records of jobs that ended yesterday, as any program writes them."""
    jobs.mkdir(mode=0o700, exist_ok=True)
    then = time.time() - 86400
    for number in range(count):
        ident = uuid.uuid4().hex
        status = STATUSES[number % len(STATUSES)]
        record = {
            "id": ident, "agent": "bench", "task": "Say hello.", "status": status, "created_at": then + number / 1000,
            "started_at": then, "completed_at": then + 1,
            "result": {"agent": "bench", "success": status == "done", "result": "x" * 500},
        }  # fmt: skip
        file = os.open(jobs / f"{ident}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(file, json.dumps(record).encode())
        os.close(file)


def measure_records(bench):
    many = 10_000 if bench.quick else 100_000
    few = 1_000
    crowded, sparse = bench.places.make("ours"), bench.places.make("ours")
    python = bench.places.make("python")
    write_records(crowded.jobs, many)
    write_records(sparse.jobs, few)
    if python:
        python.jobs.symlink_to(crowded.jobs)
    rounds = max(bench.rounds // 3, 5)

    def start(place):
        """From the start of a frontend to its first answer, the supervisor's start with it."""

        def once():
            place.stop()
            begin = time.perf_counter()
            server = Server([place.program, "serve"], place.environment)
            server.call("list_agents")
            taken = time.perf_counter() - begin
            server.close()
            return taken

        return once

    starts = in_turns(5, {"crowded": start(crowded), "sparse": start(sparse)})
    row = Row(f"supervisor's first answer after a start, {many} records", ours=milliseconds(starts["crowded"]))
    row.floor = milliseconds(starts["sparse"])
    rows = [row.at_most(50)]
    row.note = f"floor: the same among {few}"
    servers = {
        name: Server([place.program, "serve"], place.environment)
        for name, place in (("crowded", crowded), ("sparse", sparse), ("python", python))
        if place
    }
    for server in servers.values():
        server.call("dispatch_jobs", limit=1)
    for name, arguments in (("newest 50", {"limit": 50}), ("failed, 50", {"limit": 50, "status": "failed"})):

        def ask(server, arguments=arguments):
            return lambda: server.timed_call("dispatch_jobs", **arguments)[0]

        times = in_turns(rounds, {who: ask(servers[who]) for who in ("crowded", "sparse")})
        row = Row(f"dispatch_jobs among {many} records: {name}", ours=milliseconds(times["crowded"]))
        row.floor = milliseconds(times["sparse"])
        row.note = f"floor: the same among {few}"
        if python:
            row.python = milliseconds(in_turns(2, {"python": ask(servers["python"])}, warm=0)["python"])
        rows.append(row.at_most(5).at_most_floor(1.5))
    for server in servers.values():
        server.close()
    return rows


CLIENTS = 8
TURNS = 5
PYTHON_SHARE = 10  # it takes minutes over as many


def measure_queue(bench):
    count = 800 if bench.quick else 10_000
    agents = [f"agent-{number}" for number in range(CLIENTS)]
    places = {name: place for name, place in bench.places.pair(agents=agents, concurrency=1).items() if place}
    queues = {name: Queue(place, agents) for name, place in places.items()}
    each = count // TURNS // CLIENTS
    actions = {
        name: lambda queue=queue: queue.rate(each // (1 if queue.place.is_ours else PYTHON_SHARE)) for name, queue in queues.items()
    }
    queues["ours"].fill(1)
    sizes = [size_of_requests(places["ours"]), queues["ours"].records()[0].stat().st_size]

    def write():
        target = tempfile.mkdtemp(dir=bench.places.root)
        command = [bench.programs.bench("floor_writes"), target, str(each * CLIENTS), *map(str, sizes)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return each * CLIENTS / float(done.stdout)

    rates = in_turns(TURNS, actions | {"floor": write}, warm=0)
    for queue in queues.values():
        queue.end()
    row = Row(f"{count} dispatch_async from {CLIENTS} clients", unit="jobs/s")
    row.ours, row.python, row.floor = (summary(rates[who], "jobs/s") if who in rates else None for who in ("ours", "python", "floor"))
    row.note = f"floor: a loop that writes and syncs the same files; Python: of {count // PYTHON_SHARE}"
    row.targets.append(Target("of the floor's rate", row.ours["median"] / row.floor["median"], 0.5, at_least=True))
    return [row]


class Queue:
    """Jobs of several clients behind one that runs until the end."""

    def __init__(self, place, agents):
        self.place, self.agents, self.jobs = place, agents, 1
        self.gate = place.root / "gate"
        os.mkfifo(self.gate)
        self.servers = [Server([place.program, "serve"], place.environment) for _ in agents]
        self.servers[0].call("dispatch_async", agent=agents[0], task=f"until {self.gate}", timeout_seconds=3600)

    def fill(self, share):
        """So many from each client at once, one after the other."""

        def queue(server, agent):
            for number in range(share):
                answer = server.call("dispatch_async", agent=agent, task=f"Job number {number}.")
                if "job_id" not in answer:
                    raise SystemExit(f"bench: a job was not accepted: {answer}")

        threads = [threading.Thread(target=queue, args=pair) for pair in zip(self.servers, self.agents)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.jobs += share * len(self.servers)

    def rate(self, share):
        begin = time.perf_counter()
        self.fill(share)
        taken = time.perf_counter() - begin
        if len(self.records()) != self.jobs:
            raise SystemExit(f"bench: {len(self.records())} records of {self.jobs} jobs")
        return share * len(self.servers) / taken

    def records(self):
        return [path for path in self.place.jobs.iterdir() if path.suffix == ".json"]

    def end(self):
        self.place.stop()
        for server in self.servers:
            server.process.kill()
            server.close()
        os.close(os.open(self.gate, os.O_RDWR))  # the one that runs ends, also where its server has left it behind


def size_of_requests(place):
    files = [path for path in place.root.glob("state/agent-dispatch/*/requests/*") if path.is_file()]
    return files[0].stat().st_size if files else 1000

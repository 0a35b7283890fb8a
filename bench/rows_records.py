"""Many job records, and many jobs accepted at once."""

import json
import os
import subprocess
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


def measure_queue(bench):
    count = 800 if bench.quick else 10_000
    agents = [f"agent-{number}" for number in range(CLIENTS)]
    rates = {}
    places = bench.places.pair(agents=agents, concurrency=1)
    sizes = []
    for name, place in places.items():
        if not place:
            continue
        gate = place.root / "gate"
        os.mkfifo(gate)
        servers = [Server([place.program, "serve"], place.environment) for _ in agents]
        servers[0].call("dispatch_async", agent=agents[0], task=f"until {gate}", timeout_seconds=3600)
        # A rate: a part of it tells Python's, which takes minutes over the whole.
        share = count // (1 if place.is_ours else 10) // CLIENTS - 1

        def queue(server, agent, share=share):
            for number in range(share):
                answer = server.call("dispatch_async", agent=agent, task=f"Job number {number}.")
                if "job_id" not in answer:
                    raise SystemExit(f"bench: a job was not accepted: {answer}")

        threads = [threading.Thread(target=queue, args=pair) for pair in zip(servers, agents)]
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rates[name] = share * CLIENTS / (time.perf_counter() - begin)
        records = [path for path in place.jobs.iterdir() if path.suffix == ".json"]
        if len(records) != share * CLIENTS + 1:
            raise SystemExit(f"bench: {len(records)} records of {share * CLIENTS + 1} jobs")
        if place.is_ours:
            sizes = [size_of_requests(place), records[0].stat().st_size]
        place.stop()
        for server in servers:
            server.process.kill()
            server.close()
        os.close(os.open(gate, os.O_RDWR))  # the one that runs ends, also where its server has left it behind
    target = bench.places.root / "floor_writes"
    target.mkdir()
    floor_count = count // 5
    done = subprocess.run(
        [bench.programs.bench("floor_writes"), target, str(floor_count), *map(str, sizes)], check=True, capture_output=True, text=True
    )
    row = Row(f"{count} dispatch_async from {CLIENTS} clients", unit="jobs/s", ours=summary([rates["ours"]], "jobs/s"))
    row.python = summary([rates["python"]], "jobs/s") if "python" in rates else None
    row.floor = summary([floor_count / float(done.stdout)], "jobs/s")
    row.note = "floor: a loop that writes and syncs the same files"
    row.targets.append(Target("of the floor's rate", row.ours["median"] / row.floor["median"], 0.5, at_least=True))
    return [row]


def size_of_requests(place):
    files = [path for path in place.root.glob("state/agent-dispatch/*/requests/*") if path.is_file()]
    return files[0].stat().st_size if files else 1000

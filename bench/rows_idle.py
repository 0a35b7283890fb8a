"""What sessions cost that nobody uses at the moment."""

import time

from clients import Server
from figures import summary
from processes import processor_seconds, pss, wake_ups
from table import Row, Target

SESSIONS = 14


def measure_idle(bench):
    places = bench.places.pair()
    ours, python = places["ours"], places["python"]
    servers = open_sessions(ours)
    supervisor = ours.status()["pid"]
    watched = [*(server.pid for server in servers), supervisor]
    time.sleep(2)  # what a start leaves to be done
    seconds = 5 if bench.quick else 20
    before = [(wake_ups(pid), processor_seconds(pid)) for pid in watched]
    time.sleep(seconds)
    after = [(wake_ups(pid), processor_seconds(pid)) for pid in watched]
    wakes = sum(late[0] - early[0] for early, late in zip(before, after)) / seconds
    processor = sum(late[1] - early[1] for early, late in zip(before, after)) / seconds
    memory = sum(pss(pid) for pid in watched)
    alone = pss(supervisor)
    close_all(servers)

    row = Row(f"{SESSIONS} sessions, idle: memory of all processes", unit="MB", ours=megabytes(memory))
    row.floor = megabytes(memory_of_floor(bench, ours))
    if python:
        servers = open_sessions(python)
        time.sleep(2)
        row.python = megabytes(sum(pss(server.pid) for server in servers))
        close_all(servers)
        row.targets.append(Target("of Python's", row.ours["median"] / row.python["median"], 1 / 25))
    return [
        row,
        Row("the supervisor's part of it", unit="MB", ours=megabytes(alone)).at_most(15, "memory"),
        Row("wake-ups of all processes", unit="/s", ours=summary([wakes], "/s")).at_most(2, "wake-ups"),
        Row("processor time of all", unit="ms/s", ours=summary([processor * 1000], "ms/s")).at_most(1, "processor time"),
    ]


def open_sessions(place):
    servers = [Server([place.program, "serve"], place.environment) for _ in range(SESSIONS)]
    for server in servers:
        server.call("list_agents")
    return servers


def close_all(servers):
    for server in servers:
        server.close()


def memory_of_floor(bench, place):
    servers = [Server([bench.programs.bench("floor_initialize")], place.environment) for _ in range(SESSIONS)]
    memory = sum(pss(server.pid) for server in servers)
    close_all(servers)
    return memory


def megabytes(value):
    return summary([value / 1e6], "MB")

"""What sessions cost that nobody uses at the moment."""

import time

from clients import Server
from figures import in_turns, summary
from processes import processor_seconds, pss, wake_ups
from table import Row, Target

SESSIONS = 14


def measure_idle(bench):
    places = bench.places.pair()
    ours, python = places["ours"], places["python"]
    rounds, seconds = (2, 3) if bench.quick else (3, 7)
    actions = {
        "ours": lambda: idle_figures(ours, seconds),
        "python": python and (lambda: memory_of_sessions([python.program, "serve"], python, settle=2)),
        "floor": lambda: memory_of_sessions([bench.programs.bench("floor_initialize")], ours),
    }
    values = in_turns(rounds, actions, warm=0)
    memory, alone, wakes, processor = zip(*values["ours"])
    row = Row(f"{SESSIONS} sessions, idle: memory of all processes", unit="MB", ours=megabytes(*memory))
    row.floor = megabytes(*values["floor"])
    if python:
        row.python = megabytes(*values["python"])
        row.targets.append(Target("of Python's", row.ours["median"] / row.python["median"], 1 / 25))
    return [
        row,
        Row("the supervisor's part of it", unit="MB", ours=megabytes(*alone)).at_most(15, "memory"),
        Row("wake-ups of all processes", unit="/s", ours=summary(wakes, "/s")).at_most(2, "wake-ups"),
        Row("processor time of all", unit="ms/s", ours=summary(processor, "ms/s")).at_most(1, "processor time"),
    ]


def idle_figures(place, seconds):
    """Bytes of all and of the supervisor, wake-ups a second, ms of processor time a second."""
    servers = [Server([place.program, "serve"], place.environment) for _ in range(SESSIONS)]
    for server in servers:
        server.call("list_agents")
    supervisor = place.status()["pid"]
    watched = [*(server.pid for server in servers), supervisor]
    time.sleep(2)  # what a start leaves to be done
    before = [(wake_ups(pid), processor_seconds(pid)) for pid in watched]
    time.sleep(seconds)
    after = [(wake_ups(pid), processor_seconds(pid)) for pid in watched]
    wakes = sum(late[0] - early[0] for early, late in zip(before, after)) / seconds
    processor = sum(late[1] - early[1] for early, late in zip(before, after)) / seconds
    memory, alone = sum(pss(pid) for pid in watched), pss(supervisor)
    close_all(servers)
    place.stop()
    return memory, alone, wakes, processor * 1000


def close_all(servers):
    for server in servers:
        server.close()


def memory_of_sessions(command, place, settle=0):
    servers = [Server(command, place.environment) for _ in range(SESSIONS)]
    if settle:
        for server in servers:
            server.call("list_agents")
        time.sleep(settle)
    memory = sum(pss(server.pid) for server in servers)
    close_all(servers)
    return memory


def megabytes(*values):
    return summary([value / 1e6 for value in values], "MB")

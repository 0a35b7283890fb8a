"""All processes below this one, in one look at /proc."""

import os
from collections import namedtuple

Seen = namedtuple("Seen", "pid parent group name state")


def look():
    """Those that are no zombies, oldest first: {pid: Seen}. `name`: as /proc/PID/stat has it, at most 15 characters."""
    everybody, below = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                text = file.read()
        except OSError:
            continue
        head, _, rest = text.rpartition(b")")
        state, parent, group = rest.split(None, 3)[:3]
        name = head.partition(b"(")[2].decode(errors="replace")
        everybody[int(entry)] = Seen(int(entry), int(parent), int(group), name, state.decode())
        below.setdefault(int(parent), []).append(int(entry))
    found, todo = {}, list(below.get(os.getpid(), ()))
    while todo:
        pid = todo.pop()
        todo += below.get(pid, ())
        if everybody[pid].state not in "ZX":
            found[pid] = everybody[pid]
    return dict(sorted(found.items()))


def words(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def supervisors(seen):
    return [p for p in seen.values() if p.name == "agent-dispatchd"]


def keepers(seen):
    return [p for p in seen.values() if p.name == "agent-dispatch-" and "--hold" not in words(p.pid)]


def holders(seen):
    return [p for p in seen.values() if p.name == "agent-dispatch-" and "--hold" in words(p.pid)]


def agents(seen):
    """CLIs of runs: the children of keepers that lead their group. What a CLI that has ended leaves to its keeper does not."""
    of_keepers = {k.pid for k in keepers(seen)}
    return [p for p in seen.values() if p.name == "claude" and p.parent in of_keepers and p.group == p.pid]


def session(pid):
    """Of a CLI, from its command line."""
    said = words(pid)
    for option in ("--session-id", "--resume"):
        if option in said[:-1]:
            return said[said.index(option) + 1]
    return None

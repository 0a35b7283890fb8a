"""What /proc says about processes, and waiting with a deadline."""

import ctypes
import os
import signal
import time
from pathlib import Path

PATIENCE = float(os.environ.get("AGENT_DISPATCH_TEST_PATIENCE", "1"))
"""Deadlines are multiplied by this: sanitized programs are slower."""

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """From here on every orphaned descendant becomes a child of this process, so that none can get out of sight."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def wait_until(condition, seconds=10.0, what=None):
    """The first true value of condition(); fails when there is none within so many seconds (times PATIENCE)."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds * PATIENCE:g} s: {what or getattr(condition, '__name__', 'condition')}")
        time.sleep(0.01)


def _status(pid):
    """(state letter, parent's pid), or None when the process is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])


def state(pid):
    """The letter that /proc/PID/stat has: `T` is stopped. None when it is gone."""
    status = _status(pid)
    return status and status[0]


def alive(pid):
    """False for what is gone and for a zombie."""
    status = _status(pid)
    return status is not None and status[0] not in "ZX"


def children(pid):
    """Its direct children, zombies among them."""
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    except OSError:
        pass  # it ended while it was looked at
    return found


def descendants(pid=None):
    """All processes below this one (default: below ourselves) that are alive."""
    found, todo = [], [pid or os.getpid()]
    while todo:
        for child in children(todo.pop()):
            todo.append(child)
            if alive(child):
                found.append(child)
    return found


def command_line(pid):
    try:
        return [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]]
    except OSError:
        return []


def environment(pid):
    """The environment a process was started with; {} when it is gone or not for us to read."""
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(os.fsdecode(pair).partition("=")[::2] for pair in pairs if b"=" in pair)


def program(pid):
    """The name of the executable that a process runs, "" when it is gone."""
    words = command_line(pid)
    return os.path.basename(words[0]) if words else ""


def working_directory(pid):
    """None when it is gone or not for us to see: another user's, or not dumpable and we are not root."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def resident_bytes(pid):
    """Memory of a process that is in use, 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def anonymous_bytes(pid):
    """What of its memory is no file's: what it has written to. 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("RssAnon:"))


def descriptors(pid):
    """What the descriptors of a process are open on."""
    found = []
    try:
        for entry in os.listdir(f"/proc/{pid}/fd"):
            try:
                found.append(os.readlink(f"/proc/{pid}/fd/{entry}"))
            except OSError:
                pass
    except OSError:
        pass
    return found


def core_limit(pid):
    """The soft limit of a core file's size, in bytes."""
    for line in Path(f"/proc/{pid}/limits").read_text().splitlines():
        if line.startswith("Max core file size"):
            value = line.split()[4]
            return float("inf") if value == "unlimited" else int(value)
    raise AssertionError("the kernel names no such limit")


def reap(known):
    """Collects zombies that were handed to us as subreaper; `known` are pids somebody else waits for."""
    for pid in children(os.getpid()):
        if pid not in known and not alive(pid):
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


def kill(pid, number=signal.SIGKILL):
    """A stop has come about when this returns: one thread hears of it first, and the others go on until then."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    if number == signal.SIGSTOP:
        wait_until(lambda: not alive(pid) or set(thread_states(pid)) <= set("Tt"), what=f"{pid} is stopped")


def thread_states(pid):
    """A letter for each, as `state` has it."""
    letters = []
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            letters.append(stat.read_text().rpartition(")")[2].split()[0])
        except OSError:
            pass  # it ended while it was looked at
    return letters


def describe(pids):
    return "\n".join(f"  {pid}: {' '.join(command_line(pid))[:200]}" for pid in pids)

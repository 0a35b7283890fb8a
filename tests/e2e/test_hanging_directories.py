"""An agent's directory that does not answer, as on a network that is gone: who looks there waits, and nobody else."""

import contextlib
import ctypes
import os

import pytest

import stand_in
from mcp_client import text_value
from processes import wait_until

MS_NOSUID, MS_NODEV, MNT_FORCE, MNT_DETACH = 2, 4, 1, 2


@contextlib.contextmanager
def hanging(place):
    """A file system that nobody serves, mounted at `place`. Skips where none may be mounted."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        pytest.skip("there is no /dev/fuse here")
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if libc.mount(b"hanging", bytes(place), b"fuse", MS_NOSUID | MS_NODEV, options.encode()) != 0:
        os.close(device)
        pytest.skip("no file system may be mounted here")
    try:
        yield
    finally:
        libc.umount2(bytes(place), MNT_FORCE | MNT_DETACH)
        os.close(device)


def test_a_dispatch_there_waits_alone_and_in_its_own_time(home):
    home.write_config({"hanging": {"timeout": 2}, "notes": {}})
    client = home.serve()
    with hanging(home.agent_directory("hanging")):
        there = client.start_call("dispatch", {"agent": "hanging", "task": stand_in.say("x")})
        wait_until(lambda: home.run_directories())
        assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("here")})["result"] == "here"
        answer = text_value(there.wait()["result"])
        assert not answer["success"] and answer["error_type"] == "timeout", answer


def test_a_look_there_waits_alone_and_a_stop_not_for_it(home):
    home.write_config({"hanging": {}, "notes": {}})
    client = home.serve()
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("before")})["success"]
    with hanging(home.agent_directory("hanging")):
        client.start_call("list_agents", {})
        other = home.serve()
        assert other.value("dispatch", {"agent": "notes", "task": stand_in.say("here")})["result"] == "here"
        assert home.status()["running"]
        assert home.cli("stop", "--now").code == 0
        wait_until(lambda: not home.supervisors(), seconds=30)
